//! Who is in an external group, and what ends that.

use super::*;

const OTHER: &str = "auth_ldap_2";

impl Bench {
    async fn mounted(&self, there: bool, accessors: &[&str]) {
        self.change(|txn| {
            for key in accessors.iter().map(|accessor| crate::mount::origin_key(accessor)) {
                if there { txn.put(&key, "x/").unwrap() } else { txn.delete(&key) }
            }
        })
        .await;
    }

    /// A group that the mount calls by this name in capitals, and that gives the policy of the name.
    async fn external(&self, name: &str, mount: &str) -> String {
        let kind = Some("external".into());
        let change = GroupChange { kind, policies: names(&[name]), ..GroupChange::default() };
        let id = self.group(name, change).await;
        self.called(None, &name.to_uppercase(), mount, Some(&id)).await;
        id
    }

    async fn called(&self, id: Option<&str>, name: &str, mount: &str, group: Option<&str>) {
        let change = GroupAliasChange {
            id: id.map(str::to_owned),
            name: name.into(),
            mount_accessor: mount.into(),
            canonical_id: group.map(str::to_owned),
        };
        self.change(|txn| write_group_alias(txn, self.now, change)).await.unwrap().unwrap();
    }

    async fn comes_by(&self, mount: &str, alias: &str, groups: &[&str]) -> Entity {
        let groups: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
        let arrival = Arrival { mount_accessor: mount, alias, metadata: None, groups: Some(&groups) };
        self.change(|txn| arrive(txn, self.now, &arrival)).await.unwrap()
    }

    /// Her name at another mount.
    async fn also(&self, entity: &str, mount: &str, name: &str) -> Alias {
        let change = AliasChange {
            name: Some(name.into()),
            mount_accessor: Some(mount.into()),
            canonical_id: Some(entity.into()),
            ..AliasChange::default()
        };
        self.change(|txn| write_alias(txn, self.now, change)).await.unwrap().unwrap()
    }

    fn direct(&self, entity: &str) -> usize {
        groups_of(&self.view(), entity).unwrap().direct.len()
    }
}

/// Ann, who is in the group `admins` of the other mount by her alias there, and has one at the first mount too.
async fn with_ann() -> (Bench, String, String) {
    let bench = Bench::new();
    bench.mounted(true, &[MOUNT, OTHER]).await;
    let group = bench.external("admins", OTHER).await;
    let ann = bench.log_in("ann", &[]).await.id;
    bench.also(&ann, OTHER, "ann-l").await;
    assert_eq!(bench.comes_by(OTHER, "ann-l", &["admins"]).await.id, ann);
    assert_eq!(bench.policies(&ann), ["admins"]);
    (bench, ann, group)
}

#[tokio::test]
async fn external_groups_are_what_the_mount_says_at_each_login() {
    let (bench, ann, _) = with_ann().await;
    let staff = bench.external("staff", MOUNT).await;
    let inside = bench.group("inside", gives(&["inside"], &[&ann])).await;
    bench.log_in("ann", &["staff", "admins", "unheard of"]).await;
    assert_eq!(bench.policies(&ann), ["admins", "inside", "staff"], "of its own mount each");
    bench.log_in("ann", &[]).await;
    assert_eq!(bench.policies(&ann), ["admins", "inside"]);
    assert_eq!((size(&bench.view(), &staff).unwrap(), size(&bench.view(), &inside).unwrap()), (0, 1));
    let change = gives(&[], &[&ann]);
    let refused = bench.change(|txn| write_group(txn, bench.now, WhichGroup::Id(staff), change)).await;
    assert!(told(refused.unwrap_err()).contains("external"));
}

#[tokio::test]
async fn a_mount_that_is_gone_tells_of_nobody() {
    let (bench, ann, _) = with_ann().await;
    bench.mounted(false, &[OTHER]).await;
    assert_eq!((bench.policies(&ann).len(), bench.direct(&ann)), (0, 0));
    bench.log_in("ann", &[]).await;
    assert!(bench.policies(&ann).is_empty());
}

#[tokio::test]
async fn what_let_a_member_through_relies_on_the_mount() {
    let (bench, ann, _) = with_ann().await;
    let mut open = bench.begin();
    for (path, revision) in bench.identities.rights(&bench.view(), &ROOT, &ann).unwrap().relied_on.iter().cloned() {
        open.0.rely_on(path, revision);
    }
    open.txn().put(&storage::PathKey::kind("x"), &1).unwrap();
    bench.mounted(false, &[OTHER]).await;
    assert!(matches!(bench.commit(open).await, Err(CommitError::Conflict { .. })));
}

