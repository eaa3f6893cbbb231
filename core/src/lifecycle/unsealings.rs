//! Shares that were given for namespaces, until there are enough of them: the active node's, in memory, and not for long.

use std::collections::BTreeMap;
use std::time::Duration;

use barrier::Share;
use parking_lot::Mutex;
use sdk::{Namespace, NamespaceId};
use tokio::time::Instant;

use crate::namespace::{Refused, TenantSeal};

/// Unsealings that are under way at once.
const UNSEALINGS_MAX: usize = 256;
/// How long shares wait for the others.
const GIVEN_MAX: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Unsealings(Mutex<BTreeMap<NamespaceId, Progress>>);

struct Progress {
    shares: Vec<Share>,
    nonce: String,
    since: Instant,
    /// Of the seal that they are shares of.
    mark: [u8; 32],
    /// The outermost namespace that it lies in.
    outermost: String,
}

impl Unsealings {
    /// How many were given, and of which unsealing.
    pub fn progress(&self, id: &NamespaceId) -> (usize, String) {
        let given = self.0.lock();
        let lives = given.get(id).filter(|progress| progress.since.elapsed() < GIVEN_MAX);
        lives.map_or_else(Default::default, |progress| (progress.shares.len(), progress.nonce.clone()))
    }

    pub fn forget(&self, id: &NamespaceId) {
        self.0.lock().remove(id);
    }

    pub fn forget_all(&self) {
        self.0.lock().clear();
    }

    /// Takes a share of a namespace right below another one. Answers enough of them, once they are there; the collection
    /// then begins anew.
    pub fn collect(
        &self,
        id: &NamespaceId,
        above: &Namespace,
        seal: &TenantSeal,
        share: Share,
    ) -> Result<Option<Vec<Share>>, Refused> {
        let mark = seal.mark();
        let mut given = self.0.lock();
        given.retain(|known, progress| progress.since.elapsed() < GIVEN_MAX && (known != id || progress.mark == mark));
        if given.len() >= UNSEALINGS_MAX && !given.contains_key(id) {
            make_room(&mut given);
        }
        let progress = given.entry(id.clone()).or_insert_with(|| Progress {
            shares: Vec::new(),
            nonce: uuid::Uuid::from_bytes(crypto::random()).to_string(),
            since: Instant::now(),
            mark,
            outermost: above.path.split('/').next().unwrap_or_default().to_owned(),
        });
        if progress.shares.iter().any(|known| crypto::ct_eq(known.expose(), share.expose())) {
            return Ok(None);
        }
        if progress.shares.iter().any(|known| known.collides_with(&share)) {
            given.remove(id);
            let text = "the given shares do not belong together; all are thrown away, start again";
            return Err(Refused::Invalid(text.into()));
        }
        progress.shares.push(share);
        if progress.shares.len() < usize::from(seal.config.threshold()) {
            return Ok(None);
        }
        Ok(given.remove(id).map(|progress| progress.shares))
    }
}

/// Throws away the oldest of those who have most: nobody who begins many takes the room of others.
fn make_room(given: &mut BTreeMap<NamespaceId, Progress>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    given.values().for_each(|progress| *counts.entry(&progress.outermost).or_default() += 1);
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(outermost, _)| outermost.to_owned());
    let of_those = given.iter().filter(|(_, progress)| most.as_ref() == Some(&progress.outermost));
    if let Some(oldest) = of_those.min_by_key(|(_, progress)| progress.since).map(|(id, _)| id.clone()) {
        given.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use barrier::{SealConfig, split};
    use storage::Millis;

    use super::*;
    use crate::namespace::under_test_seal;

    fn id(n: usize) -> NamespaceId {
        let letters = format!("{n:08}");
        NamespaceId::parse(&format!("{letters}-{letters}")).unwrap()
    }

    fn at(path: &str) -> Namespace {
        Namespace { path: path.to_owned(), ..Namespace::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_begins_many_takes_nobody_elses_room_and_what_is_not_ended_goes() {
        let config = SealConfig::shamir(3, 2, String::new()).unwrap();
        let (seal, other) = (under_test_seal(&id(0), &config, Millis(1)), under_test_seal(&id(0), &config, Millis(1)));
        let key = barrier::UnsealKey::random();
        let share = |n: usize| Share::from_slice(split(&key, &config)[n].expose());
        let (given, first) = (Unsealings::default(), Share::from_slice(share(0).expose()));
        assert!(given.collect(&id(0), &at("victim/"), &seal, first).unwrap().is_none());
        for n in 1..2 * UNSEALINGS_MAX {
            tokio::time::advance(Duration::from_millis(1)).await;
            let above = at(&format!("many/n{n}/"));
            assert!(given.collect(&id(n), &above, &seal, share(0)).unwrap().is_none());
        }
        assert_eq!(given.0.lock().len(), UNSEALINGS_MAX);
        assert_eq!(given.progress(&id(0)).0, 1);
        // New shares have taken the place of those that it is one of.
        assert!(given.collect(&id(0), &at("victim/"), &other, share(1)).unwrap().is_none());
        assert_eq!(given.progress(&id(0)).0, 1);
        tokio::time::advance(GIVEN_MAX).await;
        assert_eq!(given.progress(&id(0)).0, 0);
        assert!(given.collect(&id(0), &at("victim/"), &other, share(2)).unwrap().is_none());
        assert_eq!(given.0.lock().len(), 1, "what is late is thrown away");
    }
}
