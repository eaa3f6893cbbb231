//! Web pages of other origins: which may talk to a listener, and what their browsers are told.

use holdfast_core::cors::CLIENT_HEADERS;
use holdfast_core::response::Response;
use hyper::Method;
use hyper::header::HeaderMap;

use crate::config::Cors;

const METHODS: &[&str] = &["DELETE", "GET", "OPTIONS", "POST", "PUT", "LIST", "SCAN"];
/// What the rules make of a request.
pub enum Verdict {
    /// It is none of theirs, or allowed with these headers on its answer.
    Pass(Vec<(&'static str, String)>),
    /// It ends here.
    Answer(Response),
}

pub fn judge(cors: Option<&Cors>, method: &Method, headers: &HeaderMap) -> Verdict {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (origin, wanted) = (text("origin"), text("access-control-request-method"));
    let Some(cors) = cors.filter(|_| !origin.is_empty()) else { return Verdict::Pass(Vec::new()) };
    if !cors.origins.iter().any(|known| known == "*" || known == origin) {
        return Verdict::Answer(Response::errors(403, &["origin not allowed"]));
    }
    let preflight = *method == Method::OPTIONS;
    if preflight && !METHODS.contains(&wanted) {
        return Verdict::Answer(empty(405, Vec::new()));
    }
    let mut out = vec![("Access-Control-Allow-Origin", origin.to_owned()), ("Vary", "Origin".to_owned())];
    if cors.credentials {
        out.push(("Access-Control-Allow-Credentials", "true".to_owned()));
    }
    if !preflight {
        return Verdict::Pass(out);
    }
    let allowed: Vec<&str> = CLIENT_HEADERS.iter().copied().chain(cors.headers.iter().map(String::as_str)).collect();
    out.push(("Access-Control-Allow-Methods", METHODS.join(",")));
    out.push(("Access-Control-Allow-Headers", allowed.join(",")));
    out.push(("Access-Control-Max-Age", "300".to_owned()));
    Verdict::Answer(empty(200, out))
}

fn empty(status: u16, headers: Vec<(&'static str, String)>) -> Response {
    let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    Response { headers, ..Response::empty(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(cors: &Cors, method: Method, headers: &[(&'static str, &str)]) -> Verdict {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        judge(Some(cors), &method, &headers)
    }

    fn rules(origin: &str) -> Cors {
        Cors { origins: vec![origin.to_owned()], headers: vec!["X-Mine".to_owned()], credentials: false }
    }

    #[test]
    fn pages_that_are_named_may_ask() {
        let rules = rules("https://a");
        let Verdict::Pass(headers) = judged(&rules, Method::GET, &[("origin", "https://a")]) else { panic!() };
        assert_eq!(headers[0], ("Access-Control-Allow-Origin", "https://a".to_owned()));
        let Verdict::Answer(refused) = judged(&rules, Method::GET, &[("origin", "https://b")]) else { panic!() };
        assert_eq!(refused.status, 403);
        assert!(matches!(judged(&rules, Method::GET, &[]), Verdict::Pass(headers) if headers.is_empty()));
        let preflight = [("origin", "https://a"), ("access-control-request-method", "LIST")];
        let Verdict::Answer(answer) = judged(&rules, Method::OPTIONS, &preflight) else { panic!() };
        assert_eq!(answer.status, 200);
        assert!(answer.headers["access-control-allow-headers"].ends_with(",X-Mine"), "{:?}", answer.headers);
        let brew = [("origin", "https://a"), ("access-control-request-method", "BREW")];
        assert!(matches!(judged(&rules, Method::OPTIONS, &brew), Verdict::Answer(answer) if answer.status == 405));
    }

    #[test]
    fn all_pages() {
        let all = Cors { credentials: true, ..rules("*") };
        let Verdict::Pass(headers) = judged(&all, Method::GET, &[("origin", "https://any")]) else { panic!() };
        assert_eq!(headers[0].1, "https://any");
        assert!(headers.contains(&("Access-Control-Allow-Credentials", "true".to_owned())));
    }
}
