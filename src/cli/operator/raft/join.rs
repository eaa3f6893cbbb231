//! `holdfast operator raft join URL`

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, pairs};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft join -leader-ca-cert=@ca.pem https://10.0.0.1:8200")]
pub struct Arguments {
    /// The URL of a member
    leader_api_addr: Option<String>,
    /// Who may have issued the member's certificate: PEM text, or @FILE
    #[arg(long, value_name = "PEM")]
    leader_ca_cert: Option<String>,
    /// The certificate to show the member: PEM text, or @FILE
    #[arg(long, value_name = "PEM")]
    leader_client_cert: Option<String>,
    /// The key of that certificate: PEM text, or @FILE
    #[arg(long, value_name = "PEM")]
    leader_client_key: Option<String>,
    /// Go on trying in the background
    #[arg(long)]
    retry: bool,
    /// Join without a vote
    #[arg(long)]
    non_voter: bool,
    /// Where nodes are found that are not known by URL: http or https
    #[arg(long, value_name = "SCHEME")]
    auto_join_scheme: Option<String>,
    /// The port of nodes that are found so
    #[arg(long, value_name = "NUMBER")]
    auto_join_port: Option<u16>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let mut asked = Map::new();
    // What is no URL says how to find the others.
    let found = arguments.leader_api_addr.as_deref().is_some_and(|given| given.contains("provider="));
    let name = if found { "auto_join" } else { "leader_api_addr" };
    asked.insert(name.into(), arguments.leader_api_addr.into());
    asked.extend(arguments.auto_join_scheme.map(|scheme| ("auto_join_scheme".into(), scheme.into())));
    asked.extend(arguments.auto_join_port.map(|port| ("auto_join_port".into(), port.into())));
    if arguments.non_voter {
        asked.insert("non_voter".into(), true.into());
    }
    asked.insert("retry".into(), arguments.retry.into());
    for (key, given) in [
        ("leader_ca_cert", arguments.leader_ca_cert),
        ("leader_client_cert", arguments.leader_client_cert),
        ("leader_client_key", arguments.leader_client_key),
    ] {
        if let Some(given) = given {
            asked.insert(key.into(), pairs::text(&given)?.into());
        }
    }
    let doing = "joining the node to the raft cluster";
    let answer = client.post("sys/storage/raft/join", &Value::Object(asked)).await.doing(doing)?.ok().doing(doing)?;
    let rows = [["Joined".to_owned(), output::cell(&answer["joined"])]];
    globals.output()?.value(&answer, || output::pairs(&rows))
}
