//! A request's span: what kind of thing was asked for, where, how long it took and how it ended. It holds neither names
//! nor values: of a path only the pattern that it fits.
//!
//! A trace goes on from the client's (`traceparent`, as the W3C has it) to this node and to the one that a request is
//! forwarded to. Who gets the spans is the server's business; without a [`Tracer`] nothing here costs anything.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use sdk::Verb;
use serde::{Deserialize, Serialize};
use storage::RequestId;

use crate::pipeline::Located;

/// Takes what spans there are.
pub trait Tracer: Send + Sync {
    /// Whether a trace that begins here is recorded. Of one that comes from a client the client says it.
    fn records(&self, trace: &[u8; 16]) -> bool;
    /// Must not wait.
    fn ended(&self, span: &Span, status: u16);
}

/// One span of one trace, as `traceparent` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    /// Whether whoever began the trace records it.
    pub recorded: bool,
}

impl TraceContext {
    /// What is not well-formed counts as nothing, as the standard wants it.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace) = (lower_hex::<1>(parts.next()?)?, lower_hex::<16>(parts.next()?)?);
        let (span, flags) = (lower_hex::<8>(parts.next()?)?, lower_hex::<1>(parts.next()?)?);
        // Later versions may say more behind it.
        let fits = version != [0xff] && (version != [0] || parts.next().is_none());
        (fits && trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, recorded: flags[0] & 1 == 1 })
    }
}

fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A request's place in its trace.
#[derive(Clone, Serialize, Deserialize)]
pub struct Trace {
    /// What the next node's span is below.
    pub context: TraceContext,
    /// Of this node. `None` where the trace is not recorded.
    #[serde(skip)]
    pub span: Option<Arc<Span>>,
}

/// What one node does for one request.
pub struct Span {
    pub context: TraceContext,
    pub parent: Option<[u8; 8]>,
    pub request: RequestId,
    pub method: &'static str,
    /// Whether another node forwarded it to this one.
    pub received: bool,
    sent: AtomicBool,
    route: OnceLock<String>,
    pub began: SystemTime,
    pub since: Instant,
}

impl Trace {
    pub fn begin(
        tracer: &dyn Tracer,
        parent: Option<TraceContext>,
        method: &'static str,
        request: RequestId,
        received: bool,
    ) -> Self {
        let trace = parent.map_or_else(crypto::random, |parent| parent.trace);
        let recorded = parent.map_or_else(|| tracer.records(&trace), |parent| parent.recorded);
        let context = TraceContext { trace, span: crypto::random(), recorded };
        let span = recorded.then(|| {
            Arc::new(Span {
                context,
                parent: parent.map(|parent| parent.span),
                request,
                method,
                received,
                sent: AtomicBool::new(false),
                route: OnceLock::new(),
                began: SystemTime::now(),
                since: Instant::now(),
            })
        });
        Self { context, span }
    }

    /// It is known where the request goes.
    pub(crate) fn located(&self, at: &Located) {
        if let Some(span) = &self.span {
            span.route.get_or_init(|| {
                let mut route = at.mount.type_name.clone();
                if let Some(matched) = &at.matched {
                    let _ = write!(route, "/{}", matched.path.pattern.text());
                }
                route
            });
        }
    }

    /// It goes on to the active node.
    pub(crate) fn sent(&self) {
        if let Some(span) = &self.span {
            span.sent.store(true, Ordering::Relaxed);
        }
    }
}

impl Span {
    /// The type of what is mounted and the declared path below it: `kv/data/:path*`.
    pub fn route(&self) -> Option<&str> {
        self.route.get().map(String::as_str)
    }

    /// Whether it was forwarded to the active node.
    pub fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }
}

/// As a client would have written it.
pub fn method_of(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "GET",
        Verb::Write => "POST",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::List => "LIST",
        Verb::Scan => "SCAN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Half;

    impl Tracer for Half {
        fn records(&self, trace: &[u8; 16]) -> bool {
            trace[0] < 128
        }
        fn ended(&self, _span: &Span, _status: u16) {}
    }

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_parent_is_well_formed_or_none() {
        let parent = TraceContext::parse(GIVEN).unwrap();
        assert_eq!((parent.trace[0], parent.span[7], parent.recorded), (0x4b, 0xb7, true));
        assert!(!TraceContext::parse(&GIVEN.replace("-01", "-02")).unwrap().recorded);
        assert!(TraceContext::parse(&format!("{}-more", GIVEN.replacen("00-", "01-", 1))).is_some());
        for broken in [
            "",
            "00",
            &format!("{GIVEN}-more"),
            &GIVEN.replacen("00-", "ff-", 1),
            &GIVEN.to_uppercase(),
            &GIVEN[..54],
            &GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
            &GIVEN.replace("00f067aa0ba902b7", "0000000000000000"),
            &GIVEN.replace("4bf9", "4bé"),
        ] {
            assert_eq!(TraceContext::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_client_says_what_is_recorded_or_else_the_tracer() {
        let id = RequestId { applied: 0, random: crypto::random() };
        let begin = |parent| Trace::begin(&Half, parent, "GET", id, false);
        let parent = TraceContext::parse(GIVEN).unwrap();
        let trace = begin(Some(parent));
        let span = trace.span.unwrap();
        assert_eq!((span.context.trace, span.parent), (parent.trace, Some(parent.span)));
        assert_ne!(span.context.span, parent.span);
        let silent = begin(Some(TraceContext { recorded: false, ..parent }));
        assert!(silent.span.is_none() && silent.context.trace == parent.trace, "it is passed on all the same");
        let recorded = (0..100).filter(|_| begin(None).span.is_some()).count();
        assert!((1..100).contains(&recorded), "{recorded}");
    }
}
