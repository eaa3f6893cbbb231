//! What another server has is carried over: an OpenBao's if `HOLDFAST_TEST_PEER` names its program, else another Holdfast's.

mod compared;
mod seeded;
mod source;

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Ran, Transport, run_with, until};
use compared::same_on_both_sides;
use source::Source;

struct Import {
    source: Source,
    cluster: Cluster,
    target: Client,
}

impl Import {
    async fn prepared() -> Import {
        let source = Source::start().await;
        let cluster = Cluster::serving(1, Transport::Plain).await;
        let target = cluster.root(0);
        Import { source, cluster, target }
    }

    fn variables(&self) -> Vec<(&str, String)> {
        let mut variables = vec![
            ("VAULT_ADDR", self.cluster.nodes[0].url()),
            ("VAULT_TOKEN", self.cluster.keys.as_ref().unwrap().root.clone()),
            ("HOLDFAST_IMPORT_ADDR", self.source.url.clone()),
            ("HOLDFAST_IMPORT_TOKEN", self.source.token.clone()),
        ];
        variables.extend(self.source.ca.as_ref().map(|ca| ("HOLDFAST_IMPORT_CACERT", ca.display().to_string())));
        variables
    }

    fn run(&self, flags: &[&str]) -> Ran {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        run_with(&[&["operator", "import"], flags].concat(), &variables, "")
    }

    /// Its exit status and its report.
    fn reports(&self, flags: &[&str]) -> (i32, Value) {
        let ran = self.run(&[flags, &["-format=json"]].concat());
        let report = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        (ran.status, report)
    }

