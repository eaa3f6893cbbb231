use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use barrier::{JoinKey, RootKey, Seal, SealConfig, SealFailure, SealKind, bind, unbind};
use zeroize::Zeroizing;

use super::ceremonies::about_to_count;
use super::*;
use crate::lifecycle::{CeremonyError, ShareKind};

/// A key service that may be away, and may get another key.
#[derive(Default)]
struct Service {
    away: AtomicBool,
    /// It answers never.
    hangs: AtomicBool,
    /// Another key under the same name: what an earlier one has sealed does not open.
    made_anew: AtomicU64,
    version: AtomicU64,
    /// What it seals is nonsense.
    garbles: AtomicBool,
    /// So many seconds pass before it answers.
    slow: AtomicU64,
    /// It says of everything that another key would seal it by now.
    restless: AtomicBool,
}

struct ServiceSeal {
    service: Arc<Service>,
    id: &'static str,
}

impl ServiceSeal {
    async fn reach(&self) -> Result<(), SealFailure> {
        if self.service.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        match self.service.slow.load(Ordering::Relaxed) {
            0 => {}
            seconds => tokio::time::sleep(Duration::from_secs(seconds)).await,
        }
        match self.service.away.load(Ordering::Relaxed) {
            true => Err(SealFailure::Unavailable(format!("{} is away", self.id))),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Seal for ServiceSeal {
    fn kind(&self) -> SealKind {
        SealKind::Transit
    }
    fn key_id(&self) -> String {
        "transit/key".to_owned()
    }
    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        self.reach().await?;
        let version = u8::try_from(self.service.version.load(Ordering::Relaxed)).unwrap();
        let which = u8::try_from(self.service.made_anew.load(Ordering::Relaxed)).unwrap();
        let purpose = if self.service.garbles.load(Ordering::Relaxed) { "nonsense" } else { purpose };
        Ok([&[version, which], self.id.as_bytes(), bind(purpose, plain).as_slice()].concat())
    }
    async fn decrypt(&self, _key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        self.reach().await?;
        if u64::from(sealed[1]) != self.service.made_anew.load(Ordering::Relaxed) {
            return Err(SealFailure::DoesNotOpen);
        }
        let bound = sealed[2..].strip_prefix(self.id.as_bytes()).ok_or(SealFailure::DoesNotOpen)?;
        unbind(purpose, Zeroizing::new(bound.to_vec()))
    }
    fn is_outdated(&self, _key_id: &str, sealed: &[u8]) -> bool {
        let restless = self.service.restless.load(Ordering::Relaxed);
        restless || u64::from(sealed[0]) < self.service.version.load(Ordering::Relaxed)
    }
}

fn service(name: &'static str) -> (Arc<Service>, ConfiguredSeal) {
    let service = Arc::new(Service::default());
    let seal = Arc::new(ServiceSeal { service: Arc::clone(&service), id: name });
    (service, ConfiguredSeal { name: name.to_owned(), ..ConfiguredSeal::new(seal) })
}

fn disabled(seal: &ConfiguredSeal) -> ConfiguredSeal {
    ConfiguredSeal { disabled: true, ..seal.clone() }
}

fn node(state: &Arc<Alone>, seals: Vec<ConfiguredSeal>) -> Arc<Node> {
    Node::new(Arc::clone(state) as _, Settings { seals, ..Settings::new(LIMITS) })
}

async fn given(node: &Arc<Node>, shares: &HandedOut) {
    for share in shares {
        node.unseal(Share::from_slice(share)).await.unwrap();
    }
    assert!(!node.is_sealed());
}

/// The names of the wraps, and what the cluster is said to be sealed by.
fn sealed_by(node: &Node) -> (BTreeSet<String>, &'static str) {
    let (config, wraps) = node.stored_seal().unwrap().unwrap();
    (wraps.wraps.iter().map(|wrap| wrap.seal().to_owned()).collect(), config.kind().name())
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn refusal<T>(result: Result<T, CeremonyError>) -> String {
    match result {
        Err(CeremonyError::Refused(text)) => text,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is done"),
    }
}

#[tokio::test]
async fn any_of_several_seals_unseals() {
    let state = Arc::new(Alone::default());
    let ((a, seal_a), (b, seal_b)) = (service("a"), service("b"));
    b.away.store(true, Ordering::Relaxed);
    let first = node(&state, vec![seal_a.clone(), seal_b.clone()]);
    initialised(&first, 1, 1).await;
    unseals_itself(&first).await;
    assert_eq!(sealed_by(&first).0, set(&["a", "shamir"]), "one of them could be reached");

    b.away.store(false, Ordering::Relaxed);
    first.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&first).0, set(&["a", "b", "shamir"]));
    a.away.store(true, Ordering::Relaxed);
    for seals in [vec![seal_a.clone(), seal_b.clone()], vec![seal_b.clone()]] {
        let next = node(&state, seals);
        unseals_itself(&next).await;
        assert!(!next.is_sealed());
    }
    a.away.store(false, Ordering::Relaxed);
    a.hangs.store(true, Ordering::Relaxed);
    let next = node(&state, vec![seal_a, seal_b]);
    unseals_itself(&next).await;
    assert!(!next.is_sealed(), "one that hangs holds nobody up");
}

#[tokio::test]
async fn a_cluster_is_not_founded_on_seals_that_are_all_away() {
    let (a, seal) = service("a");
    a.away.store(true, Ordering::Relaxed);
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    let options =
        InitOptions { shares: 1, threshold: 1, recipients: Default::default(), cluster_name: None, now: Millis(1) };
    let Err(problem) = node.init(options).await else { panic!("it is founded") };
    assert!(problem.to_string().contains("a is away"), "{problem}");
    assert!(!node.is_initialised());
}

#[tokio::test]
async fn a_seal_s_new_key_makes_a_new_wrap() {
    let state = Arc::new(Alone::default());
    let (service, seal) = service("a");
    let node = node(&state, vec![seal]);
    initialised(&node, 0, 0).await;
    unseals_itself(&node).await;
    let version = || node.stored_seal().unwrap().unwrap().1.of("a").unwrap().bytes[0];
    node.keep_wraps(soon()).await.unwrap();
    assert_eq!(version(), 0);
    service.version.store(3, Ordering::Relaxed);
    assert!(node.wants_wraps());
    service.away.store(true, Ordering::Relaxed);
    node.keep_wraps(soon()).await.unwrap();
    assert_eq!(version(), 0, "the old one stays while there is no new one");
    service.away.store(false, Ordering::Relaxed);
    node.keep_wraps(soon()).await.unwrap();
    assert_eq!(version(), 3);
    assert!(!node.wants_wraps());
}

#[tokio::test]
async fn from_shares_to_a_seal_and_back() {
    let state = Arc::new(Alone::default());
    let shares = initialised(&node(&state, Vec::new()), 2, 2).await.shares;
    let (service, seal) = service("kms");
    service.away.store(true, Ordering::Relaxed);

    let to = node(&state, vec![seal.clone()]);
    assert!(to.seal_status().unwrap().migration);
    assert!(matches!(to.unseal(Share::from_slice(&shares[0])).await, Err(UnsealError::MigrationPending)));
    for share in &shares {
        to.unseal_to_migrate(Share::from_slice(share)).await.unwrap();
    }
    assert!(!to.is_sealed(), "the node serves whether the seal can be reached or not");
    assert!(to.keep_wraps(soon()).await.is_err());
    assert_eq!(sealed_by(&to), (set(&["shamir"]), "shamir"));
    service.away.store(false, Ordering::Relaxed);
    to.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&to), (set(&["kms", "shamir"]), "transit"));
    assert!(!to.seal_status().unwrap().migration);
    let next = node(&state, vec![seal.clone()]);
    unseals_itself(&next).await;
    assert!(!next.is_sealed());
    given(&node(&state, Vec::new()), &shares).await;

    let back = node(&state, vec![disabled(&seal)]);
    assert!(back.seal_status().unwrap().migration && !back.unseals_itself());
    for share in &shares {
        back.unseal_to_migrate(Share::from_slice(share)).await.unwrap();
    }
    service.away.store(true, Ordering::Relaxed);
    back.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&back), (set(&["shamir"]), "shamir"));
    assert!(!back.seal_status().unwrap().migration);
    let again = back.unseal_to_migrate(Share::from_slice(&shares[0])).await;
    assert!(again.is_ok(), "it has agreed, and it is done");
    let other = node(&state, Vec::new());
    given(&other, &shares).await;
    let refused = other.unseal_to_migrate(Share::from_slice(&shares[0])).await;
    assert!(matches!(refused, Err(UnsealError::NoMigration)), "there is nothing that it could agree to");
    let after = node(&state, vec![disabled(&seal)]);
    let refused = after.unseal_to_migrate(Share::from_slice(&shares[0])).await;
    assert!(matches!(refused, Err(UnsealError::NoMigration)));
    given(&after, &shares).await;
}

