//! `operator diagnose` on a node that does not run.

use serde_json::{Value, json};

use crate::harness::{Cluster, Ran, Transport, run};

fn diagnose(cluster: &Cluster, more: &[&str]) -> Ran {
    let config = format!("-config={}", cluster.nodes[0].config_file().display());
    run(&[&["operator", "diagnose", config.as_str()], more].concat())
}

/// The outcomes of the check with this name.
fn outcomes(ran: &Ran, check: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|found| found["check"] == check).map(|found| found["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_node_that_is_fit_to_start_and_what_makes_it_unfit() {
    let cluster = Cluster::configured(1, Transport::Tls, &json!({}));
    // Which user runs the tests, and with which limits, is the machine's business.
    let of_the_machine = ["-skip=machine", "-skip=limit", "-skip=memory", "-skip=storage", "-skip=configuration"];
    let well = diagnose(&cluster, &of_the_machine);
    assert_eq!(well.status, 0, "{well:?}");
    assert!(well.out.contains("[ ok ] listener/tls") && well.out.contains("[ ok ] certificate/names"), "{}", well.out);

    let json = diagnose(&cluster, &["-format=json"]);
    assert_eq!(outcomes(&json, "listener/port"), ["ok", "ok"]);
    assert_eq!(outcomes(&json, "storage/folder"), ["ok"]);
    assert_eq!(outcomes(&json, "storage/permissions"), ["warn"], "the harness makes the folder for all");
    assert_eq!(outcomes(&json, "clock/store").len(), 1);

    let holder = std::net::TcpListener::bind(("127.0.0.1", cluster.nodes[0].cluster_port)).unwrap();
    let taken = diagnose(&cluster, &of_the_machine);
    assert_eq!(taken.status, 1, "{taken:?}");
    assert!(taken.out.contains("[fail] listener/port") && taken.out.contains("→ stop what listens"), "{}", taken.out);
    drop(holder);

    cluster.configure(0, &json!({ "api_addr": "https://vault.example:8200" }));
    let named = diagnose(&cluster, &["-format=json"]);
    assert_eq!((named.status, outcomes(&named, "certificate/names")), (1, vec!["fail".to_owned()]));

    std::fs::write(cluster.folder().join("tls.key"), "nothing").unwrap();
    let keyless = diagnose(&cluster, &["-format=json"]);
    assert_eq!((keyless.status, outcomes(&keyless, "listener/tls")), (1, vec!["fail".to_owned()]));
}

#[test]
fn a_configuration_that_cannot_be_used() {
    let ran = run(&["operator", "diagnose", "-config=/nowhere.hcl", "-format=json"]);
    assert_eq!((ran.status, outcomes(&ran, "configuration")), (1, vec!["fail".to_owned()]));
    assert_eq!(run(&["operator", "diagnose"]).status, 1);
}
