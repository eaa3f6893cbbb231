//! `telemetry`: what is measured and who is told.

use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;

pub const TABLE: Table = Table {
    label: "",
    about: "What is measured, and who is told.",
    keys: &[&[
        Key::ignored("usage_gauge_period", NotOffered, "nothing is measured yet"),
        Key::ignored("maximum_gauge_cardinality", NotOffered, "nothing is measured yet"),
        Key::ignored("disable_hostname", NotOffered, "nothing is measured yet"),
        Key::ignored("enable_hostname_label", NotOffered, "nothing is measured yet"),
        Key::ignored("metrics_prefix", NotOffered, "nothing is measured yet"),
        Key::ignored("lease_metrics_epsilon", NotOffered, "nothing is measured yet"),
        Key::ignored("num_lease_metrics_buckets", NotOffered, "nothing is measured yet"),
        Key::ignored("add_lease_metrics_namespace_labels", NotOffered, "nothing is measured yet"),
        Key::ignored("add_mount_point_rollback_metrics", NotOffered, "nothing is measured yet"),
        Key::ignored("filter_default", NotOffered, "nothing is measured yet"),
        Key::ignored("prefix_filter", NotOffered, "nothing is measured yet"),
        Key::ignored("statsite_address", NotOffered, "nothing is measured yet"),
        Key::ignored("statsd_address", NotOffered, "nothing is measured yet"),
        Key::ignored("dogstatsd_addr", NotOffered, "nothing is measured yet"),
        Key::ignored("dogstatsd_tags", NotOffered, "nothing is measured yet"),
        Key::ignored("prometheus_retention_time", NotOffered, "nothing is measured yet"),
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

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    for (_, section) in top.blocks("telemetry")? {
        section.finish(warnings)?;
    }
    Ok(())
}
