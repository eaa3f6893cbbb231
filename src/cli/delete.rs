//! `holdfast delete`

use clap::Args;
use reqwest::Method;

use super::client::Ask;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::{output, pairs};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast delete auth/userpass/users/ann")]
pub struct Arguments {
    /// The path in the API, without /v1/
    path: String,
    /// Parameters of the query
    #[arg(value_name = "K=V")]
    data: Vec<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = arguments.path.trim_matches('/');
    let ask = Ask::new(Method::DELETE, path).query(pairs::query(&arguments.data)?);
    let doing = format!("deleting {path}");
    let answer = globals.client()?.send(ask).await.doing(&doing)?.ok().doing(&doing)?;
    let output = globals.output()?;
    if answer["data"].is_object() && !output.for_people() {
        return output.secret(&answer);
    }
    output::warnings(&answer);
    output::say(&format!("Success! Data deleted (if it existed) at: {path}"))
}
