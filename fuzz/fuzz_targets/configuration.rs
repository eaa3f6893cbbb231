//! A configuration file: it is read, or refused with a sentence.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use holdfast::config::Sources;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("holdfast-fuzz-{}.hcl", std::process::id())));

fuzz_target!(|text: &[u8]| {
    if std::fs::write(&*FILE, text).is_err() {
        return;
    }
    let sources = Sources { paths: vec![FILE.clone()], ..Sources::default() };
    if let Err(error) = sources.load() {
        assert!(!error.to_string().is_empty());
    }
});
