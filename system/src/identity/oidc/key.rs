//! `oidc/key`, `oidc/key/:name`: named keys.

use oidc::{Algorithm, Client, DEFAULT, KEYS_MAX, Made, NamedKey, Role, Used};
use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Name, Path, Read, Reply, Result, Seconds, Txn, Verb, View, Work};
use serde::Serialize;

use super::given::{NAMED_MAX, bounded, in_use};
use super::{Nothing, pairs, wake};

/// Of those that may use a key.
const CLIENTS_MAX: usize = 1000;

#[derive(Input)]
struct Named {
    /// The key's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The key's name.
    name: Name,
    #[field(flatten)]
    given: Given,
}

#[derive(Input)]
struct Given {
    /// How often the next key pair comes to sign: a minute at least; a day if it is not said.
    rotation_period: Option<Seconds>,
    /// How long a key pair that signs no more can be verified with; a day if it is not said.
    verification_ttl: Option<Seconds>,
    /// RS256 if it is not said; or RS384, RS512, ES256, ES384, ES512, EdDSA. Another one makes new key pairs.
    algorithm: Option<String>,
    /// The client IDs of roles and clients that may sign with it; * for all.
    allowed_client_ids: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    algorithm: &'static str,
    allowed_client_ids: Vec<String>,
    /// In seconds.
    rotation_period: u64,
    /// In seconds.
    verification_ttl: u64,
}

pub fn list() -> Path {
    Path::new("oidc/key/?")
        .ids([(Verb::List, "oidc-list-keys")])
        .help("Lists the keys.", "By their names.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(NamedKey::names(view)?))
}

pub fn one() -> Path {
    Path::new("oidc/key/:name")
        .ids([(Verb::Read, "oidc-read-key"), (Verb::Write, "oidc-write-key"), (Verb::Delete, "oidc-delete-key")])
        .help(
            "A key that tokens are signed with.",
            "It rotates by itself; the next key pair is shown to verifiers beforehand.",
        )
        .exists(|_: &Ctx, named: Named, view: &View| Ok(NamedKey::get(view, &named.name.checked()?)?.is_some()))
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let key = NamedKey::get(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown {
                algorithm: key.algorithm.name(),
                allowed_client_ids: key.allowed_client_ids,
                rotation_period: key.rotation_period,
                verification_ttl: key.verification_ttl,
            })
        })
        .slow(Verb::Write, prepare, write)
        .txn(Verb::Delete, delete)
}

/// The key as it is to be, and by which algorithm it begins, if it is new or another one was asked for.
fn planned(read: &impl Read, name: &str, given: &Given) -> Result<(NamedKey, Option<Algorithm>)> {
    let stored = NamedKey::get(read, name)?;
    let before = stored.as_ref().map(|key| key.algorithm);
    if stored.is_none() && NamedKey::names(read)?.len() >= KEYS_MAX {
        return Err(Failure::invalid(format!("there can be at most {KEYS_MAX} keys; delete one first")));
    }
    let mut key = stored.unwrap_or_else(|| NamedKey::new(Algorithm::RS256));
    let seconds = |span: &Option<Seconds>, own: u64| span.map_or(own, |span| span.0.as_secs());
    key.rotation_period = seconds(&given.rotation_period, key.rotation_period);
    if key.rotation_period < 60 {
        return Err(Failure::invalid("rotation_period must be at least one minute"));
    }
    key.verification_ttl = seconds(&given.verification_ttl, key.verification_ttl);
    if key.verification_ttl > key.rotation_period.saturating_mul(10) {
        return Err(Failure::invalid("verification_ttl cannot be longer than 10x rotation_period"));
    }
    let unknown = |name: &String| Failure::invalid(format!("unknown signing algorithm {name:?}"));
    let wanted = match &given.algorithm {
        None => key.algorithm,
        Some(name) => Algorithm::by_name(name).ok_or_else(|| unknown(name))?,
    };
    if let Some(ids) = &given.allowed_client_ids {
        key.allowed_client_ids = bounded("allowed_client_ids", ids.clone(), CLIENTS_MAX)?;
    }
    Ok((key, Some(wanted).filter(|wanted| before != Some(*wanted))))
}

fn prepare(_: &Ctx, input: Write, view: &View) -> Result<Work<Vec<Made>>> {
    let (_, begins) = planned(view, &input.name.checked()?, &input.given)?;
    Ok(begins.map_or_else(|| Work::Done(Vec::new()), |algorithm| pairs::make(algorithm, 2)))
}

fn write(ctx: &Ctx, input: Write, made: &Vec<Made>, txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    let before = NamedKey::take(txn, &name)?;
    let (mut key, begins) = planned(txn, &name, &input.given)?;
    if before.is_some_and(|before| before.verification_ttl > key.verification_ttl) {
        check_shorter(txn, &name, key.verification_ttl)?;
    }
    match begins {
        Some(algorithm) if made.first().is_some_and(|made| made.algorithm() == algorithm) => {
            key.renew(txn, &name, made, ctx.now)?;
        }
        Some(_) => return Err(pairs::gone()),
        None if key.is_made() => key.plan(ctx.now),
        None => {}
    }
    let due = key.put(txn, &name)?;
    wake(ctx, txn, due)?;
    Ok(Answer::empty())
}

/// No token may live longer than it can be verified.
fn check_shorter(txn: &Txn, name: &str, ttl: u64) -> Result<()> {
    let refuse = |whose: &str| {
        Failure::invalid(format!(
            "unable to update key {name:?} because it is currently referenced by one or more {whose} greater than {ttl} seconds"
        ))
    };
    for role in Used::KeyByRole.relied_on_by(txn, name, usize::MAX)? {
        if Role::get(txn, &role)?.is_some_and(|role| role.ttl > ttl) {
            return Err(refuse("roles with a token ttl"));
        }
    }
    for client in Used::KeyByClient.relied_on_by(txn, name, usize::MAX)? {
        if Client::get(txn, &client)?.is_some_and(|client| client.id_token_ttl > ttl) {
            return Err(refuse("clients with an id_token_ttl"));
        }
    }
    Ok(())
}

fn delete(_: &Ctx, named: Named, txn: &mut Txn) -> Result<Answer> {
    let name = named.name.checked()?;
    if name == DEFAULT {
        return Err(Failure::invalid(format!("deletion of key {DEFAULT:?} not allowed")));
    }
    let Some(key) = NamedKey::take(txn, &name)? else { return Ok(Answer::empty()) };
    for (used, whose) in [(Used::KeyByRole, "roles"), (Used::KeyByClient, "clients")] {
        let users = used.relied_on_by(txn, &name, NAMED_MAX)?;
        if !users.is_empty() {
            return Err(in_use("key", &name, whose, &users));
        }
        used.forget(txn, &name);
    }
    key.delete(txn, &name)?;
    Ok(Answer::empty())
}