#[tokio::test]
async fn from_one_seal_to_another() {
    let state = Arc::new(Alone::default());
    let ((a, seal_a), (_, seal_b)) = (service("a"), service("b"));
    let shares = initialised(&node(&state, vec![seal_a.clone()]), 1, 1).await.shares;
    a.away.store(true, Ordering::Relaxed);
    let to = node(&state, vec![disabled(&seal_a), seal_b.clone()]);
    to.unseal_to_migrate(Share::from_slice(&shares[0])).await.unwrap();
    to.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&to).0, set(&["b", "shamir"]), "also where the old one is gone for good");
    let next = node(&state, vec![seal_b]);
    unseals_itself(&next).await;
    assert!(!next.is_sealed());
}

#[tokio::test]
async fn a_seal_is_added_and_removed_by_request() {
    let state = Arc::new(Alone::default());
    let ((a, seal_a), (b, seal_b)) = (service("a"), service("b"));
    let shares = initialised(&node(&state, Vec::new()), 1, 1).await.shares;
    let plain = node(&state, Vec::new());
    given(&plain, &shares).await;
    assert!(refusal(plain.add_seal("a", soon()).await).contains("has no seal \"a\""));

    let node_ab = node(&state, vec![seal_a.clone(), seal_b.clone()]);
    node_ab.unseal_to_migrate(Share::from_slice(&shares[0])).await.unwrap();
    node_ab.add_seal("a", soon()).await.unwrap();
    assert_eq!(sealed_by(&node_ab), (set(&["a", "shamir"]), "transit"));
    assert!(refusal(node_ab.remove_seal("a", soon()).await).contains("the last seal"));
    assert!(refusal(node_ab.remove_seal("shamir", soon()).await).contains("operator rekey"));
    assert!(refusal(node_ab.remove_seal("c", soon()).await).contains("no seal \"c\""));

    node_ab.add_seal("b", soon()).await.unwrap();
    b.away.store(true, Ordering::Relaxed);
    let refused = refusal(node_ab.remove_seal("a", soon()).await);
    assert!(refused.contains("none of the seals that remain opens") && refused.contains("b is away"), "{refused}");
    b.away.store(false, Ordering::Relaxed);
    a.away.store(true, Ordering::Relaxed);
    node_ab.remove_seal("a", soon()).await.unwrap();
    assert_eq!(sealed_by(&node_ab).0, set(&["b", "shamir"]));
    a.away.store(false, Ordering::Relaxed);
    node_ab.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&node_ab).0, set(&["b", "shamir"]), "it does not come back by itself");
    node_ab.add_seal("a", soon()).await.unwrap();
    assert_eq!(sealed_by(&node_ab).0, set(&["a", "b", "shamir"]));
    let entries = node_ab.seal_entries().unwrap();
    let shown: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.wrapped, entry.configured)).collect();
    assert_eq!(shown, [("a", true, true), ("b", true, true), ("shamir", true, true)]);
}

