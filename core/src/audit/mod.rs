//! Audit: an entry is built once, its values HMACed, and handed to every device.
//!
//! If no enabled device acknowledges having written a request's entry, the request does not happen.

mod file;
mod format;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use barrier::Barrier;
use bytes::Bytes;
use futures::future::join_all;
use storage::Millis;

pub use file::{FileDevice, FileError};
pub use format::{Subject, Who};

/// Somewhere that entries are written to.
#[async_trait]
pub trait Device: Send + Sync {
    fn name(&self) -> &str;
    /// Returns once the line is written. Whether it is also synced is the device's own option.
    async fn write(&self, line: Bytes) -> Result<(), String>;
}

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("no audit device could write the entry: {0}")]
    Devices(String),
    /// Sealed meanwhile: there is no key to audit with.
    #[error("the server is sealed")]
    Sealed,
}

/// How long a device may take for one entry.
const WRITE_MAX: Duration = Duration::from_secs(5);

pub struct Audit {
    devices: Vec<Arc<dyn Device>>,
    barrier: Arc<Barrier>,
}

impl Audit {
    pub fn new(devices: Vec<Arc<dyn Device>>, barrier: Arc<Barrier>) -> Self {
        Self { devices, barrier }
    }

    pub async fn request(&self, now: Millis, subject: &Subject<'_>) -> Result<(), AuditError> {
        self.write(|hmac| format::entry("request", now, subject, None, hmac)).await
    }

    /// That this node sends a request on to the active one, where it is audited in full under the same id.
    pub async fn forward(&self, now: Millis, subject: &Subject<'_>) -> Result<(), AuditError> {
        self.write(|hmac| format::entry("forward", now, subject, None, hmac)).await
    }

    pub async fn response(
        &self,
        now: Millis,
        subject: &Subject<'_>,
        outcome: Result<&sdk::Answer, &sdk::Failure>,
    ) -> Result<(), AuditError> {
        self.write(|hmac| format::entry("response", now, subject, Some(outcome), hmac)).await
    }

    async fn write(&self, build: impl FnOnce(&format::Hmac<'_>) -> Vec<u8>) -> Result<(), AuditError> {
        if self.devices.is_empty() {
            return Ok(());
        }
        let hmac = format::Hmac::new(&self.barrier);
        let line = Bytes::from(build(&hmac));
        if hmac.failed() {
            return Err(AuditError::Sealed);
        }
        let results = join_all(self.devices.iter().map(|device| {
            let line = line.clone();
            async move {
                match tokio::time::timeout(WRITE_MAX, device.write(line)).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(problem)) => Err(format!("{}: {problem}", device.name())),
                    Err(_) => Err(format!("{}: no answer within {WRITE_MAX:?}", device.name())),
                }
            }
        }))
        .await;
        let written = results.iter().any(Result::is_ok);
        let problems: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        for problem in &problems {
            tracing::error!(problem, "an audit device failed");
        }
        if written { Ok(()) } else { Err(AuditError::Devices(problems.join("; "))) }
    }
}
