//! `identity/mfa/method/totp/generate`, `admin-generate`, `admin-destroy`: the keys that entities make their codes with.

use holdfast_core::identity::{self, mfa};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Output, Path, Read, Reply, Result, Txn, Verb};
use serde::Serialize;

#[derive(Input)]
struct Own {
    /// The id of the method that it is for.
    method_id: String,
}

#[derive(Input)]
struct Of {
    /// The id of the method that it is for.
    method_id: String,
    /// The id of the entity that it is for.
    entity_id: String,
}

/// A key, as an authenticator takes it.
#[derive(Serialize, JsonSchema)]
struct Made {
    /// A PNG in base64; empty if the method asks for none.
    barcode: String,
    url: String,
}

pub fn paths() -> Vec<Path> {
    vec![
        Path::new("mfa/method/totp/generate")
            .ids([(Verb::Write, "mfa-generate-totp-secret")])
            .help(
                "Gives the caller a key for a method.",
                "It is shown this once, and not made again while there is one.",
            )
            .answers(Verb::Write, sdk::Outcome::data::<Made>())
            .txn(Verb::Write, |ctx: &Ctx, own: Own, txn: &mut Txn| {
                let entity = ctx.caller.map(|caller| caller.entity_id.clone()).unwrap_or_default();
                generate(&own.method_id, &entity, txn)
            }),
        Path::new("mfa/method/totp/admin-generate")
            .ids([(Verb::Write, "mfa-admin-generate-totp-secret")])
            .help(
                "Gives an entity a key for a method.",
                "It is shown this once, and not made again while there is one.",
            )
            .answers(Verb::Write, sdk::Outcome::data::<Made>())
            .txn(Verb::Write, |_: &Ctx, of: Of, txn: &mut Txn| generate(&of.method_id, &of.entity_id, txn)),
        Path::new("mfa/method/totp/admin-destroy")
            .ids([(Verb::Write, "mfa-admin-destroy-totp-secret")])
            .help("Takes an entity's key for a method away.", "Then it can be given another one.")
            .txn(Verb::Write, |_: &Ctx, of: Of, txn: &mut Txn| destroy(&of.method_id, &of.entity_id, txn)),
    ]
}

fn method(read: &impl Read, id: &str) -> Result<mfa::Method> {
    let unknown = || {
        let shown: String = id.chars().take(64).collect();
        Failure::invalid(format!("configuration for method ID {shown:?} does not exist"))
    };
    mfa::method(read, id)?.ok_or_else(unknown)
}

fn generate(method_id: &str, entity_id: &str, txn: &mut Txn) -> Result<Answer> {
    if method_id.is_empty() {
        return Err(Failure::invalid(super::MISSING));
    }
    if entity_id.is_empty() {
        return Err(Failure::invalid("missing entityID"));
    }
    let method = method(txn, method_id)?;
    // A token goes on as that of the entity that its own was merged into.
    let entity = identity::present(txn, entity_id)?.ok_or_else(|| Failure::invalid("invalid entity ID"))?;
    match mfa::enrol(txn, &method, &entity.id)? {
        Some(mfa::Enrolled { url, barcode }) => Ok(Reply::data(Made { barcode, url })?.into_answer()),
        None => {
            let called = if method.name.is_empty() { &method.id } else { &method.name };
            Ok(Answer::null().warn(format!("Entity already has a secret for MFA method {called:?}")))
        }
    }
}

fn destroy(method_id: &str, entity_id: &str, txn: &mut Txn) -> Result<Answer> {
    if method_id.is_empty() {
        return Err(Failure::invalid(super::MISSING));
    }
    if entity_id.is_empty() {
        return Err(Failure::invalid("missing entity ID"));
    }
    let entity = identity::present(txn, entity_id)?.ok_or_else(|| Failure::invalid("invalid entity ID"))?;
    let method = method(txn, method_id)?;
    if method.settings.kind() != mfa::Kind::Totp {
        return Err(Failure::invalid("method ID does not match TOTP type"));
    }
    mfa::withdraw(txn, &method.id, &entity.id)?;
    Ok(Answer::empty())
}
