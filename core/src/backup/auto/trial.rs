//! The test restore: a backup is read back as a restore reads it, and every value in it is opened.

use std::fs::File;
use std::path::Path;

use barrier::Barrier;
use storage::{Sealer, Value};

use crate::backup::{BackupError, Whole, walk};
use crate::space;

/// Whether a restore would take the file, and could read what it brings. Blocks.
pub(super) fn restore(file: &Path, barrier: &Barrier) -> Result<Whole, String> {
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let (mut keyring, mut problem) = (false, None);
    let whole = walk(opened, &mut |_, records| {
        for (key, stored) in records {
            let Value::Bytes(bytes) = stored.value else { continue };
            let readable = if key == space::keyring() {
                keyring = true;
                barrier.opens(&bytes).is_ok_and(|opens| opens)
            } else {
                barrier.open_value(&key, &bytes).is_ok()
            };
            if !readable {
                problem = Some("a record of it does not open".to_owned());
                return Err(BackupError::Stopped);
            }
        }
        Ok(())
    });
    let whole = whole.map_err(|error| problem.unwrap_or_else(|| error.to_string()))?;
    if !keyring {
        return Err("it has no keyring".into());
    }
    let mac = barrier.backup_mac().map_err(|_| "the server was sealed".to_owned())?;
    if mac.verify(&whole.sums, &whole.mac) { Ok(whole) } else { Err("its proof of origin is wrong".into()) }
}
