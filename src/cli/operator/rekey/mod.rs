//! `holdfast operator rekey`, and `rotate-keys`, which is the same by other routes.
//!
//! ```text
//!   -init ─► each holder gives a key (no flag) ─► new keys
//!                                                   └─ with -verify: each holder gives a new key (-verify) ─► in force
//! ```

mod status;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::ceremony::{self, Ceremony};
use super::{init, pgp};
use crate::cli::client::Client;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator rekey -init -key-shares=5 -key-threshold=3 -verify\n  holdfast operator rekey\n  holdfast operator rekey -nonce=2f… - < share.txt\n  holdfast operator rekey -verify\n  holdfast operator rekey -cancel"
)]
pub struct Arguments {
    #[command(flatten)]
    ceremony: Ceremony,
    /// Show the encrypted new keys that -backup kept
    #[arg(long, group = "action")]
    backup_retrieve: bool,
    /// Delete them
    #[arg(long, group = "action")]
    backup_delete: bool,
    /// Number of new keys
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 5)]
    key_shares: u32,
    /// Number of new keys that are needed together
    #[arg(long, short = 't', value_name = "NUMBER", default_value_t = 3)]
    key_threshold: u32,
    /// Which keys: those that unseal, or those of recovery
    #[arg(long, ignore_case = true, default_value = "barrier")]
    target: Target,
    /// With -init: the new keys come into force only when enough of them were given back. Else: give one back
    #[arg(long)]
    verify: bool,
    /// Files with public PGP keys, one a share: each share is encrypted for its own
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    pgp_keys: Vec<String>,
    /// Let the server keep the encrypted new keys as well
    #[arg(long, requires = "pgp_keys")]
    backup: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Barrier,
    #[value(alias = "hsm")]
    Recovery,
}

#[derive(Clone, Copy)]
pub enum Routes {
    Rekey,
    Rotate,
}

/// Where a rekeying of one kind lives.
struct Places {
    steps: &'static str,
    backup: &'static str,
    key: &'static str,
    command: &'static str,
}

impl Places {
    fn of(routes: Routes, target: Target) -> Places {
        let (steps, backup) = match (routes, target) {
            (Routes::Rekey, Target::Barrier) => ("sys/rekey", "sys/rekey/backup"),
            (Routes::Rekey, Target::Recovery) => ("sys/rekey-recovery-key", "sys/rekey/recovery-key-backup"),
            (Routes::Rotate, Target::Barrier) => ("sys/rotate/root", "sys/rotate/root/backup"),
            (Routes::Rotate, Target::Recovery) => ("sys/rotate/recovery", "sys/rotate/recovery/backup"),
        };
        let key = if target == Target::Barrier { "Unseal" } else { "Recovery" };
        let command = if matches!(routes, Routes::Rekey) { "rekey" } else { "rotate-keys" };
        Places { steps, backup, key, command }
    }

    fn step(&self, name: &str) -> String {
        format!("{}/{name}", self.steps)
    }
}

pub async fn run(arguments: Arguments, routes: Routes, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let places = Places::of(routes, arguments.target);
    match () {
        () if arguments.ceremony.init => begin(&arguments, &places, &client, globals).await,
        () if arguments.ceremony.cancel => cancel(&arguments, &places, &client).await,
        () if arguments.ceremony.status => {
            status::show(&client, &status_path(&places, arguments.verify), globals).await
        }
        () if arguments.backup_retrieve => {
            let doing = "retrieving rekey backed up keys";
            let kept = client.get(places.backup).await.doing(doing)?.inside().doing(doing)?;
            globals.output()?.secret(&json!({ "data": kept }))
        }
        () if arguments.backup_delete => {
            let doing = "deleting rekey backed up keys";
            client.delete(places.backup).await.doing(doing)?.ok().doing(doing)?;
            output::say("Success! Deleted backed up keys (if they existed)")
        }
        () => give(&arguments, &places, &client, globals).await,
    }
}

fn status_path(places: &Places, verify: bool) -> String {
    places.step(if verify { "verify" } else { "init" })
}

