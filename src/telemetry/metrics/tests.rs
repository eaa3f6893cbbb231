use metrics::{CounterFn, GaugeFn, HistogramFn, Key, Label, Metadata, Recorder as _};

use super::registry::Recorder;
use super::summary::Summary;
use super::*;

fn fresh() -> Arc<Metrics> {
    Arc::new(Metrics { registry: Registry::default() })
}

const HERE: Metadata<'static> = Metadata::new("here", metrics::Level::INFO, None);

#[test]
fn quantiles_are_close_and_memory_is_fixed() {
    let mut summary = Summary::default();
    assert_eq!(summary.quantile(0.5), None);
    for n in 1..=10_000 {
        summary.record(f64::from(n) / 100.0);
    }
    for (quantile, want) in [(0.5, 50.0), (0.9, 90.0), (0.99, 99.0)] {
        let got = summary.quantile(quantile).unwrap();
        assert!((got - want).abs() <= want / 10.0, "{quantile}: {got}");
    }
    summary.roll();
    let last = summary.interval();
    assert_eq!((last.count, last.min, last.max), (10_000, 0.01, 100.0));
    assert!((last.mean() - 50.0).abs() < 0.1 && (last.deviation() - 28.87).abs() < 0.1);
    summary.roll();
    assert_eq!(summary.quantile(0.5), None, "older than two intervals");
    assert_eq!(summary.count, 10_000, "the whole count stays");
    summary.record(f64::NAN);
    summary.record(-1.0);
    assert_eq!(summary.count, 10_000);
    summary.record(1e300);
    assert_eq!(summary.quantile(1.0), Some(1e300), "what is beyond the buckets is still told");
}

#[test]
fn both_forms_show_every_series() {
    let metrics = fresh();
    let recorder = Recorder(Arc::clone(&metrics));
    recorder.register_counter(&Key::from_name("vault.audit.log_request"), &HERE).increment(3);
    let labelled = Key::from_parts("vault.core.active", vec![Label::new("cluster", "a \"b\"\\\n")]);
    recorder.register_gauge(&labelled, &HERE).set(1.0);
    recorder.register_histogram(&Key::from_name("vault.route.read.secret-"), &HERE).record(2.0);

    let text = metrics.prometheus();
    for line in [
        "# TYPE vault_audit_log_request counter\nvault_audit_log_request 3\n",
        "# TYPE vault_core_active gauge\nvault_core_active{cluster=\"a \\\"b\\\"\\\\\\n\"} 1\n",
        "# TYPE vault_route_read_secret_ summary\nvault_route_read_secret_{quantile=\"0.5\"} 2\n",
        "vault_route_read_secret__sum 2\nvault_route_read_secret__count 1\n",
    ] {
        assert!(text.contains(line), "{line}\n---\n{text}");
    }

    let json = metrics.json();
    assert_eq!(json["Counters"].as_array().unwrap().len(), 0, "no interval is complete yet");
    metrics.roll();
    let json = metrics.json();
    assert_eq!(json["Counters"][0]["Name"], "vault.audit.log_request");
    assert_eq!((json["Counters"][0]["Count"].as_u64(), json["Counters"][0]["Sum"].as_u64()), (Some(1), Some(3)));
    assert_eq!(json["Samples"][0]["Mean"], 2.0);
    assert_eq!(json["Gauges"][0]["Labels"]["cluster"], "a \"b\"\\\n");
    metrics.roll();
    assert_eq!(metrics.json()["Counters"].as_array().unwrap().len(), 0, "nothing happened in the last interval");
}

#[test]
fn the_number_of_series_has_a_bound() {
    let metrics = fresh();
    let recorder = Recorder(Arc::clone(&metrics));
    for n in 0..3000 {
        recorder.register_counter(&Key::from_name(format!("c{n}")), &HERE).increment(1);
    }
    assert_eq!(metrics.registry.counters.all().len(), 2000);
    recorder.register_counter(&Key::from_name("c0"), &HERE).increment(1);
    let known = metrics.registry.counters.all().into_iter().find(|(key, _)| key.name() == "c0").unwrap().1;
    assert_eq!(known.total(), 2, "known ones still count");
}

#[test]
fn levels_go_up_and_down() {
    let level = super::registry::Level::default();
    level.set(2.5);
    level.increment(1.0);
    level.decrement(3.0);
    assert_eq!(level.value(), 0.5);
    let count = super::registry::Count::default();
    count.increment(2);
    count.absolute(10);
    count.absolute(5);
    assert_eq!(count.total(), 10);
    super::registry::Sample::default().record(1.0);
}

#[test]
fn the_process_tells_of_itself() {
    let metrics = start();
    let text = metrics.prometheus();
    assert!(text.contains("process_resident_memory_bytes") && text.contains("process_open_fds"), "{text}");
}
