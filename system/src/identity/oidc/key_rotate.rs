//! `oidc/key/:name/rotate`: the next key pair signs from now on.

use oidc::{Made, NamedKey};
use sdk::{Answer, Ctx, Failure, Input, Name, Path, Result, Seconds, Txn, Verb, View, Work};

use super::{pairs, wake};

#[derive(Input)]
struct Rotate {
    /// The key's name.
    name: Name,
    /// How long what signs no more can be verified with, this time.
    verification_ttl: Option<Seconds>,
}

pub fn path() -> Path {
    Path::new("oidc/key/:name/rotate/?")
        .ids([(Verb::Write, "oidc-rotate-key")])
        .help("Rotates a key.", "The next key pair signs from now on, and another one is made to come after it.")
        .slow(Verb::Write, prepare, |ctx: &Ctx, input: Rotate, made: &Vec<Made>, txn: &mut Txn| {
            rotate(ctx, input, made, txn)
        })
}

fn missing(name: &str) -> Failure {
    Failure::invalid(format!("no named key found at {name:?}"))
}

fn prepare(_: &Ctx, input: Rotate, view: &View) -> Result<Work<Vec<Made>>> {
    let name = input.name.checked()?;
    let key = NamedKey::get(view, &name)?.ok_or_else(|| missing(&name))?;
    Ok(pairs::make(key.algorithm, if key.is_made() { 1 } else { 2 }))
}

fn rotate(ctx: &Ctx, input: Rotate, made: &[Made], txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    let mut key = NamedKey::take(txn, &name)?.ok_or_else(|| missing(&name))?;
    let ttl = input.verification_ttl.map(|span| span.0.as_secs());
    if ttl.is_some_and(|ttl| ttl > key.rotation_period.saturating_mul(10)) {
        return Err(Failure::invalid("verification_ttl cannot be longer than 10x rotation_period"));
    }
    match made {
        [one] if key.is_made_by(one) => {
            key.rotate(txn, &name, one, ctx.now, ttl)?;
        }
        [first, _] if !key.is_made() && key.algorithm == first.algorithm() => key.renew(txn, &name, made, ctx.now)?,
        _ => return Err(pairs::gone()),
    }
    let due = key.put(txn, &name)?;
    wake(ctx, txn, due)?;
    Ok(Answer::empty())
}
