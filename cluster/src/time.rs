//! The cluster's time: never backwards, and never past what most of the voters' clocks have reached.
//!
//! A batch carries the time of its proposer and the state keeps the maximum, so *now* is at least the state's time. Above
//! that it follows the wall clock, capped by the latest instant that a majority of the voters' clocks has reached. So
//! one wrong clock neither stops time nor expires anything. The leader says its *now* in every log message and read index
//! answer; a follower counts on from there by its monotonic clock, again no further than its own wall clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use storage::Millis;

/// A clock that strays further than this from its monotonic sister, or from the quorum, cannot be trusted to expire
/// anything.
pub const STRAY_MAX: Duration = Duration::from_secs(30);

pub fn wall() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    #[cfg(feature = "faults")]
    let wall = crate::under_test::shifted(wall);
    wall
}

/// The latest instant that a majority of the voters' clocks has reached. A voter that has not been heard counts as one
/// whose clock stands at zero.
pub fn majority_clock(clocks: impl IntoIterator<Item = Option<Millis>>) -> Millis {
    let mut clocks: Vec<Millis> = clocks.into_iter().map(Option::unwrap_or_default).collect();
    clocks.sort_unstable_by(|a, b| b.cmp(a));
    clocks.get(clocks.len() / 2).copied().unwrap_or_default()
}

/// *Now*, from the state's time, this node's wall clock and the majority's.
pub fn now(state: Millis, wall: Millis, majority: Millis) -> Millis {
    state.max(wall.min(majority))
}

/// What this node knows of time beside its own clocks.
pub struct Clock {
    started: (Instant, Millis),
    told: Mutex<Option<(Instant, Millis)>>,
    /// The latest that this node has called *now*.
    reached: Mutex<Millis>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { started: (Instant::now(), wall()), told: Mutex::new(None), reached: Mutex::default() }
    }
}

impl Clock {
    /// The leader has said what time it is.
    pub fn tell(&self, now: Millis) {
        if now > Millis(0) {
            *self.told.lock() = Some((Instant::now(), now));
        }
    }

    /// No earlier than any *now* before it.
    pub fn reach(&self, now: Millis) -> Millis {
        let mut reached = self.reached.lock();
        *reached = now.max(*reached);
        *reached
    }

    /// The leader's time, counted on from when it was last told.
    pub fn told(&self) -> Option<Millis> {
        let told = *self.told.lock();
        told.map(|(at, time)| time.plus(at.elapsed()))
    }

    /// How long ago a leader that a quorum answers has spoken.
    pub fn since_told(&self) -> Option<Duration> {
        self.told.lock().map(|(at, _)| at.elapsed())
    }

    /// How far the wall clock has left the monotonic one since the start. Small adjustments add up here on purpose: a
    /// clock that is steered by minutes was wrong by minutes. A restart measures anew.
    pub fn drift(&self) -> Duration {
        let (at, then) = self.started;
        apart(wall(), then.plus(at.elapsed()))
    }
}

/// Whether expiry may run: neither the wall clock's own course nor the quorum speaks against the wall clock.
pub fn is_steady(drift: Duration, wall: Millis, majority: Option<Millis>) -> bool {
    drift <= STRAY_MAX && majority.is_none_or(|majority| apart(wall, majority) <= STRAY_MAX)
}

fn apart(a: Millis, b: Millis) -> Duration {
    Duration::from_millis(a.0.abs_diff(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Option<Millis> {
        Some(Millis(n))
    }

    #[test]
    fn one_clock_of_three_cannot_move_the_majority() {
        assert_eq!(majority_clock([ms(100), ms(101), ms(999_999)]), Millis(101));
        assert_eq!(majority_clock([ms(100), ms(101), ms(0)]), Millis(100));
        assert_eq!(majority_clock([ms(100), ms(101), None]), Millis(100));
    }

    #[test]
    fn an_even_number_needs_more_than_half() {
        // At 30, three of four have arrived; at 40 only two have.
        assert_eq!(majority_clock([ms(10), ms(30), ms(40), ms(50)]), Millis(30));
        assert_eq!(majority_clock([ms(10), ms(50)]), Millis(10));
        assert_eq!(majority_clock([ms(7)]), Millis(7));
    }

    #[test]
    fn now_is_never_before_the_state_nor_past_the_majority() {
        assert_eq!(now(Millis(50), Millis(40), Millis(60)), Millis(50));
        assert_eq!(now(Millis(50), Millis(90), Millis(60)), Millis(60));
        assert_eq!(now(Millis(50), Millis(55), Millis(60)), Millis(55));
        assert_eq!(now(Millis(50), Millis(55), Millis(0)), Millis(50), "nobody heard yet");
    }

    #[test]
    fn what_was_now_stays_reached() {
        let clock = Clock::default();
        assert_eq!(clock.reach(Millis(50)), Millis(50));
        assert_eq!(clock.reach(Millis(40)), Millis(50), "a doubted clock takes nothing back");
        assert_eq!(clock.reach(Millis(60)), Millis(60));
    }

    #[test]
    fn a_stray_clock_is_not_steady() {
        let far = Millis(1_000_000 + 30_001);
        assert!(is_steady(Duration::ZERO, Millis(1_000_000), None));
        assert!(is_steady(STRAY_MAX, Millis(1_000_000), ms(1_030_000)));
        assert!(!is_steady(Duration::ZERO, Millis(1_000_000), Some(far)));
        assert!(!is_steady(Duration::from_millis(30_001), Millis(0), None));
    }
}
