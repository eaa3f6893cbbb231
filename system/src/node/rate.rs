//! How often a node answers what anybody may ask without a token: for each kind a bucket that fills evenly, so that who
//! empties one keeps nobody from the others.
//!
//! They are for the whole node, not by address: behind a load balancer all have one. The bounds are far above what people
//! and joining nodes need, and low enough that guessing shares or exhausting the log with attempts is hopeless.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// So many at once.
const BURST: u32 = 200;
/// One more after this long.
const EVERY: Duration = Duration::from_millis(20);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Founding a cluster, unsealing a node.
    Unseal,
    /// Letting a node in.
    Join,
    /// Rekeying, making a root token; on a DR secondary whatever takes an operation token.
    Ceremony,
}

#[derive(Default)]
pub struct Rate {
    unseal: Bucket,
    join: Bucket,
    ceremony: Bucket,
}

impl Rate {
    /// Takes one of its kind, or says after how long there will be one.
    pub fn take(&self, kind: Kind, now: Instant) -> Result<(), Duration> {
        match kind {
            Kind::Unseal => self.unseal.take(now),
            Kind::Join => self.join.take(now),
            Kind::Ceremony => self.ceremony.take(now),
        }
    }
}

struct Bucket(Mutex<Instant>);

impl Bucket {
    /// Takes one, or says after how long there will be one.
    fn take(&self, now: Instant) -> Result<(), Duration> {
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

impl Default for Bucket {
    /// A full one.
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_at_a_time() {
        let (rate, now) = (Rate::default(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(rate.take(Kind::Join, now), Ok(()));
        }
        assert!(rate.take(Kind::Join, now).is_err_and(|wait| wait <= EVERY));
        assert_eq!(rate.take(Kind::Unseal, now), Ok(()), "another kind has its own");
        assert_eq!(rate.take(Kind::Join, now + EVERY), Ok(()));
        assert!(rate.take(Kind::Join, now + EVERY).is_err());
        assert_eq!(rate.take(Kind::Join, now + Duration::from_secs(3600)), Ok(()));
    }
}
