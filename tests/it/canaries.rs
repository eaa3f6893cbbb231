//! A secret of its own is put through every declared operation: in each text that it takes, where a number or a truth
//! belongs, in its query, and as the token that calls it. None is found where secrets are not to be: in the log at its most
//! talkative, in the audit file, in metrics, in refusals, in the data folder and, once the node is sealed, in its memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine};
use memchr::memmem;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Description, Operation, Transport, until};
use crate::secrecy::{files, pieces_of_memory};

/// What every canary begins with. A canary goes on with the number of its operation and the name of its field.
const SONG: &str = "canary-";

/// In paths, where audit shows it.
const NAME: &str = "a-name-of-7d1c";

/// What would end the walk.
const NOT_CALLED: &[(&str, &str)] = &[("POST", "/sys/seal"), ("POST", "/sys/step-down"), ("GET", "/sys/monitor")];

/// Fields whose value a refusal repeats, and what they are. The audit entry of a refusal has its text.
const REPEATED: &[(&[&str], &str)] = &[
    (&["type", "token_type", "plugin", "plugin_name", "storage_type", "format", "level", "operation"], "a word of few"),
    (&["listing_visibility", "X-Vault-Forward", "X-Vault-Inconsistent"], "a word of few"),
    (&["default_lease_ttl", "max_lease_ttl"], "a time"),
    (
        &[
            "algorithm",
            "urlalgorithm",
            "hash_algorithm",
            "marshaling_algorithm",
            "key_derivation_algorithm",
            "salt_length",
        ],
        "the name of a way to compute",
    ),
    (&["from", "to_mount", "mounts", "path"], "a mount"),
    (&["server_id"], "a node"),
    (&["mount_accessor", "member_entity_ids", "member_group_ids", "method_id"], "the id of what is not there"),
    (&["assignments", "key", "scopes_supported"], "the name of what is not there"),
    (&["client_type"], "a word of few"),
    (&["state"], "what a client gets back, as its protocol has it"),
    (
        &["bound_cidrs", "bound_cidr_list", "cidr_list", "token_bound_cidrs", "secret_id_bound_cidrs"],
        "a network, of which only those that are none are repeated",
    ),
    (&["policy", "rules"], "the word of a policy at which nobody can read on"),
];

/// What audit shows beside: names.
const AUDITED: &[(&[&str], &str)] =
    &[(&["policies"], "the names of a token's policies"), (&["path", "paths"], "whose capabilities were asked for")];

/// What lies on the disk, and in a sealed node's memory, as it is.
const IN_THE_CLEAR: &[(&str, &str)] = &[(
    "-id (POST /sys/replication/dr/primary/secondary-token)",
    "what a secondary is called: sealed nodes know it as well",
)];

