use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A server that gives these answers, one a connection, and says what it was asked.
async fn scripted(answers: Vec<String>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked.push(request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (address, asked)
}

/// Head and body, as text.
async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let read = stream.read_buf(&mut text).await.unwrap();
        let seen = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = seen.split_once("\r\n\r\n") else {
            assert!(read > 0, "the request broke off: {seen}");
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let chunked = head.contains("transfer-encoding: chunked");
        if (!chunked && body.len() >= length) || (chunked && body.ends_with("0\r\n\r\n")) {
            return seen;
        }
    }
}

fn answer(status: u16, more: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}")
}

fn client(address: SocketAddr, manner: Manner) -> Client {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    // Of several tests in one process the first installs it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::new(http.build().unwrap(), &format!("http://{address}/base/"), manner, None).unwrap();
    client.with_token(Some(Zeroizing::new("s.1".to_owned())))
}

#[tokio::test]
async fn what_passes_is_tried_again_within_a_bound() {
    let stumbles = || answer(503, "", "{\"errors\":[\"later\"]}");
    let (address, asked) = scripted(vec![stumbles(), answer(412, "", ""), answer(200, "", "{\"data\":1}")]).await;
    let reply = client(address, Manner::default()).put("a", &json!({ "k": "v" })).await.unwrap();
    assert_eq!((reply.status, &reply.body["data"]), (200, &json!(1)));
    let asked = asked.await.unwrap();
    assert!(asked.iter().all(|asked| asked.starts_with("PUT /base/v1/a HTTP/1.1") && asked.ends_with("{\"k\":\"v\"}")));

    let (address, asked) = scripted(vec![stumbles(), stumbles()]).await;
    let reply = client(address, Manner { retries: 1, ..Manner::default() }).get("a").await.unwrap();
    assert_eq!((reply.status, asked.await.unwrap().len()), (503, 2));
    let refusal = reply.ok().unwrap_err();
    let expected =
        format!("Error making API request.\n\nURL: GET http://{address}/base/v1/a\nCode: 503. Errors:\n\n* later");
    assert_eq!((refusal.to_string(), refusal.exit_status()), (expected, 2));
}

#[tokio::test]
async fn a_refusal_is_final() {
    for status in [400, 403, 404, 429, 501] {
        // A second request would find nobody.
        let (address, asked) = scripted(vec![answer(status, "", "")]).await;
        assert_eq!(client(address, Manner::default()).get("a").await.unwrap().status, status);
        assert_eq!(asked.await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn another_node_gets_the_whole_request() {
    let (leader, asked_leader) = scripted(vec![answer(204, "", "")]).await;
    let location = format!("location: http://{leader}/v1/elsewhere?x=1\r\n");
    let (standby, asked) = scripted(vec![answer(307, &location, "")]).await;
    let mut manner = Manner::default();
    manner.add_header("X-More", "yes").unwrap();
    manner.namespace = Some("team".to_owned());
    let reply = client(standby, manner).put("a", &json!({ "k": "v" })).await.unwrap();
    assert_eq!((reply.status, asked.await.unwrap().len()), (204, 1));
    let asked = &asked_leader.await.unwrap()[0];
    assert!(asked.starts_with("PUT /v1/elsewhere?x=1 ") && asked.ends_with("{\"k\":\"v\"}"), "{asked}");
    for header in ["x-vault-token: s.1", "x-more: yes", "x-vault-namespace: team", "x-vault-request: true"] {
        assert!(asked.contains(header), "{header} is lacking: {asked}");
    }
}

#[tokio::test]
async fn nodes_that_send_in_circles_and_whoever_does_not_follow() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let circle = answer(307, &format!("location: http://{address}/v1/a\r\n"), "");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            request(&mut stream).await;
            stream.write_all(circle.as_bytes()).await.unwrap();
        }
    });
    let lost = client(address, Manner::default()).get("a").await.err().unwrap();
    assert!(lost.to_string().contains("sends on to another"), "{lost}");
    let stays = Manner { follow: false, ..Manner::default() };
    assert_eq!(client(address, stays).get("a").await.unwrap().status, 307);
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let lost = client(address, Manner { retries: 1, ..Manner::default() }).get("a").await.err().unwrap();
    assert_eq!(lost.exit_status(), 2);
    assert!(lost.to_string().contains("Connection refused"), "{lost}");
}

#[tokio::test]
async fn a_file_goes_from_its_beginning_to_each_node() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = "x".repeat(300_000);
    std::fs::write(file.path(), &content).unwrap();
    let source = Source { file: file.path().to_owned(), progress: indicatif::ProgressBar::hidden() };
    let (leader, asked_leader) = scripted(vec![answer(204, "", "")]).await;
    let location = format!("location: http://{leader}/v1/b\r\n");
    let (standby, _asked) = scripted(vec![answer(404, "", ""), answer(307, &location, "")]).await;
    let reply = client(standby, Manner::default()).upload(Ask::new(Method::POST, "b"), &source).await.unwrap();
    assert_eq!(reply.status, 204);
    let sent = asked_leader.await.unwrap()[0].chars().filter(|sign| *sign == 'x').count();
    // The heads of the request hold a few of the letter too.
    assert!((content.len()..content.len() + 20).contains(&sent), "{sent}");
    assert_eq!(source.progress.position(), content.len() as u64);
}

#[tokio::test]
async fn a_file_goes_to_the_active_node_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "content").unwrap();
    let source = Source { file: file.path().to_owned(), progress: indicatif::ProgressBar::hidden() };
    let (leader, asked_leader) = scripted(vec![answer(204, "", "")]).await;
    let told = json!({ "is_self": false, "leader_address": format!("http://{leader}") }).to_string();
    let (standby, asked) = scripted(vec![answer(200, "", &told)]).await;
    let reply = client(standby, Manner::default()).upload(Ask::new(Method::POST, "b"), &source).await.unwrap();
    assert_eq!(reply.status, 204);
    assert!(asked.await.unwrap()[0].starts_with("GET /base/v1/sys/leader "));
    assert!(asked_leader.await.unwrap()[0].starts_with("POST /v1/b "));
}

#[tokio::test]
async fn what_is_spent_is_not_sent_again() {
    // A second request would find nobody.
    let (address, asked) = scripted(vec![answer(500, "", "")]).await;
    let reply = client(address, Manner::default()).send(Ask::new(Method::PUT, "sys/unseal").once()).await.unwrap();
    assert_eq!((reply.status, asked.await.unwrap().len()), (500, 1));
}

#[test]
fn what_is_wrapped_and_what_is_asked_on_the_way() {
    let address = "127.0.0.1:1".parse().unwrap();
    let manner = Manner { wrap_ttl: Some("5m".to_owned()), ..Manner::default() };
    let client = client(address, manner);
    let wrapped = |ask: Ask| {
        let request = client.request(&ask, &client.url(&ask)).ok().unwrap().build().unwrap();
        request.headers().contains_key("x-vault-wrap-ttl")
    };
    assert!(wrapped(Ask::new(Method::GET, "a")));
    assert!(!wrapped(Ask::new(Method::GET, "a").preflight()));
    let patch = Ask::new(Method::PATCH, "a b?c=d").body(&json!({}));
    let request = client.request(&patch, &client.url(&patch)).ok().unwrap().build().unwrap();
    assert_eq!(request.headers()["content-type"], "application/merge-patch+json");
    assert_eq!(request.url().as_str(), "http://127.0.0.1:1/base/v1/a%20b?c=d");
}
