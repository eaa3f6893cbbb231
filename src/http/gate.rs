//! What a listener refuses before anything of a request is looked at.

use holdfast_core::response::Response;
use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::config::Listener;

/// Why this listener does not take the request, if it does not. `path` is as it was sent.
pub fn refusal(listener: &Listener, path: &str, headers: &HeaderMap) -> Option<Response> {
    let decoded: Vec<u8> = percent_decode_str(path.strip_prefix("/v1/").unwrap_or(path)).collect();
    let path = String::from_utf8_lossy(&decoded);
    let path = path.trim_end_matches('/');
    let metrics = path == "sys/metrics";
    if (metrics && listener.metrics.disallowed) || (!metrics && listener.metrics.only) {
        return Some(Response::errors(404, &[]));
    }
    let marked = headers.get("x-vault-request").is_some_and(|value| value == "true");
    (listener.access.request_header && !marked).then(|| Response::errors(412, &["missing 'X-Vault-Request' header"]))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn listener() -> Listener {
        Listener::at(SocketAddr::from(([127, 0, 0, 1], 1)))
    }

    fn status(listener: &Listener, path: &str, header: Option<(&'static str, &str)>) -> Option<u16> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        refusal(listener, path, &headers).map(|response| response.status)
    }

    #[test]
    fn metrics_alone_or_not_at_all() {
        let mut only = listener();
        only.metrics.only = true;
        assert_eq!(status(&only, "/v1/sys/metrics", None), None);
        assert_eq!(status(&only, "/v1/sys/health", None), Some(404));
        let mut not = listener();
        not.metrics.disallowed = true;
        assert_eq!(status(&not, "/v1/sys/health", None), None);
        for same in ["/v1/sys/metrics", "/v1/sys/metrics/", "/v1/sys/%6detrics"] {
            assert_eq!(status(&not, same, None), Some(404), "{same}");
        }
    }

    #[test]
    fn a_request_says_that_it_is_meant() {
        let mut strict = listener();
        strict.access.request_header = true;
        assert_eq!(status(&strict, "/v1/sys/health", None), Some(412));
        assert_eq!(status(&strict, "/v1/sys/health", Some(("x-vault-request", "false"))), Some(412));
        assert_eq!(status(&strict, "/v1/sys/health", Some(("x-vault-request", "true"))), None);
    }
}
