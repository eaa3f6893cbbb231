//! The registry as Vault's JSON: gauges as they are, counters and samples of the last complete interval.

use std::time::SystemTime;

use metrics::Key;
use serde_json::{Map, Value, json};

use super::INTERVAL;
use super::registry::Registry;

pub fn render(registry: &Registry) -> Value {
    let mut gauges = Vec::new();
    for (key, level) in registry.gauges.all() {
        gauges.push(json!({"Name": key.name(), "Value": level.value(), "Labels": labels(&key)}));
    }
    let mut counters = Vec::new();
    for (key, count) in registry.counters.all() {
        let grown = count.grown();
        if grown.times == 0 {
            continue;
        }
        let mean = grown.by as f64 / grown.times as f64;
        counters.push(json!({
            "Name": key.name(), "Count": grown.times, "Rate": grown.by as f64 / INTERVAL.as_secs_f64(),
            "Sum": grown.by, "Min": mean, "Max": mean, "Mean": mean, "Stddev": 0, "Labels": labels(&key),
        }));
    }
    let mut samples = Vec::new();
    for (key, sample) in registry.samples.all() {
        let summary = sample.0.lock();
        let last = summary.interval();
        if last.count == 0 {
            continue;
        }
        samples.push(json!({
            "Name": key.name(), "Count": last.count, "Rate": last.sum / INTERVAL.as_secs_f64(), "Sum": last.sum,
            "Min": last.min, "Max": last.max, "Mean": last.mean(), "Stddev": last.deviation(), "Labels": labels(&key),
        }));
    }
    json!({
        "Timestamp": now(), "Gauges": gauges, "Points": [], "Counters": counters, "Samples": samples,
    })
}

fn labels(key: &Key) -> Map<String, Value> {
    key.labels().map(|label| (label.key().to_owned(), label.value().into())).collect()
}

/// As Vault writes it: `2026-01-02 03:04:05 +0000 UTC`.
fn now() -> String {
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let stamp = sdk::timestamp(storage::Millis(u64::try_from(at.as_millis()).unwrap_or(u64::MAX)));
    let (day, time) = stamp.split_once('T').unwrap_or((&stamp, ""));
    format!("{day} {} +0000 UTC", time.get(..8).unwrap_or(time))
}
