use super::read;
use crate::{Body, nearest};

/// Labels and the attribute `x` of each block `b` with one label.
fn blocks(body: &Body) -> Vec<(String, Option<i64>)> {
    body.blocks("b", 1)
        .unwrap()
        .iter()
        .map(|block| (block.labels[0].text.clone(), block.body.get("x").and_then(|x| x.as_integer())))
        .collect()
}

#[test]
fn every_way_of_writing_a_block_reads_alike() {
    let expected = vec![("one".to_owned(), Some(1)), ("two".to_owned(), Some(2))];
    for source in [
        "b \"one\" { x = 1 }\nb \"two\" { x = 2 }",
        "b one { x = 1 } b two { x = 2 }",
        "b = { \"one\" = { x = 1 } \"two\" = { x = 2 } }",
        "b { one { x = 1 } two { x = 2 } }",
        "b = [{ one = { x = 1 } }, { two { x = 2 } }]",
        r#"{"b": {"one": {"x": 1}, "two": {"x": 2}}}"#,
        r#"{"b": [{"one": {"x": 1}}, {"two": {"x": 2}}]}"#,
        r#"{"b": [{"one": [{"x": 1}]}, {"two": [{"x": 2}]}]}"#,
        r#"{"b": {"one": {"x": 1}}, "c": 1, "b": {"two": {"x": 2}}}"#,
    ] {
        assert_eq!(blocks(&read(source)), expected, "{source}");
    }
    let twice = vec![("one".to_owned(), Some(1)), ("one".to_owned(), Some(2))];
    assert_eq!(blocks(&read(r#"{"b": {"one": [{"x": 1}, {"x": 2}]}}"#)), twice);
}

#[test]
fn blocks_without_labels() {
    for source in ["t { x = 1 }", "t = { x = 1 }", r#"{"t": {"x": 1}}"#, r#"{"t": [{"x": 1}]}"#] {
        let body = read(source);
        let found = body.blocks("t", 0).unwrap();
        assert_eq!(found.len(), 1, "{source}");
        assert_eq!(found[0].body.get("x").unwrap().as_integer(), Some(1));
    }
    assert!(read("{\"t\": null}").blocks("t", 0).unwrap().is_empty());
    assert!(read("u {}").blocks("t", 0).unwrap().is_empty());
}

#[test]
fn a_wrong_number_of_labels_is_an_error() {
    let problem = |source: &str, labels| read(source).blocks("b", labels).unwrap_err().to_string();
    assert_eq!(problem("b \"one\" \"two\" {}", 1), "line 1, column 9: `b` has 2 labels, 1 expected");
    assert_eq!(problem("b \"one\" {}", 0), "line 1, column 3: `b` has 1 labels, 0 expected");
    assert_eq!(problem("b = 1", 1), "line 1, column 1: `b` needs a name in quotes before its braces");
    assert_eq!(problem("b { x = 1 }", 1), "line 1, column 9: `b` must be a block in braces, not a number");
    assert_eq!(problem("b = [1]", 0), "line 1, column 6: `b` must be a block in braces, not a number");
}

#[test]
fn unknown_keys_come_with_their_place_and_the_key_that_was_meant() {
    let body = read("listner \"tcp\" {}\nui = true\nzzz = 1");
    let known = ["listener", "ui", "storage"];
    let found: Vec<_> = body.unknown(&known).map(|u| (u.key, u.at.line, u.nearest)).collect();
    assert_eq!(found, [("listner", 1, Some("listener")), ("zzz", 3, None)]);
    assert_eq!(nearest("capability", &["capabilities"]), Some("capabilities"));
    assert_eq!(nearest(&"x".repeat(10_000), &["ui"]), None);
}
