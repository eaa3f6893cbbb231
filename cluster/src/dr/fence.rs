//! Whether another cluster has taken this one's place.
//!
//! A promotion may leave a primary behind that knows nothing of it. It learns in one of two ways. When it comes to lead again it
//! asks its secondaries before it is ready: nothing is served, and no write taken, before they have answered or had their time. And
//! a new primary tells its predecessor until that follows. What is believed is said by a node that the standing names, about a line of
//! history above this one's. A fenced primary is a secondary of its successor from that entry on.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proto::cluster as pb;
use proto::cluster::stands::Kind;
use storage::Epoch;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::stand::related;
use super::{Contacts, DrRole, Secondary, Source, Stand, Standing, Stands};
use crate::consensus::{Member, NodeId};
use crate::identity::PublicKey;
use crate::network::{Lane, member_out};
use crate::shared::{Shared, members};

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
    pub async fn run(self: Arc<Self>, cleared: watch::Sender<u64>) {
        let (mut leadership, mut standing) = (self.shared.leadership.subscribe(), self.shared.reader.standing());
        loop {
            let now = leadership.borrow_and_update().clone();
            standing.mark_unchanged();
            if now.leads() && *cleared.borrow() != now.term {
                // Everything that earlier leaders committed is applied, or this would not be asked yet.
                if self.shared.applied().is_some_and(|id| id.leader_id.term == now.term) {
                    self.ask().await;
                    cleared.send_replace(now.term);
                    continue;
                }
            } else if now.is_ready() {
                self.tell().await;
            }
            let pause = if now.leads() && !now.is_ready() { SOON } else { TELL };
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
        let Epoch { number, bits } = self.shared.reader.position().borrow().revision.epoch;
        let kind = match &standing.role {
            DrRole::Alone => Kind::Alone,
            DrRole::Primary { .. } => Kind::Primary,
            DrRole::Secondary(_) => Kind::Secondary,
        };
        let is_them = |secondary: &&Secondary| secondary.members().iter().any(|(_, member)| member.key == *key);
        let you = standing.secondaries().iter().find(is_them).map(|secondary| secondary.id.clone());
        pb::Stands {
            kind: kind.into(),
            epoch: number,
            epoch_bits: bits,
            members: members(self.shared.membership().membership()).iter().map(|(id, m)| member_out(*id, m)).collect(),
            you: you.unwrap_or_default(),
        }
    }

    /// A node of another cluster says how that stands.
    pub async fn heard(&self, key: &PublicKey, said: pb::Stands) {
        if self.shared.leadership.borrow().leads() && self.gives_way(key, &said).is_some() {
            *self.said.lock() = Some((*key, said));
            self.act().await;
        }
    }

    /// The role that follows from what a related cluster says, if one does.
    fn gives_way(&self, key: &PublicKey, said: &pb::Stands) -> Option<(u64, DrRole)> {
        let standing = self.shared.reader.standing().borrow().clone();
        let own = self.shared.reader.position().borrow().revision.epoch;
        successor(&standing, own, key, said).map(|role| (standing.version, role))
    }

    async fn act(&self) {
        let Some((key, said)) = self.said.lock().take() else { return };
        let Some((seen, role)) = self.gives_way(&key, &said) else { return };
        match self.stands.propose(Stand { seen, role, epoch: None }).await {
            Ok(true) => tracing::warn!(
                epoch = said.epoch,
                "another cluster was promoted in this one's place: this one is fenced, and follows it as a secondary"
            ),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "this cluster was replaced, and could not write that down yet"),
        }
    }

    /// Asks the nodes of every secondary, all at once, for a bounded time.
    async fn ask(&self) {
        let standing = self.shared.reader.standing().borrow().clone();
        let others = standing.secondaries().iter().flat_map(|secondary| secondary.members().to_vec());
        self.relate(others.collect()).await;
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
            let request = pb::RelateRequest { stands: Some(self.stands_before(&member.key)) };
            asking.spawn(async move {
                let answered = timeout(ONE, link.replica(Lane::Control).relate(request)).await;
                Some((member.key, answered.ok()?.ok()?.into_inner().stands?))
            });
        }
        while let Some(answered) = asking.join_next().await {
            if let Ok(Some((key, said))) = answered {
                self.heard(&key, said).await;
            }
        }
    }
}

