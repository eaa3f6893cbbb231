//! Shares as operators type them: any bytes are answered, and true ones in any order make the key.
#![no_main]

use barrier::{SealConfig, Share, UnsealKey, combine, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[threshold, more, length], rest)) = data.split_first_chunk::<3>() else { return };
    let threshold = 2 + threshold % 4;
    let Ok(config) = SealConfig::shamir(i64::from(threshold + more % 4), i64::from(threshold), String::new()) else {
        return;
    };
    let typed: Vec<Share> = rest.chunks(1 + usize::from(length % 48)).take(8).map(Share::from_slice).collect();
    for share in &typed {
        let _ = share.check(&config);
    }
    if let Err(error) = combine(&typed, &config) {
        assert!(!error.to_string().is_empty());
    }
    let key = UnsealKey::random();
    let mut shares = split(&key, &config);
    let turned = usize::from(length) % shares.len();
    shares.rotate_left(turned);
    shares.truncate(usize::from(threshold));
    let combined = combine(&shares, &config).expect("they are true shares");
    assert!(crypto::ct_eq(combined.expose(), key.expose()));
});
