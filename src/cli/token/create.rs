//! `holdfast token create`

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::pairs;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast token create -policy=app -ttl=1h\n  holdfast token create -role=ci -field=token\n  holdfast token create -orphan -period=24h -metadata=team=web"
)]
pub struct Arguments {
    /// The token itself; only a root token may choose one
    #[arg(long)]
    id: Option<String>,
    /// What logs call it
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// A policy it has; may be given again. Without one: the caller's
    #[arg(long, value_name = "NAME")]
    policy: Vec<String>,
    /// How long it lives, such as 30m or 24h
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// How long it may live whatever renews it
    #[arg(long, value_name = "DURATION")]
    explicit_max_ttl: Option<String>,
    /// Renewed within so long each time, it lives for ever
    #[arg(long, value_name = "DURATION")]
    period: Option<String>,
    /// Whether it can be renewed
    #[arg(long, value_name = "TRUE|FALSE", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    renewable: bool,
    /// Without a parent: it outlives the caller's token
    #[arg(long)]
    orphan: bool,
    /// Leave out the policy `default`
    #[arg(long)]
    no_default_policy: bool,
    /// How often it may be used; 0: as often as it likes
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    use_limit: u64,
    /// Made by this role of the token store
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// service or batch
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// What it carries along, KEY=VALUE; may be given again
    #[arg(long, value_name = "K=V")]
    metadata: Vec<String>,
    /// The entity that it stands for
    #[arg(long, value_name = "NAME")]
    entity_alias: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = match &arguments.role {
        Some(role) => format!("auth/token/create/{role}"),
        None => "auth/token/create".to_owned(),
    };
    let client = globals.client()?;
    let answer = client.post(&path, &body(arguments)?).await.doing("creating token")?.ok().doing("creating token")?;
    globals.output()?.secret(&answer)
}

fn body(arguments: Arguments) -> Result<Value, Failure> {
    let mut body = Map::new();
    let texts = [
        ("id", arguments.id),
        ("display_name", arguments.display_name),
        ("ttl", arguments.ttl),
        ("explicit_max_ttl", arguments.explicit_max_ttl),
        ("period", arguments.period),
        ("type", arguments.kind),
        ("entity_alias", arguments.entity_alias),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            body.insert(key.to_owned(), text.into());
        }
    }
    if !arguments.policy.is_empty() {
        body.insert("policies".into(), arguments.policy.into());
    }
    if !arguments.metadata.is_empty() {
        body.insert("meta".into(), Value::Object(pairs::plain(&arguments.metadata)?));
    }
    body.insert("renewable".into(), arguments.renewable.into());
    body.insert("no_parent".into(), arguments.orphan.into());
    body.insert("no_default_policy".into(), arguments.no_default_policy.into());
    body.insert("num_uses".into(), arguments.use_limit.into());
    Ok(Value::Object(body))
}
