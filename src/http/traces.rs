//! What a request says of the trace that it belongs to.

use holdfast_core::trace::TraceContext;
use hyper::Method;
use hyper::header::HeaderMap;

/// Of several the standard counts none.
pub fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut given = headers.get_all("traceparent").iter();
    let parent = given.next().and_then(|value| TraceContext::parse(value.to_str().ok()?));
    parent.filter(|_| given.next().is_none())
}

/// A method that nobody knows may be any text.
pub fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LIST", "SCAN"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}
