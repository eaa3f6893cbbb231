//! Whether another cluster has taken this one's place, and where the nodes of others are.
//!
//! A promotion may leave a primary behind that knows nothing of it. It learns in one of two ways. When it comes to lead again it
//! asks its secondaries before it is ready: nothing is served, and no write taken, before they have answered or had their time. And
//! a new primary tells its predecessor until that follows. What is believed is said by a node that the standing names, about a later
//! reign than this cluster's. A fenced primary is a secondary of its successor from that entry on; where the one that says so has been
//! replaced itself, it waits to be told of its successor. Whoever hears it without leading passes it on to its leader.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proto::cluster as pb;
use proto::cluster::stands::Kind;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::stand::related;
use super::{Contacts, DrRole, Enrolment, Secondary, Source, Stand, Standing, Stands};
use crate::consensus::{Member, NodeId};
use crate::identity::PublicKey;
use crate::network::Lane;
use crate::shared::{Leader, Shared};

pub(crate) struct Fence {
    pub shared: Arc<Shared>,
    pub stands: Arc<Stands>,
    pub contacts: Arc<Contacts>,
    /// What another cluster has said while this node could not act on it yet.
    said: Mutex<Option<(PublicKey, pb::Stands)>>,
}

impl Fence {
    pub fn new(shared: Arc<Shared>, stands: Arc<Stands>, contacts: Arc<Contacts>) -> Self {
        Self { shared, stands, contacts, said: Mutex::default() }
    }

    /// As leader: asks before it is ready, and tells afterwards.
    pub async fn run(self: Arc<Self>) {
        let cleared = &self.shared.cleared;
        let (mut leadership, mut standing) = (self.shared.leadership.subscribe(), self.shared.reader.standing());
        loop {
            let now = leadership.borrow_and_update().clone();
            standing.mark_unchanged();
            if now.leads() && *cleared.borrow() != now.term {
                // Everything that earlier leaders committed is applied, or this would not be asked yet.
                if self.shared.applied().is_some_and(|id| id.leader_id.term == now.term) {
                    self.ask().await;
                    // What was said and could not be written down yet stands in the way of serving.
                    if self.said.lock().is_none() {
                        cleared.send_replace(now.term);
                        continue;
                    }
                    self.act().await;
                }
            } else if now.is_ready() {
                self.tell().await;
            } else {
                self.announce().await;
            }
            let pause = match now.leads() {
                true if !now.is_ready() => SOON,
                true => TELL,
                false => ANNOUNCE,
            };
            tokio::select! {
                () = sleep(pause) => {}
                _ = leadership.changed() => {}
                // A promotion is told at once.
                _ = standing.changed() => {}
            }
            if self.shared.metrics().running_state.is_err() {
                return;
            }
        }
    }

    /// How this cluster stands, for a node of another one.
    pub fn stands_before(&self, key: &PublicKey) -> pb::Stands {
        let standing = self.shared.reader.standing().borrow().clone();
        let kind = match &standing.role {
            DrRole::Alone => Kind::Alone,
            DrRole::Primary { .. } => Kind::Primary,
            DrRole::Secondary(_) => Kind::Secondary,
        };
        let is_them = |secondary: &&Secondary| secondary.members().iter().any(|(_, member)| member.key == *key);
        let you = standing.followers().iter().find(is_them).map(|secondary| secondary.id.clone());
        pb::Stands {
            kind: kind.into(),
            reign: standing.reign,
            members: self.shared.members_out(),
            you: you.unwrap_or_default(),
        }
    }

    /// A node of another cluster says how that stands, to this node or, at first hand no more, to another member.
    pub async fn heard(&self, key: &PublicKey, said: pb::Stands, first_hand: bool) {
        if self.follows_from(key, &said).is_none() {
            return;
        }
        if self.shared.leadership.borrow().leads() {
            *self.said.lock() = Some((*key, said));
            self.act().await;
        } else if first_hand {
            self.pass_on(key, said).await;
        }
    }

    async fn pass_on(&self, key: &PublicKey, said: pb::Stands) {
        let Some(Leader::Other { link, .. }) = self.shared.leader(Instant::now() + ONE).await else { return };
        let request = pb::RelateRequest { stands: Some(said), passed_on: key.to_vec().into() };
        if !matches!(timeout(ONE, link.replica(Lane::Control).relate(request)).await, Ok(Ok(_))) {
            tracing::debug!("what another cluster has said could not be passed on to the leader");
        }
    }

    /// What follows from what a related cluster says, if anything does.
    fn follows_from(&self, key: &PublicKey, said: &pb::Stands) -> Option<Stand> {
        let standing = self.shared.reader.standing().borrow().clone();
        let role = successor(&standing, key, said).or_else(|| moved(&standing, key, said))?;
        Some(Stand { seen: standing.version, role, reign: standing.reign.max(said.reign), epoch: None })
    }

