//! How many requests run at once, and who waits: a node that is asked for more than it can do goes on doing as much as it can,
//! and says so to the rest while they still listen.
//!
//! Each lane has places for those that run, and a queue. Whoever has waited longest comes next, as long as that is not long;
//! then the newest does, since one order in which everybody is late helps nobody. Who has waited [`PATIENCE`] is refused: so much
//! may come at once, as when a leader was waited for. A queue that has not been empty for so long is no such burst: it stands. Who has
//! waited [`STANDING`] in it is set aside, and served only if the node comes to have little to do: what is served is as fast as ever.
//! Those aside are refused when their patience ends and no sooner: whoever asks again at once would be refused at once, and so on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sdk::Verb;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::request::Request;
use crate::response::Response;

/// The longest wait for a place.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest for a place in a queue that goes on and on.
const STANDING: Duration = Duration::from_millis(200);
/// From here on the newest comes next.
const LATE: Duration = Duration::from_millis(100);
/// Requests that wait for one lane.
const WAITING_MAX: usize = 16 * 1024;
const MIB: usize = 1024 * 1024;
/// Bytes of all requests that other nodes have sent on to this one. What comes from clients has its room where it is read.
const LARGE_MAX: usize = 192 * MIB;
/// Of those up to [`SMALL`], as renewals and logins are: large ones take no room from them.
const SMALL_MAX: usize = 64 * MIB;
const SMALL: usize = 64 * 1024;

/// Requests that do not wait for those of another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// What keeps a client or the cluster going: renewals and revocations, and what operators do about a node that has too much
    /// to do.
    Upkeep,
    Read,
    /// Answers that may be long.
    Listing,
    Write,
    /// On their way to the active node, which has lanes of its own.
    Forward,
    /// The same, of upkeep.
    ForwardUpkeep,
}

const LANES: [Lane; 6] = [Lane::Upkeep, Lane::Read, Lane::Listing, Lane::Write, Lane::Forward, Lane::ForwardUpkeep];

/// Below `auth/token/`.
const UPKEEP_OF_TOKENS: [&str; 7] =
    ["renew", "renew-self", "renew-accessor", "revoke", "revoke-self", "revoke-accessor", "revoke-orphan"];
/// Below `sys/`.
const UPKEEP_OF_THE_SYSTEM: [&str; 13] = [
    "leases/renew",
    "leases/revoke",
    "leases/revoke-force",
    "leases/revoke-prefix",
    "renew",
    "revoke",
    "revoke-force",
    "revoke-prefix",
    "quotas",
    "seal",
    "step-down",
    "in-flight-req",
    "metrics",
];

impl Lane {
    pub fn of(request: &Request) -> Self {
        match request.verb {
            _ if is_upkeep(&request.path) => Self::Upkeep,
            Verb::Read => Self::Read,
            Verb::List | Verb::Scan => Self::Listing,
            Verb::Write | Verb::Patch | Verb::Delete => Self::Write,
        }
    }

    /// Of one that is sent on to the active node.
    pub fn onward(request: &Request) -> Self {
        if is_upkeep(&request.path) { Self::ForwardUpkeep } else { Self::Forward }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Upkeep => "upkeep",
            Self::Read => "read",
            Self::Listing => "listing",
            Self::Write => "write",
            Self::Forward => "forward",
            Self::ForwardUpkeep => "forward-upkeep",
        }
    }

    /// How many run at once. More than keep the processors and one sync of the log busy would only wait inside, where the
    /// newest is not preferred and nobody is told that there are too many.
    fn places(self, processors: usize) -> usize {
        match self {
            Self::Upkeep | Self::Read | Self::Write => 32 * processors,
            Self::Listing => 4 * processors,
            // They cost this node little but memory.
            Self::Forward => 8192,
            Self::ForwardUpkeep => 1024,
        }
    }
}

/// The path may begin with a namespace, which nobody has looked up yet. A path that only looks like it gets a place in a lane as
/// narrow as its own.
fn is_upkeep(path: &str) -> bool {
    let below = |root: &str| {
        let begins = |at: &usize| *at == 0 || path.as_bytes()[at - 1] == b'/';
        path.match_indices(root).map(|(at, _)| at).find(begins).map(|at| &path[at + root.len()..])
    };
    let is = |rest: &str, wanted: &str| {
        rest.strip_prefix(wanted).is_some_and(|more| more.is_empty() || more.starts_with('/'))
    };
    below("auth/token/").is_some_and(|rest| UPKEEP_OF_TOKENS.iter().any(|wanted| is(rest, wanted)))
        || below("sys/").is_some_and(|rest| UPKEEP_OF_THE_SYSTEM.iter().any(|wanted| is(rest, wanted)))
}

