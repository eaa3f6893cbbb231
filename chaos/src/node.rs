//! One node: its folder, its configuration, its process.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::history::History;

pub struct Node {
    pub index: usize,
    pub name: String,
    pub api: SocketAddr,
    pub cluster: SocketAddr,
    folder: PathBuf,
    program: PathBuf,
    process: Mutex<Option<Child>>,
    history: Arc<History>,
    /// Held by a fault that is at work on this node.
    pub claim: Arc<tokio::sync::Mutex<()>>,
    /// A fault is about to make the process end by itself.
    may_end: AtomicBool,
    /// Whoever sealed it wants it to stay so.
    pub stays_sealed: AtomicBool,
    clock: AtomicI64,
    /// What the build under test is told at its start, but for the clock.
    settings: Mutex<Value>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Node {
    pub fn new(index: usize, folder: &Path, program: &Path, history: Arc<History>) -> Result<Self, String> {
        let name = format!("node{}", index + 1);
        let folder = folder.join(&name);
        fs::create_dir_all(folder.join("data")).map_err(|e| format!("{}: {e}", folder.display()))?;
        let [api, cluster] = free_addresses()?;
        Ok(Self {
            index,
            name,
            api,
            cluster,
            folder,
            program: program.to_owned(),
            process: Mutex::default(),
            history,
            claim: Arc::default(),
            may_end: AtomicBool::new(false),
            stays_sealed: AtomicBool::new(false),
            clock: AtomicI64::new(0),
            settings: Mutex::new(json!({})),
        })
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("commands")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn log(&self) -> String {
        fs::read(self.folder.join("server.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    pub fn configure(&self, config: &Value, settings: Value) -> Result<(), String> {
        *locked(&self.settings) = settings;
        fs::write(self.folder.join("server.json"), format!("{config:#}")).map_err(|e| e.to_string())
    }

    /// How wrong its clock is, also after a restart.
    pub fn set_clock(&self, offset: i64) {
        self.clock.store(offset, Ordering::Relaxed);
    }

    pub fn start(&self) -> Result<(), String> {
        let mut process = locked(&self.process);
        if process.is_some() {
            return Err(format!("{} runs already", self.name));
        }
        let mut settings = locked(&self.settings).clone();
        settings["socket"] = json!(self.socket());
        settings["clock"] = json!(self.clock.load(Ordering::Relaxed));
        let file = self.folder.join("settings.json");
        fs::write(&file, settings.to_string()).map_err(|e| e.to_string())?;
        let log = self.folder.join("server.log");
        let log: File = OpenOptions::new().create(true).append(true).open(log).map_err(|e| e.to_string())?;
        let mut command = Command::new(&self.program);
        command.arg(file).arg("server").arg(format!("-config={}", self.folder.join("server.json").display()));
        let stdout = log.try_clone().map_err(|e| e.to_string())?;
        command.stdin(Stdio::piped()).stdout(stdout).stderr(log);
        self.may_end.store(false, Ordering::Relaxed);
        *process = Some(command.spawn().map_err(|e| format!("{}: {e}", self.program.display()))?);
        Ok(())
    }

    /// `kill -9`. Answers how the process ended.
    pub fn kill(&self) -> Result<ExitStatus, String> {
        let mut process = locked(&self.process);
        let mut child = process.take().ok_or_else(|| format!("{} does not run", self.name))?;
        self.history.down(self.index);
        child.kill().map_err(|e| e.to_string())?;
        child.wait().map_err(|e| e.to_string())
    }

    /// From now on until its next start the process may end by itself.
    pub fn let_end(&self) {
        self.may_end.store(true, Ordering::Relaxed);
        self.history.down(self.index);
    }

    /// Waits for the process to end by itself, as is expected of it.
    pub async fn ended(&self, within: Duration) -> Result<ExitStatus, String> {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.exited() {
                return Ok(status);
            }
            if Instant::now() > end {
                return Err(format!("{} did not end", self.name));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// How the process ended, if it did and nobody expects it to. Told once.
    pub fn died(&self) -> Option<ExitStatus> {
        if self.may_end.load(Ordering::Relaxed) { None } else { self.exited() }
    }

    fn exited(&self) -> Option<ExitStatus> {
        let mut process = locked(&self.process);
        let status = process.as_mut()?.try_wait().ok()??;
        *process = None;
        Some(status)
    }

    pub fn runs(&self) -> bool {
        locked(&self.process).is_some()
    }

    fn pid(&self) -> Option<Pid> {
        locked(&self.process).as_ref().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?))
    }

    /// SIGSTOP; returns once the process stands still.
    pub async fn pause(&self) -> Result<(), String> {
        let pid = self.pid().ok_or_else(|| format!("{} does not run", self.name))?;
        self.history.down(self.index);
        kill_process(pid, Signal::STOP).map_err(|e| e.to_string())?;
        for _ in 0..200 {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).map_err(|e| e.to_string())?;
            // After the name, which is in brackets.
            if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Err(format!("{} did not stand still", self.name))
    }

    pub fn go_on(&self) {
        if let Some(pid) = self.pid() {
            // A process that does not stand still does not mind.
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    /// Forgets everything that the node ever knew. Only while it does not run.
    pub fn wipe(&self) -> Result<(), String> {
        fs::remove_dir_all(self.data()).and_then(|()| fs::create_dir_all(self.data())).map_err(|e| e.to_string())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = locked(&self.process).as_mut() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How a process that was killed ends.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

/// Two addresses that nobody listens on right now, and that no other node of this process was given. They are below those
/// that the system gives away by itself: it would, while a node is down.
fn free_addresses() -> Result<[SocketAddr; 2], String> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap_or(0);
    let mut free = (0..PORTS).filter_map(|_| {
        let port = FIRST_PORT + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?.local_addr().ok()
    });
    match (free.next(), free.next()) {
        (Some(one), Some(other)) => Ok([one, other]),
        _ => Err("no port is free".to_owned()),
    }
}

const FIRST_PORT: u16 = 11_000;
const PORTS: u16 = 20_000;
