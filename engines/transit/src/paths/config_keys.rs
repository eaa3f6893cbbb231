//! `config/keys`: whether encrypting makes keys.

use sdk::{Answer, Ctx, Input, Key as At, Path, Read, Result, Txn, Verb, View, json};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
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
        .help("Settings of all keys.", "Whether encrypting makes keys.")
        .view(Verb::Read, |_: &Ctx, _: Nothing, view: &View| Ok(show(&get(view)?)))
        .txn(Verb::Write, |_: &Ctx, input: Write, txn: &mut Txn| {
            let config = Config { disable_upsert: input.disable_upsert };
            txn.put(&at(), &config)?;
            Ok(show(&config))
        })
}

fn show(config: &Config) -> Answer {
    Answer::json(json!({ "disable_upsert": config.disable_upsert }))
}
