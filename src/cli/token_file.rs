//! The file where a login leaves its token, and where each command looks for one.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::environment;
use super::failure::Failure;

/// No token is that long: whatever stands in such a file, it is none.
const LONGEST: u64 = 64 << 10;

/// From the environment, or from the file.
pub fn token() -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(token) = environment::setting("TOKEN") {
        return Ok(Some(Zeroizing::new(token)));
    }
    let Some(file) = place() else { return Ok(None) };
    let unreadable = |error| Failure::usage(format!("Error reading the token in {}: {error}", file.display()));
    match fs::metadata(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(about) if about.len() > LONGEST => return Err(unreadable(ErrorKind::FileTooLarge.into())),
        Ok(_) => {}
    }
    let text = Zeroizing::new(fs::read_to_string(&file).map_err(unreadable)?);
    let token = text.trim();
    Ok((!token.is_empty()).then(|| Zeroizing::new(token.to_owned())))
}

/// Readable by its owner alone, and whole or not there at all.
pub fn store(token: &str) -> Result<(), Failure> {
    let file = place().ok_or_else(|| Failure::refused("Error storing token: without HOME there is no place for it"))?;
    let unwritten =
        |error: std::io::Error| Failure::refused(format!("Error storing token in {}: {error}", file.display()));
    // Where the place is a link, what it leads to is replaced and the link stays.
    let target = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut written = tempfile::Builder::new()
        .prefix(".vault-token-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder.unwrap_or(".".as_ref()))
        .map_err(unwritten)?;
    written.write_all(token.as_bytes()).map_err(unwritten)?;
    written.as_file().sync_all().map_err(unwritten)?;
    written.persist(&target).map_err(|error| unwritten(error.error))?;
    Ok(())
}

fn place() -> Option<PathBuf> {
    let named = environment::setting("TOKEN_PATH").map(PathBuf::from);
    named.or_else(|| Some(environment::home()?.join(".vault-token")))
}