    async fn act(&self) {
        let Some((key, said)) = self.said.lock().clone() else { return };
        let Some(stand) = self.follows_from(&key, &said) else {
            self.said.lock().take();
            return;
        };
        let replaced = !self.shared.reader.standing().borrow().secondaries().is_empty() && stand.role_is_secondary();
        match self.stands.propose(stand).await {
            Ok(true) => {
                self.said.lock().take();
                if replaced {
                    let reign = said.reign;
                    tracing::warn!(reign, "another cluster was promoted in this one's place: this one is fenced");
                }
            }
            // It is looked at again, before this node serves.
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "what another cluster has said could not be written down yet"),
        }
    }

    /// Asks the nodes of every secondary, all at once, for a bounded time.
    async fn ask(&self) {
        let standing = self.shared.reader.standing().borrow().clone();
        let others = standing.secondaries().iter().flat_map(|secondary| secondary.members().to_vec());
        self.relate(others.collect()).await;
    }

    /// As one that does not lead: where this cluster's nodes are, should the other cluster not know the one that does.
    async fn announce(&self) {
        let standing = self.shared.reader.standing().borrow().clone();
        let followers = standing.followers().iter().flat_map(|secondary| secondary.members().to_vec());
        let primary = standing.source().into_iter().flat_map(|source| source.primary.clone());
        self.relate(followers.chain(primary).collect()).await;
    }

    /// Tells those that should follow and have not been heard of.
    async fn tell(&self) {
        let standing = self.shared.reader.standing().borrow().clone();
        let silent = |secondary: &&Secondary| secondary.is_enrolled() && !self.contacts.is_near(&secondary.id);
        let silent = standing.secondaries().iter().filter(silent);
        self.relate(silent.flat_map(|secondary| secondary.members().to_vec()).collect()).await;
    }

    async fn relate(&self, others: Vec<(NodeId, Member)>) {
        let mut asking = JoinSet::new();
        for (id, member) in others {
            let Ok(link) = self.shared.abroad.link(id, &member) else { continue };
            let stands = Some(self.stands_before(&member.key));
            let request = pb::RelateRequest { stands, passed_on: Default::default() };
            asking.spawn(async move {
                let answered = timeout(ONE, link.replica(Lane::Control).relate(request)).await;
                Some((member.key, answered.ok()?.ok()?.into_inner().stands?))
            });
        }
        while let Some(answered) = asking.join_next().await {
            if let Ok(Some((key, said))) = answered {
                self.heard(&key, said, true).await;
            }
        }
    }
}

/// What this cluster has to be, when a node of another one says so.
fn successor(standing: &Standing, key: &PublicKey, said: &pb::Stands) -> Option<DrRole> {
    let names = |known: &&Secondary| known.members().iter().any(|(_, member)| member.key == *key);
    if said.reign <= standing.reign {
        return None;
    }
    let (heirs, fenced) = match &standing.role {
        DrRole::Primary { secondaries } if secondaries.iter().any(|known| names(&known)) => (secondaries.clone(), true),
        // Without a primary it waits for one of those that followed it.
        DrRole::Secondary(source) if source.primary.is_empty() && source.heirs.iter().any(|known| names(&known)) => {
            (source.heirs.clone(), source.fenced)
        }
        _ => return None,
    };
    // Who has been replaced since is no primary to follow, but says as well that this cluster is none.
    let primary = match said.kind() {
        Kind::Primary => related(said.members.clone()).ok()?,
        _ => Vec::new(),
    };
    let told = primary.clone();
    Some(DrRole::Secondary(Source { id: said.you.clone(), primary, told, fenced, heirs, adopting: None }))
}

/// The same standing, with the other cluster's nodes where they are now.
fn moved(standing: &Standing, key: &PublicKey, said: &pb::Stands) -> Option<DrRole> {
    let now = related(said.members.clone()).ok()?;
    let names = |known: &[(NodeId, Member)]| known.iter().any(|(_, member)| member.key == *key) && *known != now;
    match &standing.role {
        DrRole::Primary { secondaries } => {
            let at = secondaries.iter().position(|known| names(known.members()))?;
            let mut secondaries = secondaries.clone();
            match &mut secondaries[at].enrolment {
                Enrolment::Enrolled { members, .. } => *members = now,
                Enrolment::Invited { .. } => return None,
            }
            Some(DrRole::Primary { secondaries })
        }
        // Where its known nodes are, an operator may know better.
        DrRole::Secondary(source)
            if said.kind() == Kind::Primary && names(&source.primary) && ids(&source.primary) != ids(&now) =>
        {
            Some(DrRole::Secondary(source.hearing(now)))
        }
        _ => None,
    }
}

