//! Keeping the seal's token alive: it is renewed when half of its life is over.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::call::{Calls, chance};

const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Also of a token that lives longer: somebody may have shortened its life.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

/// Ends when the token never does.
pub async fn run(calls: &Calls) {
    let mut retry = RETRY_FIRST;
    let mut said = String::new();
    // What has been said is not said again.
    let mut say = |problem: String| {
        if said != problem && !problem.is_empty() {
            tracing::warn!(problem, "the transit seal's token is not renewed");
        }
        said = problem;
    };
    loop {
        let pause = match calls.post(&["auth", "token", "renew-self"], &json!({})).await {
            Ok(answer) => {
                let auth = &answer["auth"];
                let left = auth["lease_duration"].as_u64().unwrap_or(0);
                if left == 0 {
                    return;
                }
                if auth["renewable"].as_bool() == Some(false) {
                    say(format!("it cannot be renewed, and ends in {left} s"));
                } else {
                    say(String::new());
                }
                retry = RETRY_FIRST;
                (Duration::from_secs(left) / 2).clamp(PAUSE_MIN, PAUSE_MAX)
            }
            Err(problem) => {
                say(problem.into_failure().to_string());
                let pause = retry;
                retry = (retry * 2).min(RETRY_LAST);
                pause
            }
        };
        // Not all nodes at once.
        sleep(pause.mul_f64(0.8 + chance() / 5.0)).await;
    }
}
