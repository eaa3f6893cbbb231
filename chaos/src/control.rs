//! The socket on which the server under test takes commands.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Where a node stands.
#[derive(Clone, Debug, Deserialize)]
pub struct State {
    pub term: u64,
    pub role: String,
    pub committed: u64,
    pub applied: u64,
    pub revision: String,
    pub fingerprint: String,
    /// Why it has stopped, if it found its own state to differ.
    #[serde(default)]
    pub diverged: Option<String>,
    /// How many writes the log's disk has held back, refused or lost.
    pub spoiled: u64,
    /// Its wall clock, in milliseconds.
    pub clock: u64,
}

impl State {
    pub fn leads(&self) -> bool {
        self.role == "leader"
    }
}

pub async fn state(socket: &Path) -> Result<State, String> {
    let answer = tell(socket, &json!({ "do": "state" }), QUICK).await?;
    serde_json::from_value(answer).map_err(|e| e.to_string())
}

/// `heal`, `stall`, `fail` or `lose`.
pub async fn disk(socket: &Path, mode: &str) -> Result<(), String> {
    tell(socket, &json!({ "do": "disk", "mode": mode }), QUICK).await.map(|_| ())
}

pub async fn clock(socket: &Path, offset: i64) -> Result<(), String> {
    tell(socket, &json!({ "do": "clock", "offset": offset }), QUICK).await.map(|_| ())
}

/// Up to which index there is no log any more.
pub async fn compact(socket: &Path) -> Result<u64, String> {
    let answer = tell(socket, &json!({ "do": "compact" }), SLOW).await?;
    answer["index"].as_u64().ok_or_else(|| format!("no index in {answer}"))
}

pub async fn transfer(socket: &Path, to: &str) -> Result<(), String> {
    tell(socket, &json!({ "do": "transfer", "to": to }), QUICK).await.map(|_| ())
}

async fn tell(socket: &Path, command: &Value, within: Duration) -> Result<Value, String> {
    let told = timeout(within, exchange(socket, command)).await;
    let answer = told.map_err(|_| "the socket of commands does not answer".to_owned())?.map_err(|e| e.to_string())?;
    match answer.get("problem") {
        Some(problem) => Err(problem.to_string()),
        None => Ok(answer),
    }
}

async fn exchange(socket: &Path, command: &Value) -> io::Result<Value> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    serde_json::from_str(&line).map_err(io::Error::other)
}

const QUICK: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(12);