fn ids(members: &[(NodeId, Member)]) -> BTreeSet<NodeId> {
    members.iter().map(|(id, _)| *id).collect()
}

impl Stand {
    fn role_is_secondary(&self) -> bool {
        matches!(self.role, DrRole::Secondary(_))
    }
}

/// How long one node of another cluster may take. A primary that comes to lead waits so long for all of them.
const ONE: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_millis(10);
const TELL: Duration = Duration::from_secs(2);
const ANNOUNCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::node_id;
    use crate::network::member_out;

    fn member(n: u8) -> (NodeId, Member) {
        let member = Member { name: format!("n{n}"), key: [n; 32], ..Member::default() };
        (node_id(&member.key), member)
    }

    fn said(kind: Kind, reign: u64) -> pb::Stands {
        let (id, new) = member(1);
        pb::Stands { kind: kind.into(), reign, members: vec![member_out(id, &new)], you: "old".into() }
    }

    fn enrolled(n: u8) -> Vec<Secondary> {
        let enrolment = Enrolment::Enrolled { members: vec![member(n)], shown: None };
        vec![Secondary { id: "a".into(), enrolment }]
    }

    fn primary() -> Standing {
        Standing { version: 1, reign: 4, role: DrRole::Primary { secondaries: enrolled(1) } }
    }

    #[test]
    fn a_primary_gives_way_to_a_later_reign_of_whom_it_knows_and_to_nothing_else() {
        let role = successor(&primary(), &[1; 32], &said(Kind::Primary, 5)).unwrap();
        let DrRole::Secondary(source) = role else { panic!("{role:?}") };
        assert!(source.fenced && source.primary == [member(1)] && source.id == "old");
        assert_eq!(successor(&primary(), &[2; 32], &said(Kind::Primary, 5)), None, "a stranger");
        assert_eq!(successor(&primary(), &[1; 32], &said(Kind::Primary, 4)), None, "no later reign");
        assert_eq!(successor(&primary(), &[1; 32], &pb::Stands { members: vec![], ..said(Kind::Primary, 5) }), None);
    }

    #[test]
    fn a_successor_that_was_replaced_itself_fences_too_but_is_not_followed() {
        for kind in [Kind::Secondary, Kind::Alone] {
            let role = successor(&primary(), &[1; 32], &said(kind, 6)).unwrap();
            let DrRole::Secondary(source) = role else { panic!("{role:?}") };
            assert!(source.fenced && source.primary.is_empty() && source.heirs == enrolled(1));
            let waits = Standing { version: 2, reign: 6, role: DrRole::Secondary(source) };
            assert!(successor(&waits, &[1; 32], &said(Kind::Primary, 7)).is_some(), "it can still be told");
        }
    }

    #[test]
    fn who_was_demoted_follows_its_heir_and_who_follows_stays() {
        let source = Source { heirs: enrolled(1), ..Source::default() };
        let demoted = Standing { version: 1, reign: 4, role: DrRole::Secondary(source.clone()) };
        let role = successor(&demoted, &[1; 32], &said(Kind::Primary, 5)).unwrap();
        assert!(matches!(role, DrRole::Secondary(source) if !source.fenced && source.primary == [member(1)]));
        let follows = Source { primary: vec![member(7)], ..source };
        let follows = Standing { version: 1, reign: 4, role: DrRole::Secondary(follows) };
        assert_eq!(successor(&follows, &[1; 32], &said(Kind::Primary, 5)), None);
        assert_eq!(successor(&Standing::default(), &[1; 32], &said(Kind::Primary, 5)), None);
    }

    #[test]
    fn any_known_node_may_say_where_its_fellows_are() {
        let both = pb::Stands {
            members: [1, 2].map(|n| member_out(member(n).0, &member(n).1)).into(),
            ..said(Kind::Secondary, 1)
        };
        let DrRole::Primary { secondaries } = moved(&primary(), &[1; 32], &both).unwrap() else {
            panic!("it stays one")
        };
        assert_eq!(secondaries[0].members(), [member(1), member(2)]);
        assert_eq!(moved(&primary(), &[2; 32], &both), None, "nobody knows it yet");
        assert_eq!(moved(&primary(), &[1; 32], &said(Kind::Secondary, 1)), None, "nothing has changed");
        let source = Source { primary: vec![member(1)], ..Source::default() };
        let follows = Standing { version: 1, reign: 1, role: DrRole::Secondary(source) };
        assert_eq!(moved(&follows, &[1; 32], &both), None, "it is no primary any more");
        assert!(moved(&follows, &[1; 32], &pb::Stands { kind: Kind::Primary.into(), ..both }).is_some());
    }
}
