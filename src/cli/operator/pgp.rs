//! Public PGP keys from files, in the form that the API takes: the key's bytes in base64. What they say is read by the
//! server.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::cli::failure::Failure;

const LARGEST: u64 = 1 << 20;

/// `file`, or `@file`; armoured, in base64, or as it is.
pub fn key(named: &str) -> Result<String, Failure> {
    if named.starts_with("keybase:") {
        return Err(Failure::usage(format!("{named}: keys are read from files; save this one to a file first")));
    }
    let file = Path::new(named.strip_prefix('@').unwrap_or(named));
    let about = fs::metadata(file).map_err(|error| Failure::file(file, error))?;
    if about.len() > LARGEST {
        return Err(Failure::usage(format!("{}: no PGP key is larger than {LARGEST} bytes", file.display())));
    }
    let bytes = fs::read(file).map_err(|error| Failure::file(file, error))?;
    let unusable = || Failure::usage(format!("{}: it holds no public PGP key", file.display()));
    encoded(&bytes).ok_or_else(unusable)
}

pub fn keys(named: &[String]) -> Result<Vec<String>, Failure> {
    named.iter().map(|named| key(named.trim())).collect()
}

fn encoded(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return (!bytes.is_empty()).then(|| STANDARD.encode(bytes)) };
    let base64 = if text.contains("-----BEGIN PGP") { dearmoured(text)? } else { text.split_whitespace().collect() };
    let key = STANDARD.decode(&base64).ok().filter(|key| !key.is_empty())?;
    Some(STANDARD.encode(key))
}

/// The lines between the headers and the checksum.
fn dearmoured(text: &str) -> Option<String> {
    let block = text.split_once("-----BEGIN PGP PUBLIC KEY BLOCK-----")?.1;
    let block = block.split_once("-----END PGP PUBLIC KEY BLOCK-----")?.0;
    let mut lines = block.lines().map(str::trim).skip(1).peekable();
    // Headers have a colon, and an empty line ends them.
    while lines.peek().is_some_and(|line| line.contains(':')) {
        lines.next();
    }
    Some(lines.filter(|line| !line.is_empty() && !line.starts_with('=')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_comes_off() {
        let plain = STANDARD.encode([0x99, 1, 2, 3]);
        let armoured = format!(
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\n{}\n{}\n=AbCd\n-----END PGP PUBLIC KEY BLOCK-----\n",
            &plain[..4],
            &plain[4..]
        );
        assert_eq!(encoded(armoured.as_bytes()), Some(plain.clone()));
        assert_eq!(encoded(armoured.replace("Version: x\n", "").as_bytes()), Some(plain.clone()));
        assert_eq!(encoded(format!("{plain}\n").as_bytes()), Some(plain.clone()));
        assert_eq!(encoded(&[0x99, 1, 2, 3]), Some(plain));
        assert_eq!(encoded(b"no key"), None);
        assert_eq!(encoded(b""), None);
    }
}
