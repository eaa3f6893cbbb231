//! `backup/:name`: a key with all its versions, in the clear.

use std::collections::BTreeMap;

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Txn, Verb};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::record::{Key, Told, Version};
use crate::{answers, wire};

pub const FORMAT: &str = "transit-key-1";

#[derive(Serialize, Deserialize)]
pub struct Backup {
    pub format: String,
    pub name: String,
    pub key: Key,
    pub versions: BTreeMap<u64, Version>,
}

#[derive(Input)]
struct Which {
    /// The key's name.
    name: Name,
}

pub fn path() -> Path {
    Path::new("backup/:name")
        .ids([(Verb::Read, "transit-back-up-key")])
        .help("A key with all its versions, in the clear.", "Both `exportable` and `allow_plaintext_backup` let it go.")
        .txn(Verb::Read, read)
}

fn read(ctx: &Ctx, which: Which, txn: &mut Txn) -> Result<Reply<answers::Backup>> {
    let name = which.name.checked()?;
    let mut key = Key::take(txn, &name)?.ok_or_else(|| Failure::invalid(format!("key {name:?} not found")))?;
    key.usable()?;
    if !key.exportable {
        return Err(Failure::invalid("exporting is disallowed on the policy"));
    }
    if !key.plaintext_backup {
        return Err(Failure::invalid("plaintext backup is disallowed on the policy"));
    }
    key.backed_up = Some(Told { time: ctx.now, version: key.latest });
    key.put(txn, &name)?;
    let mut versions = BTreeMap::new();
    for number in key.min_available.max(1)..=key.latest {
        versions.insert(number, Version::of(txn, &name, number)?);
    }
    let backup = Backup { format: FORMAT.into(), name, key, versions };
    let text = Zeroizing::new(serde_json::to_vec(&backup).map_err(Failure::internal)?);
    Reply::data(answers::Backup { backup: wire::encode(&text) })
}
