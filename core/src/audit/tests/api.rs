use std::collections::BTreeMap;
use std::path::Path;

use storage::{RequestId, TxnState};
use tempfile::TempDir;
use tokio::time::Instant;

use super::super::{ApiRules, AuditRefused, AuditTable, Configured, DeviceRecord, Plan, Setup};
use super::*;
use crate::lifecycle::{InitOptions, Node, Settings};
use crate::mount::TtlLimits;
use crate::replication::Replication;
use crate::space;
use crate::testing::Alone;

struct Bench {
    node: Arc<Node>,
    alone: Arc<Alone>,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let open = vec![folder.path().join("open")];
        std::fs::create_dir(&open[0]).unwrap();
        let targets = vec!["tcp://127.0.0.1:1".into(), "https://siem.example/".into()];
        let bench = Self::with(folder, ApiRules { enabled: true, folders: open, targets, prefixes: false }, vec![]);
        bench.await
    }

    async fn with(folder: TempDir, api: ApiRules, devices: Vec<Configured>) -> Self {
        let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
        let alone = Arc::new(Alone::default());
        let node = Node::new(Arc::clone(&alone) as _, Settings::new(limits));
        node.audit.configure(Setup { devices, api, http: None }).unwrap();
        let options = InitOptions {
            shares: 1,
            threshold: 1,
            recipients: Default::default(),
            cluster_name: None,
            now: alone.now(),
        };
        let made = node.init(options).await.unwrap();
        node.unseal(barrier::Share::from_slice(&made.shares[0])).await.unwrap();
        Self { node, alone, folder }
    }

    fn open(&self, name: &str) -> String {
        self.folder.path().join("open").join(name).to_str().unwrap().to_owned()
    }

    async fn enable(&self, path: &str, kind: &str, options: &[(&str, &str)]) -> Result<(), String> {
        let options: BTreeMap<_, _> = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let record = DeviceRecord { kind: kind.into(), description: String::new(), local: false, options };
        let deadline = Instant::now() + Duration::from_secs(30);
        match self.node.audit.enable(&self.node, path, record, deadline).await {
            Err(AuditRefused::Refused(text)) => Err(text),
            other => {
                other.unwrap();
                Ok(())
            }
        }
    }

    async fn change(
        &self,
        write: impl FnOnce(&mut storage::Txn) -> Result<(), AuditRefused>,
    ) -> Result<(), AuditRefused> {
        let mut state = TxnState::new(self.node.store.snapshot().unwrap(), storage::Latches::new().begin());
        write(&mut state.at(space::records(&sdk::NamespaceId::root())))?;
        let (open, _held) = state.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let batch = self.node.store.seal(id, self.alone.now(), open).unwrap();
        self.node.store.commit(storage::Term(1), batch).await.unwrap();
        Ok(())
    }

    async fn disable(&self, path: &str) -> Result<(), AuditRefused> {
        self.change(|txn| self.node.audit.disable(txn, path)).await
    }

    fn names(&self) -> Vec<String> {
        let table = AuditTable::read(&self.node.local_view().unwrap()).unwrap();
        self.node.audit.devices(&table).into_keys().collect()
    }

    /// As the pipeline does before each entry.
    async fn write(&self) -> Result<(), AuditError> {
        self.node.audit.refresh(&self.node.store.snapshot().unwrap()).unwrap();
        write(&self.node.audit).await
    }
}

fn lines(path: impl AsRef<Path>) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn a_device_is_made_works_and_goes() {
    let bench = Bench::new().await;
    let path = bench.open("log");
    bench.enable("one", "file", &[("file_path", &path)]).await.unwrap();
    assert_eq!(bench.names(), ["one/"]);
    bench.write().await.unwrap();
    assert_eq!(lines(&path), 1);
    bench.node.audit.forget();
    bench.write().await.unwrap();
    assert_eq!(lines(&path), 2, "after a seal it comes back from the store");
    bench.disable("one/").await.unwrap();
    bench.disable("one").await.unwrap();
    bench.write().await.unwrap();
    assert_eq!((lines(&path), bench.names().len()), (2, 0));
}

#[tokio::test]
async fn a_node_that_cannot_open_a_device_says_so() {
    let bench = Bench::new().await;
    let path = bench.open("log");
    bench.enable("one", "file", &[("file_path", &path)]).await.unwrap();
    std::fs::remove_dir_all(bench.folder.path().join("open")).unwrap();
    assert!(bench.write().await.unwrap_err().to_string().contains("one/"));
    assert_eq!(bench.node.audit.problems()[0].0, "one/");
    std::fs::create_dir(bench.folder.path().join("open")).unwrap();
    bench.write().await.unwrap();
    assert_eq!(lines(&path), 1);
}