#[tokio::test]
async fn new_shares_leave_a_seal_that_is_away_without_its_join_key_until_it_is_back() {
    let state = Arc::new(Alone::default());
    let ((_, seal_a), (b, seal_b)) = (service("a"), service("b"));
    let node = node(&state, vec![seal_a, seal_b.clone()]);
    let old = initialised(&node, 1, 1).await.shares;
    unseals_itself(&node).await;
    node.keep_wraps(soon()).await.unwrap();
    b.away.store(true, Ordering::Relaxed);
    let (new, _) = about_to_count(&node, ShareKind::Recovery, &old[0]).await;
    node.rekey_finish(new, soon()).await.unwrap();
    let joins = || node.stored_seal().unwrap().unwrap().1.join_wraps().len();
    assert_eq!(joins(), 1);
    b.away.store(false, Ordering::Relaxed);
    let with_b = super::seals::node(&state, vec![seal_b]);
    unseals_itself(&with_b).await;
    assert!(!with_b.is_sealed(), "it unseals all the same");
    node.keep_wraps(soon()).await.unwrap();
    assert_eq!(joins(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_seal_is_watched() {
    let (a, seal) = service("a");
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    let (_running, stop) = watch::channel(false);
    tokio::spawn(Arc::clone(&node).watch_seals(stop));
    let healthy = || node.seal_health()[0].1.is_healthy();
    for (away, hangs) in [(true, false), (false, false), (false, true), (false, false)] {
        a.away.store(away, Ordering::Relaxed);
        a.hangs.store(hangs, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(80)).await;
        assert_eq!(healthy(), !away && !hangs);
        assert_eq!(node.seal_health()[0].1.unhealthy_since(Millis(1)).is_some(), away || hangs);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrap_that_does_not_open_any_more_is_noticed_before_it_is_needed() {
    let (kms, seal) = service("kms");
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    initialised(&node, 1, 1).await;
    unseals_itself(&node).await;
    let (_running, stop) = watch::channel(false);
    tokio::spawn(Arc::clone(&node).watch_seals(stop));
    let health = || node.seal_health()[0].1.clone();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(health().is_healthy());
    kms.made_anew.store(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(3700)).await;
    assert!(health().problem.unwrap().contains("operator seal add"));
    node.add_seal("kms", soon()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(health().is_healthy());
}

/// How often something was written.
fn writes(node: &Node) -> u64 {
    node.store.applied()
}

#[tokio::test]
async fn two_removals_at_once_leave_a_seal_that_opens() {
    let state = Arc::new(Alone::default());
    let ((_, seal_a), (_, seal_b), (c, seal_c)) = (service("a"), service("b"), service("c"));
    let node = node(&state, vec![seal_a, seal_b, seal_c]);
    initialised(&node, 1, 1).await;
    unseals_itself(&node).await;
    assert_eq!(sealed_by(&node).0, set(&["a", "b", "c", "shamir"]));
    c.made_anew.store(1, Ordering::Relaxed);
    let (first, second) = tokio::join!(node.remove_seal("a", soon()), node.remove_seal("b", soon()));
    assert_ne!(first.is_ok(), second.is_ok());
    let refused = refusal(if first.is_ok() { second } else { first });
    assert!(refused.contains("none of the seals that remain"), "{refused}");
    node.seal(soon()).await;
    node.open_by_seals(node.sealings()).await.unwrap();
}

#[tokio::test]
async fn new_shares_do_not_replace_a_wrap_by_one_that_does_not_open() {
    let state = Arc::new(Alone::default());
    let (a, seal) = service("a");
    let first = node(&state, vec![seal.clone()]);
    let old = initialised(&first, 1, 1).await.shares;
    unseals_itself(&first).await;
    let before = first.stored_seal().unwrap().unwrap().1.of("a").unwrap().clone();
    a.garbles.store(true, Ordering::Relaxed);
    let (new, _) = about_to_count(&first, ShareKind::Recovery, &old[0]).await;
    first.rekey_finish(new, soon()).await.unwrap();
    let after = first.stored_seal().unwrap().unwrap().1.of("a").unwrap().clone();
    assert_eq!((&after.bytes, after.join.is_empty()), (&before.bytes, true));
    let next = node(&state, vec![seal]);
    unseals_itself(&next).await;
    assert!(!next.is_sealed());
    a.garbles.store(false, Ordering::Relaxed);
    next.keep_wraps(soon()).await.unwrap();
    assert_eq!(next.stored_seal().unwrap().unwrap().1.join_wraps().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_seal_that_hangs_does_not_keep_new_shares_from_counting() {
    let state = Arc::new(Alone::default());
    let ((_, seal_a), (b, seal_b)) = (service("a"), service("b"));
    let node = node(&state, vec![seal_a, seal_b]);
    let old = initialised(&node, 1, 1).await.shares;
    unseals_itself(&node).await;
    b.hangs.store(true, Ordering::Relaxed);
    let (new, _) = about_to_count(&node, ShareKind::Recovery, &old[0]).await;
    node.rekey_finish(new, soon()).await.unwrap();
    assert_eq!(node.stored_seal().unwrap().unwrap().1.join_wraps().len(), 1);
}

#[tokio::test]
async fn new_shares_keep_the_seal_that_the_cluster_has_by_now() {
    let state = Arc::new(Alone::default());
    let shares = initialised(&node(&state, Vec::new()), 1, 1).await.shares;
    let (_, seal) = service("kms");
    let node = node(&state, vec![seal]);
    node.unseal_to_migrate(Share::from_slice(&shares[0])).await.unwrap();
    let (new, _) = about_to_count(&node, ShareKind::Unseal, &shares[0]).await;
    node.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&node).1, "transit");
    node.rekey_finish(new, soon()).await.unwrap();
    assert_eq!(sealed_by(&node), (set(&["kms", "shamir"]), "transit"));
}

#[tokio::test]
async fn a_migration_is_one_write_and_its_old_seal_does_not_come_back() {
    let state = Arc::new(Alone::default());
    let ((_, seal_a), (b, seal_b)) = (service("a"), service("b"));
    let shares = initialised(&node(&state, vec![seal_a.clone()]), 2, 2).await.shares;
    let both = node(&state, vec![seal_a.clone(), seal_b.clone()]);
    unseals_itself(&both).await;
    both.keep_wraps(soon()).await.unwrap();

    // The second seal unseals the node: the shares are given to an unsealed one.
    let leaving = node(&state, vec![disabled(&seal_a), seal_b.clone()]);
    unseals_itself(&leaving).await;
    assert!(!leaving.is_sealed() && leaving.seal_status().unwrap().migration);
    leaving.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&leaving).0, set(&["a", "b", "shamir"]), "nobody has agreed");
    let wrong = Share::from_slice(&[&[9; 32][..], &[7]].concat());
    leaving.unseal_to_migrate(wrong).await.unwrap();
    let refused = leaving.unseal_to_migrate(Share::from_slice(&shares[0])).await;
    assert!(matches!(refused, Err(UnsealError::WrongShares | UnsealError::BadShare(_))), "{refused:?}");
    leaving.keep_wraps(soon()).await.unwrap();
    assert_eq!(sealed_by(&leaving).0, set(&["a", "b", "shamir"]));
    for share in &shares {
        leaving.unseal_to_migrate(Share::from_slice(share)).await.unwrap();
    }
    b.away.store(true, Ordering::Relaxed);
    assert!(leaving.keep_wraps(soon()).await.is_err(), "it has to be seen to open");
    b.away.store(false, Ordering::Relaxed);
    let before = writes(&leaving);
    leaving.keep_wraps(soon()).await.unwrap();
    assert_eq!((sealed_by(&leaving).0, writes(&leaving)), (set(&["b", "shamir"]), before + 1));
    assert!(!leaving.seal_status().unwrap().migration);

    // A node that was not told yet comes to lead, and goes again.
    let behind = node(&state, vec![seal_a]);
    given(&behind, &shares).await;
    for node in [&behind, &leaving] {
        assert!(!node.wants_wraps());
        node.keep_wraps(soon()).await.unwrap();
        assert_eq!(sealed_by(node).0, set(&["b", "shamir"]));
    }
}

#[tokio::test]
async fn a_node_with_an_older_key_does_not_wrap_by_it_again() {
    let key = |id: &str, byte| (id.to_owned(), crypto::Key32::from_slice(&[byte; 32]).unwrap());
    let seal = |current, previous| ConfiguredSeal::new(Arc::new(StaticSeal::new(current, previous)));
    let state = Arc::new(Alone::default());
    let behind = node(&state, vec![seal(key("1", 1), None)]);
    let shares = initialised(&behind, 1, 1).await.shares;
    let ahead = node(&state, vec![seal(key("2", 2), Some(key("1", 1)))]);
    unseals_itself(&ahead).await;
    ahead.keep_wraps(soon()).await.unwrap();
    let made_by = || ahead.stored_seal().unwrap().unwrap().1.of("static").unwrap().key_id.clone();
    assert_eq!(made_by(), "2");
    given(&behind, &shares).await;
    behind.keep_wraps(soon()).await.unwrap();
    assert_eq!(made_by(), "2");
    behind.add_seal("static", soon()).await.unwrap();
    assert_eq!(made_by(), "1", "by request it does");
}

#[tokio::test]
async fn a_seal_that_is_never_content_is_not_written_again_and_again() {
    let (a, seal) = service("a");
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    initialised(&node, 1, 1).await;
    unseals_itself(&node).await;
    a.restless.store(true, Ordering::Relaxed);
    let before = writes(&node);
    for _ in 0..3 {
        node.keep_wraps(soon()).await.unwrap();
    }
    assert_eq!(writes(&node), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_sealed_by_request_is_not_unsealed_by_an_answer_under_way() {
    let (a, seal) = service("a");
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    initialised(&node, 1, 1).await;
    a.slow.store(5, Ordering::Relaxed);
    let (_running, stop) = watch::channel(false);
    let trying = tokio::spawn(Arc::clone(&node).unseal_itself(stop));
    tokio::time::sleep(Duration::from_secs(2)).await;
    node.seal(soon()).await;
    trying.await.unwrap();
    assert!(node.is_sealed());
}

#[tokio::test(start_paused = true)]
async fn only_a_seal_that_was_tried_and_has_a_wrap_is_healthy() {
    let state = Arc::new(Alone::default());
    let ((_, seal_a), (_, seal_b)) = (service("a"), service("b"));
    initialised(&node(&state, vec![seal_a.clone()]), 1, 1).await;
    let both = node(&state, vec![seal_a, seal_b]);
    let healthy = || both.seal_health().iter().map(|(_, health)| health.is_healthy()).collect::<Vec<_>>();
    assert_eq!(healthy(), [false, false], "nobody knows");
    let (_running, stop) = watch::channel(false);
    tokio::spawn(Arc::clone(&both).watch_seals(stop));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(healthy(), [true, false], "one of them has not wrapped the root key");
    unseals_itself(&both).await;
    both.keep_wraps(soon()).await.unwrap();
    assert_eq!(healthy(), [true, true]);
    both.remove_seal("b", soon()).await.unwrap();
    assert_eq!(healthy(), [true], "what was removed is not needed");
}

#[tokio::test]
async fn a_seal_that_this_cluster_has_left_does_not_come_in_with_another_root_key() {
    let ((_, seal_a), (_, seal_b)) = (service("a"), service("b"));
    let node = node(&Arc::new(Alone::default()), vec![seal_a, seal_b]);
    initialised(&node, 1, 1).await;
    unseals_itself(&node).await;
    node.remove_seal("b", soon()).await.unwrap();
    let theirs = SealConfig::automatic(SealKind::Static, 0, 0, String::new()).unwrap();
    let adopted = node.adopt_root(&RootKey::random(), &JoinKey::random(), &theirs, None).await;
    let Ok((_, wraps)) = adopted else { panic!("it is not adopted") };
    assert!(wraps.of("a").is_some() && wraps.of("b").is_none() && wraps.without.contains("b"));
}

#[tokio::test]
async fn a_wrap_with_a_former_join_key_is_made_anew() {
    let (_, seal) = service("a");
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    initialised(&node, 1, 1).await;
    unseals_itself(&node).await;
    assert!(!node.wants_wraps());
    // As on a secondary whose primary has made new shares: the keyring comes with its records, the wraps are its own.
    let keyring = node.barrier.rejoined(JoinKey::random()).unwrap();
    let mut batch = node.change().unwrap();
    batch.puts.push((space::keyring(), keyring.bytes.into()));
    node.carry(node.leading().unwrap(), batch, soon()).await.unwrap();
    assert!(node.wants_wraps());
    node.keep_wraps(soon()).await.unwrap();
    let (_, wraps) = node.stored_seal().unwrap().unwrap();
    assert_eq!(wraps.of("a").unwrap().join_id, node.barrier.join_id().unwrap());
    assert!(!node.wants_wraps());
}

#[tokio::test]
async fn nothing_is_founded_while_no_seal_does_its_work() {
    let (a, seal) = service("a");
    a.away.store(true, Ordering::Relaxed);
    let node = node(&Arc::new(Alone::default()), vec![seal]);
    let options =
        InitOptions { shares: 1, threshold: 1, recipients: Default::default(), cluster_name: None, now: Millis(1) };
    let refused = node.init(options).await.err();
    assert!(
        matches!(&refused, Some(crate::lifecycle::InitError::Unavailable(why)) if why.contains("a is away")),
        "{refused:?}"
    );
    assert!(!node.is_initialised());
}

#[tokio::test]
async fn a_seal_that_did_not_unseal_a_node_is_not_said_to_be_well() {
    let state = Arc::new(Alone::default());
    let (a, seal) = service("a");
    let first = node(&state, vec![seal.clone()]);
    initialised(&first, 1, 1).await;
    unseals_itself(&first).await;
    a.made_anew.store(1, Ordering::Relaxed);
    let later = node(&state, vec![seal]);
    assert!(later.open_by_seals(later.sealings()).await.is_err());
    let (_, health) = later.seal_health().remove(0);
    assert!(!health.is_healthy() && health.problem.unwrap().contains("made anew"));

    let (_, stranger) = service("b");
    let other = node(&state, vec![stranger]);
    let problem = other.open_by_seals(other.sealings()).await.unwrap_err().to_string();
    assert!(problem.contains("it has no wrap"), "{problem}");
    assert!(other.seal_health().remove(0).1.problem.unwrap().contains("not tried"));
}
