//! From an HTTP request to the one value that router, policies and audit share.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::audit::AuditedHeaders;
use holdfast_core::identity::mfa::Factors;
use holdfast_core::request::{PathError, Request, canonical};
use holdfast_core::token::ClientToken;
use hyper::Uri;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;
use sdk::{Authorization, FromField, Map, SignedSeconds, Value, Verb};
use storage::RequestId;
use system::node::Method;
use tokio::sync::OwnedSemaphorePermit;

use super::body::BodyRoom;
use super::peer::Peer;
use super::{consistency, form, json};
use crate::config::Listener;

/// Why a request is not even looked at.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub text: Option<String>,
}

impl Refused {
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: Some(text.into()) }
    }

    fn bare(status: u16) -> Self {
        Self { status, text: None }
    }
}

pub struct Parsed {
    pub method: Method,
    pub path: String,
    pub query: Map<String, Value>,
    /// The body, or a GET's query; or why it is none.
    pub body: Result<Map<String, Value>, String>,
    /// For the service, its body still to be filled in.
    pub request: Result<Request, Refused>,
    /// The body's share of the memory that bodies may take; given back with the answer.
    pub _room: Option<OwnedSemaphorePermit>,
}

pub async fn parse(
    request: hyper::Request<Incoming>,
    peer: &Peer,
    listener: &Listener,
    bodies: &BodyRoom,
    audited: &AuditedHeaders,
    id: RequestId,
) -> Result<Parsed, Refused> {
    let limits = &listener.limits;
    let (head, body) = request.into_parts();
    let raw = head.uri.path();
    let below = raw.strip_prefix("/v1/").ok_or(Refused::bare(404))?;
    let decoded: Vec<u8> = percent_decode_str(below).collect();
    let path = canonical(&decoded).map_err(|problem| match (&problem, head.method.as_str()) {
        // Nothing has such a name.
        (PathError::NotUtf8, "GET" | "HEAD" | "LIST" | "SCAN") => Refused::bare(404),
        _ => Refused::new(400, problem.to_string()),
    })?;
    let mut query = parse_query(head.uri.query().unwrap_or_default());
    // It asks about the operation and is no input of it.
    let help = query.remove("help").is_some_and(|value| bool::from_field(&value).unwrap_or(false));

    let (bytes, room) = bodies.read(body, limits.size, listener.timeouts.read).await?;
    let method = match head.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" | "PUT" => Method::Write,
        _ => Method::Other,
    };
    let (verb, body) = match head.method.as_str() {
        "GET" | "HEAD" => {
            let verb = read_verb(&mut query);
            (verb, Ok(query.clone()))
        }
        "POST" | "PUT" if form::is_one(&content_type(&head.headers), &bytes) => {
            (Ok(Verb::Write), form::object(&bytes, limits))
        }
        "POST" | "PUT" => (Ok(Verb::Write), json::object(&bytes, limits)),
        "PATCH" => (Ok(Verb::Patch), json::object(&bytes, limits)),
        "DELETE" => (Ok(Verb::Delete), Ok(query.clone())),
        "LIST" => (Ok(Verb::List), Ok(query.clone())),
        "SCAN" => (Ok(Verb::Scan), Ok(query.clone())),
        _ => (Err(Refused::bare(405)), Ok(Map::new())),
    };
    let request = verb.and_then(|verb| service_request(&head.headers, verb, &path, target(&head.uri), peer, id));
    let is_head = method == Method::Head;
    let request = request.map(|request| Request {
        audit_headers: audit_headers(&head.headers, audited),
        help: help && !is_head,
        head: is_head,
        trace: head.extensions.get().cloned(),
        ..request
    });
    Ok(Parsed { method, path, query, body, request, _room: room })
}