/// Fields of answers that hold a secret which the server has made.
const MADE: &[&str] =
    &["client_token", "token", "secret_id", "plaintext", "random_bytes", "otp", "encoded_token", "backup", "1"];

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_heard_where_it_does_not_belong() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let more = json!({
        "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }],
        "log_level": "debug",
        "log_requests_level": "info",
    });
    let cluster = Cluster::configured(1, Transport::Tls, &more).brought_up(1, 1).await;
    let mut walk = Walk::begin(&cluster).await;
    walk.loudly().await;
    walk.by_hand().await;
    walk.all().await;
    walk.malformed().await;
    let Walk { repeated, made, worked, operations, root, .. } = walk;
    assert!(worked.len() > 150, "only {} operations worked", worked.len());
    assert!(made.len() > 10, "the server made secrets: {:?}", made.keys());
    assert!(repeated.is_empty(), "refusals that repeat what they were given: {repeated:#?}");

    let node = &cluster.nodes[0];
    let mut heard = BTreeMap::new();
    for form in ["", "?format=prometheus"] {
        let metrics = root.download(&format!("/v1/sys/metrics{form}")).await;
        assert!(metrics.len() > 1000, "there are metrics");
        heard.insert(format!("metrics{form}"), Secrets { made: &made, names: true }.in_bytes(&metrics));
    }
    let log = node.log();
    assert!(log.len() > 10_000 && !log.contains("panicked"), "the log was searched");
    heard.insert("log".to_owned(), Secrets { made: &made, names: false }.in_bytes(log.as_bytes()));
    let entries = fs::read(&audit).unwrap();
    assert!(memmem::find(&entries, NAME.as_bytes()).is_some(), "audit shows paths");
    let mut audited = Secrets { made: &made, names: false }.in_bytes(&entries);
    audited.retain(|canary| !is_of(REPEATED, canary) && !is_of(AUDITED, canary));
    heard.insert("audit".to_owned(), audited);

    let process = node.process_id();
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(cores.split_whitespace().nth(4) == Some("0"), "it would leave a core dump: {cores}");
    root.post("/v1/sys/seal", json!({})).await.ok();
    for file in files(&node.data()) {
        let found = Secrets { made: &made, names: true }.in_bytes(&fs::read(&file).unwrap());
        heard.insert(file.display().to_string(), found);
    }
    heard.retain(|_, found| !found.is_empty());
    let mut heard: BTreeMap<_, _> = heard.iter().map(|(place, found)| (place, named(found, &operations))).collect();
    heard.retain(|_, found| {
        found.retain(|what| !is_in_the_clear(what));
        !found.is_empty()
    });
    assert!(heard.is_empty(), "{heard:#?}");
    until("the memory should be clean", async || {
        let mut held = BTreeSet::new();
        // Names are in the lines that were last logged: those of requests show paths.
        pieces_of_memory(process, |piece| held.extend(Secrets { made: &made, names: false }.in_bytes(piece)));
        let mut held = named(&held, &operations);
        held.retain(|what| !is_in_the_clear(what));
        if !held.is_empty() {
            eprintln!("held: {held:?}");
        }
        held.is_empty().then_some(())
    })
    .await;
    // It had its connection all the time.
    drop(root);
}

/// What is searched for.
struct Secrets<'a> {
    made: &'a BTreeMap<String, String>,
    names: bool,
}

impl Secrets<'_> {
    fn in_bytes(&self, bytes: &[u8]) -> BTreeSet<String> {
        let mut found = canaries(bytes);
        let made = self.made.iter().filter(|(_, secret)| memmem::find(bytes, secret.as_bytes()).is_some());
        found.extend(made.map(|(whose, _)| format!("made: {whose}")));
        if self.names && memmem::find(bytes, NAME.as_bytes()).is_some() {
            found.insert(NAME.to_owned());
        }
        found
    }
}

/// As they are, or in base64.
fn canaries(bytes: &[u8]) -> BTreeSet<String> {
    let run = |at: usize, of: fn(&u8) -> bool| bytes[at..].iter().copied().take_while(of).take(64).collect::<Vec<u8>>();
    let plain = memmem::find_iter(bytes, SONG).map(|at| run(at, |b| b.is_ascii_alphanumeric() || b"-_".contains(b)));
    let song = BASE64_STANDARD.encode(&SONG[..6]);
    let coded = memmem::find_iter(bytes, &song).filter_map(|at| {
        let text = run(at, |b| b.is_ascii_alphanumeric() || b"+/".contains(b));
        BASE64_STANDARD.decode(&text[..text.len() / 4 * 4]).ok()
    });
    plain.chain(coded).map(|canary| String::from_utf8_lossy(&canary).into_owned()).collect()
}

struct Walk<'a> {
    cluster: &'a Cluster,
    root: Client,
    description: Description,
    operations: Vec<Operation>,
    tokens: usize,
    repeated: BTreeSet<String>,
    /// By the operation and the field that had it.
    made: BTreeMap<String, String>,
    worked: BTreeSet<usize>,
}

