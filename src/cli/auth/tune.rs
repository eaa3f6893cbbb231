//! `holdfast auth tune`

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts::{self, Tuning};
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast auth tune -default-lease-ttl=1h -user-lockout-threshold=10 userpass/")]
pub struct Arguments {
    /// Where the method is mounted, below auth/
    path: String,
    /// What kind of tokens it gives out: default-service, default-batch, service or batch
    #[arg(long, value_name = "TYPE")]
    token_type: Option<String>,
    /// After so many wrong passwords a user is locked out
    #[arg(long, value_name = "NUMBER")]
    user_lockout_threshold: Option<u64>,
    /// For how long
    #[arg(long, value_name = "DURATION")]
    user_lockout_duration: Option<String>,
    /// After how long without a wrong one they are forgotten
    #[arg(long, value_name = "DURATION")]
    user_lockout_counter_reset_duration: Option<String>,
    /// Lock nobody out
    #[arg(long)]
    user_lockout_disable: bool,
    #[command(flatten)]
    tuning: Tuning,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(&arguments.path);
    let mut body = arguments.tuning.tune(None)?;
    if let Some(kind) = &arguments.token_type {
        body.insert("token_type".into(), kind.clone().into());
    }
    let lockout = arguments.lockout();
    if !lockout.is_empty() {
        body.insert("user_lockout_config".into(), lockout.into());
    }
    let doing = format!("tuning auth method {path}");
    let client = globals.client()?;
    let reply = client.post(&format!("sys/auth/{path}tune"), &Value::Object(body)).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Tuned the auth method at: {path}"))
}

impl Arguments {
    fn lockout(&self) -> Map<String, Value> {
        let mut lockout = Map::new();
        let texts = [
            ("lockout_threshold", self.user_lockout_threshold.map(|number| number.to_string())),
            ("lockout_duration", self.user_lockout_duration.clone()),
            ("lockout_counter_reset_duration", self.user_lockout_counter_reset_duration.clone()),
        ];
        for (key, text) in texts {
            lockout.extend(text.map(|text| (key.to_owned(), text.into())));
        }
        if self.user_lockout_disable {
            lockout.insert("lockout_disable".into(), true.into());
        }
        lockout
    }
}