#[tokio::test]
async fn who_has_not_the_alias_any_more_is_not_in_its_groups() {
    for moves in [false, true] {
        let (bench, ann, group) = with_ann().await;
        let alias = alias(&bench.view(), OTHER, "ann-l").unwrap().unwrap();
        if moves {
            let bob = bench.log_in("bob", &[]).await.id;
            let change = AliasChange { id: Some(alias.id.clone()), canonical_id: Some(bob), ..AliasChange::default() };
            bench.change(|txn| write_alias(txn, bench.now, change)).await.unwrap().unwrap();
        } else {
            bench.change(|txn| delete_alias(txn, &alias.id)).await.unwrap();
        }
        assert_eq!((bench.policies(&ann).len(), size(&bench.view(), &group).unwrap()), (0, 0));
        // Another name at that mount is another ground.
        bench.also(&ann, OTHER, "ann-m").await;
        assert!(bench.policies(&ann).is_empty());
    }
}

#[tokio::test]
async fn what_a_mount_called_a_group_says_nothing_of_what_it_calls_it_now() {
    let (bench, ann, group) = with_ann().await;
    let before = super::super::group(&bench.view(), &group).unwrap().unwrap().alias.unwrap();
    bench.called(Some(&before.id), "CHIEFS", OTHER, None).await;
    assert!(bench.policies(&ann).is_empty());
    bench.called(Some(&before.id), "ADMINS", MOUNT, None).await;
    assert!(bench.policies(&ann).is_empty(), "the same name at another mount");
    bench.log_in("ann", &["admins"]).await;
    assert_eq!(bench.policies(&ann), ["admins"]);
    bench.change(|txn| delete_group_alias(txn, bench.now, &before.id)).await.unwrap();
    assert!(bench.policies(&ann).is_empty());
}

#[tokio::test]
async fn a_merge_brings_the_groups_of_the_aliases_that_it_brings() {
    for keeps_hers in [true, false] {
        let (bench, ann, _) = with_ann().await;
        let bob = bench.comes_by(OTHER, "bob", &[]).await;
        let own = alias(&bench.view(), OTHER, "ann-l").unwrap().unwrap();
        let keep = [if keeps_hers { own.id } else { bob.aliases[0].id.clone() }];
        let from = [ann.clone()];
        let asked = Merge { to: &bob.id, from: &from, keep: &keep, force: false };
        bench.change(|txn| merge(txn, bench.now, &asked)).await.unwrap();
        assert_eq!(bench.policies(&bob.id).len(), usize::from(keeps_hers), "hers kept: {keeps_hers}");
        assert_eq!(bench.policies(&ann).len(), usize::from(keeps_hers), "her tokens are his");
    }
    // And what the other one's alias gave goes with it.
    let (bench, ann, group) = with_ann().await;
    let bob = bench.comes_by(OTHER, "bob", &[]).await;
    let (from, keep) = ([bob.id.clone()], [bob.aliases[0].id.clone()]);
    let asked = Merge { to: &ann, from: &from, keep: &keep, force: false };
    bench.change(|txn| merge(txn, bench.now, &asked)).await.unwrap();
    assert_eq!((bench.policies(&ann).len(), size(&bench.view(), &group).unwrap()), (0, 0));
}

/// Both are written down as members, she by what counts and he by what counts no more.
#[tokio::test]
async fn a_merge_leaves_the_ground_on_which_somebody_is_in_a_group() {
    let (bench, ann, group) = with_ann().await;
    let before = super::super::group(&bench.view(), &group).unwrap().unwrap().alias.unwrap();
    bench.called(Some(&before.id), "ADMINS", MOUNT, None).await;
    let bob = bench.log_in("bob", &["admins"]).await.id;
    bench.called(Some(&before.id), "ADMINS", OTHER, None).await;
    assert_eq!((bench.policies(&ann), bench.policies(&bob).len()), (vec!["admins".to_owned()], 0));
    // Of two aliases at one mount only one would stay.
    let own = alias(&bench.view(), MOUNT, "ann").unwrap().unwrap();
    bench.change(|txn| delete_alias(txn, &own.id)).await.unwrap();
    let from = [bob];
    let asked = Merge { to: &ann, from: &from, keep: &[], force: false };
    bench.change(|txn| merge(txn, bench.now, &asked)).await.unwrap();
    assert_eq!(bench.policies(&ann), ["admins"]);
    let his = alias(&bench.view(), MOUNT, "bob").unwrap().unwrap();
    bench.change(|txn| delete_alias(txn, &his.id)).await.unwrap();
    assert_eq!(bench.policies(&ann), ["admins"]);
}