impl<'a> Walk<'a> {
    async fn begin(cluster: &'a Cluster) -> Walk<'a> {
        let root = cluster.root(0);
        crate::operations::mount_everything(&root).await;
        let description = Description::of(&root).await;
        let mut operations = description.operations();
        // What makes something, what shows it, what takes it away.
        let rank = |method: &str| ["POST", "PATCH", "GET", "LIST", "SCAN", "DELETE"].iter().position(|m| *m == method);
        operations.sort_by_key(|operation| (rank(operation.method), operation.template.clone()));
        Walk {
            cluster,
            root,
            description,
            operations,
            tokens: 0,
            repeated: BTreeSet::new(),
            made: BTreeMap::new(),
            worked: BTreeSet::new(),
        }
    }

    /// The server's own parts say all that they can. Of libraries that much would be gigabytes.
    async fn loudly(&self) {
        let parts = self.root.get("/v1/sys/loggers").await.ok();
        for part in parts["data"].as_object().unwrap().keys() {
            self.root.post(&format!("/v1/sys/loggers/{part}"), json!({ "level": "trace" })).await.ok();
        }
    }

    /// A token of its own for each call: some calls end the token that makes them.
    async fn caller(&mut self, number: usize) -> Client {
        self.tokens += 1;
        let id = format!("{SONG}{number:03}-token-{}", self.tokens);
        let made = self.root.post("/v1/auth/token/create-orphan", json!({ "id": id, "policies": ["root"] })).await;
        made.ok();
        self.cluster.nodes[0].client().with_token(&id)
    }

    async fn all(&mut self) {
        for number in 0..self.operations.len() {
            let operation = self.operations[number].clone();
            if NOT_CALLED.contains(&(operation.method, operation.template.as_str())) {
                continue;
            }
            let stranger = self.cluster.nodes[0].client().with_token(&canary(number, "stranger"));
            self.ask(number, &operation, &stranger, "", None).await;
            if matches!(operation.method, "POST" | "PATCH") {
                for body in self.bodies(number, &operation) {
                    let caller = self.caller(number).await;
                    self.ask(number, &operation, &caller, "", Some(body)).await;
                }
                continue;
            }
            let query: Vec<String> =
                operation.query().iter().map(|name| format!("{name}={}", canary(number, name))).collect();
            let more = if query.is_empty() { None } else { Some(format!("?{}", query.join("&"))) };
            for query in [String::new()].into_iter().chain(more) {
                let caller = self.caller(number).await;
                self.ask(number, &operation, &caller, &query, None).await;
            }
        }
    }

    /// One that should work, where a plausible one does not; one with a canary in each text; each text alone; and canaries
    /// where something else belongs.
    fn bodies(&self, number: usize, operation: &Operation) -> Vec<Value> {
        let mut bodies: Vec<Value> = right(&operation.template, &|field| canary(number, field)).into_iter().collect();
        let fields = self.description.fields(operation);
        let fitting = |name: &str, kind: Option<&str>| {
            let canary = canary(number, name);
            match kind {
                Some("string") => json!(canary),
                Some("array") => json!([canary]),
                Some("boolean") => json!(true),
                Some("integer" | "number") => json!(1),
                _ => json!({ "k": canary }),
            }
        };
        let wrong = |name: &str, kind: Option<&str>| {
            let canary = canary(number, name);
            match kind {
                Some("string" | "array") => json!({ "k": [canary] }),
                _ => json!(canary),
            }
        };
        let whole = |value: &dyn Fn(&str, Option<&str>) -> Value| {
            Value::Object(fields.iter().map(|(name, kind)| (name.clone(), value(name, kind.as_deref()))).collect())
        };
        if fields.is_empty() {
            bodies.push(json!({ "k": canary(number, "k") }));
            return bodies;
        }
        bodies.extend([whole(&fitting), whole(&wrong)]);
        for (name, kind) in &fields {
            if !matches!(kind.as_deref(), Some("boolean" | "integer" | "number")) {
                bodies.push(json!({ name: fitting(name, kind.as_deref()) }));
            }
            bodies.push(json!({ name: wrong(name, kind.as_deref()) }));
        }
        bodies
    }

    async fn ask(&mut self, number: usize, operation: &Operation, caller: &Client, query: &str, body: Option<Value>) {
        let path = format!("{}{query}", operation.path(NAME));
        let answer = caller.send(operation.method, &path, body.as_ref()).await;
        let what = format!("{number:03} {} {}", operation.method, operation.template);
        assert!(answer.status != 500, "{what} {}: {}", body.unwrap_or_default(), answer.body);
        if answer.status < 400 {
            self.worked.insert(number);
            remember(&what, &answer.body, &mut self.made);
            return;
        }
        self.judge(&what, &answer.body);
    }

    fn judge(&mut self, what: &str, refusal: &Value) {
        let text = refusal.to_string();
        let bad = canaries(text.as_bytes()).into_iter().filter(|canary| !is_of(REPEATED, canary));
        self.repeated.extend(bad.map(|canary| format!("{what}: {canary}: {text}")));
    }

    /// What no plausible body reaches: logins that succeed, ciphertexts that open, wraps that are unwrapped.
    async fn by_hand(&mut self) {
        let mut made = BTreeMap::new();
        let mut steps = vec![
            ("auth/userpass/users/by-hand", json!({ "password": canary(900, "password"), "token_ttl": "1h" })),
            ("auth/userpass/login/by-hand", json!({ "password": canary(900, "password") })),
            ("auth/userpass/login/by-hand", json!({ "password": canary(901, "password") })),
            ("auth/approle/role/by-hand", json!({ "role_id": canary(902, "role_id") })),
            ("auth/approle/role/by-hand/custom-secret-id", json!({ "secret_id": canary(903, "secret_id") })),
            ("auth/approle/login", json!({ "role_id": canary(902, "role_id"), "secret_id": canary(903, "secret_id") })),
            ("auth/approle/login", json!({ "role_id": canary(902, "role_id"), "secret_id": canary(904, "secret_id") })),
            ("auth/approle/role/by-hand/secret-id/lookup", json!({ "secret_id": canary(903, "secret_id") })),
            ("transit/keys/by-hand", json!({ "exportable": true, "allow_plaintext_backup": true })),
            ("transit/encrypt/by-hand", json!({ "plaintext": BASE64_STANDARD.encode(canary(905, "plaintext")) })),
            (
                "transit/encrypt/by-hand",
                json!({ "batch_input": [{ "plaintext": BASE64_STANDARD.encode(canary(906, "plaintext")) }] }),
            ),
            ("transit/datakey/plaintext/by-hand", json!({})),
            (
                "totp/keys/by-hand",
                json!({ "generate": true, "issuer": canary(907, "issuer"), "account_name": canary(908, "account_name") }),
            ),
            ("sys/tools/random", json!({ "bytes": 32 })),
        ];
        steps.reverse();
        while let Some((path, body)) = steps.pop() {
            let answer = self.root.post(&format!("/v1/{path}"), body).await;
            remember(path, &answer.body, &mut made);
            if let Some(ciphertext) = answer.body["data"]["ciphertext"].as_str().filter(|_| path.contains("encrypt")) {
                steps.push(("transit/decrypt/by-hand", json!({ "ciphertext": ciphertext })));
            }
        }
        for kind in ["backup/by-hand", "export/encryption-key/by-hand"] {
            remember(kind, &self.root.get(&format!("/v1/transit/{kind}")).await.ok(), &mut made);
        }
        let wrapping = self.root.with_header("X-Vault-Wrap-TTL", "5m");
        let wrapped = wrapping.post("/v1/sys/wrapping/wrap", json!({ "k": canary(910, "wrapped") })).await.ok();
        remember("wrapped", &wrapped, &mut made);
        let token = wrapped["wrap_info"]["token"].as_str().unwrap();
        let again = self.root.post("/v1/sys/wrapping/rewrap", json!({ "token": token })).await.ok();
        let token = again["wrap_info"]["token"].as_str().unwrap();
        let opened = self.root.post("/v1/sys/wrapping/unwrap", json!({ "token": token })).await.ok();
        assert_eq!(opened["data"]["k"], canary(910, "wrapped"));
        self.made.append(&mut made);
    }

    /// Bodies that are no JSON, or not enough of it, and headers that are not what they should be.
    async fn malformed(&mut self) {
        let mut answers = Vec::new();
        for (number, body) in
            [r#"{"password": "*"#, r#"["*"]"#, r#""*""#, r#"{"password": "*", }"#, "*"].iter().enumerate()
        {
            let body = body.replace('*', &canary(920 + number, "malformed"));
            answers.push(self.root.upload("/v1/auth/userpass/users/odd", body.as_bytes()).await);
        }
        for (number, header) in
            ["X-Vault-Wrap-TTL", "X-Vault-Index", "X-Vault-Forward", "X-Vault-Inconsistent", "Authorization"]
                .iter()
                .enumerate()
        {
            let client = self.root.with_header(header, &canary(930 + number, header));
            answers.push(client.get("/v1/sys/mounts").await);
        }
        for answer in answers {
            self.judge("malformed", &answer.body);
        }
    }
}

/// With the operation that each was put through.
fn named(found: &BTreeSet<String>, operations: &[Operation]) -> Vec<String> {
    let operation = |canary: &str| operations.get(canary.strip_prefix(SONG)?.get(..3)?.parse::<usize>().ok()?);
    let name = |canary: &String| match operation(canary) {
        Some(operation) => format!("{canary} ({} {})", operation.method, operation.template),
        None => canary.clone(),
    };
    found.iter().map(name).collect()
}

fn is_in_the_clear(what: &str) -> bool {
    IN_THE_CLEAR.iter().any(|(end, _)| what.ends_with(end))
}

fn is_of(list: &[(&[&str], &str)], canary: &str) -> bool {
    let field = canary.strip_prefix(SONG).and_then(|rest| rest.split_once('-')).map_or("", |(_, field)| field);
    list.iter().any(|(fields, _)| fields.contains(&field))
}

fn canary(number: usize, field: &str) -> String {
    format!("{SONG}{number:03}-{field}")
}

/// A body that works, where one is not to be guessed from its fields.
fn right(template: &str, canary: &dyn Fn(&str) -> String) -> Option<Value> {
    let coded = |field: &str| BASE64_STANDARD.encode(canary(field));
    let ends = |end: &str| template.ends_with(end);
    Some(match template {
        "/auth/approle/role/{role_name}" => json!({ "role_id": canary("role_id"), "token_ttl": 60 }),
        "/auth/approle/role/{role_name}/secret-id" => {
            json!({ "metadata": format!("{{\"k\": {:?}}}", canary("metadata")) })
        }
        "/auth/approle/role/{role_name}/custom-secret-id" => json!({ "secret_id": canary("secret_id") }),
        "/auth/token/create" | "/auth/token/create-orphan" => {
            json!({ "id": canary("id"), "meta": { "k": canary("meta") }, "policies": ["default"] })
        }
        "/auth/userpass/users/{username}" | "/auth/userpass/users/{username}/password" => {
            json!({ "password": canary("password") })
        }
        "/sys/policies/acl/{name}" => {
            json!({ "policy": format!("# {}\npath \"a\" {{ capabilities = [\"read\"] }}", canary("policy")) })
        }
        "/sys/policies/password/{name}" => {
            json!({ "policy": format!("# {}\nlength = 20\nrule \"charset\" {{ charset = \"abcdef\" }}", canary("policy")) })
        }
        "/sys/mounts/{path}" => json!({ "type": "kv", "description": canary("description") }),
        "/sys/auth/{path}" => json!({ "type": "userpass", "description": canary("description") }),
        "/sys/batch" => {
            let data = json!({ "k": canary("data") });
            json!({ "operations": [{ "operation": "create", "path": format!("cubbyhole/{NAME}"), "data": data }] })
        }
        "/sys/wrapping/wrap" => json!({ "k": canary("k") }),
        "/transit/keys/{name}" => json!({ "exportable": true, "allow_plaintext_backup": true }),
        "/transit/encrypt/{name}" => json!({ "plaintext": coded("plaintext") }),
        _ if ends("/data/{path}") => json!({ "data": { "k": canary("data") } }),
        _ if ends("/metadata/{path}") => json!({ "custom_metadata": { "k": canary("custom_metadata") } }),
        _ if template.contains("/hmac/") || template.contains("/sign/") || template.contains("/hash") => {
            json!({ "input": coded("input") })
        }
        _ => return None,
    })
}

/// The first secret in each field of an answer.
fn remember(what: &str, value: &Value, made: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| remember(what, item, made)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let secret = value.as_str().filter(|text| text.len() >= 16 && MADE.contains(&name.as_str()));
                match secret.filter(|text| canaries(text.as_bytes()).is_empty()) {
                    Some(secret) => {
                        _ = made.entry(format!("{what} {name}")).or_insert_with(|| secret.chars().take(128).collect())
                    }
                    None => remember(what, value, made),
                }
            }
        }
        _ => {}
    }
}
