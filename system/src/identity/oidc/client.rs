//! `oidc/client`, `oidc/client/:name`: applications that people log in to.

use oidc::{Assignment, Client, ClientKind, DEFAULT, Made, NamedKey, letters};
use schemars::JsonSchema;
use sdk::{
    Answer, CommaList, Ctx, Failure, Input, Map, Name, Path, Read, Reply, Result, Seconds, Txn, Verb, View, Work,
};
use serde::Serialize;

use super::given::{room_for_one, set};
use super::{Nothing, pairs};
use crate::identity::listing;

/// Seconds: of a client that nothing else is said of.
const TTL: u64 = 24 * 3600;
/// Of redirect URIs, and of assignments.
const ITEMS_MAX: usize = 256;
const SECRET_PREFIX: &str = "hvo_secret_";

#[derive(Input)]
struct Named {
    /// The client's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The client's name.
    name: Name,
    #[field(flatten)]
    given: Given,
}

#[derive(Input)]
struct Given {
    /// Where answers may be sent: one of these to the letter. Of a loopback address the port does not matter.
    redirect_uris: Option<CommaList>,
    /// Who may log in.
    assignments: Option<CommaList>,
    /// The key that signs its ID tokens, which stays so; `default` if it is not said.
    key: Option<String>,
    /// How long its ID tokens count: no longer than its key verifies them; a day if it is not said.
    id_token_ttl: Option<Seconds>,
    /// How long its access tokens count; a day if it is not said.
    access_token_ttl: Option<Seconds>,
    /// `confidential`, for one that keeps a secret, or `public`; it stays so.
    client_type: Option<String>,
    /// Whether people log in to it.
    authorization_code: Option<bool>,
    /// Whether it gets tokens for itself. A public one never does, whatever this says.
    client_credentials: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    /// In seconds.
    access_token_ttl: u64,
    assignments: Vec<String>,
    authorization_code: bool,
    client_credentials: bool,
    client_id: String,
    /// Of a confidential one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    client_type: &'static str,
    /// In seconds.
    id_token_ttl: u64,
    key: String,
    redirect_uris: Vec<String>,
}

impl Shown {
    fn of(client: Client) -> Self {
        Self {
            access_token_ttl: client.access_token_ttl,
            assignments: client.assignments,
            authorization_code: client.authorization_code,
            client_credentials: client.client_credentials,
            client_id: client.id,
            client_secret: client.secret,
            client_type: client.kind.name(),
            id_token_ttl: client.id_token_ttl,
            key: client.key,
            redirect_uris: client.redirect_uris,
        }
    }
}

pub fn list() -> Path {
    Path::new("oidc/client/?")
        .ids([(Verb::List, "oidc-list-clients")])
        .help("Lists the clients.", "With their settings.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let mut infos = Map::new();
            for name in Client::names(view)? {
                if let Some(client) = Client::get(view, &name)? {
                    let shown = Shown { client_secret: None, ..Shown::of(client) };
                    infos.insert(name, serde_json::to_value(shown).map_err(Failure::internal)?);
                }
            }
            listing(infos.keys().cloned().collect(), infos)
        })
}

pub fn one() -> Path {
    Path::new("oidc/client/:name")
        .ids([
            (Verb::Read, "oidc-read-client"),
            (Verb::Write, "oidc-write-client"),
            (Verb::Delete, "oidc-delete-client"),
        ])
        .help("An application that people log in to.", "Its ID and its secret are made with it.")
        .exists(|_: &Ctx, named: Named, view: &View| Ok(Client::get(view, &named.name.checked()?)?.is_some()))
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            Reply::data(Shown::of(Client::get(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?))
        })
        .slow(Verb::Write, prepare, |ctx: &Ctx, input: Write, made: &Vec<Made>, txn: &mut Txn| {
            write(ctx, input, made, txn)
        })
        .txn(Verb::Delete, |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let name = named.name.checked()?;
            if let Some(client) = Client::take(txn, &name)? {
                client.delete(txn, &name, ctx.now)?;
            }
            Ok(Answer::empty())
        })
}

fn planned(read: &impl Read, before: Option<&Client>, given: Given) -> Result<Client> {
    let kind = given
        .client_type
        .as_deref()
        .map(|name| ClientKind::by_name(name).ok_or_else(|| Failure::invalid(format!("invalid client_type {name:?}"))));
    let stays = |what: &str| Failure::invalid(format!("{what} modification is not allowed"));
    if before.is_some_and(|before| given.key.as_ref().is_some_and(|key| *key != before.key)) {
        return Err(stays("key"));
    }
    if before.is_some_and(|before| given.client_type.as_ref().is_some_and(|kind| kind != before.kind.name())) {
        return Err(stays("client_type"));
    }
    if before.is_none() {
        room_for_one("clients", &Client::names(read)?)?;
    }
    let mut client = match before {
        Some(before) => before.clone(),
        None => Client {
            id: letters(32),
            secret: None,
            kind: kind.transpose()?.unwrap_or(ClientKind::Confidential),
            key: given.key.unwrap_or_else(|| DEFAULT.to_owned()),
            redirect_uris: Vec::new(),
            assignments: Vec::new(),
            id_token_ttl: TTL,
            access_token_ttl: TTL,
            authorization_code: true,
            client_credentials: false,
        },
    };
    if client.kind == ClientKind::Confidential && client.secret.is_none() {
        client.secret = Some(format!("{SECRET_PREFIX}{}", letters(64)));
    }
    if let Some(uris) = given.redirect_uris {
        client.redirect_uris = set("redirect_uris", uris, ITEMS_MAX)?;
        if let Some(bad) = client.redirect_uris.iter().find(|uri| !oidc::can_redirect(uri)) {
            let text = "it must have no fragment, no control characters, and no scheme that runs what it says";
            return Err(Failure::invalid(format!("the redirect URI {bad:?} is none to send people to: {text}")));
        }
    }
    if let Some(assignments) = given.assignments {
        client.assignments = set("assignments", assignments, ITEMS_MAX)?;
    }
    let seconds = |span: Option<Seconds>, own: u64| span.map_or(own, |span| span.0.as_secs());
    client.id_token_ttl = seconds(given.id_token_ttl, client.id_token_ttl);
    client.access_token_ttl = seconds(given.access_token_ttl, client.access_token_ttl);
    client.authorization_code = given.authorization_code.unwrap_or(client.authorization_code);
    client.client_credentials = given.client_credentials.unwrap_or(client.client_credentials);
    for name in &client.assignments {
        if Assignment::get(read, name)?.is_none() {
            return Err(Failure::invalid(format!("assignment {name:?} does not exist")));
        }
    }
    let key = NamedKey::get(read, &client.key)?;
    let key = key.ok_or_else(|| Failure::invalid(format!("key {:?} does not exist", client.key)))?;
    if client.id_token_ttl > key.verification_ttl {
        let text = "a client's id_token_ttl cannot be greater than the verification_ttl of the key it references";
        return Err(Failure::invalid(text));
    }
    Ok(client)
}

fn prepare(_: &Ctx, input: Write, view: &View) -> Result<Work<Vec<Made>>> {
    let client = planned(view, Client::get(view, &input.name.checked()?)?.as_ref(), input.given)?;
    pairs::first(view, &client.key)
}

fn write(ctx: &Ctx, input: Write, made: &[Made], txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    let before = Client::take(txn, &name)?;
    let client = planned(txn, before.as_ref(), input.given)?;
    pairs::begin(ctx, txn, &client.key, made)?;
    client.put(txn, &name, before.as_ref())?;
    Ok(Answer::empty())
}
