//! What clients bring back as a ciphertext, a signature or a key: it is taken apart, or refused with a sentence.
#![no_main]

use engines_transit::wire::{decode, decode_url, encode, encode_url, prefixed, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let encoded = match split("ciphertext", &text) {
        Ok((version, rest)) => {
            let written = prefixed(version, rest);
            assert!(written.len() <= text.len(), "a version is written shortest");
            assert!(split("ciphertext", &written).is_ok_and(|again| again == (version, rest)));
            rest
        }
        Err(why) => {
            assert!(why.to_string().starts_with("invalid ciphertext: "));
            &text
        }
    };
    match decode(encoded) {
        Ok(bytes) => assert_eq!(decode(&encode(&bytes)), Ok(bytes)),
        Err(why) => assert!(!why.is_empty()),
    }
    match decode_url(encoded) {
        Ok(bytes) => assert_eq!(decode_url(&encode_url(&bytes)), Ok(bytes)),
        Err(why) => assert!(!why.is_empty()),
    }
});