pub struct Lanes {
    queues: [Arc<Queue>; LANES.len()],
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub lane: Lane,
    pub running: usize,
    pub waiting: usize,
}

/// There is no place, or was none in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded(Lane);

impl Overloaded {
    fn in_lane(lane: Lane) -> Self {
        metrics::counter!("holdfast.core.overloaded", "lane" => lane.name()).increment(1);
        Self(lane)
    }

    pub fn response(self) -> Response {
        let what = match self.0 {
            Lane::Upkeep => "renewals and revocations",
            Lane::Read => "reads",
            Lane::Listing => "listings",
            Lane::Write => "writes",
            Lane::Forward | Lane::ForwardUpkeep => "requests for the active node",
        };
        Response::unavailable(&format!("this node has more {what} to do than it can; nothing was done; try again"))
    }
}

impl Default for Lanes {
    /// For the processors that this process may use.
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Lanes {
    fn of(processors: usize) -> Self {
        let queue = |lane: Lane| Queue { places: lane.places(processors), state: Mutex::default() };
        let queues = LANES.map(|lane| Arc::new(queue(lane)));
        Self { queues, small: Arc::new(Semaphore::new(SMALL_MAX)), large: Arc::new(Semaphore::new(LARGE_MAX)) }
    }

    /// A place among those that run, held until it drops or is given back.
    pub async fn enter(&self, lane: Lane, deadline: Instant) -> Result<Place, Overloaded> {
        let queue = &self.queues[lane as usize];
        let admitted = match queue.knock(Instant::now()) {
            Ok(place) => return Ok(place),
            Err(turn) => turn.comes(deadline.min(Instant::now() + PATIENCE)).await,
        };
        admitted.ok_or_else(|| Overloaded::in_lane(lane))
    }

    /// Room for the bytes of a request that another node has sent on.
    pub fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Overloaded> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = if bytes <= SMALL { &self.small } else { &self.large };
        Arc::clone(room).try_acquire_many_owned(permits).map_err(|_| Overloaded::in_lane(Lane::Forward))
    }

    pub fn fill(&self) -> [Fill; LANES.len()] {
        LANES.map(|lane| {
            let state = self.queues[lane as usize].state.lock();
            Fill { lane, running: state.running, waiting: state.waiting() }
        })
    }
}

struct Queue {
    places: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    /// In the order in which they came.
    waiting: BTreeMap<u64, Waiter>,
    /// Those that have waited too long where the queue stands.
    aside: BTreeMap<u64, Waiter>,
    next: u64,
    /// Since when somebody waits.
    since: Option<Instant>,
    /// The queue stands until then, also if it is empty for a moment.
    stands: Option<Instant>,
}

impl State {
    fn first_waits(&self, now: Instant) -> Duration {
        self.waiting.first_key_value().map_or(Duration::ZERO, |(_, first)| now - first.since)
    }

    fn set_aside(&mut self, now: Instant) {
        let stands =
            self.since.is_some_and(|since| now - since > PATIENCE) || self.stands.is_some_and(|until| now < until);
        while stands && self.first_waits(now) > STANDING {
            self.aside.extend(self.waiting.pop_first());
            self.stands = Some(now + PATIENCE);
        }
    }

    /// Who gets a place that has become free.
    fn next(&mut self, now: Instant, places: usize) -> Option<Waiter> {
        self.set_aside(now);
        let next = if self.first_waits(now) > LATE { self.waiting.pop_last() } else { self.waiting.pop_first() };
        self.since = self.since.filter(|_| !self.waiting.is_empty());
        let idle = self.running <= places / 4;
        next.or_else(|| if idle { self.aside.pop_last() } else { None }).map(|(_, waiter)| waiter)
    }

    fn waiting(&self) -> usize {
        self.waiting.len() + self.aside.len()
    }
}

struct Waiter {
    since: Instant,
    wake: oneshot::Sender<Place>,
}

impl Queue {
    fn knock(self: &Arc<Self>, now: Instant) -> Result<Place, Turn> {
        let mut state = self.state.lock();
        if state.running < self.places {
            state.running += 1;
            return Ok(Place { queue: Arc::clone(self), held: AtomicBool::new(true) });
        }
        let (wake, woken) = oneshot::channel();
        let number = state.next;
        state.next += 1;
        state.since.get_or_insert(now);
        state.waiting.insert(number, Waiter { since: now, wake });
        // Whoever has waited longest is the least likely to be served in time. It notices when it is dropped.
        let full = state.waiting() > WAITING_MAX;
        let refused = if full { state.aside.pop_first().or_else(|| state.waiting.pop_first()) } else { None };
        drop((state, refused));
        Err(Turn { queue: Arc::clone(self), number, woken })
    }

