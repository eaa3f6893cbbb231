//! `config/keys`: whether encrypting makes keys.

use schemars::JsonSchema;
use sdk::{Ctx, Input, Key as At, Path, Read, Reply, Result, Txn, Verb, View};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct Config {
    pub disable_upsert: bool,
}

#[derive(Input)]
struct Write {
    /// Encrypting does not make the key that is missing.
    disable_upsert: bool,
}

#[derive(Input)]
struct Nothing {}

fn at() -> At {
    At::kind("config")
}

pub fn get(read: &impl Read) -> Result<Config> {
    Ok(read.get(&at())?.unwrap_or_default())
}

pub fn path() -> Path {
    Path::new("config/keys")
        .ids([(Verb::Read, "transit-read-keys-configuration"), (Verb::Write, "transit-configure-keys")])
        .help("Settings of all keys.", "Whether encrypting makes keys.")
        .view(Verb::Read, |_: &Ctx, _: Nothing, view: &View| Reply::data(get(view)?))
        .txn(Verb::Write, |_: &Ctx, input: Write, txn: &mut Txn| {
            let config = Config { disable_upsert: input.disable_upsert };
            txn.put(&at(), &config)?;
            Reply::data(config)
        })
}
