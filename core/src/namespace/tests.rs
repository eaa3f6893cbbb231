//! Namespaces on a founded, unsealed node in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use barrier::{SealConfig, Share};
use sdk::{Failure, Forget, Namespace, NamespaceId};
use storage::{Access, CommitError, OpenBatch, Read, RequestId, Term, TxnState};

use super::*;
use crate::lifecycle::{InitOptions, Node, Settings};
use crate::mount::TtlLimits;
use crate::replication::Replication;
use crate::testing::Alone;
use crate::token::{ClientToken, NewToken, SWEEP_MAX, Why};

struct Bench {
    node: Arc<Node>,
    alone: Arc<Alone>,
}

/// Where a request goes, as a text: the namespace, what is left of the path, and whether nothing of it is served.
type Seen = Result<(String, String, bool), String>;

impl Bench {
    async fn new() -> Self {
        let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
        let alone = Arc::new(Alone::default());
        let node = Node::new(Arc::clone(&alone) as _, Settings::new(limits));
        let now = alone.now();
        let options = InitOptions { shares: 1, threshold: 1, recipients: Default::default(), cluster_name: None, now };
        let made = node.init(options).await.unwrap();
        node.unseal(Share::from_slice(&made.shares[0])).await.unwrap();
        Self { node, alone }
    }

    fn begin(&self) -> TxnState {
        TxnState::new(self.node.store.snapshot().unwrap(), storage::Latches::new().begin())
    }

    async fn commit(&self, state: TxnState) -> Result<(), CommitError> {
        let (open, _held): (OpenBatch, _) = state.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let batch = self.node.store.seal(id, self.alone.now(), open).unwrap();
        self.node.store.commit(Term(1), batch).await.map(|_| ())
    }

    async fn change<T>(&self, write: impl FnOnce(&mut TxnState) -> T) -> T {
        let mut state = self.begin();
        let out = write(&mut state);
        self.commit(state).await.unwrap();
        out
    }

    fn create(&self, state: &mut TxnState, above: &Namespace, name: &str, sealed: bool) -> Result<Made, Refused> {
        let seal = sealed.then(|| SealConfig::shamir(3, 2, String::new()).unwrap());
        let new = NewNamespace {
            above,
            name,
            custom_metadata: BTreeMap::new(),
            seal,
            by_service: None,
            now: self.alone.now(),
        };
        let (mounts, policies) = (&self.node.mounts, &self.node.policies);
        self.node.namespaces.create(mounts, policies, &mut state.at(space::records(&above.id)), new)
    }

    async fn make(&self, above: &Namespace, name: &str) -> Namespace {
        let made = self.change(|state| self.create(state, above, name, false).unwrap()).await;
        Namespace { id: made.record.id, path: format!("{}{name}/", above.path) }
    }

    /// With a seal of its own; it is open.
    async fn make_sealable(&self, name: &str) -> (Namespace, Vec<Share>) {
        let root = Namespace::root();
        let made = self.change(|state| self.create(state, &root, name, true).unwrap()).await;
        let shares = made.shares.unwrap().shares;
        self.unseal(name, &shares).await;
        (Namespace { id: made.record.id, path: format!("{name}/") }, shares)
    }

    async fn unseal(&self, name: &str, shares: &[Share]) {
        let mut sealed = true;
        for share in &shares[..2] {
            let share = Share::from_slice(share.expose());
            sealed = self.node.unseal_tenant(&Namespace::root(), name, share).await.unwrap().sealed;
        }
        assert!(!sealed);
    }

    /// Changes what is known of a namespace right below the root.
    async fn alter(&self, name: &str, change: Change) {
        self.change(|state| {
            let mut txn = state.at(root());
            let record = self.node.namespaces.get_for_update(&txn, name).unwrap().unwrap();
            match change {
                Change::Seal => self.node.namespaces.set_sealed(&mut txn, record, true).unwrap(),
                Change::Doom => self.node.namespaces.doom(&mut txn, &Namespace::root(), record).unwrap(),
                Change::Lock => drop(self.node.namespaces.lock(&mut txn, name, record).unwrap()),
            }
        })
        .await;
    }

