//! Which source counts, and what has changed between two readings.

use super::{folder, minimal};
use crate::config::{Environment, Flags, LogFormat, LogLevel, Sources, Written};

#[test]
fn flags_go_before_the_environment_and_that_before_the_files() {
    let (_keep, path) = folder(&[("a.hcl", &minimal("log_level = \"error\" log_format = \"json\" log_file = \"/f\""))]);
    let mut sources = Sources { paths: vec![path], ..Sources::default() };
    assert_eq!(sources.load().unwrap().config.log.level, LogLevel::Error);
    sources.environment = Environment { log_level: Some("warn".into()), ..Environment::default() };
    assert_eq!(sources.load().unwrap().config.log.level, LogLevel::Warn);
    sources.flags = Flags {
        log_level: Some(LogLevel::Trace),
        log_format: Some(LogFormat::Standard),
        log_file: Some("/flag".into()),
    };
    let log = sources.load().unwrap().config.log;
    assert_eq!((log.level, log.format), (LogLevel::Trace, LogFormat::Standard));
    assert_eq!(log.file.unwrap().path, std::path::Path::new("/flag"));
}

fn written(more: &str) -> Written {
    let (_keep, path) = folder(&[("a.hcl", &minimal(more))]);
    Sources { paths: vec![path], ..Sources::default() }.load().unwrap().written
}

#[test]
fn what_has_changed_and_cannot_follow_is_named() {
    let before = written("cluster_name = \"a\" log_level = \"info\" ui = true");
    assert_eq!(before.waiting(&before), Vec::<String>::new());
    let moved = written("\n\n log_level = \"info\"\n\n cluster_name = \"a\"");
    assert_eq!(before.waiting(&moved), Vec::<String>::new(), "lines and keys without effect do not count");
    let after = written("cluster_name = \"b\" log_level = \"debug\" pid_file = \"/p\"");
    assert_eq!(before.waiting(&after), ["cluster_name", "pid_file"]);
    let more = written("listener \"tcp\" { address = \"127.0.0.1:9\" tls_disable = true }");
    let names = written("").waiting(&more);
    assert_eq!(names, ["listener \"tcp\" (2)", "listener \"tcp\" (2) address", "listener \"tcp\" (2) tls_disable"]);
}
