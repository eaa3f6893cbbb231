//! `code/:name`: the code of now, and whether a code is right.

use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Txn, Verb, View, duration};
use serde::Serialize;
use totp::{Key, Moment};

use crate::name::Name;
use crate::records;

pub fn path() -> Path {
    Path::new("code/:name")
        .ids([(Verb::Read, "totp-generate-code"), (Verb::Write, "totp-validate-code")])
        .help(
            "A key's codes.",
            "A read makes the code of now. A write checks one, which can be done once with each code: whether it was right \
             or wrong, it is not checked again as long as it could be right.",
        )
        .view(Verb::Read, make)
        .txn(Verb::Write, check)
}

#[derive(Input)]
struct Make {
    /// The key's name.
    name: Name,
}

#[derive(Input)]
struct Check {
    /// The key's name.
    name: Name,
    /// The code to check.
    code: String,
}

#[derive(Serialize, JsonSchema)]
struct Code {
    code: String,
    /// Seconds since 1970.
    generated: u64,
    /// When the next code takes its place, in seconds since 1970.
    expire_time: u64,
    /// As a duration: `30s`.
    period: String,
}

#[derive(Serialize, JsonSchema)]
struct Checked {
    valid: bool,
}

fn make(ctx: &Ctx, make: Make, view: &View) -> Result<Reply<Code>> {
    let key = known(view, &make.name.checked()?)?;
    let now = Moment::of(ctx.now, key.period);
    Reply::data(Code {
        code: key.code(now.step)?,
        generated: now.seconds,
        expire_time: now.step.saturating_add(1).saturating_mul(key.period),
        period: duration::go(i128::from(key.period) * duration::SECOND),
    })
}

fn check(ctx: &Ctx, check: Check, txn: &mut Txn) -> Result<Reply<Checked>> {
    let name = check.name.checked()?;
    let key = known(txn, &name)?;
    if check.code.is_empty() {
        return Err(Failure::invalid("the code value is required"));
    }
    if check.code.len() != key.digits.count() || check.code.trim() != check.code {
        return Err(Failure::invalid("invalid number of digits for the code"));
    }
    let mut used = records::used_for_update(txn, &name)?;
    used.take(check.code.clone(), &key, ctx.now)?;
    records::put_used(txn, &name, &used)?;
    let valid = key.step_of(&check.code, Moment::of(ctx.now, key.period).step)?.is_some();
    Reply::data(Checked { valid })
}

fn known(read: &impl sdk::Read, name: &str) -> Result<Key> {
    records::key(read, name)?.ok_or_else(|| Failure::invalid(format!("unknown key: {name}")))
}
