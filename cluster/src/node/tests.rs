use std::net::TcpListener;
use std::path::Path;

use openraft::ChangeMembers;
use storage::RawKey;
use tokio::time::sleep;

use super::*;
use crate::{ForwardHandler, OpenError, Options, Timing};

struct NoForwarding;

#[async_trait]
impl ForwardHandler for NoForwarding {
    async fn handle(&self, _id: RequestId, _from: u64, _payload: Bytes) -> Bytes {
        Bytes::new()
    }
}

async fn open(data: &Path, name: &str) -> Result<Arc<Node>, OpenError> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = Options {
        data: data.to_owned(),
        name: name.to_owned(),
        listen: vec![([127, 0, 0, 1], port).into()],
        advertise: format!("127.0.0.1:{port}"),
        api_address: String::new(),
        timing: Timing::default(),
        max_entry_size: 1 << 20,
        read_index_only: false,
    };
    Node::open(options, Arc::new(NoForwarding)).await
}

fn batch(key: &'static str, bytes: usize) -> Batch {
    let mut batch = Batch::new(RequestId { applied: 0, random: crypto::random() }, Millis(1));
    batch.puts.push((RawKey::root(storage::Class::Replicated).plain(key), Bytes::from(vec![7; bytes])));
    batch
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// It is told by a member it knows, believes it, and remembers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_node_learns_it_and_does_not_start_again() {
    let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(folder_a.path(), "a").await.unwrap(), open(folder_b.path(), "b").await.unwrap());
    a.set_sealed(false);
    a.found(batch("first", 1)).await.unwrap();
    let members = a.admit(b.joining(), soon()).await.unwrap();
    b.enter(members, soon()).await.unwrap();
    while a.members().iter().filter(|member| member.voter).count() < 2 {
        sleep(Duration::from_millis(10)).await;
    }

    // The promotion is in force before it is committed, and until then no other change is taken.
    let by = soon();
    while let Err(refused) =
        a.shared.raft.change_membership(ChangeMembers::ReplaceAllVoters([a.id()].into()), false).await
    {
        assert!(Instant::now() < by, "{refused}");
        sleep(Duration::from_millis(10)).await;
    }
    let mut removed = b.removed();
    timeout_at(soon(), removed.wait_for(|removed| *removed)).await.unwrap().unwrap();
    while !folder_b.path().join(crate::open::REMOVED).exists() {
        sleep(Duration::from_millis(10)).await;
    }
    b.shutdown(soon()).await;
    drop(b);
    assert!(matches!(open(folder_b.path(), "b").await, Err(OpenError::Removed(_))));
    assert_eq!(a.members().len(), 1);
}

/// Its leader's log begins after a checkpoint, so the checkpoint itself has to come over the wire.
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_starts_from_a_snapshot_when_the_log_is_gone() {
    let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(folder_a.path(), "a").await.unwrap(), open(folder_b.path(), "b").await.unwrap());
    a.set_sealed(false);
    a.found(batch("first", 1)).await.unwrap();
    let term = storage::Term(a.leadership().borrow().term);
    let mut last = 0;
    for _ in 0..8 {
        // Several chunks in all.
        last = a.store().commit(term, batch("large", 700_000)).await.unwrap().index;
    }
    a.shared.raft.trigger().snapshot().await.unwrap();
    let by = soon();
    while a.shared.metrics().snapshot.is_none_or(|id| id.index < last) {
        assert!(Instant::now() < by);
        sleep(Duration::from_millis(10)).await;
    }
    a.shared.raft.trigger().purge_log(last).await.unwrap();
    while a.shared.metrics().purged.is_none_or(|id| id.index < last) {
        assert!(Instant::now() < by);
        sleep(Duration::from_millis(10)).await;
    }

    let mut changes = b.changes();
    let members = a.admit(b.joining(), soon()).await.unwrap();
    b.enter(members, soon()).await.unwrap();
    let written = a.store().commit(term, batch("after", 1)).await.unwrap();
    let mut position = b.shared.reader.position();
    timeout_at(soon(), position.wait_for(|position| position.index() >= written.index)).await.unwrap().unwrap();
    assert!(changes.recv().await.unwrap().everything, "the state was replaced as a whole");
    assert_eq!(a.fingerprint(), b.fingerprint());
    assert!(b.shared.metrics().snapshot.is_some_and(|id| id.index >= last));
}
