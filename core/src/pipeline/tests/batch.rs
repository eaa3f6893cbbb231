//! Several operations as one.

use super::*;

fn kept(name: &str) -> Key {
    Key::kind("kept").name(name)
}

#[derive(Input)]
struct Named {
    name: String,
    text: String,
}

#[derive(Input)]
struct Batch {
    #[field(rest)]
    fields: sdk::Map<String, Value>,
}

/// A text by name, and a batch whose steps are lists of what it takes.
pub(super) fn paths() -> Vec<Path> {
    let kept = Path::new("kept/:name")
        .exists(|_: &Ctx, named: Named, view: &View| Ok(view.get::<String>(&kept(&named.name))?.is_some()))
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let text = view.get::<String>(&kept(&named.name))?.ok_or(Failure::NotFound)?;
            Ok(Answer::json(json!({ "text": text })))
        })
        .txn(Verb::Write, |_: &Ctx, named: Named, txn: &mut Txn| {
            let before = txn.get_for_update::<String>(&kept(&named.name))?.unwrap_or_default();
            txn.put(&kept(&named.name), &format!("{before}{}", named.text))?;
            Ok(Answer::empty())
        });
    let large = Path::new("large").view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &View| {
        Ok(Answer::json(json!({ "text": "x".repeat(3 * 1024 * 1024) })))
    });
    let batch = Path::new("batch").batch(Verb::Write, |batch: Batch| {
        let step = |step: &Value| {
            let (name, verb) = match step[0].as_str() {
                Some("read") => ("read", Verb::Read),
                Some("create") => ("create", Verb::Write),
                Some("update") => ("update", Verb::Write),
                _ => return Err(Failure::invalid("no such operation")),
            };
            let body = step[2].as_object().cloned().unwrap_or_default();
            let path = step[1].as_str().unwrap().to_owned();
            Ok(sdk::Step { name, verb, only_new: name == "create", path, body, content_type: "application/json" })
        };
        batch.fields["steps"].as_array().unwrap().iter().map(step).collect()
    });
    vec![kept, large, batch]
}

impl Bench {
    async fn batch(&self, token: &ClientToken, steps: Value) -> Response {
        let body = sdk::Map::from_iter([("steps".to_owned(), steps)]);
        self.serve(Request { body, ..request(Verb::Write, "c/batch", Some(token)) }).await
    }

    async fn kept(&self, name: &str) -> Value {
        let response = self.send(Verb::Read, &format!("c/kept/{name}"), Some(&self.root)).await;
        json_of(&response)["data"]["text"].clone()
    }
}

