//! Making key pairs before a transaction, which takes a processor for long if they are of RSA.

use oidc::{Algorithm, DEFAULT, Made, NamedKey};
use sdk::{Ctx, Failure, Result, Txn, View, Work};

pub fn make(algorithm: Algorithm, count: usize) -> Work<Vec<Made>> {
    let work = move || (0..count).map(|_| Made::new(algorithm)).collect::<std::result::Result<_, _>>();
    Work::Slow(Box::new(move || work().map_err(Failure::internal)))
}

/// The first ones of a key that nothing was made of yet: the default one, until somebody wants to sign with it.
pub fn first(view: &View, name: &str) -> Result<Work<Vec<Made>>> {
    match NamedKey::get(view, name)? {
        Some(key) if name == DEFAULT && !key.is_made() => Ok(make(key.algorithm, 2)),
        _ => Ok(Work::Done(Vec::new())),
    }
}

/// Has a key begin with them, if it has not begun.
pub fn begin(ctx: &Ctx, txn: &mut Txn, name: &str, made: &[Made]) -> Result<()> {
    let Some(mut key) = NamedKey::take(txn, name)?.filter(|key| !key.is_made()) else { return Ok(()) };
    if made.is_empty() {
        return Err(gone());
    }
    key.renew(txn, name, made, ctx.now)?;
    let due = key.put(txn, name)?;
    super::wake(ctx, txn, due)
}

pub fn gone() -> Failure {
    Failure::Unavailable("the key was changed by another request meanwhile; try again".into())
}