async fn begin(arguments: &Arguments, places: &Places, client: &Client, globals: &Globals) -> Result<Done, Failure> {
    let mut asked = json!({
        "secret_shares": arguments.key_shares,
        "secret_threshold": arguments.key_threshold,
        "require_verification": arguments.verify,
    });
    if !arguments.pgp_keys.is_empty() {
        asked["pgp_keys"] = pgp::keys(&arguments.pgp_keys)?.into();
        asked["backup"] = arguments.backup.into();
    }
    let doing = "initializing rekey";
    let begun = ceremony::answered(client.post(&places.step("init"), &asked).await, places.steps, doing)?;
    let output = globals.output()?;
    if output.for_people() && arguments.pgp_keys.is_empty() && !arguments.verify {
        eprintln!(
            "WARNING! The new keys are shown once, and the old ones are worth nothing then. With -verify the old ones\n\
             stay in force until enough of the new were given back.\n"
        );
    }
    // A cluster without recovery keys is given its first ones at once.
    if begun["complete"].as_bool() == Some(true) {
        let numbers = json!({ "n": arguments.key_shares, "t": arguments.key_threshold });
        return output.value(&begun, || new_keys(&begun, &numbers, places));
    }
    output.value(&begun, || status::table(&begun))
}

async fn cancel(arguments: &Arguments, places: &Places, client: &Client) -> Result<Done, Failure> {
    let doing = "canceling rekey";
    let path = status_path(places, arguments.verify);
    let path = match &arguments.ceremony.nonce {
        // The body of a DELETE is nobody's to read; what the server needs stands in the query.
        Some(nonce) => format!("{path}?nonce={nonce}"),
        None => path,
    };
    let mut ask = crate::cli::client::Ask::new(reqwest::Method::DELETE, &path);
    if let Some(nonce) = &arguments.ceremony.nonce {
        ask = ask.body(&json!({ "nonce": nonce }));
    }
    client.send(ask).await.doing(doing)?.ok().doing(doing)?;
    output::say("Success! Canceled rekeying (if it was started)")
}

/// One key. The last that is needed brings the new ones.
async fn give(arguments: &Arguments, places: &Places, client: &Client, globals: &Globals) -> Result<Done, Failure> {
    let doing = "getting rekey status";
    let reply = client.look(&status_path(places, arguments.verify)).await;
    let state = ceremony::answered(reply, places.steps, doing)?;
    if state["started"].as_bool() != Some(true) {
        let command = places.command;
        return Err(Failure::usage(format!(
            "No rekey is in progress. Start a rekey process by running \"holdfast operator {command} -init\"."
        )));
    }
    let question = format!("{} Key (will be hidden): ", places.key);
    let asked = arguments.ceremony.given(&state, "Rekey operation nonce", &question, globals)?;
    let step = places.step(if arguments.verify { "verify" } else { "update" });
    let doing = "posting unseal key";
    let answer = client.post(&step, &asked).await.doing(doing)?.inside().doing(doing)?;
    if answer["complete"].as_bool() != Some(true) {
        return status::show(client, &status_path(places, arguments.verify), globals).await;
    }
    globals.output()?.value(&answer, || match arguments.verify {
        true => {
            "Rekey verification successful. The rekey operation is complete and the new keys are now active.".into()
        }
        false => new_keys(&answer, &state, places),
    })
}

/// Encrypted keys, and who can open each.
fn for_holders(fingerprints: &[Value], keys: &Value) -> String {
    let cell = output::cell;
    let pairs = keys.as_array().into_iter().flatten().zip(fingerprints).enumerate();
    pairs.map(|(n, (key, of))| format!("Key {} fingerprint: {}; value: {}\n", n + 1, cell(of), cell(key))).collect()
}

fn new_keys(answer: &Value, state: &Value, places: &Places) -> String {
    let mut text = match answer["pgp_fingerprints"].as_array() {
        Some(holders) if !holders.is_empty() => for_holders(holders, &answer["keys_base64"]),
        _ => init::numbered("Key", &answer["keys_base64"]),
    };
    if answer["keys"].as_array().is_none_or(Vec::is_empty) {
        return "The root key is new.".to_owned();
    }
    text.push_str(&format!("\nOperation nonce: {}\n\n", output::cell(&answer["nonce"])));
    if answer["backup"].as_bool() == Some(true) {
        text.push_str(&format!(
            "The encrypted keys are kept by the server too, until \"holdfast operator {} -backup-delete\".\n\n",
            places.command
        ));
    }
    let number = |name: &str| output::cell(&state[name]);
    if answer["verification_required"].as_bool() == Some(true) {
        text.push_str(&format!(
            "The new keys are NOT in force yet: give back {} of them with \"holdfast operator {} -verify\".\n\
             Verification nonce: {}",
            number("t"),
            places.command,
            output::cell(&answer["verification_nonce"])
        ));
    } else {
        text.push_str(&format!(
            "The key is split into {} new shares, any {} of which count from now on. The old ones do not.",
            number("n"),
            number("t")
        ));
    }
    text
}
