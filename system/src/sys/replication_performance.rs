//! `sys/replication/performance/…` and the older names of the same: refused, with the reason.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Failure, Input, Map, Path, Txn, Value, Verb};

#[derive(Input)]
struct Anything {
    #[field(rest)]
    fields: Map<String, Value>,
}

const NONE: &str = "there is no performance replication: the standbys of a cluster serve reads, and another cluster can be its copy \
                    for disasters (replication/dr)";

pub fn paths(_node: &Arc<Node>) -> Vec<Path> {
    let patterns = [
        "replication/performance/primary/:action+",
        "replication/performance/secondary/:action+",
        "replication/performance/reindex",
        "replication/primary/:action+",
        "replication/secondary/:action+",
    ];
    let refused = |_: &Ctx, anything: Anything, _: &mut Txn| {
        drop(anything.fields);
        Err::<Answer, _>(Failure::invalid(NONE))
    };
    let path = |pattern| {
        let path = Path::new(pattern).help("Refused.", "There is no performance replication.");
        path.txn(Verb::Write, refused)
    };
    patterns.into_iter().map(path).collect()
}
