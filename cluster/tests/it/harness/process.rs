//! Nodes as processes, which can be killed at any instruction.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<String>>>>;

/// Of which version a process is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    This,
    /// Has one format more: builds with the feature `faults` can be it.
    Next,
}

fn command(data: PathBuf, name: &str, port: u16, version: Version) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cluster-test-node"));
    command.arg(data).args([name, &port.to_string()]);
    if version == Version::Next {
        command.arg("next");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// A running process. Every question to it ends: with its answer, with its death, or after a while.
pub struct Process {
    child: Mutex<Child>,
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    tag: AtomicU64,
}

impl Process {
    pub async fn start(data: PathBuf, name: &str, port: u16, version: Version) -> Arc<Self> {
        let mut child = command(data, name, port, version).spawn().unwrap();
        let input = tokio::sync::Mutex::new(child.stdin.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let waiting = Waiting::default();
        let (up, is_up) = oneshot::channel();
        waiting.lock().insert(0, up);
        let answers = waiting.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let (tag, said) = line.split_once(' ').unwrap();
                if let Some(asker) = answers.lock().remove(&tag.parse().unwrap()) {
                    asker.send(said.to_owned()).ok();
                }
            }
            // Dead: whoever waits learns that nothing comes.
            answers.lock().clear();
        });
        timeout(Duration::from_secs(20), is_up).await.expect("the node comes up").expect("the node comes up");
        Arc::new(Self { child: Mutex::new(child), input, waiting, tag: AtomicU64::new(1) })
    }

    /// Why one of this version does not start.
    #[cfg(feature = "faults")]
    pub async fn refused(data: PathBuf, name: &str, port: u16) -> String {
        let starting = command(data, name, port, Version::This).stderr(Stdio::piped()).spawn().unwrap();
        let ended = timeout(Duration::from_secs(20), starting.wait_with_output()).await.expect("it ends").unwrap();
        assert!(!ended.status.success());
        String::from_utf8(ended.stderr).unwrap()
    }

    /// None if no answer came.
    pub async fn ask(&self, command: &str) -> Option<String> {
        let tag = self.tag.fetch_add(1, Ordering::Relaxed);
        let (asker, answer) = oneshot::channel();
        self.waiting.lock().insert(tag, asker);
        let line = format!("{tag} {command}\n");
        self.input.lock().await.write_all(line.as_bytes()).await.ok()?;
        timeout(Duration::from_secs(15), answer).await.ok()?.ok()
    }

    /// kill -9.
    pub fn kill(&self) {
        self.child.lock().start_kill().ok();
    }

    pub async fn died(&self) {
        for _ in 0..1000 {
            if self.child.lock().try_wait().unwrap().is_some() {
                self.waiting.lock().clear();
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("a killed process does not end");
    }
}
