//! Who is in the cluster, how they are, and whom this node therefore talks to.
//!
//! The pins follow the newest membership in this node's log, committed or not. A node that was away may lack the
//! entry by which its present leader came in, and would refuse the very node that could send it. So the nodes greet each
//! other, and a member's word for a newer membership is taken until the log says the same or more. Of itself a node says
//! where it is now, and is looked for there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::rt::WatchReceiver;
use parking_lot::Mutex;
use proto::cluster as pb;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::consensus::{Member, NodeId, StoredMembership};
use crate::identity::node_id;
use crate::leadership;
use crate::network::{Lane, Link, member_in, member_out};
use crate::shared::{Shared, members, votes};

/// A member, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    pub id: u64,
    pub member: Member,
    pub voter: bool,
    pub leader: bool,
    /// How long ago it answered; known on the leader alone.
    pub last_contact: Option<Duration>,
    /// Up to which log index it has everything; known on the leader alone.
    pub matched: Option<u64>,
    pub sealed: Option<bool>,
}

pub(crate) fn status(shared: &Shared) -> Vec<MemberStatus> {
    let metrics = shared.metrics();
    let membership = metrics.membership_config.membership();
    let leads = shared.leadership.borrow().leads();
    let of = |(id, member): (NodeId, Member)| {
        let myself = id == shared.id;
        let report = shared.reports.of(id).filter(|_| leads && !myself);
        let matched = metrics.replication.as_ref().and_then(|all| all.get(&id).copied().flatten()).map(|id| id.index);
        MemberStatus {
            id,
            voter: votes(membership, id),
            leader: metrics.current_leader == Some(id),
            last_contact: if myself { Some(Duration::ZERO) } else { report.as_ref().map(|report| report.at.elapsed()) },
            matched: if myself { metrics.last_log_index } else { matched },
            sealed: if myself { Some(shared.local.is_sealed()) } else { report.map(|report| report.sealed) },
            member,
        }
    };
    members(membership).into_iter().map(of).collect()
}

/// What is known of the members from somebody's word.
#[derive(Default)]
pub(crate) struct Vouched {
    known: Mutex<Option<Word>>,
    /// Where members say themselves that they are, as long as the log says otherwise.
    moved: Mutex<HashMap<NodeId, Member>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    members: Vec<(NodeId, Member)>,
    until: Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// This node's log has a membership at or above that index.
    Index(u64),
    /// This node finds itself in the membership.
    Entered,
}

impl Vouched {
    /// Given by the operator's side of a join.
    pub fn enter(&self, members: Vec<(NodeId, Member)>) {
        *self.known.lock() = Some(Word { members, until: Until::Entered });
    }

    /// Given by a member. Answers whether that is news.
    fn hear(&self, members: Vec<(NodeId, Member)>, at: u64, own: &StoredMembership) -> bool {
        let mut known = self.known.lock();
        let newer = at > own.log_id().as_ref().map_or(0, |id| id.index);
        let news = newer
            && match &*known {
                Some(Word { until: Until::Index(index), .. }) => at > *index,
                // A node that is entering keeps whom it was told, and learns whom it was not.
                Some(word) => members.iter().any(|member| !word.members.contains(member)),
                None => true,
            };
        if news {
            let mut word = Word { members, until: Until::Index(at) };
            if let Some(Word { members, until: Until::Entered }) = &*known {
                let told = members.iter().filter(|(id, _)| word.members.iter().all(|(other, _)| other != id));
                let told: Vec<_> = told.cloned().collect();
                word.members.extend(told);
                word.until = Until::Entered;
            }
            *known = Some(word);
        }
        news
    }

    /// A member has said where it is; the handshake has shown that it is the one.
    pub fn says(&self, id: NodeId, member: Member, own: &StoredMembership) {
        let named = |known: &Member| known.name == member.name && known.key == member.key;
        let short = [&member.address, &member.api_address].iter().all(|address| address.len() <= ADDRESS_MAX);
        if short && own.membership().get_node(&id).is_some_and(named) {
            self.moved.lock().insert(id, member);
        }
    }

    /// The members that are somewhere else than the log says.
    pub fn moves(&self, own: &StoredMembership) -> Vec<(NodeId, Member)> {
        let elsewhere = |id: &NodeId, said: &Member| {
            let known = own.membership().get_node(id)?;
            (!known.is_where(said)).then(|| (*id, Member { non_voter: known.non_voter, ..said.clone() }))
        };
        self.moved.lock().iter().filter_map(|(id, said)| elsewhere(id, said)).collect()
    }

    /// Everybody to talk to: the membership, and who is vouched for as long as that is needed.
    pub fn with(&self, own: &StoredMembership, myself: NodeId) -> Vec<(NodeId, Member)> {
        let mut known = self.known.lock();
        let index = own.log_id().as_ref().map_or(0, |id| id.index);
        let entered = own.membership().get_node(&myself).is_some();
        known.take_if(|word| match word.until {
            Until::Index(at) => index >= at,
            Until::Entered => entered,
        });
        let mut all = members(own.membership());
        if let Some(word) = &*known {
            for (id, member) in &word.members {
                match all.iter_mut().find(|(known, _)| known == id) {
                    Some(entry) => entry.1 = member.clone(),
                    None => all.push((*id, member.clone())),
                }
            }
        }
        let mut moved = self.moved.lock();
        moved.retain(|id, said| all.iter().any(|(known, member)| known == id && !member.is_where(said)));
        for (id, member) in &mut all {
            if let Some(said) = moved.get(id) {
                *member = Member { non_voter: member.non_voter, ..said.clone() };
            }
        }
        all
    }
}

