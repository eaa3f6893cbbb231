//! What travels with a request: where, who, when.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::Millis;

use crate::{Namespace, NamespaceId, Other, Value};

/// The mount that a request was routed to.
#[derive(Clone, Debug)]
pub struct MountInfo {
    /// With its trailing slash, and `auth/` before it for an auth mount.
    pub path: String,
    pub kind: String,
    pub accessor: String,
    pub uuid: String,
    pub options: BTreeMap<String, String>,
    /// Effective: the mount's, or the server's.
    pub default_lease_ttl: Duration,
    pub max_lease_ttl: Duration,
}

impl MountInfo {
    /// What documentation groups its operations by.
    pub fn tag(&self) -> &'static str {
        match (self.path.as_str(), self.kind.as_str()) {
            (path, _) if path.starts_with("auth/") => "auth",
            (_, "system") => "system",
            (_, "identity") => "identity",
            _ => "secrets",
        }
    }
}

/// Who asks, after authentication. No Debug: it holds the token.
#[derive(Clone)]
pub struct Caller {
    /// For answers that show the caller its own token; never to be stored.
    pub client_token: String,
    pub accessor: String,
    pub display_name: String,
    pub policies: Vec<String>,
    pub entity_id: String,
    /// Names this token's cubbyhole; not the token.
    pub cubbyhole: String,
    /// A batch token: nothing is stored of it, and nothing by it.
    pub batch: bool,
    /// What is left of a use limit after this request.
    pub uses_left: Option<i64>,
    pub root: bool,
    /// When who has the token logged in, if they did.
    pub logged_in: Option<Millis>,
    /// Of a token that the server has made for one purpose: what the endpoint that it is for wants to see again.
    pub purpose: Option<Value>,
    /// The namespace that the token belongs to, where its policies are.
    pub home: NamespaceId,
    /// The way from there to the namespace of the request: what stands before its paths in the eyes of the policies. `None`
    /// where that does not lie in the token's own, so that they say nothing of it.
    pub way: Option<String>,
}

impl Caller {
    /// A path of the request's namespace as the caller's policies see it.
    pub fn sees(&self, path: &str) -> Option<String> {
        self.way.as_ref().map(|way| format!("{way}{path}"))
    }
}

/// What the header `Authorization` of a request said. No Debug: it holds secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Authorization {
    /// The request's token came in it.
    pub bearer: bool,
    /// A name and what proves it: HTTP's basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<(String, String)>,
}

#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    pub namespace: &'a Namespace,
    pub mount: &'a MountInfo,
    /// The path below the mount.
    pub path: &'a str,
    /// The other mount that the operation touches, if it is there.
    pub other: Option<&'a Other>,
    pub caller: Option<&'a Caller>,
    pub remote: Option<IpAddr>,
    /// The cluster's time, which never runs backwards.
    pub now: Millis,
    /// Whether the answer goes into a wrapping token.
    pub wraps: bool,
    /// The request's content type, lower case, without parameters. Empty if there was none.
    pub content_type: &'a str,
    pub authorization: &'a Authorization,
}

impl Ctx<'_> {
    pub fn timestamp(&self) -> String {
        timestamp(self.now)
    }
}

/// What [`timestamp`] writes. Times before 1970 are 1970.
pub fn moment(text: &str) -> Option<Millis> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Millis(u64::try_from(at.as_millisecond()).unwrap_or(0)))
}

/// A time in the wire's form of a time: `2026-01-02T03:04:05.678Z`.
pub fn timestamp(at: Millis) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}
