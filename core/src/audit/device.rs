//! A device at work: a bounded queue, and one thread that takes together what has queued up and writes it.
//!
//! Whatever the thread waits for (a full pipe, a disk that hangs), only this device waits with it. Its queue has a bound
//! in entries and in bytes; past it an entry is refused, not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use metrics::{Counter, Gauge, Histogram};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::entry::Phase;
use super::options::Rules;

/// Entries that may wait for a device.
const QUEUE: usize = 1024;
/// Bytes that may wait for a device. One larger entry may wait alone.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// How long a device that many requests wait for lets more come before it writes: they share one write, and waking up.
const GATHER: Duration = Duration::from_micros(100);
/// A request has two entries.
const OF_ONE: usize = 2;
/// What a device may take longer than its patience before it is given up, so that its own word for what is wrong
/// arrives first.
const GRACE: Duration = Duration::from_secs(1);

/// What became of lines.
pub enum Written {
    All(Result<(), String>),
    /// One by one, in order.
    Each(Vec<Result<(), String>>),
}

/// Where lines go. Lives on the device's thread, and may block there.
pub trait Sink: Send {
    /// Each line has its end, and the device's prefix. Opens what is not open. Does not wait longer than `patience`
    /// where it can help it.
    fn write(&mut self, lines: &[Bytes], patience: Duration) -> Written;

    /// Lets go of the file, so that it is opened anew.
    fn reopen(&mut self) {}
}

/// An entry's way to one device.
struct Job {
    line: Bytes,
    phase: Phase,
    /// The request was told that it failed: the entry would say what did not happen.
    given_up: Arc<AtomicBool>,
    done: oneshot::Sender<Result<(), String>>,
    _room: OwnedSemaphorePermit,
}

enum Message {
    Entry(Job),
    Reopen,
}

pub type Ack = oneshot::Receiver<Result<(), String>>;

/// Why an entry was not taken.
pub enum NotTaken {
    /// There is no room now. Not worth waiting for if the device does not move.
    Full,
    Stopped,
}

pub struct Device {
    pub name: String,
    pub kind: String,
    pub rules: Rules,
    queue: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    state: Arc<State>,
}

struct State {
    started: Instant,
    /// Milliseconds after `started` since when the sink has been at one call; zero if it is not.
    busy_since: AtomicU64,
    /// What was wrong the last time, until it works again.
    problem: Mutex<Option<String>>,
    meters: Meters,
}

struct Meters {
    time: [Histogram; 2],
    failures: [Counter; 2],
    failing: Gauge,
}

impl Meters {
    fn new(name: &str) -> Self {
        let name = name.trim_end_matches('/');
        let of = |what: &str| format!("vault.audit.{name}.{what}");
        Self {
            time: [metrics::histogram!(of("log_request")), metrics::histogram!(of("log_response"))],
            failures: [metrics::counter!(of("log_request_failure")), metrics::counter!(of("log_response_failure"))],
            failing: metrics::gauge!(of("failing")),
        }
    }
}

impl Device {
    pub fn start(name: &str, kind: &str, rules: Rules, sink: Box<dyn Sink>) -> std::io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let state = Arc::new(State {
            started: Instant::now(),
            busy_since: AtomicU64::new(0),
            problem: Mutex::default(),
            meters: Meters::new(name),
        });
        let device = Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            queue,
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            state: Arc::clone(&state),
            rules: rules.clone(),
        };
        let worker = Worker { name: name.to_owned(), rules, sink, messages, state };
        std::thread::Builder::new().name("audit-device".into()).spawn(move || worker.run())?;
        Ok(device)
    }

    /// Puts an entry into the queue if there is room.
    pub fn offer(&self, line: &Bytes, phase: Phase, given_up: &Arc<AtomicBool>) -> Result<Ack, NotTaken> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(weight(line)).map_err(|_| NotTaken::Full)?;
        let (message, ack) = message(line, phase, given_up, room);
        match self.queue.try_send(message) {
            Ok(()) => Ok(ack),
            Err(mpsc::error::TrySendError::Full(_)) => Err(NotTaken::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NotTaken::Stopped),
        }
    }

    /// As [`offer`](Self::offer), but waits for room.
    pub async fn queue(&self, line: &Bytes, phase: Phase, given_up: &Arc<AtomicBool>) -> Result<Ack, NotTaken> {
        let room = Arc::clone(&self.room).acquire_many_owned(weight(line)).await.map_err(|_| NotTaken::Stopped)?;
        let (message, ack) = message(line, phase, given_up, room);
        self.queue.send(message).await.map_err(|_| NotTaken::Stopped)?;
        Ok(ack)
    }

    /// How long to wait for its word.
    pub fn limit(&self) -> Duration {
        self.rules.patience.0 + GRACE
    }

    /// Whether it has been at one call for longer than it may. It goes on by itself if the call returns.
    pub fn is_stuck(&self) -> bool {
        let since = self.state.busy_since.load(Ordering::Relaxed);
        since != 0 && self.state.now().saturating_sub(since) > self.limit().as_millis() as u64
    }

    /// What is wrong with it, if something is.
    pub fn problem(&self) -> Option<String> {
        if self.is_stuck() {
            return Some(format!("it has not answered for more than {:?}", self.limit()));
        }
        self.state.problem.lock().clone()
    }

    /// It did not take an entry, or not in time.
    pub fn missed(&self, phase: Phase) {
        self.state.meters.failures[index(phase)].increment(1);
    }

    /// Lets it open its file anew, now if it can.
    pub fn reopen(&self) {
        // With a full queue it is not at rest: the file's own check finds a rename.
        let _ = self.queue.try_send(Message::Reopen);
    }
}

