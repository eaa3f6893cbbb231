//! The checked-in reference is the one that the declarations make. `HOLDFAST_FIX=1` writes it.

use std::path::Path;

use crate::config::reference;

#[test]
fn the_reference_is_what_the_declarations_make() {
    let file = Path::new("docs/CONFIGURATION.md");
    let made = reference();
    if std::env::var_os("HOLDFAST_FIX").is_some() {
        std::fs::write(file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == made, "docs/CONFIGURATION.md is not what src/config declares: run scripts/fix");
}
