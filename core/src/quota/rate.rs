//! How often clients have come: one allowance for each rule and client, in the memory of the node that they came to.
//!
//! A client is an address; of IPv6 it is the network of 64 bits that its owner can draw addresses from. An allowance is full
//! again when its interval is over, which begins with the client's first request. So many clients are known at once; of more
//! the one goes that has been away the longest, and starts with a full allowance when it comes back.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::table::RateLimit;

/// Clients that a node knows at once.
const CLIENTS_MAX: usize = 65_536;

/// What a request is told of its allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub allowed: bool,
    pub limit: u64,
    pub remaining: u64,
    /// Until it is full again.
    pub reset: Duration,
    /// When a client that was refused may come again.
    pub retry: Duration,
}

struct Bucket {
    left: u64,
    full_at: Instant,
    blocked_until: Option<Instant>,
}

pub(super) struct Clients(Cache<(String, IpAddr), Arc<Mutex<Bucket>>>);

impl Default for Clients {
    fn default() -> Self {
        Self(Cache::new(CLIENTS_MAX))
    }
}

impl Clients {
    /// Takes one request off a client's allowance.
    pub fn take(&self, rule: &RateLimit, client: Option<IpAddr>, now: Instant) -> Allowance {
        let key = (rule.id.clone(), network(client));
        let interval = Duration::from_secs(rule.interval);
        let fresh = || Arc::new(Mutex::new(Bucket { left: rule.most(), full_at: now + interval, blocked_until: None }));
        let Ok(bucket) = self.0.get_or_insert_with(&key, || Ok::<_, Infallible>(fresh()));
        let mut bucket = bucket.lock();
        if now >= bucket.full_at {
            (bucket.left, bucket.full_at) = (rule.most(), now + interval);
        }
        let reset = bucket.full_at.duration_since(now);
        let answer = |allowed, remaining, retry| Allowance { allowed, limit: rule.most(), remaining, reset, retry };
        if let Some(until) = bucket.blocked_until.filter(|until| now < *until) {
            return answer(false, 0, until.duration_since(now));
        }
        bucket.blocked_until = None;
        if bucket.left > 0 {
            bucket.left -= 1;
            return answer(true, bucket.left, Duration::ZERO);
        }
        if rule.block == 0 {
            return answer(false, 0, reset);
        }
        let block = Duration::from_secs(rule.block);
        bucket.blocked_until = Some(now + block);
        answer(false, 0, block)
    }

    pub fn forget(&self) {
        self.0.clear();
    }
}

/// Clients without an address, as those of a socket of this machine, share one.
fn network(client: Option<IpAddr>) -> IpAddr {
    match client.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        Some(address) => address,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::table::Scope;

    fn rule(rate: f64, interval: u64, block: u64) -> RateLimit {
        RateLimit { id: "r".into(), scope: Scope::default(), rate, interval, block, inheritable: None }
    }

    fn from(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_allowance_is_used_up_and_full_again() {
        let (clients, rule, began) = (Clients::default(), rule(2.0, 60, 0), Instant::now());
        let take = |client: &str, after: u64| clients.take(&rule, from(client), began + Duration::from_secs(after));
        assert_eq!((take("10.0.0.1", 0).remaining, take("10.0.0.1", 1).remaining), (1, 0));
        let refused = take("10.0.0.1", 10);
        assert!(!refused.allowed);
        assert_eq!((refused.limit, refused.remaining), (2, 0));
        assert_eq!((refused.reset, refused.retry), (Duration::from_secs(50), Duration::from_secs(50)));
        assert!(take("10.0.0.2", 10).allowed, "another client");
        let again = take("10.0.0.1", 60);
        assert!(again.allowed && again.remaining == 1);
    }

    #[test]
    fn a_blocked_client_waits_longer() {
        let (clients, rule, began) = (Clients::default(), rule(1.0, 1, 30), Instant::now());
        let take = |after: u64| clients.take(&rule, from("10.0.0.1"), began + Duration::from_secs(after));
        assert!(take(0).allowed);
        assert_eq!((take(0).allowed, take(10).retry), (false, Duration::from_secs(20)));
        assert!(take(30).allowed);
    }

    #[test]
    fn a_network_of_its_own_is_one_client() {
        let (clients, rule, now) = (Clients::default(), rule(1.0, 60, 0), Instant::now());
        assert!(clients.take(&rule, from("2001:db8::1"), now).allowed);
        assert!(!clients.take(&rule, from("2001:db8::ffff:2"), now).allowed);
        assert!(clients.take(&rule, from("2001:db8:0:1::1"), now).allowed);
        assert!(clients.take(&rule, from("::ffff:10.0.0.9"), now).allowed);
        assert!(!clients.take(&rule, from("10.0.0.9"), now).allowed, "the same address in another form");
    }

    #[test]
    fn many_clients_take_no_more_room_than_is_meant_for_them() {
        let (clients, rule, now) = (Clients::default(), rule(1.0, 60, 0), Instant::now());
        for n in 0..3 * CLIENTS_MAX as u32 {
            clients.take(&rule, Some(IpAddr::V4(n.into())), now);
        }
        assert!(clients.0.len() <= CLIENTS_MAX);
    }
}
