//! Logins whose second factor somebody else asks for. What is asked outside is a service that says what it is told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::identity::mfa::{Asks, NotLetIn, Question, Settings};
use parking_lot::Mutex;
use sdk::{Value, Verb, json};
use tokio::join;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Server;
use super::server::Got;

/// Says yes where nothing else was told.
struct Service {
    says: Mutex<VecDeque<NotLetIn>>,
    /// Username and passcode of each question.
    asked: Mutex<Vec<(String, Option<String>)>>,
    /// Told when somebody is asked.
    rings: Semaphore,
    /// One for each answer.
    answers: Semaphore,
}

#[async_trait]
impl Asks for Service {
    fn unfit(&self, in_root: bool, settings: &Settings) -> Option<String> {
        let Settings::Duo(duo) = settings else { return Some("only Duo".into()) };
        (!in_root && duo.api_hostname != "allowed").then(|| "the host is not allowed".into())
    }

    async fn ask(&self, question: &Question, until: Instant) -> Result<(), NotLetIn> {
        assert!(until <= Instant::now() + Duration::from_secs(75));
        self.asked.lock().push((question.username.clone(), question.passcode.clone()));
        self.rings.add_permits(1);
        self.answers.acquire().await.unwrap().forget();
        self.says.lock().pop_front().map_or(Ok(()), Err)
    }
}

impl Service {
    fn says_next(&self, refusal: NotLetIn, times: usize) {
        self.says.lock().extend(vec![refusal; times]);
    }

    async fn rang(&self) {
        self.rings.acquire().await.unwrap().forget();
    }

    fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.lock().clone()
    }
}

