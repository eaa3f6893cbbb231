//! The requests that are under way on this node: those that came to it, and those it runs for others.

use std::collections::HashMap;
use std::net::SocketAddr;

use parking_lot::Mutex;
use sdk::Verb;
use storage::{Millis, RequestId};

use crate::request::Request;

/// So that requests do not wait for each other here.
const SHARDS: usize = 16;
/// How many are known, in each. Further ones run without being listed.
const KNOWN_MAX: usize = 1000;

/// A request, as it is shown.
#[derive(Clone)]
pub struct UnderWay {
    pub id: RequestId,
    /// The cluster's time when it began here, as this node knew it.
    pub since: Millis,
    pub remote: Option<SocketAddr>,
    pub path: String,
    pub verb: Verb,
}

pub struct InFlight {
    shards: [Mutex<HashMap<RequestId, UnderWay>>; SHARDS],
}

impl Default for InFlight {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl InFlight {
    /// Lists a request for as long as what is returned lives.
    pub(crate) fn begin(&self, request: &Request, since: Millis) -> Listed<'_> {
        let shard = &self.shards[usize::from(request.id.random[0]) % SHARDS];
        let mut known = shard.lock();
        if known.len() < KNOWN_MAX && !known.contains_key(&request.id) {
            let (path, verb, remote) = (request.path.clone(), request.verb, request.remote);
            known.insert(request.id, UnderWay { id: request.id, since, remote, path, verb });
            return Listed { shard, id: Some(request.id) };
        }
        Listed { shard, id: None }
    }

    /// The longest under way first.
    pub fn all(&self) -> Vec<UnderWay> {
        let mut all: Vec<UnderWay> =
            self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect();
        all.sort_by_key(|request| (request.since, request.id));
        all
    }
}

pub(crate) struct Listed<'a> {
    shard: &'a Mutex<HashMap<RequestId, UnderWay>>,
    id: Option<RequestId>,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.shard.lock().remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_listed_while_they_run_and_in_bounds() {
        let in_flight = InFlight::default();
        let request = |n: u16| {
            let mut request = Request::event("sys/x", sdk::Map::new());
            request.id.random = [0; 16];
            request.id.random[14..].copy_from_slice(&n.to_be_bytes());
            request
        };
        let requests: Vec<Request> = (0..1005).map(request).collect();
        let later = in_flight.begin(&requests[1], Millis(2));
        let first = in_flight.begin(&requests[0], Millis(1));
        let again = in_flight.begin(&requests[0], Millis(3));
        let seen: Vec<u64> = in_flight.all().iter().map(|r| r.since.0).collect();
        assert_eq!(seen, [1, 2]);
        drop(again);
        assert_eq!(in_flight.all().len(), 2, "who was not listed takes nobody off the list");
        let many: Vec<_> = requests.iter().map(|request| in_flight.begin(request, Millis(4))).collect();
        assert_eq!(in_flight.all().len(), KNOWN_MAX);
        drop((many, first, later));
        assert!(in_flight.all().is_empty());
    }
}
