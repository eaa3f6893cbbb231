//! A request as core sees it: already parsed, its path canonical. Router, ACL and audit all see this one value.

use std::net::SocketAddr;

use sdk::{Authorization, Map, Pipe, Step, Value, Verb};
use serde::{Deserialize, Serialize};
use storage::RequestId;

use crate::consistency::Consistency;
use crate::identity::mfa::Factors;
use crate::token::ClientToken;
use crate::trace::Trace;

#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    pub id: RequestId,
    pub verb: Verb,
    /// What its header says of the namespace, checked by [`canonical`]; the path may go on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Below `/v1/`, decoded, checked by [`canonical`].
    pub path: String,
    pub token: Option<ClientToken>,
    /// The body's fields; the query's where a request has no body.
    pub body: Map<String, Value>,
    pub remote: Option<SocketAddr>,
    /// The client's certificate, whose key it has proved to hold, then those that came with it, in DER. Nobody has
    /// verified them further.
    pub certificates: Vec<Vec<u8>>,
    /// Lower case, without parameters; empty if there was none.
    pub content_type: String,
    #[serde(default)]
    pub authorization: Authorization,
    /// How long the answer is to be kept in a wrapping token, instead of being sent.
    pub wrap_ttl: Option<std::time::Duration>,
    /// What was brought as a second factor, by method.
    #[serde(default, skip_serializing_if = "Factors::is_empty")]
    pub mfa: Factors,
    /// Those that audit entries show, by name in lower case.
    #[serde(default)]
    pub audit_headers: Vec<(String, Vec<String>)>,
    /// What the listener lets in without a token that otherwise needs one.
    #[serde(default)]
    pub doors: Vec<String>,
    #[serde(default)]
    pub consistency: Consistency,
    /// `?help=1`.
    pub help: bool,
    /// HEAD, which no path answers, but which is authenticated like the others.
    pub head: bool,
    /// A body that is streamed instead of being in `body`. It stays on the node that it came to.
    #[serde(skip)]
    pub upload: Option<Pipe>,
    /// Where traces are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

impl Request {
    /// An operation of a batch that this request brings, as a request of the same caller to the same namespace.
    pub(crate) fn step(&self, namespace: &str, step: &Step) -> Self {
        Self {
            id: self.id,
            verb: step.verb,
            namespace: namespace.to_owned(),
            path: step.path.clone(),
            token: self.token.clone(),
            body: step.body.clone(),
            remote: self.remote,
            certificates: self.certificates.clone(),
            content_type: step.content_type.to_owned(),
            authorization: Authorization::default(),
            wrap_ttl: None,
            mfa: Factors::new(),
            audit_headers: Vec::new(),
            doors: Vec::new(),
            consistency: Consistency::default(),
            help: false,
            head: false,
            upload: None,
            trace: None,
        }
    }

    /// What the server tells the audit log in the form of a request that nobody made.
    pub(crate) fn event(path: &str, facts: Map<String, Value>) -> Self {
        Self {
            id: RequestId { applied: 0, random: crypto::random() },
            verb: Verb::Write,
            namespace: String::new(),
            path: path.to_owned(),
            token: None,
            body: facts,
            remote: None,
            certificates: Vec::new(),
            content_type: String::new(),
            authorization: Authorization::default(),
            wrap_ttl: None,
            mfa: Factors::new(),
            audit_headers: Vec::new(),
            consistency: Default::default(),
            doors: Vec::new(),
            help: false,
            head: false,
            upload: None,
            trace: None,
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    #[error("relative paths not supported")]
    Relative,
    #[error("the path has an empty segment (two slashes in a row); each part between slashes needs a name")]
    EmptySegment,
    #[error("the path has a control character, which no name may have")]
    Control,
    #[error("the path is not UTF-8 once decoded; names are UTF-8 text")]
    NotUtf8,
    #[error("the path is longer than {PATH_MAX} bytes")]
    TooLong,
    #[error("the path has more than {DEPTH_MAX} parts between slashes")]
    TooDeep,
}

/// The longest path, in bytes, decoded.
pub const PATH_MAX: usize = 16 * 1024;

/// The most parts of a path. Each name is sealed with what stands before it, so depth costs more than length.
pub const DEPTH_MAX: usize = 128;

/// Checks a decoded path below `/v1/` once, for everybody.
pub fn canonical(decoded: &[u8]) -> Result<String, PathError> {
    if decoded.len() > PATH_MAX {
        return Err(PathError::TooLong);
    }
    let path = std::str::from_utf8(decoded).map_err(|_| PathError::NotUtf8)?;
    if path.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(PathError::Relative);
    }
    if path.split('/').count() > DEPTH_MAX {
        return Err(PathError::TooDeep);
    }
    if path.contains("//") || path.starts_with('/') {
        return Err(PathError::EmptySegment);
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricks_are_refused() {
        for (path, error) in [
            (&b"a/../b"[..], PathError::Relative),
            (b"..", PathError::Relative),
            (b"a/./b", PathError::Relative),
            (b"a//b", PathError::EmptySegment),
            (b"/a", PathError::EmptySegment),
            (b"a\0", PathError::Control),
            (b"a\xff", PathError::NotUtf8),
        ] {
            assert_eq!(canonical(path), Err(error), "{path:?}");
        }
        assert_eq!(canonical(b"kv/a..b/.hidden/").as_deref(), Ok("kv/a..b/.hidden/"));
        assert_eq!(canonical(&vec![b'a'; PATH_MAX + 1]), Err(PathError::TooLong));
        assert_eq!(canonical("a/".repeat(DEPTH_MAX).as_bytes()), Err(PathError::TooDeep));
    }
}
