//! One node: a process, its folder, its configuration and its log.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use super::client::Client;
use super::wait::until;

pub struct Node {
    pub name: String,
    pub api_port: u16,
    pub cluster_port: u16,
    pub folder: PathBuf,
    /// Where its data lies on a small disk that nobody else sees, in memory.
    pub disk: Option<SmallDisk>,
    /// The program, and what it is given before the server's own arguments.
    pub program: Vec<String>,
    ca: Option<PathBuf>,
    process: Option<Child>,
}

/// In MiB.
#[derive(Clone, Copy)]
pub struct SmallDisk {
    pub size: u32,
    /// Already taken by a file of somebody else's, `ballast`.
    pub taken: u32,
    pub read_only: bool,
}

/// Of a failed test's log this much is shown.
const LOG_SHOWN: usize = 40;

impl Node {
    pub fn new(name: &str, folder: &Path, ca: Option<&Path>) -> Node {
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("data")).unwrap();
        let [api_port, cluster_port] = free_ports();
        Node {
            name: name.to_owned(),
            api_port,
            cluster_port,
            folder,
            disk: None,
            program: vec![env!("CARGO_BIN_EXE_holdfast").to_owned()],
            ca: ca.map(Path::to_owned),
            process: None,
        }
    }

    pub fn url(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.api_port)
    }

    /// From now on it takes for granted who is vouched for by these, and nobody else.
    pub fn trusts(&mut self, ca: &Path) {
        let program = std::mem::take(&mut self.program);
        self.program = vec!["env".to_owned(), format!("SSL_CERT_FILE={}", ca.display())];
        self.program.extend(program);
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url(), self.ca.as_deref())
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.join("server.json")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Starts the process and returns once its API answers.
    pub async fn start(&mut self) {
        self.launch();
        let client = self.client();
        until(&format!("{} should answer", self.name), async || {
            if let Some(status) = self.exited() {
                panic!("{} has ended ({status}):\n{}", self.name, self.log());
            }
            client.health().await
        })
        .await;
    }

    /// Starts the process and does not wait.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let log: File = OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = match self.disk {
            None => Command::new(&self.program[0]),
            Some(SmallDisk { size, taken, read_only }) => {
                let mount = concat!(
                    "mount -t tmpfs -o size=$1m none \"$0\" && head -c $2M /dev/zero > \"$0/ballast\" && ",
                    "mount -o remount,$3 \"$0\" && shift 3 && exec \"$@\"",
                );
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--mount", "sh", "-c", mount]).arg(self.data());
                command.args([size.to_string(), taken.to_string()]);
                command.arg(if read_only { "ro" } else { "rw" }).arg(&self.program[0]);
                command
            }
        };
        command.args(&self.program[1..]).arg("server").arg(format!("-config={}", self.config_file().display()));
        // Held open for as long as the process is known: a server under test ends with it.
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    /// For signals. Only while it runs.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().map(Child::id).unwrap()
    }

    /// The folder of its data as the process sees it.
    pub fn seen_data(&self) -> PathBuf {
        let data = self.data();
        Path::new("/proc").join(self.process_id().to_string()).join("root").join(data.strip_prefix("/").unwrap())
    }

    /// How the process ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.try_wait().unwrap()
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let name = self.name.clone();
        let status = until(&format!("{name} should end"), async || self.exited()).await;
        self.process = None;
        status
    }

    /// SIGTERM, as a service manager would, and the end it leads to.
    pub async fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.ended().await
    }

    /// SIGTERM alone.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// `kill -HUP` and the like.
    pub fn signal(&self, name: &str) {
        let number = self.process.as_ref().map(Child::id).unwrap();
        let sent = Command::new("kill").args([&format!("-{name}"), &number.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn show_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        eprintln!("--- the last lines of {}", self.name);
        for line in &lines[lines.len().saturating_sub(LOG_SHOWN)..] {
            eprintln!("{line}");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Two ports that nobody listens on right now, and that no other node of these tests was given: it may not be there yet, or
/// be down. They are below those that the system gives away by itself.
fn free_ports() -> [u16; 2] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    [(); 2].map(|()| {
        let mut ports = (0..PORTS).map(|_| FIRST_PORT + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS);
        ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free")
    })
}

const FIRST_PORT: u16 = 26_000;
const PORTS: u16 = 6_000;
