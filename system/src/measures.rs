//! What this process tells of itself, as the endpoints that show it need it: measurements and log lines.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use holdfast_core::response::Response;
use sdk::{Failure, Map, Result, Value};

use crate::node::Method;

/// The measurements and the log of the process that this node runs in.
pub trait Measures: Send + Sync {
    /// As Vault's JSON.
    fn json(&self) -> Value;
    /// As Prometheus' text and its content type. `None`: the configuration has switched it off.
    fn prometheus(&self) -> Option<(&'static str, String)>;
    /// Log lines from now on. Empty words stand for `info` and `standard`.
    fn listen(&self, level: &str, format: &str) -> Result<Box<dyn Lines>>;
    /// From which severity on each part of the server writes lines, by the part's name.
    fn log_levels(&self) -> BTreeMap<String, String>;
    /// Sets that of one part, or of all; without a level as the configuration says.
    fn set_log_level(&self, part: Option<&str>, level: Option<&str>) -> Result<()>;
    fn host(&self) -> Host;
    /// How this process was configured, without what is secret.
    fn configuration(&self) -> Map<String, Value>;
    /// Whether the configuration sets this header on answers.
    fn sets_header(&self, name: &str) -> bool;
}

/// The machine that a process runs on.
#[derive(Default)]
pub struct Host {
    pub facts: Map<String, Value>,
    /// What could not be found out, and why.
    pub problems: Vec<String>,
}

/// Log lines, for as long as this is kept.
#[async_trait]
pub trait Lines: Send {
    /// With its line end. `None` once there will be no more.
    async fn next(&mut self) -> Option<Bytes>;
}

/// Measures nothing: for servers that are not processes.
pub struct Nothing;

impl Measures for Nothing {
    fn json(&self) -> Value {
        sdk::json!({"Timestamp": "", "Gauges": [], "Points": [], "Counters": [], "Samples": []})
    }

    fn prometheus(&self) -> Option<(&'static str, String)> {
        None
    }

    fn listen(&self, _level: &str, _format: &str) -> Result<Box<dyn Lines>> {
        Err(Failure::NoSuch("this server writes no log".to_owned()))
    }

    fn log_levels(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn set_log_level(&self, _part: Option<&str>, _level: Option<&str>) -> Result<()> {
        Err(Failure::NoSuch("this server writes no log".to_owned()))
    }

    fn host(&self) -> Host {
        Host::default()
    }

    fn configuration(&self) -> Map<String, Value> {
        Map::new()
    }

    fn sets_header(&self, _name: &str) -> bool {
        false
    }
}

/// Status, content type and body.
pub(crate) struct Shown {
    pub status: u16,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

pub(crate) fn show(measures: &dyn Measures, format: &str) -> Shown {
    const TEXT: &str = "text/plain; charset=utf-8";
    let refused = |text: String| Shown { status: 400, content_type: TEXT, bytes: text.into_bytes() };
    match format {
        "" => {
            let bytes = measures.json().to_string().into_bytes();
            Shown { status: 200, content_type: "application/json", bytes }
        }
        "prometheus" => match measures.prometheus() {
            Some((content_type, text)) => Shown { status: 200, content_type, bytes: text.into_bytes() },
            None => refused("prometheus is not enabled: prometheus_retention_time is 0".to_owned()),
        },
        other => {
            refused(format!("metric response format {other:?} is unknown: leave it out for JSON, or say prometheus"))
        }
    }
}

/// For a listener that needs no token.
pub fn answer(measures: &dyn Measures, method: Method, query: &Map<String, Value>) -> Response {
    if method != Method::Get {
        return Response::errors(405, &[]);
    }
    let format = query.get("format").and_then(Value::as_str).unwrap_or_default();
    let shown = show(measures, format);
    Response {
        status: shown.status,
        content_type: shown.content_type.into(),
        body: shown.bytes,
        ..Response::empty(shown.status)
    }
}
