//! `holdfast operator dr status`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast operator dr status\n  holdfast operator dr status -format=json")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "reading how the cluster stands to others";
    let status = globals.client()?.get("sys/replication/dr/status").await.doing(doing)?.ok().doing(doing)?;
    let status = &status["data"];
    globals.output()?.value(status, || table(status))
}

/// What is not said has no row.
const ROWS: [(&str, &str); 14] = [
    ("Mode", "mode"),
    ("Cluster ID", "cluster_id"),
    ("Secondary", "secondary_id"),
    ("State", "copy_state"),
    ("State", "state"),
    ("Connection", "connection_state"),
    ("Revision", "revision"),
    ("Behind (revisions)", "behind"),
    ("Lag (ms)", "lag_ms"),
    ("Fenced", "fenced"),
    ("Since", "last_start"),
    ("Problem", "problem"),
    ("Kept for secondaries (bytes)", "feed_bytes"),
    ("Fingerprint", "merkle_root"),
];

fn table(status: &Value) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    for (name, field) in ROWS {
        let told = !status[field].is_null() && rows.last().is_none_or(|[last, _]| last != name);
        // A secondary that does not hear of its primary does not know.
        let unknown = field == "behind" && status["mode"] == "secondary" && status[field].is_null();
        if told || unknown {
            rows.push([name.to_owned(), if unknown { "unknown".to_owned() } else { cell(&status[field]) }]);
        }
    }
    if let Some(difference) = status["last_difference"].as_object() {
        let text = |field: &str| difference.get(field).map(cell).unwrap_or_default();
        let value =
            format!("{}, {} fetched, {} removed: {}", text("at"), text("fetched"), text("removed"), text("reason"));
        rows.push(["Last compared".to_owned(), value]);
    }
    let mut shown = output::pairs(&rows);
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let others = |field: &str| status[field].as_array().cloned().unwrap_or_default();
    let secondaries: Vec<[String; 5]> = others("secondaries")
        .iter()
        .map(|other| {
            let state =
                if other["enrolled"] == false { "invited".to_owned() } else { text(&other["connection_status"]) };
            [
                text(&other["node_id"]),
                state,
                text(&other["cluster_address"]),
                cell(&other["behind"]),
                cell(&other["lag_ms"]),
            ]
        })
        .collect();
    if !secondaries.is_empty() {
        let header = ["Secondary", "State", "Address", "Behind (revisions)", "Lag (ms)"];
        shown.push_str(&format!("\n{}", output::table(header, &secondaries)));
    }
    let primaries: Vec<[String; 3]> = others("primaries")
        .iter()
        .map(|other| [text(&other["cluster_address"]), text(&other["api_address"]), text(&other["connection_status"])])
        .collect();
    if !primaries.is_empty() {
        shown.push_str(&format!("\n{}", output::table(["Primary Node", "API Address", "State"], &primaries)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_mode_shows_what_it_has() {
        let alone = table(&json!({ "mode": "disabled" }));
        assert!(alone.contains("disabled") && !alone.contains("Lag"), "{alone}");
        let copy = table(&json!({
            "mode": "secondary", "secondary_id": "east", "state": "stream-wals", "copy_state": "following", "behind": 3,
            "primaries": [{ "cluster_address": "https://a:8201", "api_address": "", "connection_status": "connected" }],
        }));
        assert!(
            copy.contains("following") && !copy.contains("stream-wals") && copy.contains("https://a:8201"),
            "{copy}"
        );
        let cut_off = table(&json!({ "mode": "secondary", "copy_state": "idle", "behind": null }));
        assert!(cut_off.contains("unknown"), "{cut_off}");
        let primary = table(&json!({
            "mode": "primary", "state": "running",
            "secondaries": [{ "node_id": "east", "enrolled": false, "connection_status": "disconnected" }],
        }));
        assert!(primary.contains("running") && primary.contains("invited"), "{primary}");
    }
}