    /// A place has become free: for whoever is next, or for those to come.
    fn left(self: &Arc<Self>, now: Instant) {
        loop {
            let mut state = self.state.lock();
            let Some(waiter) = state.next(now, self.places) else {
                state.running -= 1;
                return;
            };
            drop(state);
            let place = Place { queue: Arc::clone(self), held: AtomicBool::new(true) };
            match waiter.wake.send(place) {
                Ok(()) => return,
                // It has just given up; its place is still free.
                Err(place) => place.held.store(false, Ordering::Relaxed),
            }
        }
    }
}

/// Stands in the queue until it drops.
struct Turn {
    queue: Arc<Queue>,
    number: u64,
    woken: oneshot::Receiver<Place>,
}

impl Turn {
    async fn comes(mut self, deadline: Instant) -> Option<Place> {
        timeout_at(deadline, &mut self.woken).await.ok()?.ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A place that came at the last moment goes on with the channel.
        let mut state = self.queue.state.lock();
        let gone = state.waiting.remove(&self.number).or_else(|| state.aside.remove(&self.number));
        state.since = state.since.filter(|_| !state.waiting.is_empty());
        drop((state, gone));
    }
}

pub struct Place {
    queue: Arc<Queue>,
    held: AtomicBool,
}

impl Place {
    /// Before a wait for something that costs this node nothing: others can run meanwhile. Whoever comes back from it runs on
    /// without a place, and is one of few.
    pub fn give_back(&self) {
        if self.held.swap(false, Ordering::Relaxed) {
            self.queue.left(Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    const LATER: Duration = Duration::from_secs(60);

    async fn full(lanes: &Lanes, lane: Lane) -> Vec<Place> {
        let all = (0..lane.places(4)).map(|_| lanes.enter(lane, Instant::now() + LATER));
        join_all(all).await.into_iter().map(|place| place.expect("there was a place")).collect()
    }

    fn fill(lanes: &Lanes, lane: Lane) -> (usize, usize) {
        let fill = lanes.fill()[lane as usize];
        assert_eq!(fill.lane, lane);
        (fill.running, fill.waiting)
    }

    /// The waiting requests, each saying its number when it has a place, which it keeps for as long as the test wants.
    fn line_up(
        lanes: &Arc<Lanes>,
        numbers: std::ops::Range<usize>,
    ) -> tokio::sync::mpsc::UnboundedReceiver<(usize, Result<Place, Overloaded>)> {
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        for number in numbers {
            let (lanes, tell) = (Arc::clone(lanes), tell.clone());
            tokio::spawn(async move {
                let place = lanes.enter(Lane::Listing, Instant::now() + LATER).await;
                tell.send((number, place)).ok();
            });
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_queue_is_served_in_its_order_and_a_long_one_from_its_end() {
        let lanes = Arc::new(Lanes::of(4));
        let mut held = full(&lanes, Lane::Listing).await;
        let mut served = line_up(&lanes, 0..3);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(fill(&lanes, Lane::Listing), (16, 3));
        held.pop();
        let (number, _first) = served.recv().await.unwrap();
        assert_eq!(number, 0, "the one that has waited longest");
        tokio::time::sleep(LATE).await;
        held.pop();
        let (number, _second) = served.recv().await.unwrap();
        assert_eq!(number, 2, "the newest, since the first has waited for long");
        let (number, last) = served.recv().await.unwrap();
        assert_eq!(
            (number, last.err()),
            (1, Some(Overloaded(Lane::Listing))),
            "it was refused once it had waited long"
        );
    }

    /// A full lane whose queue stands, and is empty now.
    async fn standing(lanes: &Arc<Lanes>) -> Vec<Place> {
        let mut held = full(lanes, Lane::Listing).await;
        let wait = || {
            let lanes = Arc::clone(lanes);
            tokio::spawn(async move { lanes.enter(Lane::Listing, Instant::now() + LATER).await.is_ok() })
        };
        let first = wait();
        tokio::time::sleep(PATIENCE - LATE).await;
        let second = wait();
        tokio::time::sleep(STANDING + LATE).await;
        assert!(!first.await.unwrap());
        held.pop();
        assert_eq!(fill(lanes, Lane::Listing), (15, 1), "it was set aside");
        second.abort();
        assert!(second.await.is_err());
        held.push(lanes.enter(Lane::Listing, Instant::now()).await.expect("a place is free"));
        assert_eq!(fill(lanes, Lane::Listing), (16, 0));
        held
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_queue_that_stands_who_has_waited_long_is_not_served_but_refused_when_its_patience_ends() {
        let lanes = Arc::new(Lanes::of(4));
        let mut held = standing(&lanes).await;
        let came = Instant::now();
        let mut late = line_up(&lanes, 0..2);
        tokio::time::sleep(STANDING + Duration::from_millis(1)).await;
        let mut new = line_up(&lanes, 2..3);
        tokio::time::sleep(Duration::from_millis(1)).await;
        held.pop();
        let (number, place) = new.recv().await.unwrap();
        assert!(number == 2 && place.is_ok());
        // A place is free, and not theirs.
        held.pop();
        assert_eq!(fill(&lanes, Lane::Listing), (15, 2));
        assert!(lanes.enter(Lane::Listing, Instant::now()).await.is_ok(), "it is for who comes now");
        for _ in 0..2 {
            assert!(late.recv().await.unwrap().1.is_err());
            assert!(came.elapsed() >= PATIENCE, "so that it does not ask again at once");
        }
        drop(place);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_set_aside_is_served_when_there_is_little_to_do() {
        let lanes = Arc::new(Lanes::of(4));
        let mut held = standing(&lanes).await;
        let mut late = line_up(&lanes, 0..1);
        tokio::time::sleep(STANDING + Duration::from_millis(1)).await;
        for _ in 0..held.len() * 3 / 4 {
            assert!(late.try_recv().is_err());
            held.pop();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        held.pop();
        assert!(late.recv().await.unwrap().1.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_stood_is_patient_again_once_it_has_been_empty_for_a_while() {
        let lanes = Arc::new(Lanes::of(4));
        let mut held = standing(&lanes).await;
        tokio::time::sleep(PATIENCE).await;
        let mut patient = line_up(&lanes, 0..1);
        tokio::time::sleep(PATIENCE - LATE).await;
        held.pop();
        assert!(patient.recv().await.unwrap().1.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn places_come_back_from_those_that_wait_elsewhere_have_gone_or_were_late() {
        let lanes = Arc::new(Lanes::of(4));
        let held = full(&lanes, Lane::Listing).await;
        held[0].give_back();
        held[0].give_back();
        let again = lanes.enter(Lane::Listing, Instant::now()).await.expect("it was given back");
        assert!(lanes.enter(Lane::Listing, Instant::now()).await.is_err(), "and once only");
        // One whose client is gone.
        let gone = lanes.enter(Lane::Listing, Instant::now() + LATER);
        assert!(futures::FutureExt::now_or_never(gone).is_none());
        assert_eq!(fill(&lanes, Lane::Listing), (16, 0));
        drop((held, again));
        assert_eq!(fill(&lanes, Lane::Listing), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_lets_go_of_who_came_first_and_other_lanes_do_not_notice() {
        let lanes = Arc::new(Lanes::of(4));
        let held = full(&lanes, Lane::Listing).await;
        let mut refused = line_up(&lanes, 0..WAITING_MAX + 1);
        let (number, place) = refused.recv().await.unwrap();
        assert_eq!((number, place.err()), (0, Some(Overloaded(Lane::Listing))));
        assert_eq!(fill(&lanes, Lane::Listing), (16, WAITING_MAX));
        for lane in [Lane::Upkeep, Lane::Read, Lane::Write, Lane::Forward] {
            assert!(lanes.enter(lane, Instant::now()).await.is_ok(), "{lane:?}");
        }
        drop(held);
    }

    #[test]
    fn bytes_that_others_sent_on_have_a_bound() {
        let lanes = Lanes::of(4);
        let half = lanes.room(LARGE_MAX / 2).unwrap();
        let rest = lanes.room(LARGE_MAX - LARGE_MAX / 2).unwrap();
        assert_eq!(lanes.room(SMALL + 1).err(), Some(Overloaded(Lane::Forward)));
        assert!(lanes.room(SMALL).is_ok(), "a renewal has room of its own");
        drop((half, rest));
        assert!(lanes.room(LARGE_MAX).is_ok());
    }

    #[test]
    fn what_keeps_things_going_has_a_lane_wherever_its_namespace_is() {
        for path in [
            "auth/token/renew-self",
            "team/web/auth/token/renew",
            "sys/leases/renew",
            "sys/leases/renew/database/creds/x/1",
            "team/sys/leases/revoke",
            "sys/step-down",
            "sys/quotas/rate-limit/all",
            "sys/leases/revoke-prefix/database/creds",
        ] {
            assert!(is_upkeep(path), "{path}");
        }
        for path in [
            "auth/token/create",
            "auth/token/renewal",
            "secret/data/renew",
            "sys/leases/lookup",
            "sys/mounts/seal",
            "mysys/seal",
        ] {
            assert!(!is_upkeep(path), "{path}");
        }
    }
}
