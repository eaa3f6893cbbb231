//! How much a request may be, and how long a client may take.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{WITHIN, exchange, listening, plain, request, status};
use crate::harness::Transport;

#[tokio::test]
async fn a_body_is_bounded_in_size_and_time() {
    let cluster =
        listening(Transport::Plain, json!({ "max_request_size": 10, "http_read_timeout": "1s" }), json!({})).await;
    let post = |length: usize, body: &str| {
        format!(
            "POST /v1/sys/unseal HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let large = exchange(plain(&cluster).await, post(11, "{\"a\": \"12\"}").as_bytes()).await;
    assert_eq!(status(&large), Some(413), "{large}");
    let slow = exchange(plain(&cluster).await, post(5, "{").as_bytes()).await;
    assert_eq!(status(&slow), Some(408), "{slow}");
}

#[tokio::test]
async fn a_request_has_a_deadline_of_the_server_or_of_the_listener() {
    for (listener, top) in [
        (json!({ "max_request_duration": "1s" }), json!({})),
        (json!({}), json!({ "default_max_request_duration": "1s" })),
    ] {
        let cluster = listening(Transport::Plain, listener, top).await;
        let head = "POST /v1/sys/unseal HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n{";
        let late = exchange(plain(&cluster).await, head.as_bytes()).await;
        assert!(late.contains("did not arrive completely in time"), "{late}");
    }
}

#[tokio::test]
async fn a_connection_does_not_rest_for_ever() {
    let times = json!({ "http_idle_timeout": "1s", "http_read_header_timeout": "2s" });
    let cluster = listening(Transport::Plain, times, json!({})).await;
    // Half a head, and nothing at all.
    assert_eq!(exchange(plain(&cluster).await, b"GET /v1/sys/health HT").await, "");
    assert_eq!(exchange(plain(&cluster).await, b"").await, "");
    // An answer, and then no further request.
    let kept = request("").replace("Connection: close\r\n", "");
    let mut stream = plain(&cluster).await;
    for _ in 0..2 {
        stream.write_all(kept.as_bytes()).await.unwrap();
        let mut some = [0; 4096];
        assert_ne!(stream.read(&mut some).await.unwrap(), 0, "the connection is kept for another request");
    }
    let mut rest = Vec::new();
    timeout(WITHIN, stream.read_to_end(&mut rest)).await.expect("a connection at rest is closed").unwrap();
}

#[tokio::test]
async fn an_answer_that_is_still_sent_is_no_rest() {
    let mut cluster = listening(Transport::Plain, json!({ "http_idle_timeout": "1s" }), json!({})).await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    let mut watched = cluster.root(0).open("/v1/sys/monitor?log_level=error").await;
    assert_eq!(watched.status(), 200);
    // A connection at rest that began later is closed, and another one after it.
    for _ in 0..2 {
        let mut resting = plain(&cluster).await;
        resting.write_all(request("").replace("Connection: close\r\n", "").as_bytes()).await.unwrap();
        let mut all = Vec::new();
        timeout(WITHIN, resting.read_to_end(&mut all)).await.expect("a connection at rest is closed").unwrap();
    }
    cluster.nodes[0].stop().await;
    assert!(watched.chunk().await.expect("only the node's end ends it").is_none());
}

#[tokio::test]
async fn json_is_bounded_before_it_is_read() {
    let cluster = listening(Transport::Plain, json!({ "max_request_json_strings": 3 }), json!({})).await;
    let refused = cluster.nodes[0].client().post("/v1/sys/unseal", json!({ "a": "b", "c": "d" })).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.error(), "refused JSON input due to high complexity: exceeded maximum number of strings");
}
