//! Bodies: read within a bound of each, and a bound of all together.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::parse::Refused;

const KIB: usize = 1024;
/// Bytes of all large bodies that are being read or answered.
const LARGE_MAX: usize = 384 * KIB * KIB;
/// Bytes of all others.
const SMALL_MAX: usize = 128 * KIB * KIB;
/// Up to here a body is small, as those are that log in and unseal.
const SMALL: usize = 64 * KIB;

/// Memory for bodies. A body has the room of what has come of it, not of what it said it would be: who opens many and
/// sends nothing takes nothing from others. Large ones take none from small ones.
pub struct BodyRoom {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Default for BodyRoom {
    fn default() -> Self {
        Self { small: Arc::new(Semaphore::new(SMALL_MAX / KIB)), large: Arc::new(Semaphore::new(LARGE_MAX / KIB)) }
    }
}

impl BodyRoom {
    /// The body, and its room, to be kept until the request is answered.
    pub async fn read(
        &self,
        body: Incoming,
        most: usize,
        arrival: Duration,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refused> {
        match timeout(arrival, self.collect(body, most)).await {
            Ok(read) => read,
            Err(_) => Err(Refused::new(408, format!("the body did not arrive within {arrival:?} (http_read_timeout)"))),
        }
    }

    async fn collect(&self, mut body: Incoming, most: usize) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refused> {
        let too_large = || {
            let text = format!("http: request body too large; at most {most} bytes (max_request_size)");
            Refused::new(413, text)
        };
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        let (mut bytes, mut room) = (BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| Refused::new(400, format!("the body could not be read: {e}")))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > most {
                return Err(too_large());
            }
            self.widen(&mut room, bytes.len() + data.len())?;
            bytes.extend_from_slice(&data);
            // A buffer that grows has more room than it holds.
            self.widen(&mut room, bytes.capacity().min(most))?;
        }
        Ok((bytes.freeze(), room))
    }

    /// Never waits: bodies that are half there must not wait for each other.
    fn widen(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Refused> {
        let has = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needs = bytes.div_ceil(KIB);
        if needs <= has {
            return Ok(());
        }
        let full = |_| Refused::new(503, "too many large requests at once; try again");
        let of = |all: &Arc<Semaphore>, permits: usize| {
            Arc::clone(all).try_acquire_many_owned(u32::try_from(permits).unwrap_or(u32::MAX)).map_err(full)
        };
        let all = if bytes <= SMALL { &self.small } else { &self.large };
        match room {
            Some(room) if Arc::ptr_eq(room.semaphore(), all) => room.merge(of(all, needs - has)?),
            // The first of it, or it is small no more.
            room => *room = Some(of(all, needs)?),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodies_together_have_a_bound_and_give_it_back() {
        let all = BodyRoom::default();
        let (mut first, mut second) = (None, None);
        all.widen(&mut first, 1).unwrap();
        assert_eq!(first.as_ref().unwrap().num_permits(), 1);
        all.widen(&mut first, KIB + 1).unwrap();
        assert_eq!(first.as_ref().unwrap().num_permits(), 2);
        let mut third = None;
        all.widen(&mut third, SMALL + 1).unwrap();
        assert_eq!(all.widen(&mut second, LARGE_MAX).unwrap_err().status, 503);
        drop(third);
        drop(first);
        all.widen(&mut second, LARGE_MAX).unwrap();
        assert_eq!(all.widen(&mut None, SMALL + 1).unwrap_err().status, 503);
        let mut small = None;
        all.widen(&mut small, SMALL).unwrap();
        assert_eq!(all.widen(&mut small, SMALL + 1).unwrap_err().status, 503, "it is small no more");
        drop(second);
        all.widen(&mut small, SMALL + 1).unwrap();
    }
}
