//! Metrics: what this process counts and times, under Vault's names where Vault has one.
//!
//! Code anywhere uses the `metrics` facade (`metrics::counter!("vault.audit.log_request")`); this is the other end.
//! One registry, two forms: Prometheus' text, and JSON as Vault's default has it. Times are in milliseconds, as Vault's.
//! Everything here is about this process: nothing is asked of other nodes.

mod json;
mod process;
mod prometheus;
mod registry;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use prometheus::CONTENT_TYPE as PROMETHEUS;
use registry::Registry;

/// Of which the JSON form shows the last complete one, and whose quantiles both show.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// The process's metrics. There is one set in a process, as there is one facade.
pub struct Metrics {
    registry: Registry,
}

/// From now on the facade counts here.
pub fn start() -> Arc<Metrics> {
    static METRICS: OnceLock<Arc<Metrics>> = OnceLock::new();
    let metrics = METRICS.get_or_init(|| {
        let metrics = Arc::new(Metrics { registry: Registry::default() });
        // It fails only if there is a recorder already, and nobody else installs one.
        let _ = ::metrics::set_global_recorder(registry::Recorder(Arc::clone(&metrics)));
        metrics
    });
    Arc::clone(metrics)
}

impl Metrics {
    /// Begins a new interval. To be called every [`INTERVAL`].
    pub fn roll(&self) {
        self.registry.roll();
    }

    /// Those gauges are not shown until they are set again.
    pub fn forget(&self, are: impl Fn(&::metrics::Key) -> bool) {
        self.registry.gauges.forget(are);
    }

    pub fn prometheus(&self) -> String {
        process::gather();
        prometheus::render(&self.registry)
    }

    pub fn json(&self) -> serde_json::Value {
        process::gather();
        json::render(&self.registry)
    }
}
