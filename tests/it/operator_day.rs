//! A day of an operator, from founding a cluster to the backup after losing it, as a script of commands.

use std::process::Command;

use tempfile::TempDir;

/// Seconds, for a day that takes twenty when nothing else runs.
const LONGEST: &str = "240";

#[test]
fn by_commands_alone() {
    let home = TempDir::with_prefix("holdfast-day-").unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=20", LONGEST]);
    command.arg("tests/operator-day");
    let ran = command.arg(env!("CARGO_BIN_EXE_holdfast")).arg(home.path()).output().unwrap();
    let (said, log) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said == "the day is over\n", "{}: {said}{log}", ran.status);
}