    /// Starts one and takes it down once the target has some of the secrets.
    async fn is_cut_off(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(["operator", "import", "-workers=2"]).env_clear().envs(self.variables());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let last = seeded::last_folder();
        until("some secrets should be there", async || {
            let folder = self.target.list(&format!("/v1/{last}")).await;
            folder.body["data"]["keys"].as_array().filter(|keys| keys.len() > 3).map(drop)
        })
        .await;
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

fn count(report: &Value, part: &str, outcome: &str) -> u64 {
    report["parts"][part][outcome].as_u64().unwrap_or_else(|| panic!("no {part}.{outcome}: {report}"))
}

fn says(report: &Value, list: &str, text: &str) -> bool {
    report[list].as_array().unwrap().iter().any(|line| line.to_string().contains(text))
}

#[tokio::test]
async fn everything_that_a_server_gives_out_is_carried_over() {
    let import = Import::prepared().await;
    let many = if import.source.is_peer { 1_000 } else { 120 };
    let secrets = seeded::fill(&import.source, many).await;

    let (status, planned) = import.reports(&["-dry-run"]);
    assert_eq!((status, &planned["dry_run"]), (0, &json!(true)), "{planned}");
    assert_eq!((count(&planned, "secrets", "made"), count(&planned, "policies", "made")), (secrets, 50));
    assert!(says(&planned, "not_carried_over", "passwords of 5 users"), "{planned}");
    assert_eq!(import.target.get("/v1/sys/policies/acl/p07").await.status, 404, "a dry run changes nothing");
    assert_eq!(import.target.list("/v1/one/metadata").await.status, 404);

    import.is_cut_off().await;
    let (status, resumed) = import.reports(&[]);
    assert_eq!(status, 0, "{resumed}");
    let outcomes = ["same", "completed", "made"].map(|outcome| count(&resumed, "secrets", outcome));
    assert_eq!(outcomes.iter().sum::<u64>(), secrets, "{resumed}");
    assert!(outcomes[0] > 0 && outcomes[2] > 0, "it was cut off in the middle: {resumed}");
    assert!(count(&resumed, "versions", "made") < count(&planned, "versions", "made"), "none is written twice");
    same_on_both_sides(&import.source.client, &import.target).await;
    assert!(says(&resumed, "not_carried_over", "3 secret IDs"), "{resumed}");

    let (status, again) = import.reports(&[]);
    assert_eq!((status, count(&again, "secrets", "same")), (0, secrets), "{again}");
    for part in ["policies", "mounts", "secrets", "versions", "auth_mounts", "users", "roles"] {
        let written =
            ["made", "completed", "overwritten", "differs", "failed"].map(|outcome| count(&again, part, outcome));
        assert_eq!(written, [0; 5], "{part}: {again}");
    }
    let said = import.run(&[]);
    assert!(said.out.contains("Does not carry over:") && said.err.contains("old/: "), "{said:?}");

    people_and_machines_log_in(&import.target).await;
    what_was_half_done_is_ended(&import).await;
    what_differs_stays_unless_told(&import).await;
}

async fn people_and_machines_log_in(target: &Client) {
    let old = json!({ "password": seeded::PASSWORD });
    assert_eq!(target.post("/v1/auth/people/login/user2", old.clone()).await.status, 400, "nobody knows its password");
    target.post("/v1/auth/people/users/user2/password", old.clone()).await.ok();
    let auth = target.post("/v1/auth/people/login/user2", old).await.ok();
    assert_eq!(auth["auth"]["token_policies"], json!(["default", "p02"]));
    let made = target.post("/v1/auth/approle/role/role3/secret-id", json!({})).await.ok();
    let credentials = json!({ "role_id": "id-of-3", "secret_id": made["data"]["secret_id"] });
    target.post("/v1/auth/approle/login", credentials).await.ok();
}

/// As it is between two writes of one secret, which no test can cut off at will.
async fn what_was_half_done_is_ended(import: &Import) {
    let (source, target) = (&import.source.client, &import.target);
    for version in 1..=2 {
        source.post("/v1/one/data/odd/half", json!({ "data": { "v": version } })).await.ok();
    }
    source.post("/v1/one/destroy/odd/half", json!({ "versions": [1] })).await.ok();
    let stand_in = json!({ "data": { "holdfast-import": "a version that could not be read" } });
    target.post("/v1/one/data/odd/half", stand_in).await.ok();
    target.post("/v1/one/metadata/odd/narrowed", json!({ "max_versions": 5 })).await.ok();
    target.delete("/v1/one/metadata/odd/described").await;
    target
        .post(
            "/v1/one/metadata/odd/described",
            json!({
                "custom_metadata": { "owner": "ann", "team": "é" }, "cas_required": true,
            }),
        )
        .await
        .ok();

    let (status, report) = import.reports(&[]);
    assert_eq!((status, count(&report, "secrets", "completed")), (0, 3), "{report}");
    same_on_both_sides(source, target).await;
}

async fn what_differs_stays_unless_told(import: &Import) {
    let (source, target) = (&import.source.client, &import.target);
    let (ours, theirs) = (json!({ "data": { "v": "ours" } }), json!({ "data": { "v": "theirs" } }));
    target.post("/v1/one/data/apps/0/a0", ours).await.ok();
    source.post("/v1/one/data/apps/0/a0", theirs).await.ok();
    target.post("/v1/old/apps/3/a3", json!({ "v": "ours" })).await.ok();
    target
        .post("/v1/sys/policies/acl/p07", json!({ "policy": "path \"ours\" { capabilities = [\"read\"] }" }))
        .await
        .ok();
    // Not a difference: what is new at the source follows.
    source.post("/v1/one/data/apps/4/a4", json!({ "data": { "v": "newer" } })).await.ok();

    let (status, report) = import.reports(&[]);
    assert_eq!(status, 2, "{report}");
    assert_eq!((count(&report, "secrets", "differs"), count(&report, "policies", "differs")), (2, 1), "{report}");
    assert_eq!((count(&report, "secrets", "completed"), count(&report, "versions", "made")), (1, 1), "{report}");
    for path in ["one/apps/0/a0", "old/apps/3/a3", "p07"] {
        assert!(says(&report, "findings", path), "{path}: {report}");
    }
    assert!(!report.to_string().contains("theirs"), "a report holds no secret");
    assert_eq!(target.get("/v1/one/data/apps/0/a0").await.body["data"]["data"]["v"], "ours");
    assert_eq!(target.get("/v1/old/apps/3/a3").await.body["data"]["v"], "ours");
    assert_eq!(target.get("/v1/one/data/apps/4/a4").await.body["data"]["data"]["v"], "newer");

    let before = target.get("/v1/one/data/apps/0/a0").await.body["data"]["metadata"]["version"].as_u64().unwrap();
    let (status, report) = import.reports(&["-overwrite"]);
    assert_eq!((status, count(&report, "secrets", "overwritten")), (0, 2), "{report}");
    let newest = target.get("/v1/one/data/apps/0/a0").await.body;
    assert_eq!(
        (&newest["data"]["data"]["v"], newest["data"]["metadata"]["version"].as_u64()),
        (&json!("theirs"), Some(before + 1))
    );
    let kept = target.get(&format!("/v1/one/data/apps/0/a0?version={before}")).await.body;
    assert_eq!(kept["data"]["data"]["v"], "ours", "the target's version is still below it");
}

#[tokio::test]
async fn what_may_not_be_read_is_named() {
    let mut import = Import::prepared().await;
    seeded::fill(&import.source, 8).await;
    let source = &import.source.client;
    let policy =
        "path \"sys/mounts\" { capabilities = [\"read\"] } path \"one/metadata/*\" { capabilities = [\"list\"] }";
    source.post("/v1/sys/policies/acl/little", json!({ "policy": policy })).await.ok();
    let token = source.post("/v1/auth/token/create", json!({ "policies": ["little"] })).await.ok();
    import.source.token = token["auth"]["client_token"].as_str().unwrap().to_owned();
    let (status, report) = import.reports(&[]);
    assert_eq!((status, &report["complete"]), (1, &json!(false)), "{report}");
    for path in ["sys/policies/acl", "sys/auth", "one/apps/0/a0", "old/"] {
        assert!(says(&report, "findings", path), "{path}: {report}");
    }
    assert!(says(&report, "not_carried_over", "the token may not look"), "{report}");
    assert_eq!(count(&report, "secrets", "made"), 0);
    assert_eq!(import.target.get("/v1/sys/mounts/one").await.status, 200, "what can be carried over is");
}

#[tokio::test]
async fn what_cannot_work_is_said_at_once() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let (url, root) = (cluster.nodes[0].url(), cluster.keys.as_ref().unwrap().root.clone());
    let target = [("VAULT_ADDR", url.as_str()), ("VAULT_TOKEN", root.as_str())];
    let run = |flags: &[&str], more: &[(&str, &str)]| {
        run_with(&[&["operator", "import"], flags].concat(), &[&target, more].concat(), "")
    };
    let ran = run(&["-from-address=http://127.0.0.1:1"], &[]);
    assert!(ran.status == 1 && ran.err.contains("HOLDFAST_IMPORT_TOKEN"), "{ran:?}");
    let token = ("HOLDFAST_IMPORT_TOKEN", "s.nobody");
    let ran = run(&[], &[token]);
    assert!(ran.status == 1 && ran.err.contains("-from-address"), "the target's address is not the source's: {ran:?}");
    let ran = run(&[&format!("-from-address={url}")], &[token]);
    assert!(ran.status == 2 && ran.err.contains("asking the source") && ran.err.contains("403"), "{ran:?}");
    let ran = run(&["-output-curl-string", "-from-address=http://127.0.0.1:1"], &[token]);
    assert!(ran.status == 1 && ran.err.contains("-dry-run"), "{ran:?}");
}