fn denied() -> NotLetIn {
    NotLetIn::Denied("told no".into())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

struct Bench {
    server: Server,
    service: Arc<Service>,
    method: String,
    entity: String,
}

impl Bench {
    /// Of a service that answers so many questions at once, and holds back the others.
    async fn new(answers: usize) -> Self {
        let service = Arc::new(Service {
            says: Mutex::default(),
            asked: Mutex::default(),
            rings: Semaphore::new(0),
            answers: Semaphore::new(answers),
        });
        let asks = Arc::clone(&service) as Arc<dyn Asks>;
        let server = Server::with(|settings| settings.second_factors = asks).await;
        server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
        let login = server.log_in("", "auth/up/login/ann", &[]).await.ok();
        let entity = text(&login["auth"]["entity_id"]);
        server
            .write(&format!("identity/entity/id/{entity}"), json!({"name": "Ann", "metadata": {"duo": "ann@x"}}))
            .await
            .ok();
        let made = server.write("identity/mfa/method/duo", Self::duo(json!({}))).await.ok();
        let bench = Self { server, service, method: text(&made["data"]["method_id"]), entity };
        let bound = json!({"mfa_method_ids": [bench.method], "auth_method_types": ["userpass"]});
        bench.server.write("identity/mfa/login-enforcement/le", bound).await.ok();
        bench
    }

    fn duo(more: Value) -> Value {
        let mut duo = json!({"secret_key": "s", "integration_key": "i", "api_hostname": "h", "method_name": "push"});
        for (key, value) in more.as_object().unwrap() {
            duo[key] = value.clone();
        }
        duo
    }

    async fn changed(&self, more: Value) {
        let path = format!("identity/mfa/method/duo/{}", self.method);
        assert_eq!(self.server.write(&path, Self::duo(more)).await.status, 204);
    }

    /// In one go.
    async fn log_in(&self, given: &str) -> Got {
        self.server.log_in("", "auth/up/login/ann", &[(&self.method, given)]).await
    }

    async fn begin(&self) -> String {
        let begun = self.server.log_in("", "auth/up/login/ann", &[]).await.ok();
        text(&begun["auth"]["mfa_requirement"]["mfa_request_id"])
    }

    async fn validate(&self, id: &str) -> Got {
        let asked = json!({"mfa_request_id": id, "mfa_payload": {&self.method: []}});
        self.server.write_in("", "sys/mfa/validate", asked).await
    }
}

#[tokio::test]
async fn who_says_yes_on_their_phone_is_let_in() {
    let bench = Bench::new(10).await;
    let made = bench.log_in("").await.ok();
    assert_eq!(made["auth"]["entity_id"], json!(bench.entity));
    assert!(bench.server.lives(&text(&made["auth"]["client_token"])).await);
    let id = bench.begin().await;
    assert_eq!(bench.service.asked().len(), 1, "nobody is asked before somebody brings a factor");
    let made = bench.validate(&id).await.ok();
    assert!(bench.server.lives(&text(&made["auth"]["client_token"])).await);
    bench.validate(&id).await.refused(400, "invalid request ID");
    bench.log_in("123456").await.ok();
    let name = || "Ann".to_owned();
    assert_eq!(bench.service.asked(), [(name(), None), (name(), None), (name(), Some("123456".into()))]);
}

#[tokio::test]
async fn a_service_knows_people_by_the_method_s_template() {
    let bench = Bench::new(10).await;
    let alias = text(&bench.server.read("sys/auth/up").await.ok()["data"]["accessor"]);
    for (format, wanted) in [
        ("{{identity.entity.metadata.duo}}".to_owned(), "ann@x"),
        (format!("{{{{identity.entity.aliases.{alias}.name}}}}@example.com"), "ann@example.com"),
        ("{{identity.entity.name}}/x".to_owned(), "Ann/x"),
    ] {
        bench.changed(json!({"username_format": format})).await;
        bench.log_in("").await.ok();
        assert_eq!(bench.service.asked().pop().unwrap().0, wanted);
    }
    let before = bench.service.asked().len();
    for format in ["{{identity.entity.metadata.none}}", "{{identity.entity.nothing}}", "{{identity.entity.name", " "] {
        bench.changed(json!({"username_format": format})).await;
        let id = bench.begin().await;
        bench.validate(&id).await.refused(403, "username_format gives this entity no name");
    }
    assert_eq!(bench.service.asked().len(), before, "nobody else is asked instead");
}

#[tokio::test]
async fn a_phone_that_was_refused_too_often_rings_no_more_for_a_while() {
    let bench = Bench::new(100).await;
    bench.service.says_next(denied(), 4);
    for _ in 0..4 {
        bench.log_in("").await.refused(403, "permission denied");
    }
    bench.log_in("").await.ok();
    // A yes in between, and they begin to count anew.
    bench.service.says_next(denied(), 5);
    let id = bench.begin().await;
    for _ in 0..5 {
        bench.validate(&id).await.refused(403, "told no");
    }
    let before = bench.service.asked().len();
    bench.validate(&id).await.refused(403, "5 times in a row");
    bench.log_in("").await.refused(403, "permission denied");
    assert_eq!(bench.service.asked().len(), before);
    bench.server.alone.advance(Duration::from_secs(600));
    bench.log_in("").await.ok();

    bench.service.says_next(NotLetIn::Unavailable("away".into()), 20);
    for _ in 0..20 {
        bench.log_in("").await.refused(403, "permission denied");
    }
    bench.log_in("").await.ok();
}

/// While a phone rings nothing is held, and what is true in the end counts.
#[tokio::test]
async fn whatever_changes_while_somebody_is_asked_counts() {
    let bench = Bench::new(0).await;
    let entity = format!("identity/entity/id/{}", bench.entity);
    let disabled = async |disabled: bool| {
        bench.service.rang().await;
        bench.server.write(&entity, json!({"disabled": disabled})).await.ok();
        bench.service.answers.add_permits(1);
    };
    let (refused, ()) = join!(bench.log_in(""), disabled(true));
    refused.refused(403, "permission denied");
    bench.server.write(&entity, json!({"disabled": false})).await.ok();

    // The answer was to another question.
    let other = async {
        bench.service.rang().await;
        bench.changed(json!({"username_format": "somebody else"})).await;
        bench.service.says_next(denied(), 0);
        bench.service.answers.add_permits(1);
        bench.service.rang().await;
        bench.service.says_next(denied(), 1);
        bench.service.answers.add_permits(1);
    };
    let (refused, ()) = join!(bench.log_in(""), other);
    refused.refused(403, "permission denied");
    let names: Vec<String> = bench.service.asked().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[1..], ["Ann", "somebody else"]);

    // The login waits no longer than it would have.
    let id = bench.begin().await;
    let late = async {
        bench.service.rang().await;
        bench.server.alone.advance(Duration::from_secs(300));
        bench.service.answers.add_permits(1);
    };
    let (refused, ()) = join!(bench.validate(&id), late);
    refused.refused(400, "invalid request ID");

    // One login, two who end it.
    let id = bench.begin().await;
    let both = async {
        bench.service.rang().await;
        bench.service.rang().await;
        bench.service.answers.add_permits(2);
    };
    let (one, other, ()) = join!(bench.validate(&id), bench.validate(&id), both);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_phone_rings_for_two_logins_at_most() {
    let bench = Bench::new(0).await;
    let third = async {
        bench.service.rang().await;
        bench.service.rang().await;
        bench.log_in("").await.refused(403, "permission denied");
        bench.service.answers.add_permits(2);
    };
    let (one, other, ()) = join!(bench.log_in(""), bench.log_in(""), third);
    assert_eq!((one.status, other.status, bench.service.asked().len()), (200, 200, 2));
}

#[tokio::test]
async fn a_namespace_has_only_asked_whom_the_operator_lets_it() {
    let bench = Bench::new(10).await;
    let server = &bench.server;
    server.write("sys/namespaces/a", json!({})).await.ok();
    server.write_in("a", "sys/auth/up", json!({"type": "userpass"})).await.ok();
    let made = server.write_in("a", "identity/mfa/method/duo", Bench::duo(json!({}))).await.ok();
    let method = text(&made["data"]["method_id"]);
    let bound = json!({"mfa_method_ids": [method], "auth_method_types": ["userpass"]});
    server.write_in("a", "identity/mfa/login-enforcement/le", bound).await.ok();
    for given in [vec![], vec![(method.as_str(), "")]] {
        server.log_in("a", "auth/up/login/ann", &given).await.refused(403, "the host is not allowed");
    }
    assert!(bench.service.asked().is_empty());
    let path = format!("identity/mfa/method/duo/{method}");
    server.write_in("a", &path, Bench::duo(json!({"api_hostname": "allowed"}))).await;
    server.log_in("a", "auth/up/login/ann", &[(&method, "")]).await.ok();
    let listed = server.send(Verb::Read, &path, &server.root, Value::Null).await;
    assert_eq!(listed.status, 404, "the root does not find it");
}