/// A request whose body is left to whoever takes it.
pub fn without_body(
    head: &Parts,
    path: &str,
    peer: &Peer,
    audited: &AuditedHeaders,
    id: RequestId,
) -> Result<Request, Refused> {
    let mut query = parse_query(head.uri.query().unwrap_or_default());
    let help = query.remove("help").is_some_and(|value| bool::from_field(&value).unwrap_or(false));
    let verb = if head.method == hyper::Method::GET { read_verb(&mut query)? } else { Verb::Write };
    let (audit_headers, trace) = (audit_headers(&head.headers, audited), head.extensions.get().cloned());
    Ok(Request {
        help,
        audit_headers,
        trace,
        ..service_request(&head.headers, verb, path, target(&head.uri), peer, id)?
    })
}

/// Path and query, as they came.
fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |both| both.as_str())
}

fn service_request(
    headers: &HeaderMap,
    verb: Verb,
    path: &str,
    target: &str,
    peer: &Peer,
    id: RequestId,
) -> Result<Request, Refused> {
    let namespace = namespace(headers)?;
    let (token, authorization) = caller(headers);
    Ok(Request {
        id,
        verb,
        namespace,
        path: path.to_owned(),
        token,
        body: Map::new(),
        authorization,
        remote: peer.remote,
        certificates: peer.certificates.to_vec(),
        content_type: content_type(headers),
        audit_headers: Vec::new(),
        wrap_ttl: wrap_ttl(headers)?,
        mfa: factors(headers)?,
        consistency: consistency::parse(headers, target)?,
        doors: Vec::new(),
        help: false,
        head: false,
        upload: None,
        trace: None,
    })
}

/// Which namespace the header names: one at most, in UTF-8.
fn namespace(headers: &HeaderMap) -> Result<String, Refused> {
    let refused = |why: &str| Refused::new(400, format!("X-Vault-Namespace: {why}"));
    let mut all = headers.get_all("x-vault-namespace").iter();
    let Some(given) = all.next() else { return Ok(String::new()) };
    if all.next().is_some() {
        return Err(refused("it is there more than once, so which namespace is meant cannot be told"));
    }
    let given = std::str::from_utf8(given.as_bytes()).map_err(|_| refused("it is not UTF-8"))?;
    canonical(given.trim().trim_matches('/').as_bytes()).map_err(|problem| refused(&problem.to_string()))
}

/// Zero and nothing mean that the answer is not to be wrapped.
fn wrap_ttl(headers: &HeaderMap) -> Result<Option<Duration>, Refused> {
    let Some(given) = text(headers, "x-vault-wrap-ttl") else { return Ok(None) };
    let refused = |why: &str| Refused::new(400, format!("error parsing X-Vault-Wrap-TTL header: {why}"));
    let SignedSeconds(nanos) = SignedSeconds::from_field(&Value::String(given)).map_err(|why| refused(&why))?;
    if nanos < 0 {
        return Err(refused("requested wrap ttl cannot be negative"));
    }
    let ttl = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    Ok(Some(ttl).filter(|ttl| !ttl.is_zero()))
}

/// What each `X-Vault-MFA` brings: a method's id or name, and behind a colon what belongs to it, if anything does.
fn factors(headers: &HeaderMap) -> Result<Factors, Refused> {
    let mut factors = Factors::new();
    for value in headers.get_all("x-vault-mfa") {
        let refused = |why: &str| {
            Refused::new(400, format!("failed to parse X-Vault-MFA header: {why}: it is METHOD or METHOD:CODE"))
        };
        let value = value.to_str().map_err(|_| refused("it is no plain text"))?;
        let (method, given) = match value.split_once(':') {
            None if value.is_empty() => continue,
            None => (value, None),
            Some(("", _)) => return Err(refused("missing method name or ID")),
            Some((_, "")) => return Err(refused("missing method value")),
            Some((method, given)) => (method, Some(given.to_owned())),
        };
        factors.entry(method.to_owned()).or_default().extend(given);
    }
    Ok(factors)
}