fn weight(line: &Bytes) -> u32 {
    line.len().clamp(1, QUEUE_BYTES) as u32
}

fn message(line: &Bytes, phase: Phase, given_up: &Arc<AtomicBool>, room: OwnedSemaphorePermit) -> (Message, Ack) {
    let (done, ack) = oneshot::channel();
    let job = Job { line: line.clone(), phase, given_up: Arc::clone(given_up), done, _room: room };
    (Message::Entry(job), ack)
}

fn index(phase: Phase) -> usize {
    usize::from(phase == Phase::Response)
}

impl State {
    fn now(&self) -> u64 {
        // Never zero, which means that nothing is going on.
        self.started.elapsed().as_millis() as u64 + 1
    }
}

struct Worker {
    name: String,
    rules: Rules,
    sink: Box<dyn Sink>,
    messages: mpsc::Receiver<Message>,
    state: Arc<State>,
}

impl Worker {
    /// Ends when the device is dropped and its queue is empty.
    fn run(mut self) {
        let (mut jobs, mut crowded) = (Vec::new(), false);
        while let Some(first) = self.messages.blocking_recv() {
            if crowded {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this thread has nothing else to do, and nobody wakes it"
                )]
                std::thread::sleep(GATHER);
            }
            let mut next = Some(first);
            let mut reopen = false;
            let mut size = 0;
            while let Some(message) = next {
                match message {
                    Message::Entry(job) => {
                        size += job.line.len();
                        jobs.push(job);
                    }
                    Message::Reopen => {
                        reopen = true;
                        break;
                    }
                }
                let more = jobs.len() < QUEUE && size < QUEUE_BYTES;
                next = if more { self.messages.try_recv().ok() } else { None };
            }
            crowded = jobs.len() > OF_ONE;
            self.write(&mut jobs);
            if reopen {
                self.sink.reopen();
            }
        }
    }

    fn write(&mut self, jobs: &mut Vec<Job>) {
        jobs.retain(|job| !job.given_up.load(Ordering::Relaxed));
        if jobs.is_empty() {
            return;
        }
        let prefix = self.rules.prefix.as_bytes();
        let lines: Vec<Bytes> = match prefix {
            [] => jobs.iter().map(|job| job.line.clone()).collect(),
            _ => jobs.iter().map(|job| Bytes::from([prefix, &job.line].concat())).collect(),
        };
        // What has failed is tried again, and not waited for again.
        let failing = self.state.problem.lock().is_some();
        let patience = if failing { Duration::ZERO } else { self.rules.patience.0 };
        let began = Instant::now();
        self.state.busy_since.store(self.state.now(), Ordering::Relaxed);
        let written = self.sink.write(&lines, patience);
        self.state.busy_since.store(0, Ordering::Relaxed);
        let took = began.elapsed().as_secs_f64() * 1000.0;
        let mut each = match written {
            Written::All(result) => vec![result; jobs.len()],
            Written::Each(results) => results,
        };
        each.resize(jobs.len(), Err("the device did not say what became of it".into()));
        self.tell(each.iter().find_map(|result| result.as_ref().err()));
        for (job, result) in jobs.drain(..).zip(each) {
            self.state.meters.time[index(job.phase)].record(took);
            if result.is_err() {
                self.state.meters.failures[index(job.phase)].increment(1);
            }
            // Another device's word may have been enough.
            let _ = job.done.send(result);
        }
    }

    /// Once when it begins to fail, once when it works again.
    fn tell(&self, problem: Option<&String>) {
        let mut known = self.state.problem.lock();
        match (&*known, problem) {
            (None, Some(problem)) => tracing::error!(device = self.name, problem, "an audit device fails"),
            (Some(_), None) => tracing::info!(device = self.name, "an audit device works again"),
            _ => {}
        }
        self.state.meters.failing.set(f64::from(u8::from(problem.is_some())));
        *known = problem.cloned();
    }
}
