//! What the system knows of this process, under the names that Prometheus' own libraries use.

use metrics::{counter, gauge};
use rustix::param::{clock_ticks_per_second, page_size};

pub fn gather() {
    if let Ok(stat) = std::fs::read_to_string("/proc/self/stat") {
        // The name is in brackets and may hold anything; fields count from behind it.
        let fields: Vec<u64> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
        let field = |n: usize| fields.get(n).copied().unwrap_or(0);
        counter!("process.cpu_seconds_total").absolute((field(11) + field(12)) / clock_ticks_per_second().max(1));
        gauge!("process.threads").set(field(17) as f64);
        gauge!("process.resident_memory_bytes").set(field(21) as f64 * page_size() as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process.open_fds").set(open.count() as f64);
    }
}
