//! From a [`Response`] to HTTP.

use bytes::Bytes;
use holdfast_core::response::Response;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};

use super::stream::AnswerBody;

pub fn render(response: Response, head: bool) -> hyper::Response<AnswerBody> {
    let body = match response.stream.and_then(|pipe| pipe.open()).filter(|_| !head) {
        Some(reader) => AnswerBody::Stream(reader),
        None if head => AnswerBody::Whole(Full::default()),
        None => AnswerBody::Whole(Full::new(Bytes::from(response.body))),
    };
    let mut out = hyper::Response::new(body);
    *out.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = out.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    if let Ok(value) = HeaderValue::from_str(&response.content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    for (name, value) in &response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    out
}
