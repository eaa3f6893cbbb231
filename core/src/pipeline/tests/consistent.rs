//! Indexes, and how fresh an answer has to be.

use base64::prelude::{BASE64_STANDARD, Engine};
use storage::Revision;

use super::*;
use crate::consistency::Consistency;

async fn ask(bench: &Bench, verb: Verb, consistency: Consistency) -> Response {
    bench.serve(Request { consistency, ..request(verb, "c/number", Some(&bench.root)) }).await
}

fn after(index: &str) -> Consistency {
    Consistency { indexes: vec![index.to_owned()], ..Consistency::default() }
}

fn index(response: &Response) -> Option<&String> {
    response.headers.get("x-vault-index")
}

fn changed(index: &str, part: usize, to: &str) -> String {
    let text = String::from_utf8(BASE64_STANDARD.decode(index).unwrap()).unwrap();
    let mut parts: Vec<&str> = text.split(':').collect();
    parts[part] = to;
    BASE64_STANDARD.encode(parts.join(":"))
}

#[tokio::test]
async fn a_write_says_its_index_and_a_read_after_it_is_answered() {
    let bench = Bench::new().await;
    let written = ask(&bench, Verb::Write, Consistency::default()).await;
    let made = index(&written).expect("every write has an index");
    let read = ask(&bench, Verb::Read, after(made)).await;
    assert_eq!(read.status, 200);
    assert_eq!(index(&read), Some(made), "nothing was written meanwhile");
    let plain = ask(&bench, Verb::Read, Consistency::default()).await;
    assert_eq!(index(&plain), None);
    let stale = ask(&bench, Verb::Read, Consistency { stale: true, ..after(made) }).await;
    assert_eq!((stale.status, index(&stale)), (200, Some(made)));
}

#[tokio::test]
async fn a_repeated_write_says_the_index_of_the_time_it_ran() {
    let bench = Bench::new().await;
    let id = RequestId { applied: 0, random: crypto::random() };
    let first = bench.send_as(id, Verb::Write, "c/number", Some(&bench.root)).await;
    let other = ask(&bench, Verb::Write, Consistency::default()).await;
    assert_ne!(index(&first), index(&other));
    let again = bench.send_as(id, Verb::Write, "c/number", Some(&bench.root)).await;
    assert!(index(&first).is_some());
    assert_eq!(index(&again), index(&first));
}

#[tokio::test]
async fn an_index_that_is_not_reached_is_412_and_one_that_is_none_400() {
    let bench = Bench::new().await;
    let written = ask(&bench, Verb::Write, Consistency::default()).await;
    let made = index(&written).unwrap();
    let later = changed(made, 3, "9");
    assert_eq!(ask(&bench, Verb::Read, after(&later)).await.status, 200, "one that nobody has any more");
    let stale = Consistency { stale: true, ..after(&later) };
    assert_eq!(ask(&bench, Verb::Read, stale).await.status, 412, "a later line of history");
    let earlier = changed(made, 3, "0");
    assert_eq!(ask(&bench, Verb::Read, after(&earlier)).await.status, 200, "an earlier line of history");
    for wrong in [&changed(made, 1, "another-cluster"), &changed(made, 4, "00"), "no index", "djE6"] {
        assert_eq!(ask(&bench, Verb::Read, after(wrong)).await.status, 400, "{wrong}");
    }
    let here = bench.node.store.snapshot().unwrap().state_revision();
    let ahead = bench.node.index_of(Revision { n: here.n + 1, ..here }).unwrap();
    for consistency in [after(&ahead), Consistency { stale: true, ..after(&ahead) }] {
        assert_eq!(ask(&bench, Verb::Read, consistency).await.status, 412);
    }
    ask(&bench, Verb::Write, Consistency::default()).await;
    assert_eq!(ask(&bench, Verb::Read, after(&ahead)).await.status, 200);
}