/// What this cluster has to be, when a node of another one says so.
fn successor(standing: &Standing, own: Epoch, key: &PublicKey, said: &pb::Stands) -> Option<DrRole> {
    let names = |known: &[(NodeId, Member)]| known.iter().any(|(_, member)| member.key == *key);
    if said.kind() != Kind::Primary || said.epoch <= own.number {
        return None;
    }
    let (heirs, fenced, before) = match &standing.role {
        DrRole::Primary { secondaries } if secondaries.iter().any(|secondary| names(secondary.members())) => {
            (Vec::new(), true, None)
        }
        // Demoted, it waits for one of those that followed it.
        DrRole::Secondary(source) if source.primary.is_empty() && names(&source.heirs) => {
            (source.heirs.clone(), source.fenced, source.adopting.clone())
        }
        _ => return None,
    };
    let primary = related(said.members.clone()).ok()?;
    Some(DrRole::Secondary(Source { id: said.you.clone(), primary, fenced, heirs, adopting: before }))
}

/// How long one node of another cluster may take. A primary that comes to lead waits so long for all of them.
const ONE: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_millis(10);
const TELL: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dr::Enrolment;
    use crate::identity::node_id;

    fn member(n: u8) -> (NodeId, Member) {
        let member = Member { name: format!("n{n}"), key: [n; 32], ..Member::default() };
        (node_id(&member.key), member)
    }

    fn said(kind: Kind, epoch: u32) -> pb::Stands {
        let (id, new) = member(1);
        pb::Stands { kind: kind.into(), epoch, epoch_bits: 1, members: vec![member_out(id, &new)], you: "old".into() }
    }

    fn primary() -> Standing {
        let enrolment = Enrolment::Enrolled { members: vec![member(1)], shown: None };
        let secondaries = vec![Secondary { id: "a".into(), enrolment }];
        Standing { version: 1, role: DrRole::Primary { secondaries } }
    }

    const OWN: Epoch = Epoch { number: 4, bits: 0 };

    #[test]
    fn a_primary_gives_way_to_its_secondary_on_a_higher_line_of_history_alone() {
        let role = successor(&primary(), OWN, &[1; 32], &said(Kind::Primary, 5)).unwrap();
        let DrRole::Secondary(source) = role else { panic!("{role:?}") };
        assert!(source.fenced && source.primary == [member(1)] && source.id == "old");
        assert_eq!(successor(&primary(), OWN, &[2; 32], &said(Kind::Primary, 5)), None, "a stranger");
        assert_eq!(successor(&primary(), OWN, &[1; 32], &said(Kind::Primary, 4)), None, "no later history");
        assert_eq!(successor(&primary(), OWN, &[1; 32], &said(Kind::Secondary, 5)), None);
        assert_eq!(
            successor(&primary(), OWN, &[1; 32], &pb::Stands { members: vec![], ..said(Kind::Primary, 5) }),
            None
        );
    }

    #[test]
    fn who_was_demoted_follows_its_heir_and_who_follows_stays() {
        let source = Source { heirs: vec![member(1)], ..Source::default() };
        let demoted = Standing { version: 1, role: DrRole::Secondary(source.clone()) };
        let role = successor(&demoted, OWN, &[1; 32], &said(Kind::Primary, 5)).unwrap();
        assert!(matches!(role, DrRole::Secondary(source) if !source.fenced && source.primary == [member(1)]));
        let follows = Source { primary: vec![member(7)], ..source };
        let follows = Standing { version: 1, role: DrRole::Secondary(follows) };
        assert_eq!(successor(&follows, OWN, &[1; 32], &said(Kind::Primary, 5)), None);
        assert_eq!(successor(&Standing::default(), OWN, &[1; 32], &said(Kind::Primary, 5)), None);
    }
}
