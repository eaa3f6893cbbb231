//! `holdfast operator init`

use clap::Args;
use serde_json::{Value, json};

use super::pgp;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator init -key-shares=5 -key-threshold=3\n  holdfast operator init -key-shares=2 -key-threshold=2 -pgp-keys=ann.asc,bob.asc -root-token-pgp-key=ann.asc\n  holdfast operator init -status"
)]
pub struct Arguments {
    /// Number of unseal keys to split the key into [default: 5]
    #[arg(long, short = 'n', value_name = "NUMBER")]
    key_shares: Option<u32>,
    /// Number of unseal keys that are needed together [default: 3]
    #[arg(long, short = 't', value_name = "NUMBER")]
    key_threshold: Option<u32>,
    /// Files with public PGP keys, one a share: each share is encrypted for its own
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    pgp_keys: Vec<String>,
    /// File with the public PGP key that the first token is encrypted for
    #[arg(long, value_name = "FILE")]
    root_token_pgp_key: Option<String>,
    /// With a seal of its own: number of recovery keys [default: 5]
    #[arg(long, value_name = "NUMBER")]
    recovery_shares: Option<u32>,
    /// With a seal of its own: number of recovery keys that are needed together [default: 3]
    #[arg(long, value_name = "NUMBER")]
    recovery_threshold: Option<u32>,
    /// Files with public PGP keys, one a recovery key
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    recovery_pgp_keys: Vec<String>,
    /// Only say whether the server is initialised; exit status 2 if not
    #[arg(long)]
    status: bool,
}

const SHARES: u32 = 5;
const THRESHOLD: u32 = 3;

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    if arguments.status {
        let doing = "checking init status";
        let answer = client.get("sys/init").await.doing(doing)?.ok().doing(doing)?;
        return match answer["initialized"].as_bool() {
            Some(true) => output::say("Holdfast is initialized"),
            _ => output::say("Holdfast is not initialized").map(|_| Done::No),
        };
    }
    // Which keys there are is the seal's business, and the server knows its seal.
    let seal = client.look("sys/seal-status").await.doing("initializing")?.ok().doing("initializing")?;
    let own_seal = seal["recovery_seal"].as_bool().unwrap_or(false);
    let asked = arguments.body(own_seal)?;
    let answer = client.put("sys/init", &asked).await.doing("initializing")?.ok().doing("initializing")?;
    let list = |name: &str| Value::Array(answer[name].as_array().cloned().unwrap_or_default());
    let number = |name: &str| asked[name].as_u64().unwrap_or(0);
    let for_programs = json!({
        "unseal_keys_b64": list("keys_base64"),
        "unseal_keys_hex": list("keys"),
        "unseal_shares": number("secret_shares"),
        "unseal_threshold": number("secret_threshold"),
        "recovery_keys_b64": list("recovery_keys_base64"),
        "recovery_keys_hex": list("recovery_keys"),
        "recovery_keys_shares": number("recovery_shares"),
        "recovery_keys_threshold": number("recovery_threshold"),
        "root_token": answer["root_token"],
    });
    globals.output()?.value(&for_programs, || for_people(&for_programs))
}

impl Arguments {
    fn body(&self, own_seal: bool) -> Result<Value, Failure> {
        let mut body = if own_seal {
            if self.key_shares.is_some() || self.key_threshold.is_some() || !self.pgp_keys.is_empty() {
                let problem = "This server's seal needs no unseal keys: say -recovery-shares, -recovery-threshold";
                return Err(Failure::usage(problem));
            }
            json!({
                "recovery_shares": self.recovery_shares.unwrap_or(SHARES),
                "recovery_threshold": self.recovery_threshold.unwrap_or(THRESHOLD),
                "recovery_pgp_keys": pgp::keys(&self.recovery_pgp_keys)?,
            })
        } else {
            if self.recovery_shares.is_some() || self.recovery_threshold.is_some() {
                return Err(Failure::usage("This server is unsealed by keys: say -key-shares, -key-threshold"));
            }
            json!({
                "secret_shares": self.key_shares.unwrap_or(SHARES),
                "secret_threshold": self.key_threshold.unwrap_or(THRESHOLD),
                "pgp_keys": pgp::keys(&self.pgp_keys)?,
            })
        };
        if let Some(file) = &self.root_token_pgp_key {
            body["root_token_pgp_key"] = pgp::key(file)?.into();
        }
        // A server without PGP need not hear of it.
        if let Some(body) = body.as_object_mut() {
            body.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
        }
        Ok(body)
    }
}

fn for_people(made: &Value) -> String {
    let mut text = numbered("Unseal Key", &made["unseal_keys_b64"]);
    text.push_str(&numbered("Recovery Key", &made["recovery_keys_b64"]));
    text.push_str(&format!("\nInitial Root Token: {}\n\n", output::cell(&made["root_token"])));
    let number = |name: &str| output::cell(&made[name]);
    if made["unseal_shares"].as_u64().unwrap_or(0) > 0 {
        text.push_str(&format!(
            "The key is split into {} shares, any {} of which unseal a node. Give them to different people:\n\
             nobody can read what is stored without them, and they are not shown again.",
            number("unseal_shares"),
            number("unseal_threshold")
        ));
    } else {
        text.push_str(&format!(
            "The seal unseals each node by itself. The {} recovery keys, {} of them together, allow what its owner alone\n\
             may do, such as a new root token. They are not shown again.",
            number("recovery_keys_shares"),
            number("recovery_keys_threshold")
        ));
    }
    text
}

/// Keys, numbered, one a line. Also for new ones of a rekeying.
pub fn numbered(title: &str, list: &Value) -> String {
    let keys = list.as_array().into_iter().flatten().enumerate();
    keys.map(|(number, key)| format!("{title} {}: {}\n", number + 1, output::cell(key))).collect()
}
