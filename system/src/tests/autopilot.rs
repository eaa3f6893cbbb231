//! What autopilot does not take.

use sdk::json;

use super::server::Server;

const PATH: &str = "sys/storage/raft/autopilot/configuration";

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_field_that_is_wrong() {
    let server = Server::new().await;
    for (change, naming) in [
        (json!({ "last_contact_threshold": "-10s" }), "last_contact_threshold"),
        (json!({ "last_contact_threshold": "20ms" }), "last_contact_threshold must be at least 1s"),
        (json!({ "last_contact_threshold": "24h" }), "dead_server_last_contact_threshold must be longer than"),
        (json!({ "server_stabilization_time": -1 }), "server_stabilization_time"),
        (json!({ "dead_server_last_contact_threshold": "30s" }), "less than 1m; received: 30"),
        (json!({ "dead_server_last_contact_threshold": "soon" }), "dead_server_last_contact_threshold"),
        (json!({ "max_trailing_logs": -1 }), "max_trailing_logs must not be negative; received: -1"),
        (json!({ "min_quorum": -3 }), "min_quorum must not be negative; received: -3"),
        (json!({ "min_quorum": 2 }), "it should at least be 3"),
    ] {
        server.write(PATH, change).await.refused(400, naming);
    }
    let read = server.read(PATH).await.ok();
    assert_eq!(read["data"]["last_contact_threshold"], "10s", "what is refused changes nothing");
    assert_eq!(read["data"]["min_quorum"], 3);

    // The official client sends zeros for what its caller has not set.
    let set = json!({ "last_contact_threshold": "30s", "max_trailing_logs": 0, "server_stabilization_time": "0s" });
    server.write(PATH, set).await.ok();
    let read = server.read(PATH).await.ok();
    assert_eq!(read["data"]["last_contact_threshold"], "30s");
    assert_eq!(
        (&read["data"]["max_trailing_logs"], &read["data"]["server_stabilization_time"]),
        (&json!(1000), &json!("10s"))
    );
}
