//! A request that another node forwarded, once its seal is off: it is read whole, or not at all.
#![no_main]

use holdfast_core::request::Request;
use libfuzzer_sys::fuzz_target;
use storage::RequestId;

fuzz_target!(|payload: &[u8]| {
    if let Some(id) = RequestId::from_bytes(payload) {
        assert_eq!(id.to_bytes(), payload);
    }
    let Ok(request) = serde_json::from_slice::<Request>(payload) else { return };
    let written = serde_json::to_vec(&request).expect("a request always serializes");
    let again: Request = serde_json::from_slice(&written).expect("and is read again");
    assert!(again.id == request.id && again.path == request.path && again.body == request.body);
});
