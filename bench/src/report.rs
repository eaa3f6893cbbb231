//! What a round came to, as `scripts/bench` reads it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

#[derive(Serialize)]
pub struct Report {
    /// Successful ones.
    pub answers: u64,
    pub seconds: f64,
    pub bytes: u64,
    pub errors: BTreeMap<String, u64>,
    pub latency_us: Latency,
    /// Of this program, to see that it was not what limited the round.
    pub own_cpu_seconds: f64,
}

#[derive(Serialize)]
pub struct Latency {
    p50: u64,
    p95: u64,
    p99: u64,
    max: u64,
}

impl Latency {
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.50), p95: at(0.95), p99: at(0.99), max: histogram.max() }
    }
}

/// User and system time of this process, in seconds. Zero where the system does not say.
pub fn own_cpu() -> f64 {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return 0.0 };
    // The name is in brackets and may hold anything; fields count from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    const TICKS_PER_SECOND: f64 = 100.0;
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_grows() {
        let before = own_cpu();
        let mut n = 0_u64;
        while own_cpu() - before < 0.02 {
            n = std::hint::black_box(n + 1);
        }
        assert!(own_cpu() > before);
    }
}
