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
/// Bytes of all bodies that are being read or answered.
const ALL_MAX: usize = 512 * KIB * KIB;

/// Memory for bodies. A body has the room of what has come of it, not of what it said it would be: who opens many and
/// sends nothing takes nothing from others.
pub struct BodyRoom(Arc<Semaphore>);

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_MAX / KIB)))
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
        }
        Ok((bytes.freeze(), room))
    }

    /// Never waits: bodies that are half there must not wait for each other.
    fn widen(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Refused> {
        let more = bytes.div_ceil(KIB).saturating_sub(room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        let full = |_| Refused::new(503, "too many large requests at once; try again");
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let wider = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(full)?;
        match room {
            Some(room) => room.merge(wider),
            None => *room = Some(wider),
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
        assert_eq!(all.widen(&mut second, ALL_MAX).unwrap_err().status, 503);
        drop(first);
        all.widen(&mut second, ALL_MAX).unwrap();
        assert_eq!(all.widen(&mut None, 1).unwrap_err().status, 503);
    }
}
