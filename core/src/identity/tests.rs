//! Entities, aliases and groups on a store in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use sdk::{Failure, NamespaceId};
use storage::{
    Clear, CommitError, Latches, MemoryStore, Millis, OpenStore, Path, RequestId, Term, Txn, TxnState, View,
};

use super::*;

mod external_groups;
mod second_factor;

const MOUNT: &str = "auth_userpass_1";

static ROOT: std::sync::LazyLock<NamespaceId> = std::sync::LazyLock::new(NamespaceId::root);

struct Bench {
    store: OpenStore,
    identities: Identities,
    now: Millis,
}

/// A transaction that is not committed yet. Its latches are its own, as those of another leader are.
struct Open(TxnState);

impl Bench {
    fn new() -> Self {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear));
        Self { store, identities: Identities::default(), now: Millis(1_700_000_000_000) }
    }

    fn view(&self) -> View {
        View::new(self.store.snapshot().unwrap(), records())
    }

    fn begin(&self) -> Open {
        Open(TxnState::new(self.store.snapshot().unwrap(), Latches::new().begin()))
    }

    async fn commit(&self, open: Open) -> Result<(), CommitError> {
        let (batch, _latches) = open.0.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let batch = self.store.seal(id, self.now, batch).unwrap();
        self.store.commit(Term(1), batch).await.map(|_| ())
    }

    async fn change<T>(&self, write: impl FnOnce(&mut Txn) -> T) -> T {
        let mut open = self.begin();
        let out = write(&mut open.txn());
        self.commit(open).await.unwrap();
        out
    }

    async fn log_in(&self, alias: &str, groups: &[&str]) -> Entity {
        self.change(|txn| arrival(txn, self.now, alias, groups).unwrap()).await
    }

    async fn group(&self, name: &str, change: GroupChange) -> String {
        let made = self.change(|txn| write_group(txn, self.now, WhichGroup::Name(name.into()), change)).await.unwrap();
        made.map_or_else(|| group_by_name(&self.view(), name).unwrap().unwrap().id, |group| group.id)
    }

    fn policies(&self, entity: &str) -> Vec<String> {
        let rights = self.identities.rights(&self.view(), &ROOT, entity).unwrap();
        assert_eq!(rights.policies, policies_of(&self.view(), entity).unwrap(), "kept and looked up are the same");
        rights.policies.clone()
    }
}

impl Open {
    fn txn(&mut self) -> Txn<'_> {
        self.0.at(records())
    }
}

fn records() -> Path {
    crate::space::records(&ROOT)
}

