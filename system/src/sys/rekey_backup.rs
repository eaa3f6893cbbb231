//! `sys/rekey/backup`, `sys/rekey/recovery-key-backup`, `sys/rotate/root/backup`, `sys/rotate/recovery/backup`: the last
//! new shares, encrypted to those they are for.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{Node, RekeyBackup};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Txn, Verb};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::{acting, failure};

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Kept {
    nonce: String,
    /// In hexadecimal, by the fingerprint of the key that opens them.
    keys: BTreeMap<String, Vec<String>>,
    keys_base64: BTreeMap<String, Vec<String>>,
}

pub fn path(node: &Arc<Node>, pattern: &'static str) -> Path {
    let reads = Arc::clone(node);
    Path::new(pattern)
        .help(
            "Shows or deletes the encrypted copies of the last new shares.",
            "They are kept if the rekey asked for a backup, each by the fingerprint of the key that opens it.",
        )
        .sudo()
        // What is kept is no record of a mount, and the active node has the newest.
        .txn(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let kept = reads.rekey_backup().map_err(failure)?;
            Reply::mirrored(body(kept.ok_or_else(|| Failure::invalid("no backed-up keys found"))?))
        })
        .act::<Nothing>(
            Verb::Delete,
            acting(node, |node: Arc<Node>, Nothing {}: Nothing, deadline: Instant| async move {
                node.delete_rekey_backup(deadline).await.map_err(failure)?;
                Ok(Answer::empty())
            }),
        )
}

fn body(backup: RekeyBackup) -> Kept {
    let spell = |hexes: &Vec<String>| -> Vec<String> {
        hexes.iter().filter_map(|text| hex::decode(text).ok()).map(|bytes| BASE64_STANDARD.encode(bytes)).collect()
    };
    let keys_base64 = backup.keys.iter().map(|(print, keys)| (print.clone(), spell(keys))).collect();
    Kept { nonce: backup.nonce, keys: backup.keys, keys_base64 }
}
