//! `sys/in-flight-req`: the requests that are under way on the node that was asked.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::in_flight::UnderWay;
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Input, Map, OnSecondary, Outcome, Params, Path, Result, Value, Verb, json};

#[derive(Input)]
struct Nothing {}

struct InFlight(Arc<Node>);

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("in-flight-req")
        .on_secondary(OnSecondary::ByOperationToken)
        .help(
            "Shows the requests under way on this node.",
            "Those that came to it and those that it runs for other nodes, by their ids. Clients are not told apart further \
             than by their addresses.",
        )
        .answers(Verb::Read, Outcome::body::<Map<String, Value>>())
        .act::<Nothing>(Verb::Read, InFlight(Arc::clone(node)))
}

#[async_trait]
impl Act for InFlight {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        Nothing::parse(params)?;
        let all = self.0.in_flight.all();
        let shown: Map<String, Value> = all.iter().map(|request| (request.id.to_string(), show(request))).collect();
        Ok(Answer::bare(Value::Object(shown)))
    }

    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        true
    }
}

fn show(request: &UnderWay) -> Value {
    let method = match request.verb {
        Verb::Read => "GET",
        Verb::Write => "POST",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::List => "LIST",
        Verb::Scan => "SCAN",
    };
    json!({
        "start_time": sdk::timestamp(request.since),
        "client_remote_address": request.remote.map(|remote| remote.to_string()).unwrap_or_default(),
        "request_path": format!("/v1/{}", request.path),
        "request_method": method,
        "client_id": "",
    })
}
