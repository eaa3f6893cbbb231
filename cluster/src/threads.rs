//! The threads that consensus and its port run on, apart from those of requests: no request's work delays a heartbeat.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// One may be at a disk. Each more costs wake-ups between them.
const THREADS: usize = 2;

/// Ends with its owner, wherever that is dropped: also in the middle of a start that fails.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("raft").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    pub fn handle(&self) -> Handle {
        self.0.as_ref().expect("the runtime is taken in drop alone").handle().clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
