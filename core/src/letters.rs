//! Random names of letters and digits.

/// Letters and digits, each equally likely.
pub(crate) fn random(count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let bytes: [u8; 32] = crypto::random();
        // 248 is the largest multiple of 62 in a byte.
        let fair = bytes.iter().filter(|b| **b < 248).map(|b| char::from(LETTERS[usize::from(*b) % 62]));
        out.extend(fair.take(count - out.len()));
    }
    out
}
