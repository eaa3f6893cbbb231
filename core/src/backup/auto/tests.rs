use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sdk::NamespaceId;
use storage::{Batch, Latches, Millis, RequestId, Term, TxnState};
use tempfile::TempDir;

use super::worker::look;
use super::*;
use crate::backup::header;
use crate::lifecycle::{Node, Settings};
use crate::mount::TtlLimits;
use crate::space;
use crate::testing::Alone;

const LIMITS: TtlLimits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };

struct Bench {
    node: Arc<Node>,
    alone: Arc<Alone>,
    folder: TempDir,
}

fn id() -> RequestId {
    RequestId { applied: 0, random: crypto::random() }
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let alone = Arc::new(Alone::default());
        let snapshot_folders = Folders::new(vec![folder.path().to_owned()]);
        let node = Node::new(Arc::clone(&alone) as _, Settings { snapshot_folders, ..Settings::new(LIMITS) });
        crate::backup::tests::found(&node).await;
        Self { node, alone, folder }
    }

    fn config(&self) -> AutoConfig {
        AutoConfig {
            interval: 3600,
            retain: 2,
            path_prefix: self.folder.path().to_str().unwrap().into(),
            file_prefix: "b".into(),
            local_max_space: 1 << 20,
        }
    }

    async fn write(&self, name: &str, config: &AutoConfig) -> Result<(), ConfigError> {
        let mut state = TxnState::new(self.node.store.snapshot().unwrap(), Latches::new().begin());
        config.write(&mut state.at(space::records(&NamespaceId::root())), &self.node.snapshot_folders, name)?;
        let batch = self.node.store.seal(id(), Millis(2), state.finish().0).unwrap();
        self.node.store.commit(Term(1), batch).await.unwrap();
        Ok(())
    }

    async fn refused(&self, config: AutoConfig) -> String {
        match self.write("x", &config).await {
            Err(ConfigError::Refused(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn status(&self, name: &str) -> AutoStatus {
        AutoStatus::read(&self.node.local_view().unwrap(), name).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|item| item.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn after(&self, seconds: u64) {
        self.alone.advance(Duration::from_secs(seconds));
        look(&self.node).await.unwrap();
    }
}

#[tokio::test]
async fn one_is_made_when_it_is_due_and_the_newest_are_kept() {
    let bench = Bench::new().await;
    fs::write(bench.folder.path().join("b-else.snap"), "not ours").unwrap();
    fs::write(bench.folder.path().join(".b-1.tmp"), "left behind").unwrap();
    bench.write("daily", &bench.config()).await.unwrap();
    bench.after(0).await;
    assert_eq!(bench.files(), ["b-1700000000000.snap", "b-else.snap"]);
    bench.after(3599).await;
    assert_eq!(bench.files().len(), 2, "it is not due");
    bench.after(1).await;
    // However many were missed, one is made.
    bench.after(100 * 3600).await;
    bench.after(1).await;
    assert_eq!(bench.files(), ["b-1700003600000.snap", "b-1700363600000.snap", "b-else.snap"]);

    let status = bench.status("daily");
    let good = status.good.unwrap();
    assert_eq!((status.error, status.failures, good.at), (None, 0, Millis(1_700_363_600_000)));
    let file = fs::File::open(good.url.strip_prefix("file://").unwrap()).unwrap();
    assert_eq!(file.metadata().unwrap().len(), good.bytes);
    assert_eq!(header(file).unwrap().cluster_name, "c");
}

#[tokio::test]
async fn what_does_not_pass_its_test_restore_is_no_backup() {
    let bench = Bench::new().await;
    bench.write("daily", &bench.config()).await.unwrap();
    // A record that no key opens, as a damaged store would have.
    let mut batch = Batch::new(id(), Millis(3));
    let bad = storage::RawKey::root(storage::Class::Replicated).plain("").plain("core").plain("bad");
    batch.puts.push((bad.clone(), Bytes::from_static(b"\x01no ciphertext")));
    bench.node.replication.store().commit(Term(1), batch).await.unwrap();
    bench.after(0).await;
    assert!(bench.files().is_empty(), "{:?}", bench.files());
    let status = bench.status("daily");
    assert!(status.error.unwrap().contains("did not pass its test restore"));
    assert_eq!((status.failures, status.good), (1, None));

    // It is tried again sooner than it would be due, but not at once.
    bench.after(59).await;
    assert_eq!(bench.status("daily").failures, 1);
    bench.after(1).await;
    assert_eq!(bench.status("daily").failures, 2);
    let mut batch = Batch::new(id(), Millis(4));
    batch.deletes.push(bad);
    bench.node.replication.store().commit(Term(1), batch).await.unwrap();
    bench.after(120).await;
    let status = bench.status("daily");
    assert_eq!((status.failures, status.error), (0, None));
    assert_eq!(bench.files().len(), 1);
}

#[tokio::test]
async fn a_file_that_was_changed_does_not_pass() {
    let bench = Bench::new().await;
    bench.write("daily", &bench.config()).await.unwrap();
    bench.after(0).await;
    let file = bench.folder.path().join(&bench.files()[0]);
    trial::restore(&file, &bench.node.barrier).unwrap();
    let whole = fs::read(&file).unwrap();
    for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..cut]).unwrap();
        assert!(trial::restore(&file, &bench.node.barrier).is_err(), "cut at {cut}");
    }
    // Whole, but of another cluster.
    let other = Bench::new().await;
    fs::write(&file, &whole).unwrap();
    assert!(trial::restore(&file, &other.node.barrier).is_err());
}

#[tokio::test]
async fn the_space_is_not_exceeded() {
    let bench = Bench::new().await;
    bench.write("daily", &AutoConfig { local_max_space: 100, ..bench.config() }).await.unwrap();
    bench.after(0).await;
    assert!(bench.status("daily").error.unwrap().contains("local_max_space is too small"));
    assert!(bench.files().is_empty());

    // Of two that are to be kept, one has room: the old one stays until there is a new one.
    bench.write("daily", &bench.config()).await.unwrap();
    bench.after(3600).await;
    let bytes = bench.status("daily").good.unwrap().bytes;
    bench.write("daily", &AutoConfig { local_max_space: bytes + bytes / 2, ..bench.config() }).await.unwrap();
    bench.after(3600).await;
    assert!(bench.status("daily").error.is_some());
    assert_eq!(bench.files().len(), 1);
    bench.write("daily", &AutoConfig { local_max_space: 4 * bytes, ..bench.config() }).await.unwrap();
    bench.after(3600).await;
    assert_eq!(bench.files().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let bench = Bench::new().await;
    let config = bench.config();
    for (wrong, said) in [
        (AutoConfig { interval: 0, ..config.clone() }, "interval is required"),
        (AutoConfig { retain: 0, ..config.clone() }, "retain must be 1 to"),
        (AutoConfig { local_max_space: 0, ..config.clone() }, "local_max_space is required"),
        (AutoConfig { file_prefix: "../x".into(), ..config.clone() }, "file_prefix has 1 to"),
        (AutoConfig { file_prefix: String::new(), ..config.clone() }, "file_prefix has 1 to"),
        (AutoConfig { path_prefix: "/etc".into(), ..config.clone() }, "/etc is in no folder that is open"),
        (AutoConfig { path_prefix: "x".into(), ..config.clone() }, "must be a whole path"),
        (AutoConfig { path_prefix: format!("{}/../x", config.path_prefix), ..config.clone() }, "without .."),
    ] {
        let text = bench.refused(wrong).await;
        assert!(text.contains(said), "{text}");
    }
    assert!(matches!(bench.write("a/b", &config).await, Err(ConfigError::Refused(_))));
    bench.write("one", &config).await.unwrap();
    let twin = bench.refused(AutoConfig { path_prefix: format!("{}/", config.path_prefix), ..config.clone() }).await;
    assert!(twin.contains("choose another file_prefix"), "{twin}");

    // A link out of the folder is not followed.
    std::os::unix::fs::symlink("/etc", bench.folder.path().join("link")).unwrap();
    let path_prefix = format!("{}/link", config.path_prefix);
    bench.write("two", &AutoConfig { path_prefix, interval: 1, ..config.clone() }).await.unwrap();
    bench.after(0).await;
    bench.after(0).await;
    assert!(bench.status("two").error.unwrap().contains("is in no folder that is open"));
    assert!(Folders::default().allow("/x").unwrap_err().contains("no folder is open"));
}
