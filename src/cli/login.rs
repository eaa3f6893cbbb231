//! `holdfast login`: from credentials to a token that later commands find.

use clap::Args;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::client::Client;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::{environment, output, pairs, prompt, token_file};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast login\n  holdfast login -method=userpass username=ann\n  holdfast login -method=approle role_id=@role secret_id=@secret -token-only -no-store"
)]
pub struct Arguments {
    /// token, userpass, ldap, approle, …: the type of the auth method
    #[arg(long, value_name = "TYPE", default_value = "token")]
    method: String,
    /// Where the method is mounted, below auth/; else at its type
    #[arg(long)]
    path: Option<String>,
    /// Do not keep the token in the file where later commands look for it
    #[arg(long)]
    no_store: bool,
    /// Print nothing
    #[arg(long)]
    no_print: bool,
    /// Print the token alone and keep it nowhere
    #[arg(long)]
    token_only: bool,
    /// A token, - for one on standard input, or what the method asks for
    #[arg(value_name = "TOKEN|K=V")]
    credentials: Vec<String>,
}

/// Methods whose path ends in the user's name and whose secret is a password.
const BY_PASSWORD: &[&str] = &["userpass", "ldap", "okta", "radius"];

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let answer = match arguments.method.as_str() {
        "token" => by_token(client, &arguments, globals).await?,
        method => {
            let path = arguments.path.as_deref().unwrap_or(method).trim_matches('/').to_owned();
            let (path, credentials) = credentials(method, &path, &arguments.credentials, globals)?;
            // Who logs in may hold an old token; it says nothing about who they are.
            let client = client.with_token(None);
            client.put(&path, &credentials).await.doing("authenticating")?.ok().doing("authenticating")?
        }
    };
    settle(&answer, &arguments, globals)
}

/// A token is looked up, not given out: what it may do is learnt from the server.
async fn by_token(client: Client, arguments: &Arguments, globals: &Globals) -> Result<Value, Failure> {
    let token = token(&arguments.credentials, globals)?;
    let client = client.with_token(Some(token.clone())).unwrapped();
    let doing = "authenticating: error looking up token";
    let known = client.get("auth/token/lookup-self").await.doing(doing)?.ok().doing(doing)?;
    let data = &known["data"];
    Ok(json!({
        "auth": {
            "client_token": token.as_str(),
            "accessor": data["accessor"],
            "policies": data["policies"],
            "token_policies": data["policies"],
            "identity_policies": data["identity_policies"],
            "metadata": data["meta"],
            "lease_duration": data["ttl"],
            "renewable": data["renewable"],
        },
        "data": null,
    }))
}

fn token(credentials: &[String], globals: &Globals) -> Result<Zeroizing<String>, Failure> {
    let given = match credentials {
        [] => None,
        [one] => Some(one.strip_prefix("token=").unwrap_or(one).to_owned()),
        _ => return Err(Failure::usage("A login by token takes one token")),
    };
    prompt::given_or_secret(globals, given, "Token (will be hidden): ")
}

fn credentials(method: &str, path: &str, given: &[String], globals: &Globals) -> Result<(String, Value), Failure> {
    let mut pairs = pairs::read_any(given)?;
    if !BY_PASSWORD.contains(&method) {
        return Ok((format!("auth/{path}/login"), Value::Object(pairs)));
    }
    let user = match pairs.remove("username") {
        Some(Value::String(user)) if !user.is_empty() => user,
        _ => return Err(Failure::usage(format!("'username' must be supplied: login -method={method} username=…"))),
    };
    if !pairs.contains_key("password") {
        let password = prompt::secret(globals, "Password (will be hidden): ")?;
        pairs.insert("password".into(), password.as_str().into());
    }
    let rest: Map<String, Value> = pairs;
    Ok((format!("auth/{path}/login/{user}"), Value::Object(rest)))
}

/// Keeps the token and says what it is.
fn settle(answer: &Value, arguments: &Arguments, globals: &Globals) -> Result<Done, Failure> {
    let output = globals.output()?;
    if answer["wrap_info"].is_object() {
        return match arguments.token_only {
            true => output::bare(&output::cell(&answer["wrap_info"]["token"])),
            false => output.secret(answer),
        };
    }
    let token = answer["auth"]["client_token"].as_str().unwrap_or("");
    if token.is_empty() {
        if answer["auth"]["mfa_requirement"].is_object() {
            output.secret(answer)?;
            return Err(Failure::refused(
                "Another factor is asked for: send it to sys/mfa/validate with this request id",
            ));
        }
        return Err(Failure::refused("Error authenticating: the server gave no token"));
    }
    if arguments.token_only {
        return output::bare(token);
    }
    if !arguments.no_store {
        token_file::store(token)?;
    }
    if arguments.no_print {
        return Ok(Done::Good);
    }
    if output.for_people() {
        if let Some(name) = environment::named("TOKEN").filter(|_| !arguments.no_store) {
            eprintln!("WARNING! The environment variable {name} is set: it goes before the token that is now kept.\n");
        }
        let kept = if arguments.no_store {
            "It is kept nowhere: give it to later commands yourself."
        } else {
            "It is kept, and later commands use it by themselves."
        };
        println!("Success! You are now authenticated. The token is shown below.\n{kept}\n");
    }
    output.secret(answer)
}
