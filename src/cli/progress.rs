//! How far long work is, for whoever sits at a terminal. Goes to standard error; elsewhere nothing is shown.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const KNOWN: &str = "{msg} [{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
const UNKNOWN: &str = "{msg} {spinner} {bytes}, {bytes_per_sec}, {elapsed}";
const COUNTED: &str = "{msg} {spinner} {pos}, {per_sec}, {elapsed}";

/// Of a transfer; its length may not be known before its end.
pub fn bytes(what: &'static str, length: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = if length.is_some() { KNOWN } else { UNKNOWN };
    bar.set_style(ProgressStyle::with_template(template).expect("invariant: both templates are well-formed"));
    bar.with_message(what)
}

/// Of things, whose number nobody knows before their end.
pub fn counted(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(COUNTED).expect("invariant: the template is well-formed"));
    bar.with_message(what.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_templates_can_be_drawn() {
        assert_eq!(super::counted("Importing").position(), 0);
        assert_eq!(super::bytes("Saving", None).length(), None);
        assert_eq!(super::bytes("Saving", Some(5)).length(), Some(5));
    }
}
