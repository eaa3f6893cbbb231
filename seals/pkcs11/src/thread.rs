//! The thread that speaks to one library. Its calls block for as long as the device likes; whoever asks waits up to a deadline.
//!
//! There is one for each library of the process, for as long as the process runs: a library has one state, and starting it anew
//! ends what others do with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::device::{Device, Fault, Place, Use};

/// How long whoever asks waits.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Calls that wait; of more it is said that the device is busy.
const WAITING_MAX: usize = 8;

type Done = Result<Zeroizing<Vec<u8>>, Fault>;

struct Job {
    place: Arc<Place>,
    asked: Use,
    done: oneshot::Sender<Done>,
}

#[derive(Clone)]
pub struct Thread(SyncSender<Job>);

impl Thread {
    pub fn of(lib: &Path) -> Self {
        static RUNNING: Mutex<BTreeMap<PathBuf, Thread>> = Mutex::new(BTreeMap::new());
        let start = || {
            let (send, receive) = sync_channel(WAITING_MAX);
            // Where no thread is to be had the receiver is gone, which whoever asks is told.
            let _ = std::thread::Builder::new().name("pkcs11".to_owned()).spawn(move || work(&receive));
            Self(send)
        };
        RUNNING.lock().entry(lib.to_owned()).or_insert_with(start).clone()
    }

    pub async fn run(&self, place: Arc<Place>, asked: Use) -> Done {
        let unavailable = |text: &str| Err(Fault::Unavailable(text.to_owned()));
        let (send, receive) = oneshot::channel();
        match self.0.try_send(Job { place, asked, done: send }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return unavailable("the device has not answered earlier calls yet"),
            Err(TrySendError::Disconnected(_)) => return unavailable("the thread that speaks to the device has ended"),
        }
        match timeout(CALL_MAX, receive).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => unavailable("the call of the device was broken off"),
            Err(_) => unavailable("the device did not answer in time"),
        }
    }
}

fn work(jobs: &Receiver<Job>) {
    let mut device = Device::default();
    while let Ok(Job { place, asked, done }) = jobs.recv() {
        // Who asked may have gone.
        if !done.is_closed() {
            let _ = done.send(device.run(&place, &asked));
        }
    }
}
