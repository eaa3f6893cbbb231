//! From a [`Response`] to HTTP.

use bytes::Bytes;
use holdfast_core::response::Response;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};

use super::stream::AnswerBody;
use crate::config::ResponseHeaders;

/// What every answer of this node says of it.
#[derive(Default)]
pub struct NodeHeaders {
    /// `enable_response_header_hostname`
    pub hostname: Option<String>,
    /// `enable_response_header_raft_node_id`
    pub raft_node_id: Option<String>,
}

/// Without a body if it answers a HEAD.
pub fn render(response: Response, head: bool) -> hyper::Response<AnswerBody> {
    let body = match response.stream.and_then(|pipe| pipe.open()).filter(|_| !head) {
        Some(reader) => AnswerBody::Stream { reader, _running: None },
        None if head => AnswerBody::Whole(Full::default()),
        None => AnswerBody::Whole(Full::new(Bytes::from(response.body))),
    };
    let mut out = hyper::Response::new(body);
    *out.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = out.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    set(headers, CONTENT_TYPE.as_str(), &response.content_type);
    for (name, value) in &response.headers {
        set(headers, name, value);
    }
    out
}

/// Adds what the configuration wants on answers of this status.
pub fn decorate(out: &mut hyper::Response<AnswerBody>, custom: &ResponseHeaders, node: &NodeHeaders) {
    let status = out.status().as_u16();
    let headers = out.headers_mut();
    for (name, value) in custom.of(status) {
        headers.insert(name.clone(), value.clone());
    }
    for (name, value) in [("x-vault-hostname", &node.hostname), ("x-vault-raft-node-id", &node.raft_node_id)] {
        if let Some(value) = value {
            set(headers, name, value);
        }
    }
}

/// A text that cannot be a header is left out.
pub fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
