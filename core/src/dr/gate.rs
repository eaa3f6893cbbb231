//! What a secondary serves: what a node answers for itself, and what is declared to be there on one. Everything else is refused,
//! whoever asks: its records are another cluster's, and none of its answers would be known to be current.

use sdk::OnSecondary;

use crate::catalog::Catalog;
use crate::lifecycle::Node;
use crate::pipeline::{Located, locate};
use crate::request::Request;
use crate::response::Response;

/// As clients know it.
pub(crate) const DISABLED: &str = "path disabled in replication DR secondary mode";

/// The refusal of what this cluster does not serve as a secondary, if it is one.
pub(crate) fn refusal(node: &Node, catalog: &Catalog, request: &Request) -> Option<Response> {
    if !node.is_secondary() {
        return None;
    }
    let located = node.local_view().ok().and_then(|view| locate(node, catalog, &view, request).ok()?);
    (declared(located.as_ref(), request) == OnSecondary::Refused).then(|| Response::errors(400, &[DISABLED]))
}

pub(crate) fn declared(located: Option<&Located>, request: &Request) -> OnSecondary {
    let matched = located.and_then(|located| located.matched.as_ref()).filter(|_| !request.help);
    matched.map_or(OnSecondary::Refused, |matched| matched.path.on_secondary)
}