fn error_of(response: &Response) -> (u16, String) {
    (response.status, json_of(response)["errors"][0].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn all_of_it_is_one_change_of_the_state() {
    let bench = Bench::new().await;
    bench.send(Verb::Write, "c/number", Some(&bench.root)).await;
    let before = bench.node.store.snapshot().unwrap().state_revision();
    let answer = bench
        .batch(
            &bench.root,
            json!([
                ["update", "c/number"],
                ["read", "c/number", {"other": 1}],
                ["update", "c/number"],
                ["create", "c/kept/a", {"text": "A"}],
                ["update", "c/kept/a", {"text": "B"}],
                ["read", "c/kept/a"],
            ]),
        )
        .await;
    assert_eq!(answer.status, 200, "{:?}", error_of(&answer));
    let after = bench.node.store.snapshot().unwrap().state_revision();
    assert_eq!((after.epoch, after.n), (before.epoch, before.n + 1));
    assert_eq!(
        json_of(&answer)["data"]["results"],
        json!([
            {"status": 204},
            {"status": 200, "data": {"n": 1}, "warnings": ["Endpoint ignored these unrecognized parameters: [other]"]},
            {"status": 204},
            {"status": 204},
            {"status": 204},
            {"status": 404},
        ]),
        "reads show what was there before"
    );
    assert_eq!((bench.number().await, bench.kept("a").await), (3, json!("AB")));
}

#[tokio::test]
async fn what_fails_in_one_operation_happens_in_none() {
    let bench = Bench::new().await;
    bench.batch(&bench.root, json!([["create", "c/kept/there", {"text": "x"}]])).await;
    let write = json!(["update", "c/kept/a", {"text": "A"}]);
    for (step, status, says) in [
        (
            json!(["update", "c/broken"]),
            400,
            "operation 2 of the batch (update \"c/broken\"): refused after it had written",
        ),
        (json!(["create", "c/kept/there", {"text": "y"}]), 400, "there is something here already"),
        (json!(["create", "c/number"]), 400, "does not tell"),
        (json!(["create", "c/kept/a", {"text": "B"}]), 400, "an earlier operation of the batch"),
        (json!(["read", "nothing/there"]), 404, "no handler for route"),
        (json!(["read", "c/nothing/there"]), 404, "unsupported path"),
        (json!(["read", "c/broken"]), 400, "no such operation"),
        (json!(["update", "c/kept/"]), 400, "cannot write to a path ending in '/'"),
        (json!(["update", "c/login"]), 400, "cannot be part of a batch"),
        (json!(["update", "c/renewed"]), 400, "cannot be part of a batch"),
        (json!(["update", "c/act"]), 400, "cannot be part of a batch"),
        (json!(["update", "c/batch", {"steps": []}]), 400, "cannot be part of a batch"),
        (json!(["update", "auth/words/login", {}]), 400, "cannot be part of a batch"),
        (json!(["other", "c/number"]), 400, "no such operation"),
    ] {
        let (was, text) = error_of(&bench.batch(&bench.root, json!([write.clone(), step.clone()])).await);
        assert!(was == status && text.contains(says), "{step}: {was} {text}");
    }
    assert_eq!((bench.number().await, bench.kept("a").await), (0, Value::Null));
    assert_eq!(bench.runs.load(Ordering::Relaxed), 0, "no act was done");
    let answer = bench.batch(&bench.root, json!([["read", "c/large"], write, ["read", "c/large"]])).await;
    assert_eq!(error_of(&answer).0, 413);
    assert_eq!(bench.kept("a").await, Value::Null);
}

#[tokio::test]
async fn each_operation_needs_its_own_permission() {
    let bench = Bench::new().await;
    let rules = |more: &str| format!("path \"c/batch\" {{ capabilities = [\"update\"] }}\n{more}");
    bench.policy("some", &rules("path \"c/kept/mine\" { capabilities = [\"create\"] }")).await;
    let token = bench.token("some", 0).await;
    let create = |name: &str| json!(["update", format!("c/kept/{name}"), {"text": "x"}]);
    let (status, text) = error_of(&bench.batch(&token, json!([create("mine"), create("other")])).await);
    assert_eq!(status, 403);
    assert!(text.contains("operation 2") && text.contains("permission denied"), "{text}");
    assert_eq!(bench.kept("mine").await, Value::Null, "nothing of it happens");
    let twice = bench.batch(&token, json!([create("mine"), create("mine")])).await;
    assert_eq!(twice.status, 403, "the second would change what the first has made");
    let read = bench.batch(&token, json!([create("mine"), ["read", "c/kept/mine"]])).await;
    assert_eq!(read.status, 403);
    assert_eq!(bench.batch(&token, json!([create("mine")])).await.status, 200);
    assert_eq!(bench.batch(&token, json!([create("mine")])).await.status, 403, "now it would be an update");
    assert_eq!(bench.kept("mine").await, json!("x"));

    bench.policy("outside", "path \"c/kept/mine\" { capabilities = [\"read\"] }").await;
    let token = bench.token("outside", 0).await;
    let read = json!([["read", "c/kept/mine"]]);
    assert_eq!(bench.batch(&token, read.clone()).await.status, 403, "the batch itself takes a permission");
    bench.policy("outside", &rules("path \"c/kept/mine\" { capabilities = [\"read\"] }")).await;
    assert_eq!(bench.batch(&token, read).await.status, 200);
}

#[tokio::test]
async fn what_would_be_counted_or_wrapped_is_refused() {
    let bench = Bench::new().await;
    bench.policy("all", "path \"c/*\" { capabilities = [\"create\", \"read\", \"update\"] }").await;
    let token = bench.token("all", 5).await;
    let (status, text) = error_of(&bench.batch(&token, json!([["update", "c/number"]])).await);
    assert!(status == 400 && text.contains("limited number of uses"), "{text}");
    let body = sdk::Map::from_iter([("steps".to_owned(), json!([["update", "c/number"]]))]);
    let wrap_ttl = Some(Duration::from_secs(60));
    let wrapped = Request { body, wrap_ttl, ..request(Verb::Write, "c/batch", Some(&bench.root)) };
    assert_eq!(bench.serve(wrapped).await.status, 400);
    assert_eq!(bench.number().await, 0);
}

#[tokio::test]
async fn its_entries_name_the_operations_and_show_no_value() {
    let bench = Bench::new().await;
    bench.batch(&bench.root, json!([["update", "c/kept/a", {"text": "canary"}], ["read", "c/number"]])).await;
    let lines = bench.audit.lines.lock().clone();
    assert_eq!(lines.len(), 2, "one request, one answer: {lines:?}");
    let operations =
        r#""operations":[{"operation":"update","path":"c/kept/a"},{"operation":"read","path":"c/number"}]"#;
    for line in lines {
        assert!(
            line.contains(operations) && line.contains("\"path\":\"c/batch\"") && !line.contains("canary"),
            "{line}"
        );
    }
    let denied = bench.token("none", 0).await;
    bench.batch(&denied, json!([["read", "c/number"]])).await;
    let lines = bench.audit.lines.lock().clone();
    assert!(lines.len() == 4 && !lines[2].contains("\"operations\""), "{lines:?}");
}

/// Batches that take the same records in crossing orders neither wait for each other for ever nor lose anything.
#[tokio::test(flavor = "multi_thread")]
async fn crossing_batches_all_count() {
    let bench = Arc::new(Bench::new().await);
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let bench = Arc::clone(&bench);
        let mut steps = vec![json!(["update", "c/number"]), json!(["update", "c/kept/a", {"text": "x"}])];
        if n % 2 == 0 {
            steps.reverse();
        }
        writers.spawn(async move { bench.batch(&bench.root, Value::Array(steps)).await.status });
    }
    assert!(writers.join_all().await.into_iter().all(|status| status == 200));
    assert_eq!((bench.number().await, bench.kept("a").await), (40, json!("x".repeat(40))));
}
