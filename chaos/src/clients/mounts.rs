//! Mounts: made, used, moved, removed. What is under a path that has none must not be found, on any node.

use hyper::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{AGAIN, Desk};
use crate::dice::Dice;
use crate::history::Step;

pub async fn run(desk: Desk, mut dice: Dice) {
    let mut number = 0;
    while desk.goes_on().await {
        number += 1;
        let (name, moved) = (format!("mount{number}"), format!("moved{number}"));
        let (right, moved_right) = (format!("mount {name}"), format!("mount {moved}"));
        let mount = json!({ "type": "kv" });
        let (node, start) = (desk.a_node(&mut dice), desk.cluster.history.now());
        let made = desk.ask(node, Method::POST, &format!("sys/mounts/{name}"), Some(&mount), &[]).await;
        let body = json!({ "number": number });
        let wrote = made.good().is_some()
            && desk
                .ask(desk.a_node(&mut dice), Method::POST, &format!("{name}/x"), Some(&body), &[])
                .await
                .good()
                .is_some();
        if !wrote {
            sleep(AGAIN).await;
            continue;
        }
        desk.note(&right, node, start, Step::Given);
        find_everywhere(&desk, &right, &name).await;
        let mut last = (right, name);
        if dice.chance(50) {
            let remount = json!({ "from": last.1, "to": moved });
            if !desk.take(&last.0, Method::POST, "sys/remount", Some(&remount), &mut dice).await {
                return;
            }
            find_everywhere(&desk, &last.0, &last.1).await;
            let start = desk.cluster.history.now();
            desk.note(&moved_right, node, start, Step::Given);
            last = (moved_right, moved);
            find_everywhere(&desk, &last.0, &last.1).await;
        }
        if !desk.take(&last.0, Method::DELETE, &format!("sys/mounts/{}", last.1), None, &mut dice).await {
            return;
        }
        find_everywhere(&desk, &last.0, &last.1).await;
    }
}

async fn find_everywhere(desk: &Desk, right: &str, name: &str) {
    super::futures((0..desk.cluster.nodes.len()).map(|node| find(desk, node, right, name))).await;
}

async fn find(desk: &Desk, node: usize, right: &str, name: &str) {
    let start = desk.cluster.history.now();
    let reply = desk.ask(node, Method::GET, &format!("{name}/x"), None, &[404]).await;
    match reply.status() {
        Some(200) => desk.note(right, node, start, Step::Worked { wrote: None }),
        Some(404) => desk.note(right, node, start, Step::Refused),
        _ => {}
    }
}
