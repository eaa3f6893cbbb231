use proptest::prelude::*;

use super::{read, refused, text};
use crate::{MAX_BYTES, MAX_DEPTH, MAX_VALUES, parse};

#[test]
fn depth_is_bounded_in_both_forms() {
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    read(&format!("a = {}", lists(MAX_DEPTH - 1)));
    read(&format!("{{\"a\": {}}}", lists(MAX_DEPTH - 1)));
    for depth in [MAX_DEPTH + 1, 100_000] {
        assert!(refused(&format!("a = {}", lists(depth))).contains("nested"));
        assert!(refused(&format!("{{\"a\": {}}}", lists(depth))).contains("nested"));
        assert!(refused(&"a {".repeat(depth)).contains("nested"));
        assert!(refused(&"{\"a\":".repeat(depth)).contains("nested"));
    }
}

#[test]
fn size_and_number_of_values_are_bounded() {
    assert!(refused(&" ".repeat(MAX_BYTES + 1)).contains("bytes long"));
    assert!(refused(&format!("a = [{}]", "1,".repeat(MAX_VALUES + 1))).contains("more than"));
    assert!(refused(&format!("{{\"a\": [{}]}}", "1,".repeat(MAX_VALUES + 1))).contains("more than"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Whatever comes, there is an answer, and an error points into the text.
    #[test]
    fn anything_is_answered(source in r#"([ab"{}\[\],=:#/*$\\<EOF \n0-9.xue-]|true|null|<<EOF\n|\PC){0,60}"#) {
        if let Err(error) = parse(&source) {
            let lines = source.split('\n').count();
            prop_assert!(error.at.line as usize <= lines, "{error} in {source:?}");
        }
    }

    /// What is written with escapes comes back as it was, in both forms.
    #[test]
    fn texts_come_back(content in "\\PC{0,40}") {
        prop_assume!(!content.contains("${"));
        let escaped = content.replace('\\', "\\\\").replace('"', "\\\"");
        let hcl = format!("a = \"{escaped}\"");
        prop_assert_eq!(text(&hcl), content.as_str());
        let json = format!("{{\"a\": \"{escaped}\"}}");
        prop_assert_eq!(text(&json), content.as_str());
    }
}
