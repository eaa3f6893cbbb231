//! One call of a service: within its time, its answer within bounds.

use std::time::Duration;

use remote_error::with_causes;
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::{Refusal, unavailable};

/// For a call that waits for nobody.
pub const SOON: Duration = Duration::from_secs(10);
const ANSWER_MAX: usize = 1 << 20;

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|_| unavailable(format!("it answered {} with what is no answer to this", self.status)))
    }
}

/// What is quick, or was asked for too late.
pub fn soon(until: Instant) -> Instant {
    until.min(Instant::now() + SOON)
}

pub async fn send(request: RequestBuilder, until: Instant) -> Result<Answer, Refusal> {
    let answered = async {
        let mut answer = request.send().await.map_err(|problem| with_causes(&problem.without_url()))?;
        let (status, mut body) = (answer.status().as_u16(), Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(|problem| with_causes(&problem.without_url()))? {
            if body.len() + piece.len() > ANSWER_MAX {
                return Err("its answer is too large".to_owned());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, body })
    };
    match timeout_at(until, answered).await {
        Ok(answer) => answer.map_err(unavailable),
        Err(_) => Err(unavailable("it did not answer in time")),
    }
}
