//! Power that goes while the log has an unsynced end: the end is lost, or half of a record of it is there.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::control;
use crate::dice::Dice;

/// The disk stalls, so what the others may have committed already is not on it; then power goes. The node is back at once,
/// before anybody has missed it.
pub async fn lost(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let whom = if dice.chance(75) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    let spoiled = spoil(cluster, claimed.node, "stall").await;
    a_while(dice, 50, 600).await;
    node.kill()?;
    cluster.start(claimed.node).await?;
    spoiled?;
    Ok(format!("{} ({whom:?}) lost what it had not written yet", node.name))
}

/// From one moment on nothing reaches the disk any more, but for a piece of the next record.
pub async fn torn(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let whom = if dice.chance(50) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    node.let_end();
    let spoiled = spoil(cluster, claimed.node, "lose").await;
    a_while(dice, 0, 200).await;
    if node.runs() {
        node.kill()?;
    }
    let torn = newest_log(&node.data().join("raft")).and_then(|file| tear(&file, dice).map(|bytes| (file, bytes)));
    cluster.start(claimed.node).await?;
    spoiled?;
    let (file, bytes) = torn.map_err(|e| e.to_string())?;
    Ok(format!("{} ({whom:?}) came back with {bytes} torn bytes in {}", node.name, file.display()))
}

/// Returns once a write has met the disk's new mood.
async fn spoil(cluster: &Cluster, node: usize, mode: &str) -> Result<(), String> {
    let before = cluster.state(node).await?.spoiled;
    control::disk(&cluster.nodes[node].socket(), mode).await?;
    for _ in 0..300 {
        if cluster.state(node).await.is_ok_and(|state| state.spoiled > before) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(format!("{} wrote nothing", cluster.nodes[node].name))
}

/// RocksDB's write-ahead logs have numbers for names.
fn newest_log(folder: &Path) -> std::io::Result<PathBuf> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
        if let (Some(number), Some("log")) = (stem, path.extension().and_then(|e| e.to_str())) {
            logs.push((number, path));
        }
    }
    logs.sort();
    logs.pop().map(|(_, path)| path).ok_or_else(|| std::io::Error::other("there is no write-ahead log"))
}

/// Appends the beginning of a record: a header that promises more bytes than follow.
///
/// ```text
///   checksum: u32 | length: u16 | type: u8 | payload…      in blocks of 32 KiB, which no record crosses
/// ```
fn tear(file: &Path, dice: &mut Dice) -> std::io::Result<usize> {
    let length = fs::metadata(file)?.len();
    let room = BLOCK - length % BLOCK;
    let mut tail = Vec::new();
    let room = if room <= HEADER {
        // What is left of a block is zeros.
        tail.resize(usize::try_from(room).unwrap_or(0), 0);
        BLOCK
    } else {
        room
    };
    let promised = dice.between(1, (room - HEADER).min(4000));
    let given = dice.below(promised);
    let checksum = u32::try_from(dice.below(1 << 32)).unwrap_or(0);
    tail.extend(checksum.to_le_bytes());
    tail.extend(u16::try_from(promised).unwrap_or(u16::MAX).to_le_bytes());
    tail.push(FULL);
    tail.extend((0..given).map(|_| dice.below(256) as u8));
    OpenOptions::new().append(true).open(file)?.write_all(&tail)?;
    Ok(tail.len())
}

const BLOCK: u64 = 32 << 10;
const HEADER: u64 = 7;
/// A record that is not split over blocks.
const FULL: u8 = 1;
