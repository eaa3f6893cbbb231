//! A request's body: within the bounds that are checked before anything is built, and no deeper.
#![no_main]

use holdfast::config::RequestLimits;
use holdfast::http::json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let limits = RequestLimits::default();
    match json::object(body, &limits) {
        Ok(object) => {
            let depth = depth(&Value::Object(object));
            assert!(depth <= limits.json_depth, "{depth} levels");
        }
        Err(why) => assert!(!why.is_empty()),
    }
});

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(items) => 1 + items.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
