//! Wrapped answers: what goes out, what stays in, and that it comes out once.

use super::*;
use crate::wrap;

impl Bench {
    async fn wrapped(&self, verb: Verb, path: &str) -> Response {
        let wrap_ttl = Some(Duration::from_secs(60));
        self.serve(Request { wrap_ttl, ..request(verb, path, Some(&self.root)) }).await
    }

    async fn take(&self, token: &ClientToken) -> Result<String, wrap::NotWrapped> {
        let now = self.alone.now();
        let taken = self.change(|state, node| {
            let held = wrap::take(node, &mut state.at(space::records(&sdk::NamespaceId::root())), token, now);
            held.map(|held| held.response)
        });
        taken.await
    }
}

fn token_of(response: &Response) -> ClientToken {
    ClientToken::new(json_of(response)["wrap_info"]["token"].as_str().unwrap().into())
}

#[tokio::test]
async fn an_answer_is_put_away_and_comes_out_once() {
    let bench = Bench::new().await;
    let response = bench.wrapped(Verb::Read, "c/number").await;
    let body = json_of(&response);
    assert_eq!(body["data"], Value::Null);
    assert_eq!((&body["wrap_info"]["ttl"], &body["wrap_info"]["creation_path"]), (&json!(60), &json!("c/number")));
    let token = token_of(&response);
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 403, "it can do nothing else");
    let token = token_of(&bench.wrapped(Verb::Read, "c/number").await);
    let look = |at| wrap::look(&bench.node, &bench.node.local_view().unwrap(), &token, at);
    assert_eq!(look(bench.alone.now()).unwrap().creation_ttl, 60);
    assert!(look(bench.alone.now().plus(Duration::from_secs(60))).is_err(), "it is too late then");
    let held: Value = serde_json::from_str(&bench.take(&token).await.unwrap()).unwrap();
    assert_eq!(held["data"]["n"], 0);
    assert!(bench.take(&token).await.is_err());
    assert!(bench.take(&bench.root).await.is_err(), "no wrapping token");
}

#[tokio::test]
async fn nothing_to_wrap_and_what_fails_stay_as_they_are() {
    let bench = Bench::new().await;
    let done = bench.wrapped(Verb::Write, "c/number").await;
    assert_eq!((done.status, done.body.len()), (204, 0));
    assert_eq!(bench.wrapped(Verb::Write, "c/broken").await.status, 400);
    let left = bench.node.tokens.accessors(&bench.node.local_view().unwrap()).unwrap();
    assert_eq!(left.len(), 1, "no wrapping token was made");
}

#[tokio::test]
async fn a_wrapping_token_that_cannot_be_audited_is_taken_back() {
    let bench = Bench::new().await;
    bench.audit.broken_after(1);
    assert_eq!(bench.wrapped(Verb::Read, "c/number").await.status, 500);
    let left = bench.node.tokens.accessors(&bench.node.local_view().unwrap()).unwrap();
    assert_eq!(left.len(), 1, "the root token's alone");
}
