//! Grants: a policy gives a right and takes it again, while a token that has the policy is used.
//!
//! Each policy is used for one turn alone: a request without an answer may still be carried out a good while later, and
//! would give, or take, what the next turn is about.

use std::sync::Arc;

use hyper::Method;
use serde_json::json;
use tokio::time::sleep;

use super::race::Race;
use super::{AGAIN, Desk, race};
use crate::dice::Dice;
use crate::history::Step;

pub async fn run(desk: Desk, client: usize, mut dice: Dice) {
    let keys: Vec<String> = (0..3).map(|key| format!("race/grant{client}-{key}")).collect();
    let path = format!("race/data/grant{client}-0");
    let given = json!({ "policy": race::policy() });
    let taken = json!({ "policy": "path \"elsewhere/*\" { capabilities = [\"read\"] }" });
    let mut number = 0;
    while desk.goes_on().await {
        number += 1;
        let right = format!("grant {client}-{number}");
        let policy = format!("sys/policies/acl/grant{client}-{number}");
        let wanted = json!({ "policies": [format!("grant{client}-{number}")], "ttl": "5m", "no_default_policy": true });
        let made = desk.ask(desk.a_node(&mut dice), Method::POST, "auth/token/create", Some(&wanted), &[]).await;
        let token = made.good().and_then(|body| body["auth"]["client_token"].as_str()).map(Arc::<str>::from);
        let (node, start) = (desk.a_node(&mut dice), desk.cluster.history.now());
        let gave = desk.ask(node, Method::POST, &policy, Some(&given), &[]).await;
        let (Some(token), Some(_)) = (token, gave.good()) else {
            sleep(AGAIN).await;
            continue;
        };
        desk.note(&right, node, start, Step::Given);
        desk.attempt_everywhere(&right, &token, &path, &mut dice).await;
        let race = Race::begin(&desk, &right, &token, &keys, &mut dice);
        super::a_moment(&mut dice).await;
        if desk.take(&right, Method::POST, &policy, Some(&taken), &mut dice).await {
            race.look(&mut dice).await;
            desk.attempt_everywhere(&right, &token, &path, &mut dice).await;
        }
        race.end().await;
    }
}