fn arrival(txn: &mut Txn, now: Millis, alias: &str, groups: &[&str]) -> sdk::Result<Entity> {
    let groups: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
    let nothing = BTreeMap::new();
    let arrival = Arrival { mount_accessor: MOUNT, alias, metadata: Some(&nothing), groups: Some(&groups) };
    arrive(txn, now, &arrival)
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

fn gives(policies: &[&str], members: &[&str]) -> GroupChange {
    GroupChange { policies: names(policies), member_entity_ids: names(members), ..GroupChange::default() }
}

fn holds(groups: &[&str]) -> GroupChange {
    GroupChange { member_group_ids: names(groups), ..GroupChange::default() }
}

fn entity_change(name: &str) -> EntityChange {
    EntityChange { name: Some(name.into()), ..EntityChange::default() }
}

fn told(failure: Failure) -> String {
    assert_eq!(failure.status(), 400);
    failure.to_string()
}

#[tokio::test]
async fn one_user_is_one_entity_however_they_write_their_name() {
    let bench = Bench::new();
    let first = bench.log_in("Ann", &[]).await;
    assert_eq!((first.aliases.len(), first.name.len()), (1, "entity_".len() + 8));
    assert_eq!(bench.log_in("ANN", &[]).await.id, first.id);
    assert_ne!(bench.log_in("ann ", &[]).await.id, first.id, "a space tells names apart, as it does for the mount");
    let found = alias(&bench.view(), MOUNT, "aNN").unwrap().unwrap();
    assert_eq!((found.name.as_str(), &found.canonical_id), ("Ann", &first.id));
    assert!(alias(&bench.view(), "auth_userpass_2", "ann").unwrap().is_none(), "of that mount alone");
}

#[tokio::test]
async fn of_two_first_logins_of_one_user_one_runs_again() {
    let bench = Bench::new();
    let (mut one, mut other) = (bench.begin(), bench.begin());
    let made = arrival(&mut one.txn(), bench.now, "ann", &[]).unwrap();
    let lost = arrival(&mut other.txn(), bench.now, "ann", &[]).unwrap();
    assert_ne!(made.id, lost.id);
    bench.commit(one).await.unwrap();
    assert!(matches!(bench.commit(other).await, Err(CommitError::Conflict { .. })));
    assert_eq!(bench.log_in("ann", &[]).await.id, made.id);
    assert!(entity(&bench.view(), &lost.id).unwrap().is_none());
}

#[tokio::test]
async fn a_name_is_one_entity_s_until_it_is_given_up() {
    let bench = Bench::new();
    let write = async |change| bench.change(|txn| write_entity(txn, bench.now, change)).await;
    let ann = write(entity_change("Ann")).await.unwrap().unwrap();
    let bob = write(entity_change("bob")).await.unwrap().unwrap();
    assert!(write(entity_change("aNN")).await.unwrap().is_none(), "it is there already");
    let of = |id: &str, name: &str| EntityChange { id: Some(id.into()), ..entity_change(name) };
    assert!(told(write(of(&bob.id, "ANN")).await.unwrap_err()).contains("already in use"));
    assert!(told(write(of("nobody", "x")).await.unwrap_err()).contains("not found"));
    write(of(&ann.id, "anne")).await.unwrap();
    write(of(&bob.id, "Ann")).await.unwrap();
    let view = bench.view();
    assert_eq!(entity_by_name(&view, "ANN").unwrap().unwrap().id, bob.id);
    assert_eq!(entity_names(&view, None, 10).unwrap(), ["Ann", "anne"]);
    assert!(entity_by_name(&view, "bob").unwrap().is_none());
}

#[tokio::test]
async fn nobody_becomes_root_by_an_entity_or_a_group() {
    let bench = Bench::new();
    for name in ["root", "ROOT", " Root ", "\troot"] {
        let policies = names(&["a", name]);
        let change = EntityChange { policies: policies.clone(), ..entity_change("ann") };
        assert!(told(bench.change(|txn| write_entity(txn, bench.now, change)).await.unwrap_err()).contains("root"));
        let change = GroupChange { policies, ..GroupChange::default() };
        let refused = bench.change(|txn| write_group(txn, bench.now, WhichGroup::New, change)).await.unwrap_err();
        assert!(told(refused).contains("root"), "{name:?}");
    }
    for name in ["response-wrapping", "Control-Group"] {
        let change = EntityChange { policies: names(&[name]), ..entity_change("ann") };
        let refused = bench.change(|txn| write_entity(txn, bench.now, change)).await.unwrap_err();
        assert!(told(refused).contains("cannot assign"), "{name:?}");
    }
    // However it came there, it gives nothing.
    let ann = bench.log_in("ann", &[]).await;
    let entity = Entity { policies: vec!["a".into(), "root".into()], ..ann };
    bench.change(|txn| entity::put(txn, &entity)).await.unwrap();
    assert_eq!(bench.policies(&entity.id), ["a"]);
}

#[tokio::test]
async fn policies_come_from_all_groups_above_and_go_with_them() {
    let bench = Bench::new();
    let ann = bench.log_in("ann", &[]).await.id;
    assert!(bench.policies(&ann).is_empty());
    let inner = bench.group("inner", gives(&["i"], &[&ann])).await;
    let middle = bench.group("middle", holds(&[&inner])).await;
    let outer = bench.group("outer", GroupChange { policies: names(&["O"]), ..holds(&[&middle]) }).await;
    assert_eq!(bench.policies(&ann), ["i", "o"]);
    let groups = groups_of(&bench.view(), &ann).unwrap();
    let ids = |groups: Vec<Group>| groups.into_iter().map(|group| group.id).collect::<Vec<_>>();
    assert_eq!((ids(groups.direct), ids(groups.inherited)), (vec![inner.clone()], vec![middle.clone(), outer.clone()]));
    let shown = members(&bench.view(), &middle).unwrap();
    assert_eq!((shown.entities.len(), shown.groups), (0, vec![inner.clone()]));
    bench.group("outer", holds(&[])).await;
    assert_eq!(bench.policies(&ann), ["i"]);
    bench.group("inner", gives(&["i", "j"], &[&ann])).await;
    assert_eq!(bench.policies(&ann), ["i", "j"]);
    bench.group("inner", gives(&["i"], &[])).await;
    assert!(bench.policies(&ann).is_empty());
    assert_eq!(size(&bench.view(), &inner).unwrap(), 0);
}

#[tokio::test]
async fn what_let_a_request_through_is_what_its_batch_relies_on() {
    let bench = Bench::new();
    let ann = bench.log_in("ann", &[]).await.id;
    let group = bench.group("g", gives(&["g"], &[&ann])).await;
    let mut open = bench.begin();
    let view = bench.view();
    let rights = bench.identities.rights(&view, &ROOT, &ann).unwrap();
    for (path, revision) in rights.relied_on.iter().cloned() {
        open.0.rely_on(path, revision);
    }
    open.txn().put(&storage::PathKey::kind("x"), &1).unwrap();
    bench.change(|txn| delete_group(txn, &group)).await.unwrap();
    assert!(
        matches!(bench.commit(open).await, Err(CommitError::Conflict { .. })),
        "the group was taken away meanwhile"
    );
}

#[tokio::test]
async fn a_deleted_group_leaves_nothing_that_counts() {
    let bench = Bench::new();
    let (ann, bob) = (bench.log_in("ann", &[]).await.id, bench.log_in("bob", &[]).await.id);
    let inner = bench.group("inner", gives(&["i"], &[&ann, &bob])).await;
    let outer = bench.group("outer", GroupChange { policies: names(&["o"]), ..holds(&[&inner]) }).await;
    assert_eq!(size(&bench.view(), &inner).unwrap(), 2);
    bench.change(|txn| delete_group(txn, &inner)).await.unwrap();
    assert!(bench.policies(&ann).is_empty() && groups_of(&bench.view(), &bob).unwrap().direct.is_empty());
    assert!(members(&bench.view(), &outer).unwrap().groups.is_empty());
    assert!(group_by_name(&bench.view(), "INNER").unwrap().is_none());
    // Another one of that name is another one.
    bench.group("inner", gives(&["i"], &[&bob])).await;
    assert!(bench.policies(&ann).is_empty());
    assert_eq!(bench.policies(&bob), ["i"]);
    bench.change(|txn| delete_entity(txn, &bob)).await.unwrap();
    let inner = group_by_name(&bench.view(), "inner").unwrap().unwrap().id;
    assert_eq!((size(&bench.view(), &inner).unwrap(), members(&bench.view(), &inner).unwrap().entities.len()), (0, 0));
}

#[tokio::test]
async fn groups_cannot_contain_themselves() {
    let bench = Bench::new();
    let a = bench.group("a", GroupChange::default()).await;
    let b = bench.group("b", holds(&[&a])).await;
    let c = bench.group("c", holds(&[&b])).await;
    let hold = async |group: &str, member: &str| {
        let which = WhichGroup::Id(group.into());
        bench.change(|txn| write_group(txn, bench.now, which, holds(&[member]))).await
    };
    assert!(told(hold(&a, &c).await.unwrap_err()).contains("cyclic"));
    assert!(told(hold(&a, &a).await.unwrap_err()).contains("same as"));
    assert!(told(hold(&a, "nope").await.unwrap_err()).contains("invalid member group ID"));
    // Each half of a circle is fine, and both at once are not.
    let d = bench.group("d", GroupChange::default()).await;
    let (mut one, mut other) = (bench.begin(), bench.begin());
    write_group(&mut one.txn(), bench.now, WhichGroup::Id(d.clone()), holds(&[&c])).unwrap();
    write_group(&mut other.txn(), bench.now, WhichGroup::Id(a), holds(&[&d])).unwrap();
    bench.commit(one).await.unwrap();
    assert!(matches!(bench.commit(other).await, Err(CommitError::Conflict { .. })));
}

#[tokio::test]
async fn nesting_has_an_end() {
    let bench = Bench::new();
    let mut last = bench.group("g0", GroupChange::default()).await;
    for n in 1..=DEPTH_MAX {
        last = bench.group(&format!("g{n}"), holds(&[&last])).await;
    }
    let change = holds(&[&last]);
    let refused = bench.change(|txn| write_group(txn, bench.now, WhichGroup::New, change)).await.unwrap_err();
    assert!(told(refused).contains("nested"));
}

#[tokio::test]
async fn a_disabled_and_a_deleted_entity_do_not_count() {
    let bench = Bench::new();
    let ann = bench.log_in("ann", &[]).await.id;
    let unfit = || bench.identities.rights(&bench.view(), &ROOT, &ann).unwrap().unfit();
    assert_eq!(unfit(), None);
    assert_eq!(bench.identities.rights(&bench.view(), &ROOT, "").unwrap().unfit(), None, "most tokens are of nobody");
    let disable =
        |disabled| EntityChange { id: Some(ann.clone()), disabled: Some(disabled), ..EntityChange::default() };
    bench.change(|txn| write_entity(txn, bench.now, disable(true))).await.unwrap();
    assert!(unfit().unwrap().contains("disabled"));
    let refused = bench.change(|txn| arrival(txn, bench.now, "ann", &[])).await.unwrap_err();
    assert_eq!(refused.status(), 403);
    bench.change(|txn| write_entity(txn, bench.now, disable(false))).await.unwrap();
    assert_eq!(unfit(), None);
    bench.change(|txn| delete_entity(txn, &ann)).await.unwrap();
    assert!(unfit().is_some());
    assert!(alias(&bench.view(), MOUNT, "ann").unwrap().is_none());
    assert_ne!(bench.log_in("ann", &[]).await.id, ann);
}

#[tokio::test]
async fn an_alias_is_of_one_entity_and_an_entity_has_one_at_a_mount() {
    let bench = Bench::new();
    let ann = bench.log_in("ann", &[]).await;
    let bob = bench.log_in("bob", &[]).await;
    let (of_ann, of_bob) = (&ann.aliases[0].id, &bob.aliases[0].id);
    let write = async |change: AliasChange| bench.change(|txn| write_alias(txn, bench.now, change)).await;
    let change = |id: &str| AliasChange { id: Some(id.into()), ..AliasChange::default() };
    let refused = write(AliasChange { name: Some("ANN".into()), ..change(of_bob) }).await.unwrap_err();
    assert!(told(refused).contains("already exists"));
    let refused = write(AliasChange { canonical_id: Some(ann.id.clone()), ..change(of_bob) }).await.unwrap_err();
    assert!(told(refused).contains("already has an alias"));
    assert!(write(change(of_bob)).await.unwrap().is_none(), "nothing to do");
    let renamed = write(AliasChange { name: Some("Robert".into()), ..change(of_bob) }).await.unwrap().unwrap();
    assert_eq!((renamed.canonical_id.as_str(), bench.log_in("robert", &[]).await.id.as_str()), (&*bob.id, &*bob.id));
    bench.change(|txn| delete_alias(txn, of_ann)).await.unwrap();
    write(AliasChange { canonical_id: Some(ann.id.clone()), ..change(of_bob) }).await.unwrap().unwrap();
    assert_eq!(bench.log_in("robert", &[]).await.id, ann.id, "it has moved");
    assert!(entity(&bench.view(), &bob.id).unwrap().unwrap().aliases.is_empty());
    let long = BTreeMap::from([("k".to_owned(), "v".repeat(513))]);
    let refused = write(AliasChange { custom_metadata: Some(long), ..change(of_bob) }).await.unwrap_err();
    assert!(told(refused).contains("512"));
}

#[tokio::test]
async fn merged_entities_go_on_as_one() {
    let bench = Bench::new();
    let (ann, old) = (bench.log_in("ann", &[]).await, bench.log_in("old", &[]).await);
    let group = bench.group("g", gives(&["g"], &[&old.id])).await;
    let merge_with = async |keep: &[String]| {
        let from = [old.id.clone()];
        bench.change(|txn| merge(txn, bench.now, &Merge { to: &ann.id, from: &from, keep, force: false })).await
    };
    let Err(NotMerged::Clashes { clashes, .. }) = merge_with(&[]).await else { panic!("both are of one mount") };
    assert_eq!(clashes.iter().map(|clash| clash.alias.name.as_str()).collect::<Vec<_>>(), ["ann", "old"]);
    merge_with(&[old.aliases[0].id.clone()]).await.unwrap();
    let merged = entity(&bench.view(), &ann.id).unwrap().unwrap();
    assert_eq!((merged.aliases.len(), merged.aliases[0].name.as_str()), (1, "old"));
    assert_eq!((&merged.merged_ids, &merged.aliases[0].merged_from), (&vec![old.id.clone()], &vec![old.id.clone()]));
    assert_eq!(members(&bench.view(), &group).unwrap().entities, std::slice::from_ref(&ann.id));
    assert_eq!(size(&bench.view(), &group).unwrap(), 1);
    // A token of the one that is gone is the other's now.
    assert_eq!(bench.policies(&old.id), ["g"]);
    assert_eq!(bench.log_in("old", &[]).await.id, ann.id);
    assert_ne!(bench.log_in("ann", &[]).await.id, ann.id, "that alias made room");
    let third = bench.log_in("third", &[]).await;
    let from = [ann.id.clone()];
    let keep = [third.aliases[0].id.clone()];
    let asked = Merge { to: &third.id, from: &from, keep: &keep, force: false };
    bench.change(|txn| merge(txn, bench.now, &asked)).await.unwrap();
    assert_eq!(present(&bench.view(), &old.id).unwrap().unwrap().id, third.id, "however often");
    bench.change(|txn| delete_entity(txn, &third.id)).await.unwrap();
    assert!(present(&bench.view(), &old.id).unwrap().is_none());
}

#[tokio::test]
async fn who_was_disabled_does_not_come_to_life_as_somebody_else() {
    let bench = Bench::new();
    let (ann, bob) = (bench.log_in("ann", &[]).await, bench.log_in("bob", &[]).await);
    bench.change(|txn| delete_alias(txn, &ann.aliases[0].id).unwrap()).await;
    let disable =
        |disabled| EntityChange { id: Some(bob.id.clone()), disabled: Some(disabled), ..EntityChange::default() };
    let from = [bob.id.clone()];
    let merge_now = async || {
        let asked = Merge { to: &ann.id, from: &from, keep: &[], force: true };
        bench.change(|txn| merge(txn, bench.now, &asked)).await
    };
    bench.change(|txn| write_entity(txn, bench.now, disable(true))).await.unwrap();
    assert!(merge_now().await.unwrap_err().to_string().contains("disabled"));
    bench.change(|txn| write_entity(txn, bench.now, disable(false))).await.unwrap();
    merge_now().await.unwrap();
}

#[tokio::test]
async fn who_is_in_too_many_groups_is_refused_and_can_still_be_looked_at() {
    let bench = Bench::new();
    let ann = bench.log_in("ann", &[]).await.id;
    bench.group("first", gives(&["first"], &[&ann])).await;
    // As many as cannot be written by hand in a test: put there.
    let direct = group_by_name(&bench.view(), "first").unwrap().unwrap();
    bench
        .change(|txn| {
            let mut parents = Vec::new();
            for n in 0..200 {
                let above = (0..30).map(|m| format!("above-{n}-{m}")).collect();
                let id = format!("parent-{n}");
                let parent = Group { id: id.clone(), parents: Some(above), ..Group::default() };
                group::put(txn, bench.now, parent).unwrap();
                parents.push(id);
            }
            group::put(txn, bench.now, Group { parents: Some(parents), ..direct }).unwrap();
        })
        .await;
    let rights = bench.identities.rights(&bench.view(), &ROOT, &ann).unwrap();
    assert!(rights.unfit().unwrap().contains("more groups"));
    assert_eq!(groups_of(&bench.view(), &ann).unwrap().direct.len(), 1);
    let entity = entity(&bench.view(), &ann).unwrap().unwrap();
    let refused = mfa::applying(&bench.view(), Some(&entity), MOUNT, "userpass").unwrap_err();
    assert_eq!(refused.status(), 403, "what binds her is not known whole");
}

#[tokio::test]
async fn what_is_written_down_has_bounds() {
    let bench = Bench::new();
    let write = async |pairs: Vec<(String, String)>| {
        let change = EntityChange { metadata: Some(pairs.into_iter().collect()), ..entity_change("ann") };
        bench.change(|txn| write_entity(txn, bench.now, change)).await.map(|_| ())
    };
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    write(pair(&"k".repeat(128), &"v".repeat(512))).await.unwrap();
    write(pair("k", "")).await.unwrap();
    write((0..64).map(|n| (format!("k{n}"), "v".to_owned())).collect()).await.unwrap();
    for (bad, naming) in [
        (pair(&"k".repeat(129), "v"), "too long"),
        (pair("k", &"v".repeat(513)), "too long"),
        (pair("", "v"), "blank"),
        (pair("a b", "v"), "invalid characters"),
        (pair("vault-k", "v"), "reserved"),
        ((0..65).map(|n| (format!("k{n}"), "v".to_owned())).collect(), "64"),
    ] {
        let refused = told(write(bad).await.unwrap_err());
        assert!(refused.contains(naming), "{refused}");
    }
    for (name, naming) in [("a\u{7}b".to_owned(), "control"), ("n".repeat(1025), "1024")] {
        let refused = bench.change(|txn| write_entity(txn, bench.now, entity_change(&name))).await.unwrap_err();
        assert!(told(refused).contains(naming));
    }
}
