//! Names in a folder that is large enough for nodes to keep a listing of it: one that was written is listed until it is
//! deleted.

use hyper::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{AGAIN, Desk, futures};
use crate::dice::Dice;
use crate::history::Step;

/// Names that are there from the beginning, and stay.
const FILLING: usize = 1_200;
/// Written at once.
const BESIDE: usize = 40;

pub async fn fill(desk: &Desk) -> Result<(), String> {
    desk.made("sys/mounts/names", &json!({ "type": "kv", "options": { "version": "1" } })).await?;
    for first in (0..FILLING).step_by(BESIDE) {
        let written = (first..first + BESIDE).map(async |number| {
            let path = format!("names/filling-{number}");
            desk.ask(number % desk.cluster.nodes.len(), Method::POST, &path, Some(&json!({ "n": number })), &[]).await;
        });
        futures(written).await;
    }
    let reply = desk.ask(0, Method::GET, "names?list=true", None, &[]).await;
    let listed = reply.good().and_then(|body| body["data"]["keys"].as_array()).map_or(0, Vec::len);
    if listed == FILLING { Ok(()) } else { Err(format!("{listed} of {FILLING} names are there")) }
}

pub async fn run(desk: Desk, mut dice: Dice) {
    let mut number = 0;
    while desk.goes_on().await {
        number += 1;
        let name = format!("name-{number}");
        let (right, path) = (format!("listing of {name}"), format!("names/{name}"));
        let (node, start) = (desk.a_node(&mut dice), desk.cluster.history.now());
        if desk.ask(node, Method::POST, &path, Some(&json!({ "n": number })), &[]).await.good().is_none() {
            sleep(AGAIN).await;
            continue;
        }
        desk.note(&right, node, start, Step::Given);
        look_everywhere(&desk, &right, &name).await;
        let (gone, ()) = tokio::join!(
            desk.take(&right, Method::DELETE, &path, None, &mut dice),
            look_everywhere(&desk, &right, &name)
        );
        if gone {
            look_everywhere(&desk, &right, &name).await;
        }
    }
}

async fn look_everywhere(desk: &Desk, right: &str, name: &str) {
    futures((0..desk.cluster.nodes.len()).map(|node| look(desk, right, node, name))).await;
}

async fn look(desk: &Desk, right: &str, node: usize, name: &str) {
    let start = desk.cluster.history.now();
    let reply = desk.ask(node, Method::GET, "names?list=true", None, &[]).await;
    if let Some(names) = reply.good().and_then(|body| body["data"]["keys"].as_array()) {
        let listed = names.iter().any(|listed| listed == name);
        desk.note(right, node, start, if listed { Step::Worked { wrote: None } } else { Step::Refused });
    }
}
