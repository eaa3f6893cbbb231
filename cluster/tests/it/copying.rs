//! Two clusters, one the copy of the other: it follows, catches up, takes over, and the other gives way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cluster::dr::{Adopted, CopyState, DrChange, DrError, DrRole, Enrolled};
use cluster::{Member, Node};
use storage::{Class, CommitError, Millis, RawKey, Term, Value};
use tokio::time::sleep;

use crate::harness::{Cluster, in_ms, put, read, soon, until};

const SECRET: [u8; 32] = [7; 32];

fn local(name: &'static str) -> RawKey {
    RawKey::root(Class::Local).plain(name)
}

fn members(node: &Node) -> Vec<(u64, Member)> {
    node.members().into_iter().map(|status| (status.id, status.member)).collect()
}

async fn primary() -> Cluster {
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    leader.change_standing(DrChange::EnablePrimary, soon()).await.unwrap();
    cluster
}

async fn invite(primary: &Cluster, id: &str) {
    let leader = primary.leader().await;
    let (secret, expires) = (crypto::sha256(&SECRET), Millis(leader.now().0 + 60_000));
    leader.change_standing(DrChange::Invite { id: id.into(), secret, expires }, soon()).await.unwrap();
}

/// Has a cluster of its own become the secondary of that primary.
async fn enroll(primary: &Cluster, secondary: &Cluster) -> Enrolled {
    let known = members(&*primary.leader().await);
    let leader = secondary.leader().await;
    let enrolled = leader.enroll(&known, SECRET, Bytes::from_static(b"question"), soon()).await.unwrap();
    let adopted = Adopted { puts: vec![(local("adopted"), "1".into())], prefix_deletes: vec![local("own")] };
    let change = DrChange::Follow {
        id: enrolled.id.clone(),
        primary: enrolled.primary.clone(),
        reign: enrolled.reign,
        adopted: Some(adopted),
    };
    leader.change_standing(change, soon()).await.unwrap();
    enrolled
}

/// All nodes of both have one revision and one fingerprint.
async fn in_step(primary: &Cluster, secondary: &Cluster) {
    until("the copy is in step", || {
        let mut all = primary.up().chain(secondary.up()).map(|node| node.fingerprint());
        let first = all.next().unwrap();
        all.all(|other| other == first)
    })
    .await;
}

async fn refuses_writes(cluster: &Cluster) {
    let leader = cluster.leader().await;
    let term = Term(leader.leadership().borrow().term);
    let refused = leader.store().commit(term, put("own", "no")).await;
    assert!(matches!(refused, Err(CommitError::Unavailable(_))), "{refused:?}");
}

fn standing(node: &Node) -> DrRole {
    node.standing().borrow().role.clone()
}

fn is_secondary_of(node: &Node, fenced: bool) -> bool {
    matches!(standing(node), DrRole::Secondary(source) if !source.primary.is_empty() && source.fenced == fenced)
}

