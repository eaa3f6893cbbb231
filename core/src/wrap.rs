//! Response wrapping: the answer goes into the cubbyhole of a token made for it, which can be used once.

use std::time::Duration;

use sdk::{Answer, Body, Failure, Map, Namespace, Value, WrapInfo, json};
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, Read, RequestId, Txn, TxnState, View};

use crate::lifecycle::Node;
use crate::response;
use crate::space;
use crate::token::{ClientToken, NewToken, NotCreated, TokenKey, TokenRecord, Valid};

/// Of tokens that hold an answer.
const POLICY: &str = "response-wrapping";

/// What a wrapping token was made for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wrapping {
    /// Seconds.
    pub creation_ttl: u64,
    pub creation_time: Millis,
    pub creation_path: String,
}

#[derive(Debug, thiserror::Error)]
pub enum NotWrapped {
    #[error("wrapping token is not valid or does not exist")]
    NoSuchToken,
    /// Nothing of the namespace that it belongs to is served.
    #[error("{0}")]
    Closed(Failure),
    #[error(transparent)]
    Access(#[from] Access),
}

impl From<NotWrapped> for Failure {
    fn from(error: NotWrapped) -> Self {
        match error {
            NotWrapped::NoSuchToken => Self::invalid(error.to_string()),
            NotWrapped::Closed(failure) => failure,
            NotWrapped::Access(access) => access.into(),
        }
    }
}

/// Which answer is to be wrapped: of a request in a namespace, and for how long.
pub(crate) struct Asked<'a> {
    pub id: RequestId,
    pub namespace: &'a Namespace,
    pub path: &'a str,
    pub now: Millis,
    pub ttl: Duration,
}

/// What a token holds, as it was put in.
pub struct Wrapped {
    pub key: TokenKey,
    pub info: Wrapping,
    /// The answer, in JSON.
    pub response: String,
}

/// Puts the answer of a request away. An answer without content stays as it is.
pub(crate) fn answer(node: &Node, state: &mut TxnState, asked: &Asked<'_>, answer: Answer) -> Result<Answer, Failure> {
    match &answer.body {
        Body::Empty if answer.auth.is_none() && answer.warnings.is_empty() => return Ok(answer),
        Body::Raw { .. } | Body::Stream { .. } => {
            return Err(Failure::invalid("this answer is no JSON, so it cannot be wrapped"));
        }
        _ => {}
    }
    let rendered = response::Response::answer(asked.id, &answer).body;
    let response = String::from_utf8(rendered).map_err(Failure::internal)?;
    let info =
        Wrapping { creation_ttl: asked.ttl.as_secs(), creation_time: asked.now, creation_path: asked.path.to_owned() };
    let token = answer.auth.as_ref().map(|auth| auth.accessor.clone()).filter(|accessor| !accessor.is_empty());
    let inside = token.or_else(|| answer.accessor.clone());
    let mut txn = state.at(space::records(&asked.namespace.id));
    let mut made = put(node, &mut txn, asked.namespace, info, &response)?;
    made.wrapped_accessor = inside;
    // A token inside is taken back together with the wrapping token if the answer cannot be audited.
    Ok(Answer { wrapped: Some(made), ..answer })
}

/// Makes a wrapping token of a namespace that holds `response`.
pub fn put(node: &Node, txn: &mut Txn, home: &Namespace, info: Wrapping, response: &str) -> Result<WrapInfo, Failure> {
    let ttl = Duration::from_secs(info.creation_ttl);
    let new = NewToken {
        policies: vec![POLICY.into()],
        home: home.clone(),
        path: info.creation_path.clone(),
        ttl,
        explicit_max_ttl: ttl,
        num_uses: 1,
        ..NewToken::default()
    };
    let created = node.tokens.create(txn, info.creation_time, new).map_err(|refused| match refused {
        NotCreated::Access(access) => access.into(),
        refused => Failure::internal(refused),
    })?;
    let key = node.tokens.key_of(&created.token)?;
    let mut hole = txn.elsewhere(key.cubbyhole(&home.id));
    hole.put(&space::cubbyhole_entry("response"), &json!({ "response": response }))?;
    hole.put(&space::cubbyhole_entry("wrapinfo"), &info)?;
    Ok(WrapInfo {
        token: created.token.expose().to_owned(),
        accessor: created.record.accessor,
        ttl: created.record.creation_ttl,
        creation_time: sdk::timestamp(info.creation_time),
        creation_path: info.creation_path,
        wrapped_accessor: None,
    })
}

/// What a wrapping token was made for. The token is not used up.
pub fn look(node: &Node, view: &View, token: &ClientToken, now: Millis) -> Result<Wrapping, NotWrapped> {
    let key = valid(node, view, token, now)?;
    let hole = view.elsewhere(key.cubbyhole(&key.home()));
    hole.get(&space::cubbyhole_entry("wrapinfo"))?.ok_or(NotWrapped::NoSuchToken)
}

/// Takes out what a wrapping token holds, and ends the token: of two who try, one gets it.
pub fn take(node: &Node, txn: &mut Txn, token: &ClientToken, now: Millis) -> Result<Wrapped, NotWrapped> {
    let key = valid(node, &txn.as_view(), token, now)?;
    take_of(node, txn, key)
}

/// The same for a token that has proved itself: the caller's own.
pub fn take_of(node: &Node, txn: &mut Txn, key: TokenKey) -> Result<Wrapped, NotWrapped> {
    let hole = txn.elsewhere(key.cubbyhole(&key.home()));
    let info = hole.get_for_update(&space::cubbyhole_entry("wrapinfo"))?.ok_or(NotWrapped::NoSuchToken)?;
    let held: Map<String, Value> = hole.get(&space::cubbyhole_entry("response"))?.ok_or(NotWrapped::NoSuchToken)?;
    let response = held.get("response").and_then(Value::as_str).ok_or(NotWrapped::NoSuchToken)?.to_owned();
    node.tokens.revoke(txn, &key)?;
    Ok(Wrapped { key, info, response })
}

/// What is told of a wrapping token while nothing of its namespace is served: what it holds is not either, wherever it is asked
/// for.
pub(crate) fn closed(node: &Node, view: &View, token: &Valid) -> Result<Option<Failure>, Access> {
    if !is_wrapping(&token.record) {
        return Ok(None);
    }
    let home = node.namespaces.by_id(view, &token.key.home(), &mut Vec::new())?;
    Ok(home.and_then(|home| home.closed()))
}

fn is_wrapping(token: &TokenRecord) -> bool {
    token.policies == [POLICY]
}

fn valid(node: &Node, view: &View, token: &ClientToken, now: Millis) -> Result<TokenKey, NotWrapped> {
    match node.tokens.authenticate(view, token, now) {
        Ok(valid) if is_wrapping(&valid.record) && !token.is_batch() => match closed(node, view, &valid)? {
            Some(failure) => Err(NotWrapped::Closed(failure)),
            None => Ok(valid.key),
        },
        Ok(_) => Err(NotWrapped::NoSuchToken),
        Err(crate::token::Why::Access(access)) => Err(access.into()),
        Err(_) => Err(NotWrapped::NoSuchToken),
    }
}
