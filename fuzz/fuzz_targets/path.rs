//! A request's path: what is let in is one name for one place.
#![no_main]

use holdfast_core::request::{PATH_MAX, canonical};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;

fuzz_target!(|raw: &[u8]| {
    let decoded: Vec<u8> = percent_decode(raw).collect();
    let Ok(path) = canonical(&decoded) else { return };
    assert_eq!(path.as_bytes(), decoded, "it is let in as it is, or not at all");
    assert!(path.len() <= PATH_MAX && !path.starts_with('/') && !path.contains("//"));
    assert!(!path.chars().any(char::is_control));
    assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
});