async fn two() -> (Cluster, Cluster) {
    let (primary, secondary) = (primary().await, Cluster::of(3).await);
    for n in 0..50 {
        primary.write(&format!("before{n}"), "p").await;
    }
    secondary.write("own", "s").await;
    invite(&primary, "east").await;
    enroll(&primary, &secondary).await;
    (primary, secondary)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_has_the_primarys_history_and_takes_no_writes_of_its_own() {
    let (primary, secondary) = two().await;
    in_step(&primary, &secondary).await;
    for n in 0..20 {
        primary.write(&format!("after{n}"), "p").await;
    }
    in_step(&primary, &secondary).await;
    for node in secondary.up() {
        assert_eq!(read(node, "before7").as_deref(), Some("p"));
        assert_eq!(read(node, "after19").as_deref(), Some("p"));
        assert_eq!(read(node, "own"), None, "what it had before is gone");
        let adopted = node.store().snapshot().unwrap().get(&local("adopted")).unwrap();
        assert_eq!(adopted.map(|stored| stored.value), Some(Value::Bytes("1".into())));
    }
    refuses_writes(&secondary).await;
    assert_eq!(secondary.leader().await.members().len(), 3, "its members are its own");
    let (here, there) = (primary.leader().await.full_hash().await, secondary.leader().await.full_hash().await);
    assert_eq!(here.unwrap(), there.unwrap());

    let leader = secondary.leader().await;
    until("it says that it follows", || {
        let progress = leader.secondary_progress().unwrap();
        progress.state == CopyState::Following && progress.behind(leader.fingerprint().0) == Some(0)
    })
    .await;
    let seen = primary.leader().await.primary_progress().unwrap();
    assert_eq!(seen.secondaries[0].id, "east");
    until("the primary knows how far it is", || {
        primary
            .up()
            .any(|node| node.primary_progress().is_some_and(|progress| progress.secondaries[0].behind == Some(0)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_copy_is_is_known_while_there_are_writes() {
    let (primary, secondary) = (Cluster::of(1).await, Cluster::of(1).await);
    primary.leader().await.change_standing(DrChange::EnablePrimary, soon()).await.unwrap();
    invite(&primary, "east").await;
    enroll(&primary, &secondary).await;
    in_step(&primary, &secondary).await;
    // Each write ends the question that waits for it: none is ended by its time.
    let (leader, written) = (primary.leader().await, AtomicU64::new(0));
    let writes = async {
        loop {
            primary.write("again", "v").await;
            written.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(200)).await;
        }
    };
    let known = until("the primary knows between two writes that it is in step", || {
        let seen = leader.primary_progress().unwrap().secondaries.remove(0);
        written.load(Ordering::Relaxed) > 3 && seen.behind == Some(0) && seen.lag == Some(Duration::ZERO)
    });
    tokio::select! {
        () = writes => {}
        () = known => {}
    }
    in_step(&primary, &secondary).await;
    let leader = secondary.leader().await;
    assert_eq!(leader.secondary_progress().unwrap().behind(leader.fingerprint().0), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_once_and_the_same_node_may_ask_again() {
    let (primary, secondary) = (primary().await, Cluster::of(1).await);
    let other = Cluster::of(1).await;
    let known = members(&*primary.leader().await);
    let ask =
        async |node: Arc<Node>, secret| node.enroll(&known, secret, Bytes::from_static(b"question"), soon()).await;
    let uninvited = ask(secondary.leader().await, SECRET).await;
    assert!(matches!(uninvited, Err(DrError::Unavailable(_))), "no stranger is let in: {uninvited:?}");

    invite(&primary, "east").await;
    let wrong = ask(secondary.leader().await, [8; 32]).await;
    assert!(matches!(&wrong, Err(DrError::Refused(why)) if why.contains("activation token")), "{wrong:?}");
    let first = ask(secondary.leader().await, SECRET).await.unwrap();
    assert_eq!((first.id.as_str(), &first.welcome[..]), ("east", &b"welcome east: question"[..]));
    assert_eq!(ask(secondary.leader().await, SECRET).await.unwrap().welcome, first.welcome);
    let second = ask(other.leader().await, SECRET).await;
    assert!(second.is_err(), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_may_lose_its_leader() {
    let (mut primary, mut secondary) = two().await;
    in_step(&primary, &secondary).await;
    for round in 0..3 {
        let (at, lost) = (primary.leader_seat().await, secondary.leader_seat().await);
        primary.seats[at].crash();
        secondary.seats[lost].crash();
        primary.write(&format!("round{round}"), "p").await;
        primary.seats[at].start().await.set_sealed(false);
        secondary.seats[lost].start().await.set_sealed(false);
    }
    in_step(&primary, &secondary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_for_too_long_fetches_what_differs() {
    let (primary, secondary) = two().await;
    in_step(&primary, &secondary).await;
    let down: Vec<usize> = (0..3).collect();
    let mut secondary = secondary;
    for at in &down {
        secondary.seats[*at].stop().await;
    }
    // More than a feed of a MiB holds, so it is cut.
    let large = "x".repeat(100 << 10);
    for n in 0..60 {
        primary.write(&format!("large{}", n % 5), &large).await;
    }
    primary.delete("before3").await;
    let leader = primary.leader().await;
    until("the feed is cut", || leader.primary_progress().is_some_and(|progress| progress.feed_bytes < 2 << 20)).await;
    for at in &down {
        secondary.seats[*at].start().await.set_sealed(false);
    }
    in_step(&primary, &secondary).await;
    let leader = secondary.leader().await;
    assert_eq!(read(&leader, "large4").map(|value| value.len()), Some(large.len()));
    assert_eq!(read(&leader, "before3"), None);
    let difference = leader.secondary_progress().unwrap().last_difference.expect("it compared");
    assert!(difference.fetched >= 5 && difference.fetched < 20, "{difference:?}");
    assert_eq!(difference.removed, 1);
    primary.write("goes", "on").await;
    in_step(&primary, &secondary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_replaced_is_fenced_before_it_takes_a_write_and_comes_back_by_difference() {
    let (mut primary, secondary) = two().await;
    in_step(&primary, &secondary).await;
    for seat in &mut primary.seats {
        seat.crash();
    }
    let leader = secondary.leader().await;
    leader.change_standing(DrChange::Promote { force: false }, soon()).await.unwrap();
    secondary.write("taken over", "s").await;
    for seat in &mut primary.seats {
        seat.start().await.set_sealed(false);
    }
    // It says that it leads only once it has asked, and then it leads a secondary.
    let old = primary.leader().await;
    assert!(is_secondary_of(&old, true), "{:?}", standing(&old));
    refuses_writes(&primary).await;
    in_step(&secondary, &primary).await;
    assert_eq!(read(&old, "taken over").as_deref(), Some("s"));
    let (revision, _) = old.fingerprint();
    assert!(revision.epoch.number > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_lives_on_apart_is_told_and_loses_what_nobody_copied() {
    let (primary, secondary) = two().await;
    in_step(&primary, &secondary).await;
    // The copy hears of a primary that is not there: what the real one writes from here on it does not get.
    let nowhere = (1..=3).map(|port| format!("127.0.0.1:{port}")).collect();
    let leader = secondary.leader().await;
    leader.change_standing(DrChange::Readdress { addresses: nowhere }, soon()).await.unwrap();
    until("the copy is apart", || leader.secondary_progress().is_some_and(|progress| progress.problem.is_some())).await;
    primary.write("lost", "p").await;
    primary.write("before1", "changed apart").await;
    primary.delete("before2").await;
    leader.change_standing(DrChange::Promote { force: false }, soon()).await.unwrap();
    until("the old primary follows", || primary.up().all(|node| is_secondary_of(node, true))).await;
    secondary.write("new", "s").await;
    in_step(&secondary, &primary).await;
    let old = primary.leader().await;
    assert_eq!(read(&old, "new").as_deref(), Some("s"));
    assert_eq!((read(&old, "lost"), read(&old, "before1").as_deref()), (None, Some("p")));
    assert_eq!(read(&old, "before2").as_deref(), Some("p"));
    assert_eq!(old.full_hash().await.unwrap(), leader.full_hash().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_enrolled_under_another_name_is_revoked_by_it() {
    let (one, two) = two().await;
    in_step(&one, &two).await;
    one.leader().await.change_standing(DrChange::Demote, soon()).await.unwrap();
    two.leader().await.change_standing(DrChange::Promote { force: false }, soon()).await.unwrap();
    until("the former primary follows", || one.up().all(|node| is_secondary_of(node, false))).await;
    invite(&two, "west").await;
    let known = members(&*two.leader().await);
    one.leader().await.enroll(&known, SECRET, Bytes::from_static(b"again"), soon()).await.unwrap();
    let names: Vec<String> =
        two.leader().await.standing().borrow().secondaries().iter().map(|known| known.id.clone()).collect();
    assert_eq!(names, ["west"], "one cluster, one name");
    two.leader().await.change_standing(DrChange::Revoke { id: "west".into() }, soon()).await.unwrap();
    two.write("after", "x").await;
    let leader = one.leader().await;
    until("it says that it is refused", || leader.secondary_progress().unwrap().problem.is_some()).await;
    assert_eq!(read(&leader, "after"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_change_of_places_loses_nothing_and_goes_both_ways() {
    let (one, two) = two().await;
    in_step(&one, &two).await;
    let (mut from, mut to) = (&one, &two);
    for round in 0..2 {
        from.write(&format!("round{round}"), "x").await;
        in_step(from, to).await;
        from.leader().await.change_standing(DrChange::Demote, soon()).await.unwrap();
        refuses_writes(from).await;
        to.leader().await.change_standing(DrChange::Promote { force: false }, soon()).await.unwrap();
        until("the one that was demoted follows", || from.up().all(|node| is_secondary_of(node, false))).await;
        in_step(to, from).await;
        std::mem::swap(&mut from, &mut to);
    }
    assert_eq!(read(&*one.leader().await, "round1").as_deref(), Some("x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_secondary_is_cut_off_and_may_leave_with_what_it_has() {
    let (primary, secondary) = two().await;
    in_step(&primary, &secondary).await;
    primary.leader().await.change_standing(DrChange::Revoke { id: "east".into() }, soon()).await.unwrap();
    primary.write("after", "p").await;
    let leader = secondary.leader().await;
    until("it says that it is refused", || leader.secondary_progress().unwrap().problem.is_some()).await;
    assert_eq!(read(&leader, "after"), None);
    leader.change_standing(DrChange::Leave, soon()).await.unwrap();
    secondary.write("own again", "s").await;
    assert_eq!(standing(&leader), DrRole::Alone);
    assert_eq!(read(&leader, "before1").as_deref(), Some("p"));
}

struct Dice(u64);

impl Dice {
    fn of(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One thing that an operator may ask of a cluster, at whatever moment; whether it was done.
async fn anything(here: &Cluster, there: &Cluster, dice: &mut Dice) -> bool {
    let (leader, id) = (here.leader().await, format!("n{}", dice.of(2)));
    let change = match dice.of(9) {
        0 => DrChange::EnablePrimary,
        1 => DrChange::DisablePrimary,
        2 => DrChange::Demote,
        3 => DrChange::Revoke { id },
        4 => DrChange::Promote { force: dice.of(2) == 0 },
        5 => DrChange::Leave,
        6 => DrChange::Follow { id: String::new(), primary: Vec::new(), reign: 0, adopted: None },
        7 => DrChange::Readdress { addresses: vec![format!("127.0.0.1:{}", here.seats[0].port)] },
        _ => {
            let (secret, expires) = (crypto::sha256(&SECRET), Millis(leader.now().0 + 60_000));
            let invited = leader.change_standing(DrChange::Invite { id, secret, expires }, soon()).await;
            let other = there.leader().await;
            let shown = other.enroll(&members(&leader), SECRET, Bytes::from_static(b"q"), in_ms(500)).await;
            let (Ok(()), Ok(shown)) = (invited, shown) else { return false };
            let change = DrChange::Follow {
                id: shown.id,
                primary: shown.primary,
                reign: shown.reign,
                adopted: Some(Adopted::default()),
            };
            return other.change_standing(change, soon()).await.is_ok();
        }
    };
    leader.change_standing(change, in_ms(200)).await.is_ok()
}

/// A way from any state to one in which both clusters serve on their own.
async fn to_alone(cluster: &Cluster) {
    let leader = cluster.leader().await;
    let out = match standing(&leader) {
        DrRole::Alone => return,
        DrRole::Primary { .. } => DrChange::DisablePrimary,
        DrRole::Secondary(_) => DrChange::Leave,
    };
    // The other may have fenced it at that very moment.
    let _ = leader.change_standing(out, soon()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_roles_in_any_order_leaves_a_way_out() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut clusters = [Cluster::of(1).await, Cluster::of(1).await];
    let mut done = 0;
    for step in 0..500 {
        let at = usize::try_from(dice.of(2)).unwrap();
        match dice.of(12) {
            0 => {
                clusters[at].seats[0].crash();
                clusters[at].seats[0].start().await.set_sealed(false);
            }
            1 | 2 => {
                let leader = clusters[at].leader().await;
                let term = Term(leader.leadership().borrow().term);
                let taken = leader.store().commit(term, put(&format!("s{step}"), "x")).await.is_ok();
                let copies = matches!(standing(&leader), DrRole::Secondary(_));
                assert!(!(taken && copies), "step {step}: a secondary took a write");
            }
            _ => done += usize::from(anything(&clusters[at], &clusters[1 - at], &mut dice).await),
        }
    }
    assert!(done > 50, "only {done} changes were carried out");
    for _ in 0..20 {
        for cluster in &clusters {
            to_alone(cluster).await;
        }
        let mut alone = Vec::new();
        for cluster in &clusters {
            alone.push(standing(&*cluster.leader().await) == DrRole::Alone);
        }
        if alone == [true, true] {
            break;
        }
    }
    for cluster in &clusters {
        assert_eq!(standing(&*cluster.leader().await), DrRole::Alone);
        cluster.write("own again", "x").await;
    }
}
