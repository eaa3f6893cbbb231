//! `wrapping_key`: the public key that keys are wrapped to before they are imported. The first read makes it.

use sdk::{Ctx, Failure, Input, Path, Read, Reply, Result, Txn, Verb, View, Work};

use crate::answers::WrappingKey;
use crate::record::Secret;
use crate::{form, wrapping};

#[derive(Input)]
struct Nothing {}

pub fn path() -> Path {
    Path::new("wrapping_key")
        .ids([(Verb::Read, "transit-read-wrapping-key")])
        .help("The key that imported keys are wrapped to.", "RSA of 4096 bits.")
        .slow(Verb::Read, prepare, read)
}

fn prepare(_: &Ctx, _: Nothing, view: &View) -> Result<Work<Option<Secret>>> {
    Ok(match view.revision(&wrapping::at())? {
        Some(_) => Work::Done(None),
        None => Work::Slow(Box::new(|| wrapping::generate().map(Some))),
    })
}

fn read(_: &Ctx, _: Nothing, made: &Option<Secret>, txn: &mut Txn) -> Result<Reply<WrappingKey>> {
    txn.latch(&wrapping::at())?;
    if txn.bytes(&wrapping::at())?.is_none() {
        txn.put(&wrapping::at(), made.as_ref().ok_or_else(super::key::gone)?)?;
    }
    let pair = wrapping::get(txn)?.ok_or_else(|| Failure::internal("the wrapping key was written and is not there"))?;
    Reply::data(WrappingKey { public_key: form::public(pair.public()) })
}