#[tokio::test]
async fn the_api_reaches_only_what_the_configuration_opens() {
    let bench = Bench::new().await;
    let file = |path: &str| [("file_path", path.to_owned())];
    let says = async |kind: &str, options: &[(&str, String)], text: &str| {
        let options: Vec<_> = options.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let refused = bench.enable("x", kind, &options).await.expect_err(text);
        assert!(refused.contains(text), "{refused}");
    };
    says("file", &file("/etc/holdfast-audit"), "audit_api_folders").await;
    says("file", &file("relative.log"), "whole path").await;
    says("file", &file(&bench.open("../escape.log")), "audit_api_folders").await;
    says("file", &file(&bench.open("missing/log")), "cannot be used").await;
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, bench.open("way-out")).unwrap();
    says("file", &file(&bench.open("way-out/log")), "audit_api_folders").await;
    std::os::unix::fs::symlink(outside.join("log"), bench.open("link")).unwrap();
    says("file", &file(&bench.open("link")), "cannot be opened").await;
    says("socket", &[("address", "127.0.0.1:2".into())], "audit_api_targets").await;
    says("socket", &[("address", "127.0.0.1:1".into()), ("socket_type", "udp".into())], "audit_api_targets").await;
    says("socket", &[("address", "127.0.0.1:1".into())], "cannot be connected to").await;
    says("http", &[("uri", "https://siem.example.evil/".into())], "audit_api_targets").await;
    let prefix = [("file_path", bench.open("log")), ("prefix", "#!/bin/sh".into())];
    says("file", &prefix, "allow_audit_log_prefixing").await;
    says("file", &[("file_path", bench.open("log")), ("mode", "0700".into())], "executable").await;
    assert!(bench.names().is_empty());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    bench.enable("syslog-like", "file", &[("file_path", "discard")]).await.unwrap();
}

#[tokio::test]
async fn paths_and_fallbacks_are_unique_and_every_entry_is_taken() {
    let bench = Bench::new().await;
    let discard = ("file_path", "discard");
    let filter = ("filter", "mount_type == kv");
    let refused = bench.enable("reads", "file", &[discard, filter]).await.unwrap_err();
    assert!(refused.contains("must have none, or be the fallback"), "{refused}");
    bench.enable("rest", "file", &[discard, ("fallback", "true")]).await.unwrap();
    bench.enable("reads", "file", &[discard, filter]).await.unwrap();
    assert_eq!(bench.enable("reads/below", "file", &[discard]).await.unwrap_err(), "path already in use");
    let second = bench.enable("more", "file", &[discard, ("fallback", "1")]).await.unwrap_err();
    assert!(second.contains("only one"), "{second}");
    let left = bench.disable("rest").await.unwrap_err().to_string();
    assert!(left.contains("must have none, or be the fallback"), "{left}");
    bench.write().await.unwrap();
}

#[tokio::test]
async fn the_configurations_devices_are_shown_and_stay() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let options: BTreeMap<_, _> = [("file_path".to_owned(), path.to_str().unwrap().to_owned())].into();
    let plan = Plan::parse("file", &options).unwrap();
    let record = DeviceRecord { kind: "file".into(), description: "mine".into(), local: false, options };
    let devices = vec![Configured { path: "main".into(), record, plan }];
    let bench = Bench::with(folder, ApiRules::default(), devices).await;
    assert_eq!(bench.names(), ["main/"]);
    assert!(bench.disable("main").await.unwrap_err().to_string().contains("configuration"));
    assert!(bench.enable("two", "file", &[("file_path", "discard")]).await.unwrap_err().contains("config-based"));
    bench.write().await.unwrap();
    assert_eq!(lines(&path), 1);
}

#[tokio::test]
async fn a_configuration_of_filters_alone_is_refused() {
    let options: BTreeMap<_, _> =
        [("file_path".to_owned(), "discard".to_owned()), ("filter".to_owned(), "path == x".to_owned())].into();
    let plan = Plan::parse("file", &options).unwrap();
    let record = DeviceRecord { kind: "file".into(), description: String::new(), local: false, options };
    let setup = Setup { devices: vec![Configured { path: "main".into(), record, plan }], ..Setup::default() };
    assert!(audit(vec![]).configure(setup).unwrap_err().to_string().contains("fallback"));
}

#[tokio::test]
async fn headers_are_kept_in_lower_case() {
    let bench = Bench::new().await;
    let audit = &bench.node.audit;
    bench.change(|txn| audit.show_header(txn, "X-Source", true)).await.unwrap();
    audit.refresh(&bench.node.store.snapshot().unwrap()).unwrap();
    assert_eq!(audit.headers().hmac("x-source"), Some(true));
    assert!(bench.change(|txn| audit.show_header(txn, "not a header", true)).await.is_err());
    bench.change(|txn| audit.hide_header(txn, "x-SOURCE")).await.unwrap();
    audit.refresh(&bench.node.store.snapshot().unwrap()).unwrap();
    assert_eq!(audit.headers().hmac("x-source"), None);
}
