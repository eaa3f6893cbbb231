//! `holdfast version`

use super::failure::{Done, Failure};
use super::output;

pub fn run() -> Result<Done, Failure> {
    output::say(&format!("Holdfast v{}", env!("CARGO_PKG_VERSION")))
}
