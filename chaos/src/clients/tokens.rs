//! Tokens: made, used on every node, revoked, and used again.

use std::sync::Arc;

use hyper::Method;
use serde_json::json;

use super::race::Race;
use super::{AGAIN, Desk};
use crate::dice::Dice;
use crate::history::Step;

pub async fn run(desk: Desk, client: usize, mut dice: Dice) {
    let keys: Vec<String> = (0..3).map(|key| format!("race/token{client}-{key}")).collect();
    let path = format!("race/data/token{client}-0");
    let mut dead: Vec<(String, Arc<str>)> = Vec::new();
    let mut number = 0;
    while desk.goes_on().await {
        number += 1;
        let right = format!("token {client}-{number}");
        // A clock that is wrong by an hour must not end it.
        let wanted = json!({ "policies": ["race"], "ttl": "5m", "no_default_policy": true });
        let (node, start) = (desk.a_node(&mut dice), desk.cluster.history.now());
        let made = desk.ask(node, Method::POST, "auth/token/create", Some(&wanted), &[]).await;
        let Some(token) = made.good().and_then(|body| body["auth"]["client_token"].as_str()) else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let token: Arc<str> = token.into();
        desk.note(&right, node, start, Step::Given);
        desk.attempt_everywhere(&right, &token, &path, &mut dice).await;
        let race = Race::begin(&desk, &right, &token, &keys, &mut dice);
        super::a_moment(&mut dice).await;
        let body = json!({ "token": &*token });
        if desk.take(&right, Method::POST, "auth/token/revoke", Some(&body), &mut dice).await {
            race.look(&mut dice).await;
            desk.attempt_everywhere(&right, &token, &path, &mut dice).await;
            dead.push((right, token));
        }
        race.end().await;
        // One that has been dead for long, too.
        if let Some((right, token)) = dice.pick(&dead).cloned() {
            desk.attempt_everywhere(&right, &token, &path, &mut dice).await;
        }
    }
}
