//! `cache-config`: kept for tools that set it. What is kept of keys is bounded for the whole server and never stale.

use sdk::{Ctx, Failure, Input, Key, Path, Read, Reply, Result, Txn, Verb, View};

use crate::answers::CacheSize;

#[derive(Input)]
struct Write {
    /// 0, or 10 at least.
    size: i64,
}

#[derive(Input)]
struct Nothing {}

const LEAST: i64 = 10;

fn at() -> Key {
    Key::kind("cache")
}

pub fn path() -> Path {
    Path::new("cache-config")
        .ids([(Verb::Read, "transit-read-cache-configuration"), (Verb::Write, "transit-configure-cache")])
        .help(
            "A number that other servers bound their cache by.",
            "This one bounds it by itself, and keeps the number.",
        )
        .view(Verb::Read, |_: &Ctx, _: Nothing, view: &View| show(view.get(&at())?.unwrap_or(0)))
        .txn(Verb::Write, write)
}

fn write(_: &Ctx, input: Write, txn: &mut Txn) -> Result<Reply<CacheSize>> {
    if input.size != 0 && input.size < LEAST {
        return Err(Failure::invalid(format!("size must be 0 or a value greater or equal to {LEAST}")));
    }
    txn.put(&at(), &input.size)?;
    show(input.size)
}

fn show(size: i64) -> Result<Reply<CacheSize>> {
    Reply::data(CacheSize { size })
}
