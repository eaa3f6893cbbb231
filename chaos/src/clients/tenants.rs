//! Namespaces with a seal of their own: unsealed by shares that go to different nodes, used, sealed. What is sealed does not answer
//! any more, on any node, whoever led, fell or came back meanwhile.
//!
//! Each is used for one turn alone, and left out of account where a share had no answer: it may still arrive.

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{AGAIN, Desk, PATIENCE, futures};
use crate::dice::Dice;
use crate::history::Step;

pub async fn run(desk: Desk, mut dice: Dice) {
    let mut number = 0;
    while desk.goes_on().await {
        number += 1;
        let name = format!("tenant{number}");
        let Some(shares) = make(&desk, &name, &mut dice).await else {
            sleep(AGAIN).await;
            continue;
        };
        let right = format!("tenant {number}");
        let (node, start) = (desk.a_node(&mut dice), desk.cluster.history.now());
        if !unseal(&desk, &name, &shares, &mut dice).await || !fill(&desk, &name, &mut dice).await {
            continue;
        }
        desk.note(&right, node, start, Step::Given);
        read_everywhere(&desk, &right, &name).await;
        let seal = format!("sys/namespaces/{name}/seal");
        let (sealed, ()) = tokio::join!(
            desk.take(&right, Method::POST, &seal, None, &mut dice),
            read_everywhere(&desk, &right, &name)
        );
        if sealed {
            read_everywhere(&desk, &right, &name).await;
            let gone = format!("sys/namespaces/{name}/delete-sealed");
            desk.ask(desk.a_node(&mut dice), Method::DELETE, &gone, None, &[400]).await;
            read_everywhere(&desk, &right, &name).await;
        }
    }
}

async fn make(desk: &Desk, name: &str, dice: &mut Dice) -> Option<Vec<Value>> {
    let body = json!({ "seal": "seal \"shamir\" { shares = 2 threshold = 2 }" });
    let path = format!("sys/namespaces/{name}");
    let made = desk.ask(desk.a_node(dice), Method::POST, &path, Some(&body), &[]).await;
    made.good()?["data"]["key_shares"].as_array().cloned()
}

/// A leader that falls takes the shares with it that were given so far: they are given again. False if a share had no answer.
async fn unseal(desk: &Desk, name: &str, shares: &[Value], dice: &mut Dice) -> bool {
    let (path, end) = (format!("sys/namespaces/{name}/unseal"), Instant::now() + PATIENCE);
    while Instant::now() < end && !desk.is_over() {
        for share in shares {
            let reply = desk.ask(desk.a_node(dice), Method::POST, &path, Some(&json!({ "key": share })), &[400]).await;
            let Some(status) = reply.status() else { return false };
            match reply.good() {
                Some(body) if body["data"]["sealed"] == json!(false) => return true,
                // What it came to is not known.
                None if status >= 500 => return false,
                _ => {}
            }
        }
        sleep(AGAIN).await;
    }
    false
}

async fn fill(desk: &Desk, name: &str, dice: &mut Dice) -> bool {
    for (path, body) in [("sys/mounts/kv", json!({ "type": "kv" })), ("kv/x", json!({ "value": name }))] {
        let path = format!("{name}/{path}");
        if desk.ask(desk.a_node(dice), Method::POST, &path, Some(&body), &[400, 404]).await.good().is_none() {
            return false;
        }
    }
    true
}

async fn read_everywhere(desk: &Desk, right: &str, name: &str) {
    futures((0..desk.cluster.nodes.len()).map(|node| read(desk, right, node, name))).await;
}

/// That a node has no keys yet, or that nobody has them any more, is no mistake: only what it serves counts.
async fn read(desk: &Desk, right: &str, node: usize, name: &str) {
    let start = desk.cluster.history.now();
    let reply = desk.ask(node, Method::GET, &format!("{name}/kv/x"), None, &[404]).await;
    if reply.good().is_some_and(|body| body["data"]["value"] == json!(name)) {
        desk.note(right, node, start, Step::Worked { wrote: None });
    }
}
