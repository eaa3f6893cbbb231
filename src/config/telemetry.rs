//! `telemetry`: what is measured and who is told.

use std::time::Duration;

use super::declared::Takes::Duration as Time;
use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;
use super::{address, declared};

/// `telemetry`, of the whole server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// `prometheus_retention_time` is not zero.
    pub prometheus: bool,
    /// `None`: no traces are recorded.
    pub traces: Option<TraceSettings>,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// `otlp_endpoint`, without a slash at its end.
    pub endpoint: String,
    /// `otlp_sampled_percent`
    pub percent: u64,
}

pub const TABLE: Table = Table {
    label: "",
    about: "What is measured, and who is told.",
    keys: &[&[
        Key::new(
            "prometheus_retention_time",
            Time,
            "24h",
            "`0s` switches the form for Prometheus off. Otherwise a series is shown for as long as the server runs.",
        ),
        Key::new(
            "otlp_endpoint",
            declared::Takes::Address,
            "",
            "A collector of OpenTelemetry, such as `http://127.0.0.1:4318`, that gets a span for each request, by OTLP over \
             HTTP (`/v1/traces`), with the type of what is mounted and the pattern of the path in place of names. Without it \
             nothing is traced. For `https` the machine's authorities count. All nodes should have it.",
        ),
        Key::new(
            "otlp_sampled_percent",
            declared::Takes::Number,
            "100",
            "Of how many traces in a hundred that begin here spans are sent. Where a client sends `traceparent`, the client \
             says whether.",
        ),
        Key::ignored(
            "usage_gauge_period",
            NotOffered,
            "of what a scan of the store would tell only the leases are counted, all the time",
        ),
        Key::ignored(
            "maximum_gauge_cardinality",
            NotOffered,
            "of what a scan of the store would tell only the leases are counted, all the time",
        ),
        Key::ignored("disable_hostname", NotOffered, "no name carries the host: who scrapes knows it"),
        Key::ignored("enable_hostname_label", NotOffered, "no metric carries the host: who scrapes knows it"),
        Key::ignored("metrics_prefix", NotOffered, "names begin as Vault's do"),
        Key::ignored("lease_metrics_epsilon", NotOffered, "leases are not counted by when they end"),
        Key::ignored("num_lease_metrics_buckets", NotOffered, "leases are not counted by when they end"),
        Key::ignored("add_lease_metrics_namespace_labels", NotOffered, "leases are not counted by when they end"),
        Key::ignored("add_mount_point_rollback_metrics", NotOffered, "there are no rollbacks"),
        Key::ignored(
            "filter_default",
            NotOffered,
            "every metric is shown; drop what is not wanted where it is scraped",
        ),
        Key::ignored("prefix_filter", NotOffered, "every metric is shown; drop what is not wanted where it is scraped"),
        Key::ignored("statsite_address", NotOffered, "nothing is sent to Statsite"),
        Key::ignored("statsd_address", NotOffered, "nothing is sent to StatsD"),
        Key::ignored("dogstatsd_addr", NotOffered, "nothing is sent to DogStatsD"),
        Key::ignored("dogstatsd_tags", NotOffered, "nothing is sent to DogStatsD"),
        Key::ignored("circonus_api_token", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_api_app", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_api_url", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_submission_interval", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_submission_url", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_check_id", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_check_force_metric_activation", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_check_instance_id", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_check_search_tag", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_check_tags", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_check_display_name", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_broker_id", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("circonus_broker_select_tag", NotOffered, "nothing is sent to Circonus"),
        Key::ignored("stackdriver_project_id", NotOffered, "nothing is sent to Stackdriver"),
        Key::ignored("stackdriver_location", NotOffered, "nothing is sent to Stackdriver"),
        Key::ignored("stackdriver_namespace", NotOffered, "nothing is sent to Stackdriver"),
        Key::ignored("stackdriver_debug_logs", NotOffered, "nothing is sent to Stackdriver"),
    ]],
};

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Telemetry, ConfigError> {
    let mut telemetry = Telemetry { prometheus: true, traces: None };
    for (_, section) in top.blocks("telemetry")? {
        if let Some(retention) = section.duration("prometheus_retention_time")? {
            telemetry.prometheus = retention > Duration::ZERO;
        }
        let percent = section.entry("otlp_sampled_percent").map(|entry| entry.number_in(0, 100)).transpose()?;
        if let Some(entry) = section.entry("otlp_endpoint") {
            let wanted = "it must be a URL with nothing behind the host and port, such as \"http://127.0.0.1:4318\"";
            let endpoint = address::api(&entry.text()?).ok_or_else(|| entry.bad(wanted))?.to_string();
            telemetry.traces = Some(TraceSettings { endpoint, percent: percent.unwrap_or(100) });
        }
        section.finish(warnings)?;
    }
    Ok(telemetry)
}
