//! The plugin on a mount of its own. Mirrors `paths/`.

mod code;
mod generated;
mod imported;
mod key;

use sdk::testing::{Bench, data};
use sdk::{Answer, Failure, Map, Result, Value, json};

use crate::Totp;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn mount() -> Bench {
    Bench::new(Totp::default(), &[])
}

async fn post(mount: &mut Bench, path: &str, body: Value) -> Map<String, Value> {
    data(mount.write(path, body).await.expect("a write that is right"))
}

async fn read(mount: &mut Bench, path: &str) -> Map<String, Value> {
    data(mount.read(path).await.expect("something that is there"))
}

/// Status and text of what must fail.
fn refused(result: Result<Answer>) -> (u16, String) {
    let failure: Failure = result.err().expect("a request that is refused");
    (failure.status(), failure.to_string())
}

fn assert_refused(result: Result<Answer>, says: &str) {
    let (status, text) = refused(result);
    assert!(status == 400 && text.contains(says), "{status} {text}, not {says}");
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}
