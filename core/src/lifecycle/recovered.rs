//! The mark of a recovery: when a cluster was made of what was left of one, its first active node says so in the audit log
//! and in its own, once.

use sdk::{Map, Value};
use storage::{Millis, PathKey, Read, Term, View};

use super::Node;
use crate::change::change;
use crate::replication::Recovery;
use crate::space;

impl Node {
    /// On the active node. What was written down and not noted, because this node ended in between, is written down again.
    pub(crate) async fn note_recovery(&self, term: Term, now: Millis) -> Result<(), String> {
        let Some(recovery) = self.replication.recovery() else { return Ok(()) };
        let text = |problem: &dyn std::fmt::Display| problem.to_string();
        let snapshot = self.store.snapshot().map_err(|e| text(&e))?;
        let view = View::new(snapshot.clone(), space::recovery());
        if view.get::<u64>(&noted()).map_err(|e| text(&e))? == Some(recovery.index) {
            return Ok(());
        }
        tracing::warn!(
            index = recovery.index,
            from_term = recovery.from_term,
            from_index = recovery.from_index,
            survivors = ?recovery.survivors,
            former = ?recovery.former,
            "this cluster was recovered by an operator from what was left of it"
        );
        self.audit.refresh(&snapshot).map_err(|e| text(&e))?;
        self.audit.event(now, "recovery", facts(&recovery)).await.map_err(|e| text(&e))?;
        self.leads(term).map_err(|e| text(&e))?;
        let noting = change(self, now, term, |state| state.at(space::recovery()).put(&noted(), &recovery.index));
        noting.await.map_err(|e| text(&e))?;
        Ok(())
    }
}

fn facts(recovery: &Recovery) -> Map<String, Value> {
    Map::from_iter([
        ("index".to_owned(), recovery.index.into()),
        ("from_term".to_owned(), recovery.from_term.into()),
        ("from_index".to_owned(), recovery.from_index.into()),
        ("survivors".to_owned(), recovery.survivors.clone().into()),
        ("former_members".to_owned(), recovery.former.clone().into()),
    ])
}

fn noted() -> PathKey {
    PathKey::kind("noted")
}
