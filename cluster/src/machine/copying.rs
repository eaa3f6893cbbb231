//! What the entries of DR replication do to the state.

use storage::{Change, Epoch, Journal, Revision};

use super::apply::{Live, Planned};
use super::database::Database;
use super::fingerprint;
use crate::consensus::Applied;
use crate::dr::{DrRole, Fact, Fed, Source, Stand, Standing};

impl Live {
    /// Another way of standing to other clusters, if nobody has put another in its place since the proposer looked.
    pub(super) fn stand(&self, database: &Database, stand: &Stand, planned: &mut Planned) {
        let merging = self.loading.as_ref().is_some_and(|loading| loading.merging.is_some());
        if stand.seen != self.standing.version || merging {
            planned.answer = Applied::Stood(false);
            return;
        }
        let standing = Standing { version: stand.seen + 1, reign: stand.reign, role: stand.role.clone() };
        if !standing.goes_on_as(&self.standing) {
            self.drop_load(database, planned);
        }
        if self.standing.feeds() && !standing.feeds() {
            planned.clear_feed(database);
        }
        if !self.standing.feeds() && standing.feeds() {
            planned.clear_feed(database);
            planned.feed(database, planned.position.time, Fact::Begin);
        }
        if let Some(bits) = stand.epoch {
            let number = self.position.revision.epoch.number.saturating_add(1);
            planned.epoch(database, Epoch { number, bits }, &standing);
        }
        planned.stands(database, standing);
        planned.answer = Applied::Stood(true);
    }

    /// Takes the primary's steps, as long as each follows on the state and leads to the fingerprint that it says.
    pub(super) fn follow(&self, database: &Database, journal: &Journal, steps: &[Fed], planned: &mut Planned) {
        let whole = self.standing.source().is_some_and(|source| source.adopting.is_none());
        let merging = self.loading.as_ref().is_some_and(|loading| loading.merging.is_some());
        let mut followed = whole && !merging;
        for step in steps {
            followed = followed && planned.follow(database, journal, step);
        }
        planned.answer = Applied::Followed(followed);
    }
}

impl Planned {
    fn follow(&mut self, database: &Database, journal: &Journal, step: &Fed) -> bool {
        let before = self.position.clone();
        match step.fact.effects() {
            Some(effects) => {
                if before.revision.next() != step.revision {
                    return false;
                }
                let leads_to = fingerprint::advance(&before.fingerprint, step.revision, &effects);
                if leads_to != step.fingerprint {
                    return false;
                }
                (self.position.revision, self.position.fingerprint) = (step.revision, leads_to);
                self.written(database, &effects);
                if let Some(change) = Change::of(&effects) {
                    self.tell(journal, change);
                }
            }
            None => {
                let Revision { epoch, n } = step.revision;
                let rises = n == before.revision.n && epoch.number > before.revision.epoch.number;
                let leads_to = fingerprint::begin_epoch(&before.fingerprint, step.revision);
                if step.fact != Fact::Epoch || !rises || leads_to != step.fingerprint {
                    return false;
                }
                (self.position.revision, self.position.fingerprint) = (step.revision, leads_to);
                self.tell(journal, Change::Everything);
            }
        }
        self.position.time = self.position.time.max(step.now);
        true
    }

    /// The primary's records have taken the place of this cluster's own.
    pub(super) fn adopted(&mut self, database: &Database, standing: &Standing) {
        let Some(source) = standing.source() else { return };
        let role = DrRole::Secondary(Source { adopting: None, ..source.clone() });
        self.stands(database, Standing { version: standing.version + 1, reign: standing.reign, role });
    }
}
