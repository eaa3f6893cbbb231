//! Keeping the seal's token alive: it is renewed when half of its life is over.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::call::{Calls, chance};

const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Also of a token that lives longer: somebody may have shortened its life.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How soon it is noticed that another token is in the file.
const LOOK: Duration = Duration::from_secs(60);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

/// Ends when the token never does and no other one can come.
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
            Ok(answer) => match left(&answer) {
                Some(0) if !calls.token_may_change() => return,
                Some(0) => {
                    say(String::new());
                    retry = RETRY_FIRST;
                    PAUSE_MAX
                }
                Some(left) => {
                    if answer["auth"]["renewable"].as_bool() == Some(false) {
                        say(format!("it cannot be renewed, and ends in {left} s"));
                    } else {
                        say(String::new());
                    }
                    retry = RETRY_FIRST;
                    (Duration::from_secs(left) / 2).clamp(PAUSE_MIN, PAUSE_MAX)
                }
                None => {
                    say("the answer does not say how long it lives".to_owned());
                    next(&mut retry)
                }
            },
            Err(problem) => {
                say(problem.into_failure().to_string());
                next(&mut retry)
            }
        };
        // Not all nodes at once.
        wait(calls, pause.mul_f64(0.8 + chance() / 5.0)).await;
    }
}

/// How many seconds, if it is said. None of an answer that is no answer to this.
pub(crate) fn left(answer: &Value) -> Option<u64> {
    answer["auth"].as_object()?.get("lease_duration")?.as_u64()
}

fn next(retry: &mut Duration) -> Duration {
    let pause = *retry;
    *retry = (pause * 2).min(RETRY_LAST);
    pause
}

/// Less long where another token comes meanwhile, whose life has nothing to do with that of the one before.
pub(crate) async fn wait(calls: &Calls, pause: Duration) {
    let end = Instant::now() + pause;
    if !calls.token_may_change() {
        return sleep_until(end).await;
    }
    let before = calls.token_id().await;
    while Instant::now() < end && calls.token_id().await == before {
        sleep_until(end.min(Instant::now() + LOOK)).await;
    }
}
