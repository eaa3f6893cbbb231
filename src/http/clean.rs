//! Paths with empty or dotted segments: the client is sent to the path that they lead to, and comes again with that one, so
//! that policies, audit and router never see another. What is hidden behind percent signs is refused instead.

use holdfast_core::response::Response;
use hyper::{Method, Uri};

/// Where the request should have gone, if not here. What is not below `/v1/` is nowhere.
pub fn redirect(method: &Method, uri: &Uri) -> Option<Response> {
    let path = uri.path();
    if !path.starts_with("/v1/") && path != "/v1/sys" {
        return None;
    }
    let asks_for_help = uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("help=")));
    // The root of `sys/`: as a file it is nothing.
    let clean = if path == "/v1/sys" && !asks_for_help { "/v1/sys/".to_owned() } else { clean(path)? };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::redirect(&format!("{clean}{query}"));
    if [Method::GET, Method::HEAD].contains(method) {
        response.content_type = "text/plain; charset=utf-8".into();
        response.body = b"Temporary Redirect\n".to_vec();
    }
    Some(response)
}

/// The path without segments that are empty or lead elsewhere; `None` if it has none.
fn clean(path: &str) -> Option<String> {
    let (body, slash) = match path.strip_suffix('/') {
        Some(body) => (body, "/"),
        None => (path, ""),
    };
    let below = body.strip_prefix('/').unwrap_or(body);
    if below.is_empty() || !below.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return None;
    }
    let mut kept = Vec::new();
    for segment in below.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let dotted = slash.is_empty() && below.rsplit('/').next().is_some_and(|last| matches!(last, "." | ".."));
    let slash = if kept.is_empty() || dotted { "" } else { slash };
    Some(format!("/{}{slash}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, leads_to) in [
            ("/v1/kv//a", Some("/v1/kv/a")),
            ("/v1//kv/a", Some("/v1/kv/a")),
            ("//v1/kv/a", Some("/v1/kv/a")),
            ("/v1/kv/./a/", Some("/v1/kv/a/")),
            ("/v1/kv/d/../a", Some("/v1/kv/a")),
            ("/v1/../../a", Some("/a")),
            ("/v1/kv//", Some("/v1/kv/")),
            ("/..", Some("/")),
            ("/v1/kv/a/", None),
            ("/v1/kv/..a/.b", None),
            ("/v1/kv/%2e%2e/a", None),
            ("/", None),
        ] {
            assert_eq!(clean(path).as_deref(), leads_to, "{path}");
        }
    }

    #[test]
    fn the_query_goes_along() {
        let to = |uri: &'static str| {
            redirect(&Method::GET, &Uri::from_static(uri)).map(|response| response.headers["location"].clone())
        };
        assert_eq!(to("/v1/kv//a?list=true").as_deref(), Some("/v1/kv/a?list=true"));
        assert_eq!(to("/v1/sys").as_deref(), Some("/v1/sys/"));
        assert_eq!(to("/v1/sys?help=1"), None);
        assert_eq!(to("//v1/kv/a"), None);
    }
}
