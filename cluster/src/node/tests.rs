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

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// It is told by a member it knows, believes it, and remembers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_node_learns_it_and_does_not_start_again() {
    let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(folder_a.path(), "a").await.unwrap(), open(folder_b.path(), "b").await.unwrap());
    a.set_sealed(false);
    let mut first = Batch::new(RequestId { applied: 0, random: [1; 16] }, Millis(1));
    first.puts.push((RawKey::root(storage::Class::Replicated).plain("first"), Bytes::from_static(b"1")));
    a.found(first).await.unwrap();
    let members = a.admit(b.joining(), soon()).await.unwrap();
    b.enter(members, soon()).await.unwrap();
    while a.members().iter().filter(|member| member.voter).count() < 2 {
        sleep(Duration::from_millis(10)).await;
    }

    let alone = ChangeMembers::ReplaceAllVoters([a.id()].into());
    a.shared.raft.change_membership(alone, false).await.unwrap();
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
