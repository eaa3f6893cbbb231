use std::net::TcpListener;
use std::path::Path;

use openraft::ChangeMembers;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use storage::RawKey;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn open(data: &Path, name: &str) -> Result<Arc<Node>, OpenError> {
    let port = free_port();
    open_behind(data, name, port, port).await
}

/// The others are told the second port.
async fn open_behind(data: &Path, name: &str, port: u16, told: u16) -> Result<Arc<Node>, OpenError> {
    let options = Options {
        data: data.to_owned(),
        name: name.to_owned(),
        listen: vec![([127, 0, 0, 1], port).into()],
        advertise: format!("127.0.0.1:{told}"),
        api_address: String::new(),
        timing: Timing::default(),
        max_entry_size: 1 << 20,
        read_index_only: false,
        snapshot_rate: None,
        feed_max: 1 << 30,
    };
    Node::open(options, Arc::new(NoForwarding)).await
}

fn batch(key: &str, bytes: usize) -> Batch {
    let mut batch = Batch::new(RequestId { applied: 0, random: crypto::random() }, Millis(1));
    let mut whole = RawKey::root(storage::Class::Replicated);
    whole.push(storage::SegKind::Plain, key.as_bytes()).unwrap();
    batch.puts.push((whole, Bytes::from(vec![7; bytes])));
    batch
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Two nodes that both vote, led by the first, and their folders.
async fn pair() -> ([tempfile::TempDir; 2], Arc<Node>, Arc<Node>) {
    let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(folder_a.path(), "a").await.unwrap(), open(folder_b.path(), "b").await.unwrap());
    a.set_sealed(false);
    a.found(batch("first", 1)).await.unwrap();
    let members = a.admit(b.joining(), soon()).await.unwrap();
    b.enter(members, soon()).await.unwrap();
    let by = soon();
    while a.members().iter().filter(|member| member.voter).count() < 2 {
        assert!(Instant::now() < by);
        sleep(Duration::from_millis(10)).await;
    }
    ([folder_a, folder_b], a, b)
}

/// It is told by a member it knows, believes it, and remembers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_node_learns_it_and_does_not_start_again() {
    let ([_folder_a, folder_b], a, b) = pair().await;

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

/// Without asking, a leader reads what it has told others, and nothing more once it has begun to hand over.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_knows_what_others_were_told_and_ends_with_a_handover() {
    let (_folders, a, b) = pair().await;
    let by = soon();
    while a.shared.index_under_lease().is_none() || a.shared.local.lease.told() < a.shared.committed() {
        assert!(Instant::now() < by);
        sleep(Duration::from_millis(10)).await;
    }
    // To nobody, so that this node goes on to be answered as the leader.
    assert!(a.shared.transfer(999).await);
    for _ in 0..20 {
        assert_eq!(a.shared.index_under_lease(), None);
        sleep(Duration::from_millis(10)).await;
    }
    assert!(a.shared.raft.is_leader());
    for node in [a, b] {
        node.shutdown(soon()).await;
    }
}

/// Leaves a snapshot in the place of the log up to there.
async fn purge(node: &Node, last: u64) {
    node.shared.raft.trigger().snapshot().await.unwrap();
    let by = soon();
    while node.shared.metrics().snapshot.is_none_or(|id| id.index < last) {
        assert!(Instant::now() < by);
        sleep(Duration::from_millis(10)).await;
    }
    node.shared.raft.trigger().purge_log(last).await.unwrap();
    while node.shared.metrics().purged.is_none_or(|id| id.index < last) {
        assert!(Instant::now() < by);
        sleep(Duration::from_millis(10)).await;
    }
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
    purge(&a, last).await;

    let before = b.shared.reader.snapshot().unwrap().revision();
    let members = a.admit(b.joining(), soon()).await.unwrap();
    b.enter(members, soon()).await.unwrap();
    let written = a.store().commit(term, batch("after", 1)).await.unwrap();
    let mut position = b.shared.reader.position();
    timeout_at(soon(), position.wait_for(|position| position.index() >= written.index)).await.unwrap().unwrap();
    let changes = b.shared.reader.snapshot().unwrap().changes_since(before);
    assert_eq!(changes, None, "the state was replaced as a whole");
    assert_eq!(a.fingerprint(), b.fingerprint());
    assert!(b.shared.metrics().snapshot.is_some_and(|id| id.index >= last));
}

/// What stands between two nodes: it counts what goes to the second, and breaks the first connection that has carried so
/// much.
struct Between {
    carried: Arc<AtomicU64>,
    broke: Arc<AtomicBool>,
}

impl Between {
    async fn open(port: u16, to: u16, break_at: u64) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (carried, broke) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, breaks) = (Arc::clone(&carried), Arc::clone(&broke));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (counted, breaks) = (Arc::clone(&counted), Arc::clone(&breaks));
                tokio::spawn(async move {
                    let far = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
                        (near.into_split(), far.into_split());
                    let back = tokio::spawn(async move { tokio::io::copy(&mut far_in, &mut near_out).await.ok() });
                    let (mut piece, mut own) = (vec![0; 64 << 10], 0);
                    while let Ok(read) = near_in.read(&mut piece).await {
                        if read == 0 || far_out.write_all(&piece[..read]).await.is_err() {
                            break;
                        }
                        counted.fetch_add(read as u64, Ordering::Relaxed);
                        own += read as u64;
                        if own > break_at && !breaks.swap(true, Ordering::Relaxed) {
                            break;
                        }
                    }
                    back.abort();
                });
            }
        });
        Self { carried, broke }
    }
}

/// The link breaks in the middle of a snapshot: what has come is not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_broken_off_goes_on_where_it_was() {
    let (folder_a, folder_b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = open(folder_a.path(), "a").await.unwrap();
    a.set_sealed(false);
    a.found(batch("first", 1)).await.unwrap();
    let term = storage::Term(a.leadership().borrow().term);
    let (mut last, mut bytes) = (0, 0);
    for n in 0..40 {
        last = a.store().commit(term, batch(&format!("large-{n}"), 700_000)).await.unwrap().index;
        bytes += 700_000;
    }
    purge(&a, last).await;

    let (port, told) = (free_port(), free_port());
    let between = Between::open(told, port, 20_000_000).await;
    let b = open_behind(folder_b.path(), "b", port, told).await.unwrap();
    let members = a.admit(b.joining(), soon()).await.unwrap();
    b.enter(members, soon()).await.unwrap();
    let written = a.store().commit(term, batch("after", 1)).await.unwrap();
    let mut position = b.shared.reader.position();
    timeout_at(soon(), position.wait_for(|position| position.index() >= written.index)).await.unwrap().unwrap();
    assert_eq!(a.fingerprint(), b.fingerprint());
    assert!(between.broke.load(Ordering::Relaxed), "the link was to break");
    let carried = between.carried.load(Ordering::Relaxed);
    assert!((bytes..bytes + 12_000_000).contains(&carried), "{carried} bytes were carried of {bytes}");
    let by = soon();
    let snapshots = folder_b.path().join("snap");
    let receiving = |item: io::Result<std::fs::DirEntry>| {
        item.is_ok_and(|item| item.file_name().to_str().is_some_and(|name| name.starts_with("recv-")))
    };
    while std::fs::read_dir(&snapshots).unwrap().any(receiving) {
        assert!(Instant::now() < by, "what was received stays behind");
        sleep(Duration::from_millis(10)).await;
    }
}
