//! How often a node answers what anybody may ask without a token: a bucket that fills evenly.
//!
//! It is for the whole node, not by address: behind a load balancer all have one. The bounds are far above what people and
//! joining nodes need, and low enough that guessing shares or exhausting the log with attempts is hopeless.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// So many at once.
const BURST: u32 = 200;
/// One more after this long.
const EVERY: Duration = Duration::from_millis(20);

pub struct Rate(Mutex<Instant>);

impl Rate {
    /// A full bucket.
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Takes one, or says after how long there will be one.
    pub fn take(&self, now: Instant) -> Result<(), Duration> {
        // The time at which the bucket is full again, were nothing taken any more.
        let mut full = self.0.lock();
        let next = (*full).max(now) + EVERY;
        match (next - now).checked_sub(EVERY * BURST) {
            None | Some(Duration::ZERO) => {
                *full = next;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_at_a_time() {
        let (rate, now) = (Rate::new(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(rate.take(now), Ok(()));
        }
        assert!(rate.take(now).is_err_and(|wait| wait <= EVERY));
        assert_eq!(rate.take(now + EVERY), Ok(()));
        assert!(rate.take(now + EVERY).is_err());
        assert_eq!(rate.take(now + Duration::from_secs(3600)), Ok(()));
    }
}
