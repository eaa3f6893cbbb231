//! `cubbyhole/`: what a token keeps for itself. Its folder is the token's own, and goes with the token.

use sdk::{
    Answer, Backend, Ctx, Failure, Input, Key, Map, MountInfo, Path, Plugin, PluginKind, Read, Reply, Result, Txn,
    Value, Verb, View,
};

pub struct Cubbyhole(Backend);

#[derive(Input)]
struct At {
    /// Where in the cubbyhole.
    path: String,
}

#[derive(Input)]
struct Write {
    /// Where in the cubbyhole.
    path: String,
    #[field(rest)]
    fields: Map<String, Value>,
}

impl Cubbyhole {
    pub fn new() -> Self {
        let path = Path::new(":path*").ids([(Verb::Read, "cubbyhole-read"), (Verb::Write, "cubbyhole-write"), (Verb::Delete, "cubbyhole-delete")])
            .help(
                "Secrets of the calling token alone.",
                "What is written here only the same token can read. It is deleted when the token expires or is revoked.",
            )
            .exists(|_: &Ctx, at: At, view: &View| Ok(view.bytes(&key(&at.path))?.is_some()))
            .view(Verb::Read, read)
            .view(Verb::List, list)
            .txn(Verb::Write, write)
            .txn(Verb::Delete, delete);
        Self(Backend::new("Secrets that belong to one token.", vec![path]))
    }
}

impl Plugin for Cubbyhole {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["cubbyhole"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.0
    }
}

fn key(path: &str) -> Key {
    holdfast_core::space::cubbyhole_entry(path)
}

/// A batch token has no place to keep anything.
fn check(ctx: &Ctx) -> Result<()> {
    match ctx.caller {
        Some(caller) if caller.batch => {
            Err(Failure::invalid("cubbyhole operations are only supported by 'service' type tokens"))
        }
        _ => Ok(()),
    }
}

fn read(ctx: &Ctx, at: At, view: &View) -> Result<Reply<Map<String, Value>>> {
    check(ctx)?;
    if at.path.is_empty() || at.path.ends_with('/') {
        return Err(Failure::NotFound);
    }
    let answer = Reply::data(view.get(&key(&at.path))?.ok_or(Failure::NotFound)?)?;
    if at.path == "response" {
        return Ok(answer.warn("Reading from 'cubbyhole/response' is deprecated; use sys/wrapping/unwrap"));
    }
    Ok(answer)
}

fn list(ctx: &Ctx, at: At, view: &View) -> Result<Answer> {
    check(ctx)?;
    Answer::keys(view.list(&key(&at.path))?)
}

fn write(ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    check(ctx)?;
    if input.path.is_empty() {
        return Err(Failure::invalid("missing path: name what is written, as cubbyhole/name"));
    }
    if input.fields.is_empty() {
        return Err(Failure::invalid("1 error occurred:\n\t* missing data fields\n\n"));
    }
    txn.put(&key(&input.path), &input.fields)?;
    Ok(Answer::empty())
}

fn delete(ctx: &Ctx, at: At, txn: &mut Txn) -> Result<Answer> {
    check(ctx)?;
    if !at.path.ends_with('/') {
        txn.delete(&key(&at.path));
    }
    Ok(Answer::empty())
}