/// Keeps pins, lanes and leadership in step with consensus.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let timing = *shared.local.timing();
    let mut server = shared.raft.server_metrics();
    let (mut position, mut cleared) = (shared.reader.position(), shared.cleared.subscribe());
    let mut standing = shared.reader.standing();
    let (mut looked, mut gone) = (Instant::now(), false);
    loop {
        refresh(&shared);
        let (ended, acked) = {
            let metrics = shared.raft.metrics();
            let metrics = metrics.borrow_watched();
            (gone || metrics.running_state.is_err(), metrics.last_quorum_acked)
        };
        let now = server.borrow_and_update().clone();
        let mut leadership = leadership::derive(shared.id, &now, acked, shared.applied().as_ref(), &timing);
        // Another cluster may have taken this one's place while this node did not lead, had no quorum, or did not run.
        if !leadership.leads() || looked.elapsed() > 2 * timing.election_max {
            shared.cleared.send_if_modified(|term| std::mem::replace(term, 0) != 0);
        }
        looked = Instant::now();
        let applies = leadership.leads() && !leadership.is_ready();
        let followed = standing.borrow_and_update().feeds();
        if leadership.is_ready() && followed && *cleared.borrow_and_update() != leadership.term {
            leadership.role = leadership::Role::Leader { ready: false };
        }
        // Without a quorum there is no election that would tell a follower so. A leader that has lost it goes on to speak to
        // those without a vote.
        let unheard = shared.local.since_led() > 2 * timing.election_max;
        let follows = matches!(leadership.role, leadership::Role::Follower { .. });
        let out = *shared.peers.removed().borrow() || shared.diverged.borrow().is_some();
        if ended || out || follows && unheard {
            leadership.role = leadership::Role::Unknown;
        }
        shared.leadership.send_if_modified(|known| {
            let changed = *known != leadership;
            if changed {
                tracing::info!(term = leadership.term, role = ?leadership.role, "leadership has changed");
                *known = leadership;
            }
            changed
        });
        if ended {
            tracing::error!("consensus has stopped on this node");
            return;
        }
        tokio::select! {
            // Consensus ends without a change that would say so.
            changed = server.changed() => gone = changed.is_err(),
            // Who is let in from another cluster is let in at once.
            changed = standing.changed() => if changed.is_err() { return },
            changed = cleared.changed() => if changed.is_err() { return },
            changed = position.changed(), if applies => if changed.is_err() { return },
            // What changes with time alone, and members whose removal has been applied.
            () = sleep(timing.heartbeat) => {}
        }
    }
}

/// Puts the members known now in force.
pub(crate) fn refresh(shared: &Shared) {
    let membership = shared.membership();
    let mut all = shared.vouched.with(&membership, shared.id);
    // A removal counts once it is committed: one that comes to nothing must not have been told to anybody.
    for (id, member) in members(shared.reader.membership().membership()) {
        if all.iter().all(|(known, _)| *known != id) {
            all.push((id, member));
        }
    }
    shared.pins.set(all.iter().map(|(id, member)| (*id, member.key)), shared.reader.removed());
    shared.peers.know(&all);
    let standing = shared.reader.standing().borrow().clone();
    shared.pins.set_abroad(&standing, || shared.now());
    shared.reports.retain(|id| all.iter().any(|(known, _)| *known == id));
}

/// Greets every member now and then: that opens the lanes before they are needed, and brings news of the membership.
pub(crate) async fn greet(shared: Arc<Shared>) {
    let mut leadership = shared.leadership.subscribe();
    loop {
        let mut greetings = JoinSet::new();
        for (id, member) in shared.vouched.with(&shared.membership(), shared.id) {
            if id != shared.id
                && let Ok(link) = shared.peers.link(id, &member)
            {
                greetings.spawn(hello(shared.clone(), link));
            }
        }
        while greetings.join_next().await.is_some() {}
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return },
            () = sleep(GREET) => {}
        }
        sleep(PAUSE).await;
    }
}

async fn hello(shared: Arc<Shared>, link: Arc<Link>) {
    for lane in [Lane::Control, Lane::Data] {
        let request = pb::HelloRequest {
            terms: Some(shared.local.terms()),
            from: Some(member_out(shared.id, &shared.local.member)),
        };
        let answer = match timeout(HELLO, link.peer(lane).hello(request)).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => {
                // It may say that this node was removed.
                let error = shared.peers.failed(&link, &status);
                tracing::debug!(%error, "a greeting was not answered");
                return;
            }
            Err(_) => return,
        };
        if let Some(why) = shared.local.disagreement(answer.terms.as_ref()) {
            tracing::error!(peer = %link.member.name, reason = %why, "a member does not go with this node");
        }
        let known: Result<Vec<_>, _> = answer.members.into_iter().map(member_in).collect();
        let Ok(known) = known else { return };
        let own_names = known.iter().all(|(id, member)| *id == node_id(&member.key));
        if own_names && !known.is_empty() && shared.vouched.hear(known, answer.members_at, &shared.membership()) {
            refresh(&shared);
        }
    }
}

const GREET: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);
const HELLO: Duration = Duration::from_secs(1);
/// No address is longer than this, in bytes.
const ADDRESS_MAX: usize = 1024;
