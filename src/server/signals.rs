//! The signals that a server takes. Listened to from before its start: one that comes during it is kept, where the system
//! would end the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    End,
    Reload,
}

impl Signals {
    /// Inside a runtime.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("asked to end (SIGTERM)"),
            _ = self.interrupt.recv() => tracing::info!("asked to end (SIGINT)"),
            _ = self.hangup.recv() => return Asked::Reload,
        }
        Asked::End
    }

    /// Whatever else comes meanwhile.
    pub async fn asked_to_end(&mut self) {
        while self.next().await != Asked::End {}
    }
}
