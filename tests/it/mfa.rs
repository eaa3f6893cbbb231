//! The second factor of a login in a cluster.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use serde_json::{Value, json};
use totp::{Algorithm, Digits, Key, Secret, Url};

use crate::harness::{Client, Cluster, Transport};

/// A day, so that a test does not meet the end of a code's time.
const PERIOD: u64 = 86_400;
const LOGIN: &str = "/v1/auth/userpass/login/ann";

/// A cluster where ann needs the codes of a key.
struct Bound {
    cluster: Cluster,
    method: String,
    key: Key,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Bound {
    async fn new() -> Self {
        let cluster = Cluster::serving(3, Transport::Plain).await;
        let root = cluster.root(0);
        root.post("/v1/sys/auth/userpass", json!({"type": "userpass"})).await.ok();
        root.post("/v1/auth/userpass/users/ann", json!({"password": "pw"})).await.ok();
        let login = root.post(LOGIN, json!({"password": "pw"})).await.ok();
        let settings = json!({"issuer": "acme", "period": PERIOD, "max_validation_attempts": 100});
        let made = root.post("/v1/identity/mfa/method/totp", settings).await.ok();
        let method = text(&made["data"]["method_id"]);
        let asked = json!({"method_id": method, "entity_id": login["auth"]["entity_id"]});
        let made = root.post("/v1/identity/mfa/method/totp/admin-generate", asked).await.ok();
        let url = Url::parse(&text(&made["data"]["url"])).unwrap();
        let key = Key {
            secret: Secret::parse(&url.secret).unwrap(),
            issuer: "acme".into(),
            account_name: url.account_name,
            period: PERIOD,
            algorithm: Algorithm::Sha1,
            digits: Digits::Six,
            skew: 1,
        };
        let bound = json!({"mfa_method_ids": [method], "auth_method_types": ["userpass"]});
        root.post("/v1/identity/mfa/login-enforcement/le", bound).await.ok();
        Self { cluster, method, key }
    }

    /// The code of today, or of a day beside it.
    fn code(&self, days: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.key.code((now / PERIOD).checked_add_signed(days).unwrap()).unwrap()
    }

    fn with(&self, node: usize, code: &str) -> Client {
        let client = self.cluster.nodes[node].client();
        client.with_header("x-vault-mfa", &format!("{}:{code}", self.method))
    }

    /// Begins a login at a node: the id that it waits by.
    async fn begin(&self, node: usize) -> String {
        let asked = self.cluster.nodes[node].client().post(LOGIN, json!({"password": "pw"})).await.ok();
        assert_eq!(asked["auth"]["client_token"], "");
        text(&asked["auth"]["mfa_requirement"]["mfa_request_id"])
    }

    fn validation(&self, id: &str, code: &str) -> Value {
        json!({"mfa_request_id": id, "mfa_payload": {&self.method: [code]}})
    }
}

/// However many nodes get it at the same moment, and whoever leads later.
#[tokio::test]
async fn a_second_factor_counts_once_in_the_whole_cluster() {
    let mut bound = Bound::new().await;
    let code = bound.code(0);
    let clients: Vec<Client> = (0..3).map(|node| bound.with(node, &code)).collect();
    let sent = clients.iter().cycle().take(9).map(|client| client.post(LOGIN, json!({"password": "pw"})));
    let mut statuses: Vec<u16> = join_all(sent).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403, 403, 403, 403]);
    let leader = bound.cluster.leader().await;
    bound.cluster.nodes[leader].kill();
    let other = (leader + 1) % 3;
    bound.cluster.serves(other).await;
    assert_eq!(bound.with(other, &code).post(LOGIN, json!({"password": "pw"})).await.status, 403);
    let waits = bound.begin(other).await;
    let used = bound.cluster.nodes[other].client().post("/v1/sys/mfa/validate", bound.validation(&waits, &code)).await;
    assert_eq!(used.status, 403, "{used:?}");
    bound.with(other, &bound.code(1)).post(LOGIN, json!({"password": "pw"})).await.ok();
}

/// What waits is not in the memory of who let it wait.
#[tokio::test]
async fn a_login_that_waits_outlives_the_leader_and_ends_at_any_node() {
    let mut bound = Bound::new().await;
    let leader = bound.cluster.leader().await;
    let begun = [bound.begin(leader).await, bound.begin((leader + 1) % 3).await];
    bound.cluster.nodes[leader].kill();
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    bound.cluster.serves(others[1]).await;
    let ends = others.map(|node| bound.cluster.nodes[node].client());
    let code = bound.code(0);
    // One login, one code, two nodes at once.
    let sent = ends.iter().map(|client| client.post("/v1/sys/mfa/validate", bound.validation(&begun[0], &code)));
    let answers = join_all(sent).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "{answers:?}");
    let made = ends[1].post("/v1/sys/mfa/validate", bound.validation(&begun[1], &bound.code(-1))).await.ok();
    let token = text(&made["auth"]["client_token"]);
    let shown = ends[0].with_token(&token).get("/v1/auth/token/lookup-self").await.ok();
    assert_eq!(shown["data"]["display_name"], "userpass-ann");
}
