//! Random ids and secrets of letters and digits.

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub fn letters(length: usize) -> String {
    let mut out = String::with_capacity(length);
    while out.len() < length {
        // Those above would make the first letters likelier than the others.
        let usable = crypto::random::<64>().into_iter().filter(|byte| *byte < 248);
        out.extend(usable.take(length - out.len()).map(|byte| char::from(LETTERS[usize::from(byte % 62)])));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_wanted_and_others_each_time() {
        for length in [0, 1, 32, 200] {
            let text = letters(length);
            assert!(text.len() == length && text.chars().all(|c| c.is_ascii_alphanumeric()));
        }
        assert_ne!(letters(32), letters(32));
    }
}
