//! Which versions of the server this cluster has been led by, and since when: one record, written by a node that becomes
//! active with a version that is not in it yet.

use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Read, Term, Txn};

use crate::change::change;
use crate::lifecycle::Node;
use crate::space;

/// This server's.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How many are remembered, the latest ones.
const VERSIONS_MAX: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    pub version: String,
    /// When a node of this version first led the cluster.
    pub at: Millis,
}

fn key() -> PathKey {
    PathKey::kind("versions")
}

/// In the order in which they came.
pub fn history(read: &impl Read) -> Result<Vec<Installed>, Access> {
    Ok(read.get(&key())?.unwrap_or_default())
}

/// Adds a version that is not in the history. One that was led by before stays where it is.
pub(crate) fn note(txn: &mut Txn, version: &str, now: Millis) -> Result<(), Access> {
    let mut history = txn.get_for_update::<Vec<Installed>>(&key())?.unwrap_or_default();
    if history.iter().any(|installed| installed.version == version) {
        return Ok(());
    }
    history.drain(..(history.len() + 1).saturating_sub(VERSIONS_MAX));
    history.push(Installed { version: version.to_owned(), at: now });
    txn.put(&key(), &history)
}

impl Node {
    /// On the active node, once in its term.
    pub(crate) async fn note_version(&self, term: Term, now: Millis) -> Result<(), String> {
        let view = self.local_view().map_err(|e| e.to_string())?;
        let known = history(&view).map_err(|e| e.to_string())?;
        if known.iter().any(|installed| installed.version == VERSION) {
            return Ok(());
        }
        self.leads(term).map_err(|e| e.to_string())?;
        let root = sdk::NamespaceId::root();
        let noting = change(self, now, term, |state| note(&mut state.at(space::records(&root)), VERSION, now));
        noting.await.map_err(|e| e.to_string())?;
        tracing::info!(version = VERSION, "the cluster is led by a version that is new to it");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::{Clear, Latches, MemoryStore, OpenStore, RequestId, TxnState, View};

    use super::*;

    #[tokio::test]
    async fn a_version_is_noted_when_it_first_leads() {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear));
        let records = || space::records(&sdk::NamespaceId::root());
        let note = async |version: &str, at: u64| {
            let mut state = TxnState::new(store.snapshot().unwrap(), Latches::new().begin());
            note(&mut state.at(records()), version, Millis(at)).unwrap();
            let (open, _latches) = state.finish();
            let id = RequestId { applied: 0, random: crypto::random() };
            store.commit(Term(1), store.seal(id, Millis(at), open).unwrap()).await.unwrap();
        };
        let history = || history(&View::new(store.snapshot().unwrap(), records())).unwrap();
        note("1.0.0", 10).await;
        note("1.1.0", 20).await;
        // Back, and forth again.
        note("1.0.0", 30).await;
        note("1.1.0", 40).await;
        let installed = |version: &str, at| Installed { version: version.to_owned(), at: Millis(at) };
        assert_eq!(history(), [installed("1.0.0", 10), installed("1.1.0", 20)]);
        for n in 0..VERSIONS_MAX as u64 {
            note(&format!("2.0.{n}"), 100 + n).await;
        }
        let all = history();
        assert_eq!((all.len(), all[0].version.as_str()), (VERSIONS_MAX, "2.0.0"), "the oldest went");
    }
}