    fn address(
        &self,
        header: &str,
        path: &str,
        rely_on: &mut Vec<(Path, Option<storage::Revision>)>,
    ) -> Result<Address, Failure> {
        let view = self.node.local_view().unwrap();
        self.node.namespaces.address(&self.node.mounts, &view, header, path, rely_on)
    }

    fn seen(&self, header: &str, path: &str) -> Seen {
        let found = self.address(header, path, &mut Vec::new()).map_err(|failure| failure.to_string())?;
        let closed = found.place.is_sealed() || found.place.locked_at().is_some();
        Ok((found.place.namespace.path.clone(), found.path, closed))
    }

    async fn token(&self, home: &Namespace, parent: Option<&ClientToken>) -> ClientToken {
        let parent = parent.map(|parent| self.node.tokens.key_of(parent).unwrap());
        let ttl = Duration::from_secs(60);
        let new = NewToken { home: home.clone(), path: "auth/token/create".into(), parent, ttl, ..NewToken::default() };
        let now = self.alone.now();
        self.change(|state| self.node.tokens.create(&mut state.at(root()), now, new).unwrap().token).await
    }

    fn check(&self, token: &ClientToken) -> Result<(), Why> {
        let view = self.node.local_view().unwrap();
        self.node.tokens.authenticate(&view, token, self.alone.now()).map(|_| ())
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Seal,
    Doom,
    Lock,
}

fn at(namespace: &str, path: &str) -> Seen {
    Ok((namespace.into(), path.into(), false))
}

#[tokio::test]
async fn a_header_a_path_and_both_mean_the_same() {
    let bench = Bench::new().await;
    let team = bench.make(&Namespace::root(), "team").await;
    bench.make(&team, "web").await;
    for (header, path) in [
        ("team/web", "sys/mounts"),
        ("team", "web/sys/mounts"),
        ("", "team/web/sys/mounts"),
        ("root", "team/web/sys/mounts"),
    ] {
        for header in [header.to_owned(), format!("/{header}/")] {
            assert_eq!(bench.seen(&header, path), at("team/web/", "sys/mounts"), "{header:?} {path:?}");
        }
    }
    assert_eq!(bench.seen("team", "sys/mounts"), at("team/", "sys/mounts"));
    assert_eq!(bench.seen("", "sys/mounts"), at("", "sys/mounts"));
    // A name is not a part of one, and is one in its own case alone.
    for path in ["team", "tea/sys/mounts", "teams/sys/mounts", "Team/sys/mounts", "web/sys/mounts"] {
        assert_eq!(bench.seen("", path), at("", path));
    }
    for header in
        ["web", "Team", "team/web/none", "team//web", "root/team", "Root", " team", "team ", "..", "team/../team"]
    {
        assert_eq!(bench.seen(header, "sys/mounts"), Err("namespace not found".into()), "{header:?}");
    }
}

#[tokio::test]
async fn what_is_locked_sealed_or_doomed_is_so_with_all_that_lies_in_it() {
    let bench = Bench::new().await;
    let locked = bench.make(&Namespace::root(), "locked").await;
    bench.make(&locked, "inner").await;
    let (sealed, _) = bench.make_sealable("sealed").await;
    bench.make(&sealed, "inner").await;
    bench.make(&Namespace::root(), "doomed").await;
    assert_eq!(bench.seen("sealed/inner", "sys/mounts"), at("sealed/inner/", "sys/mounts"));
    bench.alter("locked", Change::Lock).await;
    bench.alter("sealed", Change::Seal).await;
    bench.alter("doomed", Change::Doom).await;
    for (header, path) in [("locked", "sys/mounts"), ("locked/inner", "sys/mounts"), ("", "locked/inner/sys/mounts")] {
        assert!(bench.seen(header, path).unwrap().2, "{header:?} {path:?}");
    }
    // The keys are still here: it is sealed all the same, before they are forgotten and after.
    for _ in 0..2 {
        for (header, path) in [
            ("sealed", "sys/mounts"),
            ("sealed/inner", "sys/mounts"),
            ("sealed/nothing", "sys/mounts"),
            ("", "sealed/inner/sys/mounts"),
            ("sealed", "inner/sys/mounts"),
        ] {
            let (namespace, _, closed) = bench.seen(header, path).unwrap();
            assert_eq!((namespace.as_str(), closed), ("sealed/", true), "{header:?} {path:?}");
        }
        bench.node.drop_closed_tenants().unwrap();
    }
    assert!(!bench.node.barrier.holds(sealed.id.keyring()));
    let view = bench.node.local_view().unwrap().elsewhere(space::records(&sealed.id));
    // Whoever has the root's keys has none of these.
    assert!(matches!(bench.node.namespaces.get(&view, "inner"), Err(Access::NamespaceSealed(_))));
    assert_eq!(bench.seen("doomed", "sys/mounts"), Err("namespace not found".into()));
    assert_eq!(bench.seen("", "doomed/sys/mounts"), at("", "doomed/sys/mounts"));
}

#[tokio::test]
async fn what_was_begun_before_does_not_commit_after() {
    let bench = Bench::new().await;
    for change in [Change::Seal, Change::Doom, Change::Lock] {
        let name = format!("{change:?}").to_lowercase();
        let (outer, _) = bench.make_sealable(&name).await;
        let inner = bench.make(&outer, "inner").await;
        // A seal leaves the keys where they are until somebody looks: it is the record alone that keeps the write out.
        for (header, home) in [(name.clone(), &outer), (format!("{name}/inner"), &inner)] {
            let mut rely_on = Vec::new();
            bench.address(&header, "sys/mounts", &mut rely_on).unwrap();
            let mut state = bench.begin();
            rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
            state.at(space::records(&home.id)).put(&PathKey::kind("late").plain("x"), &1).unwrap();
            assert!(bench.commit(state).await.is_ok(), "{header}: nothing has happened yet");
        }
        let mut late = Vec::new();
        for (header, home) in [(name.clone(), &outer), (format!("{name}/inner"), &inner)] {
            let mut rely_on = Vec::new();
            bench.address(&header, "sys/mounts", &mut rely_on).unwrap();
            let mut state = bench.begin();
            rely_on.into_iter().for_each(|(path, revision)| state.rely_on(path, revision));
            state.at(space::records(&home.id)).put(&PathKey::kind("late").plain("x"), &2).unwrap();
            late.push((header, state));
        }
        if matches!(change, Change::Doom) {
            // One that holds another stays.
            let mut state = bench.begin();
            let mut txn = state.at(root());
            let record = bench.node.namespaces.get_for_update(&txn, &name).unwrap().unwrap();
            assert!(bench.node.namespaces.doom(&mut txn, &Namespace::root(), record).is_err());
            let mut state = bench.begin();
            let mut txn = state.at(space::records(&outer.id));
            let record = bench.node.namespaces.get_for_update(&txn, "inner").unwrap().unwrap();
            bench.node.namespaces.doom(&mut txn, &outer, record).unwrap();
            bench.commit(state).await.unwrap();
            late.remove(0);
        } else {
            bench.alter(&name, change).await;
        }
        for (header, state) in late {
            let done = bench.commit(state).await;
            assert!(matches!(done, Err(CommitError::Conflict { .. })), "{change:?} {header}: {done:?}");
        }
    }
}

/// Neither order leaves a namespace in one that is gone.
#[tokio::test]
async fn making_one_and_removing_what_it_lies_in_do_not_both_happen() {
    for removed_first in [true, false] {
        let bench = Bench::new().await;
        let outer = bench.make(&Namespace::root(), "outer").await;
        let mut making = bench.begin();
        let mut rely_on = Vec::new();
        bench.address("outer", "sys/namespaces/inner", &mut rely_on).unwrap();
        rely_on.into_iter().for_each(|(path, revision)| making.rely_on(path, revision));
        bench.create(&mut making, &outer, "inner", false).unwrap();
        let mut removing = bench.begin();
        let mut txn = removing.at(root());
        let record = bench.node.namespaces.get_for_update(&txn, "outer").unwrap().unwrap();
        bench.node.namespaces.doom(&mut txn, &Namespace::root(), record).unwrap();
        let (first, second) = if removed_first { (removing, making) } else { (making, removing) };
        bench.commit(first).await.unwrap();
        let done = bench.commit(second).await;
        assert!(matches!(done, Err(CommitError::Conflict { .. })), "removed first: {removed_first}: {done:?}");
    }
}

#[tokio::test]
async fn a_revoked_parent_ends_tokens_below_also_in_a_sealed_namespace() {
    let bench = Bench::new().await;
    let team = bench.make(&Namespace::root(), "team").await;
    let (vault, shares) = bench.make_sealable("vault").await;
    let parent = bench.token(&Namespace::root(), None).await;
    let (open, closed) = (bench.token(&team, Some(&parent)).await, bench.token(&vault, Some(&parent)).await);
    let stranger = bench.token(&vault, None).await;
    // More than one revocation takes with it.
    let mut below = Vec::new();
    for _ in 0..SWEEP_MAX + 2 {
        below.push(bench.token(&vault, Some(&closed)).await);
    }
    assert!([&open, &closed, &stranger, &below[0]].into_iter().all(|token| bench.check(token).is_ok()));
    bench.alter("vault", Change::Seal).await;
    assert!(matches!(bench.check(&closed), Err(Why::Access(Access::NamespaceSealed(_)))));
    bench.node.drop_closed_tenants().unwrap();
    assert!(matches!(bench.check(&closed), Err(Why::Access(Access::NamespaceSealed(_)))));
    let key = bench.node.tokens.key_of(&parent).unwrap();
    assert!(bench.change(|state| bench.node.tokens.revoke(&mut state.at(root()), &key).unwrap()).await);
    assert!(matches!(bench.check(&open), Err(Why::Unknown)));
    bench.unseal("vault", &shares).await;
    assert!(matches!(bench.check(&closed), Err(Why::Orphaned)));
    assert!(below.iter().all(|token| matches!(bench.check(token), Err(Why::Orphaned))));
    assert!(bench.check(&stranger).is_ok());
}

/// What is made is sealed with keys that nobody else has: whoever looks after the open ones meanwhile closes none of them, and
/// a creation that does not commit leaves nothing open.
#[tokio::test]
async fn making_one_with_a_seal_opens_nothing() {
    let bench = Bench::new().await;
    let mut state = bench.begin();
    let made = bench.create(&mut state, &Namespace::root(), "vault", true).unwrap();
    assert!(!bench.node.barrier.holds(made.record.id.keyring()));
    bench.node.drop_closed_tenants().unwrap();
    bench.commit(state).await.unwrap();
    assert!(!bench.node.barrier.holds(made.record.id.keyring()));
    bench.unseal("vault", &made.shares.unwrap().shares).await;
    assert_eq!(bench.seen("vault", "sys/mounts"), at("vault/", "sys/mounts"));
}

#[tokio::test]
async fn a_sealed_namespace_looks_like_none_from_beside_and_like_no_sealed_server_from_above() {
    let bench = Bench::new().await;
    let beside = bench.make(&Namespace::root(), "beside").await;
    let (vault, _) = bench.make_sealable("vault").await;
    let token = bench.token(&vault, None).await;
    let view = bench.node.local_view().unwrap();
    let inside = view.elsewhere(space::records(&vault.id));
    let accessor = bench.node.tokens.accessors(&inside).unwrap().remove(0);
    let asked = |from: &NamespaceId, accessor: &str| {
        let view = bench.node.local_view().unwrap();
        bench.node.tokens.by_accessor(&view, from, accessor).map(|key| key.is_some()).map_err(Failure::from)
    };
    assert!(matches!(asked(&vault.id, &accessor), Ok(true)));
    assert!(matches!(asked(&beside.id, &accessor), Ok(false)));
    bench.alter("vault", Change::Seal).await;
    bench.node.drop_closed_tenants().unwrap();
    assert!(matches!(asked(&beside.id, &accessor), Ok(false)));
    assert!(matches!(asked(&beside.id, "x.aaaaaaaa-aaaaaaaa"), Ok(false)));
    assert!(matches!(asked(&NamespaceId::root(), "x.aaaaaaaa-aaaaaaaa"), Ok(false)));
    let told = asked(&NamespaceId::root(), &accessor).unwrap_err();
    assert_eq!((told.status(), told.to_string().as_str()), (503, "namespace is sealed"));
    // Whoever may have uses left, the active node tells.
    let view = bench.node.local_view().unwrap();
    assert!(bench.node.tokens.may_count_uses(&view, &token).unwrap());
}

#[tokio::test]
async fn a_token_that_made_one_in_a_sealed_namespace_can_be_revoked_alone() {
    let bench = Bench::new().await;
    let (vault, shares) = bench.make_sealable("vault").await;
    let parent = bench.token(&Namespace::root(), None).await;
    let (open, closed) =
        (bench.token(&Namespace::root(), Some(&parent)).await, bench.token(&vault, Some(&parent)).await);
    let grandchild = bench.token(&vault, Some(&closed)).await;
    bench.alter("vault", Change::Seal).await;
    for _ in 0..2 {
        // With its keys still here, and without.
        assert!(matches!(bench.check(&closed), Err(Why::Access(Access::NamespaceSealed(_)))));
        bench.node.drop_closed_tenants().unwrap();
    }
    let key = bench.node.tokens.key_of(&parent).unwrap();
    let tokens = &bench.node.tokens;
    let revoked = bench.change(|state| tokens.revoke_orphan(&mut state.at(root()), &key, 10).unwrap()).await;
    assert_eq!(revoked, crate::token::Orphaned::Wholly);
    assert!(matches!(bench.check(&parent), Err(Why::Unknown)));
    assert!(bench.check(&open).is_ok());
    bench.unseal("vault", &shares).await;
    assert!(bench.check(&closed).is_ok() && bench.check(&grandchild).is_ok());
    let notes = || bench.node.local_view().unwrap().range(&PathKey::kind("released"), None, 9).unwrap().len();
    assert_eq!(notes(), 1);
    // Revoked once more, its parent takes nothing with it; and what was let go leaves nothing behind.
    bench.change(|state| tokens.revoke(&mut state.at(root()), &key).unwrap()).await;
    assert!(bench.check(&closed).is_ok());
    let closed = tokens.key_of(&closed).unwrap();
    bench.change(|state| tokens.revoke(&mut state.at(root()), &closed).unwrap()).await;
    assert!(bench.check(&grandchild).is_err());
    assert_eq!(notes(), 0);
}

#[tokio::test]
async fn a_sealed_one_goes_with_all_that_lies_in_it() {
    let bench = Bench::new().await;
    let (vault, _) = bench.make_sealable("vault").await;
    let a = bench.make(&vault, "a").await;
    let (b, own) =
        (bench.make(&a, "b").await, bench.change(|state| bench.create(state, &a, "own", true).unwrap()).await);
    let gone = bench.make(&vault, "gone").await;
    let kept = bench.make(&Namespace::root(), "kept").await;
    // One that is being removed is no reason to keep what it lies in.
    bench
        .change(|state| {
            let mut txn = state.at(space::records(&vault.id));
            let record = bench.node.namespaces.get_for_update(&txn, "gone").unwrap().unwrap();
            bench.node.namespaces.doom(&mut txn, &vault, record).unwrap();
        })
        .await;
    bench.alter("vault", Change::Seal).await;
    bench.node.drop_closed_tenants().unwrap();
    bench.alter("vault", Change::Doom).await;
    let view = bench.node.local_view().unwrap();
    let doomed = Doomed::of(&view, &vault.id).unwrap().unwrap();
    let mut below = Vec::new();
    loop {
        let removed = bench.change(|state| doomed.remove_below(&mut state.at(root())).unwrap()).await;
        if removed.is_empty() {
            break;
        }
        below.extend(removed);
    }
    let mut all = vec![a.id.clone(), b.id.clone(), own.record.id.clone(), gone.id.clone()];
    all.sort();
    below.sort();
    assert_eq!(below, all);
    bench.change(|state| doomed.remove(&bench.node.mounts, &mut state.at(root())).unwrap()).await;
    let view = bench.node.local_view().unwrap();
    for id in all.iter().chain([&vault.id]) {
        assert!(view.elsewhere(space::namespace(id)).range(&PathKey::new(), None, 1).unwrap().is_empty());
    }
    assert!(Doomed::next(&view, None).unwrap().is_none());
    assert!(view.range(&above_folder(), None, 9).unwrap() == [above_key(&kept.id)]);
    // The name is free again.
    bench.make(&Namespace::root(), "vault").await;
}

/// Nobody else's change of its record costs the holders of shares another round, and two who open it at once do not close it
/// for each other.
#[tokio::test]
async fn whoever_opens_it_does_not_close_what_another_has_opened() {
    let bench = Bench::new().await;
    let (vault, shares) = bench.make_sealable("vault").await;
    bench.alter("vault", Change::Seal).await;
    let seen = bench.node.barrier.open_tenants();
    bench.unseal("vault", &shares).await;
    // What was seen before is closed no more.
    for (keyring, seen) in seen {
        assert!(!bench.node.barrier.close_tenant(&keyring, seen));
    }
    assert!(bench.node.barrier.holds(vault.id.keyring()));
    assert_eq!(bench.seen("vault", "sys/mounts"), at("vault/", "sys/mounts"));
}

/// A node that has not heard of a new data key finds it in the state, also of one that lies in another.
#[tokio::test]
async fn a_new_data_key_is_followed_where_its_records_are_met() {
    let bench = Bench::new().await;
    let (vault, shares) = bench.make_sealable("vault").await;
    let made = bench.change(|state| bench.create(state, &vault, "own", true).unwrap()).await;
    let own = Namespace { id: made.record.id.clone(), path: "vault/own/".into() };
    let own_shares = made.shares.unwrap().shares;
    for share in &own_shares[..2] {
        bench.node.unseal_tenant(&vault, "own", Share::from_slice(share.expose())).await.unwrap();
    }
    let first_keys = |above: &Namespace, name: &str, shares: &[Share]| {
        let view = bench.node.local_view().unwrap().elsewhere(space::records(&above.id));
        let record = bench.node.namespaces.get(&view, name).unwrap().unwrap();
        let seal = bench.node.namespaces.seal_of(&view, &record).unwrap();
        seal.open(&record.id, &combined(&shares[..2], &seal.config).unwrap()).unwrap()
    };
    let (old_vault, old_own) =
        (first_keys(&Namespace::root(), "vault", &shares), first_keys(&vault, "own", &own_shares));
    let before = bench.token(&own, None).await;
    let rotate = async |above: &Namespace, name: &str| {
        bench
            .change(|state| {
                let mut txn = state.at(space::records(&above.id));
                let record = bench.node.namespaces.get_for_update(&txn, name).unwrap().unwrap();
                bench.node.rotate_tenant(&mut txn, &record).unwrap();
            })
            .await;
    };
    let term = |of: &Namespace| bench.node.tenant_key_status(&of.id).unwrap().term;
    rotate(&Namespace::root(), "vault").await;
    assert_eq!(term(&vault), 1, "nothing was met yet");
    bench.node.follow_tenant_keys(&vault.id).unwrap();
    assert_eq!((term(&vault), term(&own)), (2, 1));
    rotate(&vault, "own").await;
    bench.node.follow_tenant_keys(&own.id).unwrap();
    assert_eq!(term(&own), 2);
    let after = bench.token(&own, None).await;
    rotate(&Namespace::root(), "vault").await;
    bench.node.follow_tenant_keys(&vault.id).unwrap();
    let in_vault = bench.token(&vault, None).await;
    // As a node that was away has them.
    for (keyring, seen) in bench.node.barrier.open_tenants() {
        bench.node.barrier.close_tenant(&keyring, seen);
    }
    bench.node.barrier.open_tenant(vault.id.keyring(), old_vault).unwrap();
    bench.node.barrier.open_tenant(own.id.keyring(), old_own).unwrap();
    assert_eq!((term(&vault), term(&own)), (1, 1));
    for cache in [|node: &Node| node.tokens.forget(Forget::All), |node: &Node| node.namespaces.forget(Forget::All)] {
        cache(&bench.node);
    }
    assert!(bench.check(&before).is_ok() && bench.check(&after).is_ok() && bench.check(&in_vault).is_ok());
    assert_eq!((term(&vault), term(&own)), (3, 2));
}

/// Not with the one that was replaced, which it may know alone; and its count goes on from those before.
#[tokio::test]
async fn a_new_leader_uses_a_namespaces_newest_data_key_and_adds_to_what_was_counted() {
    let bench = Bench::new().await;
    let (vault, shares) = bench.make_sealable("vault").await;
    bench.token(&vault, None).await;
    let status = || bench.node.tenant_key_status(&vault.id).unwrap();
    bench
        .change(|state| {
            let mut txn = state.at(root());
            let record = bench.node.namespaces.get_for_update(&txn, "vault").unwrap().unwrap();
            bench.node.rotate_tenant(&mut txn, &record).unwrap();
        })
        .await;
    assert_eq!(status().term, 1, "it has not heard of it");
    bench.node.leads(Term(9)).unwrap();
    bench.token(&vault, None).await;
    assert_eq!(status().term, 2);
    let before = status().encryptions;
    assert!(before > 0);
    bench.node.look_after_tenant(vault.id.keyring(), Term(9), 1).await.unwrap();
    // The count itself is a record of the namespace.
    let added_up = status().encryptions;
    assert!((before..=before + 1).contains(&added_up), "{before} {added_up}");
    // As the next node has them: it has encrypted nothing yet.
    bench.alter("vault", Change::Seal).await;
    bench.node.drop_closed_tenants().unwrap();
    bench.unseal("vault", &shares).await;
    let taken_over = status().encryptions;
    assert!(taken_over >= before, "{before} {taken_over}");
    for n in 1..=3 {
        let was = status().encryptions;
        bench.token(&vault, None).await;
        assert!(status().encryptions > was, "token {n}");
    }
}

/// They may be the only ones there are.
#[tokio::test(start_paused = true)]
async fn keys_stay_until_it_is_known_whether_the_namespace_is_open() {
    let bench = Bench::new().await;
    let made = bench.change(|state| bench.create(state, &Namespace::root(), "vault", true).unwrap()).await;
    let (keyring, shares) = (made.record.id.keyring().to_owned(), made.shares.unwrap().shares);
    let give = async |n: usize| {
        let share = Share::from_slice(shares[n].expose());
        bench.node.unseal_tenant(&Namespace::root(), "vault", share).await
    };
    give(0).await.unwrap();
    bench.alone.moves(true);
    let Err(Refused::Unavailable(said)) = give(1).await else { panic!("nobody can know that it is open") };
    assert!(said.contains("unknown"), "{said}");
    bench.node.drop_closed_tenants().unwrap();
    assert!(bench.node.barrier.holds(&keyring));
    bench.alone.moves(false);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(bench.node.barrier.holds(&keyring));
    assert_eq!(bench.seen("vault", "sys/mounts"), at("vault/", "sys/mounts"));
    // Had it not been committed, they would have gone by now.
    bench.alter("vault", Change::Seal).await;
    bench.node.drop_closed_tenants().unwrap();
    assert!(!bench.node.barrier.holds(&keyring));
}

/// Nobody looks again until something else happens.
#[tokio::test]
async fn keys_do_not_stay_where_it_was_sealed_before_its_opening_was_over() {
    let bench = Bench::new().await;
    let made = bench.change(|state| bench.create(state, &Namespace::root(), "vault", true).unwrap()).await;
    let (keyring, shares) = (made.record.id.keyring().to_owned(), made.shares.unwrap().shares);
    let give = |n: usize| {
        let (node, share) = (Arc::clone(&bench.node), Share::from_slice(shares[n].expose()));
        tokio::spawn(async move { node.unseal_tenant(&Namespace::root(), "vault", share).await })
    };
    give(0).await.unwrap().unwrap();
    bench.alone.answers_late(true);
    let opening = give(1);
    while bench.seen("vault", "sys/mounts") != at("vault/", "sys/mounts") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut sealing = std::pin::pin!(bench.alter("vault", Change::Seal));
    assert!(futures::poll!(&mut sealing).is_pending());
    bench.node.drop_closed_tenants().unwrap();
    assert!(bench.node.barrier.holds(&keyring), "somebody is opening it");
    bench.alone.answers_late(false);
    sealing.await;
    assert!(opening.await.unwrap().unwrap().sealed);
    assert!(!bench.node.barrier.holds(&keyring));
}

#[tokio::test]
async fn of_a_sealed_namespace_nothing_is_kept_and_of_others_all() {
    let bench = Bench::new().await;
    let (a, _) = bench.make_sealable("a").await;
    let inner = bench.make(&a, "inner").await;
    let (b, _) = bench.make_sealable("b").await;
    let team = bench.make(&Namespace::root(), "team").await;
    let homes = [Namespace::root(), team, b, a, inner];
    let mut tokens = Vec::new();
    for home in &homes {
        tokens.push(bench.token(home, None).await);
    }
    assert!(tokens.iter().all(|token| bench.check(token).is_ok()));
    let kept = || -> Vec<bool> {
        let keys = tokens.iter().map(|token| bench.node.tokens.key_of(token).unwrap());
        keys.map(|key| bench.node.tokens.keeps(&key)).collect()
    };
    assert_eq!(kept(), [true; 5]);
    assert_eq!(bench.node.keyrings_led(), [homes[2].id.keyring(), homes[3].id.keyring()].map(str::to_owned).into());
    bench.alter("a", Change::Seal).await;
    bench.node.drop_closed_tenants().unwrap();
    assert_eq!(kept(), [true, true, true, false, false]);
    assert_eq!(bench.node.keyrings_led(), [homes[2].id.keyring().to_owned()].into());
}

#[tokio::test]
async fn one_tenant_does_not_use_up_all_key_services() {
    let bench = Bench::new().await;
    let (team, other) = (bench.make(&Namespace::root(), "team").await, bench.make(&Namespace::root(), "other").await);
    let inner = bench.make(&team, "inner").await;
    let key = crypto::Key32::from_slice(&[7; 32]).unwrap();
    let seal = barrier::StaticSeal::new(("k".to_owned(), key), None);
    let make = async |above: &Namespace, name: &str| {
        let (keys, id) = (
            barrier::TenantKeys::generate(bench.alone.now()),
            NamespaceId::new(&crate::letters::random(8), &above.id, true).unwrap(),
        );
        let wrap = keys.wrapped_by(id.keyring(), &seal).await.unwrap();
        let service = KeyService::Offered { kind: barrier::SealKind::Static, name: "k".into() };
        let new = NewTenant { above: above.id.clone(), id, keys, service: TenantService { service, wrap } };
        let mut state = bench.begin();
        let asked = NewNamespace {
            above,
            name,
            custom_metadata: BTreeMap::new(),
            seal: Some(SealConfig::shamir(1, 1, String::new()).unwrap()),
            by_service: Some(&new),
            now: bench.alone.now(),
        };
        let (mounts, policies) = (&bench.node.mounts, &bench.node.policies);
        let mut txn = state.at(space::records(&above.id));
        bench.node.namespaces.create(mounts, policies, &mut txn, asked).map(|_| ())?;
        bench.commit(state).await.unwrap();
        Ok::<_, Refused>(())
    };
    for n in 0..64 {
        make(if n % 2 == 0 { &team } else { &inner }, &format!("n{n}")).await.unwrap();
    }
    for above in [&team, &inner] {
        let refused = make(above, "more").await.unwrap_err().to_string();
        assert!(refused.contains("at most 64 namespaces in \"team\""), "{refused}");
    }
    make(&other, "n").await.unwrap();
    make(&Namespace::root(), "n").await.unwrap();
}

#[tokio::test]
async fn tokens_end_with_their_namespace_and_are_found_from_above_alone() {
    let bench = Bench::new().await;
    let (a, b) = (bench.make(&Namespace::root(), "a").await, bench.make(&Namespace::root(), "b").await);
    let inner = bench.make(&a, "inner").await;
    let (token, deep) = (bench.token(&a, None).await, bench.token(&inner, None).await);
    let view = bench.node.local_view().unwrap();
    let now = bench.alone.now();
    let about = |from: &NamespaceId, token| bench.node.tokens.asked_about(&view, from, token, now).is_ok();
    for (from, of_a, of_inner) in
        [(&Namespace::root(), true, true), (&a, true, true), (&inner, false, true), (&b, false, false)]
    {
        assert_eq!((about(&from.id, &token), about(&from.id, &deep)), (of_a, of_inner), "{}", from.path);
    }
    // Under another namespace's name it is no token.
    for home in ["", ".", &format!(".{}", b.id.as_str()), &format!(".{}", inner.id.as_str())] {
        let own = token.expose().rsplit_once('.').unwrap().0;
        assert!(matches!(bench.check(&ClientToken::new(format!("{own}{home}"))), Err(Why::Unknown)), "{home}");
    }
    bench
        .change(|state| {
            let mut txn = state.at(space::records(&a.id));
            let record = bench.node.namespaces.get_for_update(&txn, "inner").unwrap().unwrap();
            bench.node.namespaces.doom(&mut txn, &a, record).unwrap();
        })
        .await;
    assert!(matches!(bench.check(&deep), Err(Why::Orphaned)));
    assert!(bench.check(&token).is_ok());
}
