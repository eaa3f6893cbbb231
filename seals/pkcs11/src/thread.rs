//! The thread that speaks to one library. Its calls block for as long as the device likes; whoever asks waits up to a deadline.
//!
//! There is one for each library of the process, for as long as the process runs: a library has one state, and starting it anew
//! ends what others do with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
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

pub(crate) type Done = Result<Zeroizing<Vec<u8>>, Fault>;

struct Job {
    place: Arc<Place>,
    asked: Use,
    done: oneshot::Sender<Done>,
}

#[derive(Clone)]
pub struct Thread {
    send: SyncSender<Job>,
    /// None where no thread is to be had.
    running: Option<Arc<JoinHandle<()>>>,
}

/// By library.
#[derive(Default)]
pub struct Running(BTreeMap<PathBuf, Thread>);

impl Running {
    /// One that has ended, or never began, is begun anew.
    pub fn of(&mut self, lib: &Path, begin: impl FnOnce() -> Thread) -> Thread {
        if let Some(thread) = self.0.get(lib).filter(|thread| thread.runs()) {
            return thread.clone();
        }
        let thread = begin();
        self.0.insert(lib.to_owned(), thread.clone());
        thread
    }
}

impl Thread {
    pub fn of(lib: &Path) -> Self {
        static RUNNING: Mutex<Running> = Mutex::new(Running(BTreeMap::new()));
        // By two names it is one library all the same.
        let lib = lib.canonicalize().unwrap_or_else(|_| lib.to_owned());
        RUNNING.lock().of(&lib, || {
            let mut device = Device::default();
            Self::begin(move |place, asked| device.run(place, asked))
        })
    }

    pub(crate) fn begin(run: impl FnMut(&Place, &Use) -> Done + Send + 'static) -> Self {
        let (send, receive) = sync_channel(WAITING_MAX);
        let spawned = std::thread::Builder::new().name("pkcs11".to_owned()).spawn(move || work(&receive, run));
        Self { send, running: spawned.ok().map(Arc::new) }
    }

    pub(crate) fn runs(&self) -> bool {
        self.running.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    pub async fn run(&self, place: Arc<Place>, asked: Use) -> Done {
        let unavailable = |text: &str| Err(Fault::Unavailable(text.to_owned()));
        let (send, receive) = oneshot::channel();
        match self.send.try_send(Job { place, asked, done: send }) {
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

fn work(jobs: &Receiver<Job>, mut run: impl FnMut(&Place, &Use) -> Done) {
    while let Ok(Job { place, asked, done }) = jobs.recv() {
        // Who asked may have gone.
        if !done.is_closed() {
            let _ = done.send(run(&place, &asked));
        }
    }
}