/// Those headers that audit entries show.
fn audit_headers(headers: &HeaderMap, audited: &AuditedHeaders) -> Vec<(String, Vec<String>)> {
    let values = |name: &str| -> Vec<String> {
        let all = headers.get_all(name).into_iter();
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    let shown = audited.names().filter(|name| headers.contains_key(*name));
    shown.map(|name| (name.to_owned(), values(name))).collect()
}

/// A GET is a list or a scan if its query says so. These parameters are no input of the operation.
fn read_verb(query: &mut Map<String, Value>) -> Result<Verb, Refused> {
    let mut flag = |name: &str| match query.get(name) {
        None => Ok(false),
        Some(value) => {
            let set = bool::from_field(value).map_err(|_| Refused::bare(400))?;
            if set {
                query.remove(name);
            }
            Ok(set)
        }
    };
    let (list, scan) = (flag("list")?, flag("scan")?);
    Ok(if list {
        Verb::List
    } else if scan {
        Verb::Scan
    } else {
        Verb::Read
    })
}

pub fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(|t| t.trim().to_owned())
}

/// Whose token a request has, and what else says who asks.
fn caller(headers: &HeaderMap) -> (Option<ClientToken>, Authorization) {
    let own = text(headers, "x-vault-token").filter(|t| !t.is_empty());
    let said = text(headers, AUTHORIZATION.as_str()).unwrap_or_default();
    let (scheme, credentials) = said.split_once(' ').map_or(("", ""), |(scheme, rest)| (scheme, rest.trim()));
    let bearer = Some(credentials.to_owned()).filter(|_| own.is_none() && scheme == "Bearer");
    let basic = scheme.eq_ignore_ascii_case("basic").then(|| basic(credentials)).flatten();
    let authorization = Authorization { bearer: bearer.is_some(), basic };
    (own.or(bearer).map(ClientToken::new), authorization)
}

fn basic(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    text.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned()))
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What does not decode is left out.
fn parse_query(query: &str) -> Map<String, Value> {
    let mut out = Map::new();
    for pair in query.split('&') {
        let _ = add(&mut out, pair);
    }
    out
}

/// The fields of a form, or the one that does not decode.
pub fn pairs(form: &str) -> Result<Map<String, Value>, &str> {
    let mut out = Map::new();
    form.split('&').try_for_each(|pair| add(&mut out, pair).ok_or(pair)).map(|()| out)
}

/// A name that comes again makes a list. `None`: it does not decode.
fn add(out: &mut Map<String, Value>, pair: &str) -> Option<()> {
    if pair.is_empty() {
        return Some(());
    }
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let (name, value) = (decode(name)?, decode(value)?);
    match out.get_mut(&name) {
        None => {
            out.insert(name, Value::String(value));
        }
        Some(Value::Array(items)) => items.push(Value::String(value)),
        Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
    }
    Some(())
}

fn decode(part: &str) -> Option<String> {
    let spaced = part.replace('+', " ");
    let bytes = spaced.as_bytes();
    let whole = |i: usize| bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(i, b)| *b == b'%' && !whole(i)) {
        return None;
    }
    percent_decode_str(&spaced).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[&[u8]]) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-vault-namespace", hyper::header::HeaderValue::from_bytes(value).unwrap());
        }
        namespace(&headers).map_err(|refused| refused.status)
    }

    /// What cannot be read must not be taken for the root.
    #[test]
    fn a_header_names_a_namespace_in_utf_8_or_is_refused() {
        assert_eq!(named(&[]), Ok(String::new()));
        assert_eq!(named(&[b" /team/web/ "]).as_deref(), Ok("team/web"));
        assert_eq!(named(&["名前".as_bytes()]).as_deref(), Ok("名前"));
        for wrong in [&[b"\xff".as_slice()][..], &[b"team", b"team"], &[b"team", b""], &[b"a/../b"], &[b"a//b"]] {
            assert_eq!(named(wrong), Err(400), "{wrong:?}");
        }
    }
}
