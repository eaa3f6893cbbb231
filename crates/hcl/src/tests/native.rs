use super::{read, refused, text};
use crate::{Kind, Position};

#[test]
fn several_attributes_and_blocks_may_share_a_line() {
    let body = read(r#"path "a" { capabilities = ["read"] min = 1 } path "b" { x = 1, y = 2 } z = true"#);
    assert_eq!(body.items.len(), 3);
    let first = body.items[0].value.as_object().unwrap();
    assert_eq!(first.get("capabilities").unwrap().as_list().unwrap()[0].as_str(), Some("read"));
    assert_eq!(first.get("min").unwrap().as_integer(), Some(1));
    let second = body.items[1].value.as_object().unwrap();
    assert_eq!((second.get("x").unwrap().as_integer(), second.get("y").unwrap().as_integer()), (Some(1), Some(2)));
    assert_eq!(body.get("z").unwrap().as_bool(), Some(true));
}

#[test]
fn comments_of_all_kinds_are_skipped() {
    let body = read("# one\n// two\n/* three\n * four **/ a /* five */ = // six\n 1 # seven");
    assert_eq!(body.get("a").unwrap().as_integer(), Some(1));
    assert!(read("# only a comment").items.is_empty());
    assert!(read("").items.is_empty());
    assert!(refused("/* open").contains("not closed"));
}

#[test]
fn keys_may_be_quoted_and_bare_words_may_hold_dots_and_dashes() {
    let body = read("\"a b\" = 1\nfoo-bar.baz_9 = 2\nö = 3");
    assert_eq!(body.get("a b").unwrap().as_integer(), Some(1));
    assert_eq!(body.get("foo-bar.baz_9").unwrap().as_integer(), Some(2));
    assert_eq!(body.get("ö").unwrap().as_integer(), Some(3));
}

#[test]
fn numbers() {
    let kind = |source: &str| read(&format!("a = {source}")).get("a").unwrap().kind.clone();
    assert_eq!(kind("0"), Kind::Integer(0));
    assert_eq!(kind("12"), Kind::Integer(12));
    assert_eq!(kind("-12"), Kind::Integer(-12));
    assert_eq!(kind("0x1F"), Kind::Integer(31));
    assert_eq!(kind("-0x10"), Kind::Integer(-16));
    assert_eq!(kind("0755"), Kind::Integer(0o755));
    assert_eq!(kind("9223372036854775807"), Kind::Integer(i64::MAX));
    assert_eq!(kind("-9223372036854775808"), Kind::Integer(i64::MIN));
    assert_eq!(kind("1.5"), Kind::Float(1.5));
    assert_eq!(kind("-1.5e3"), Kind::Float(-1500.0));
    assert_eq!(kind("1e-2"), Kind::Float(0.01));
    assert_eq!(kind(".5"), Kind::Float(0.5));
    assert_eq!(kind("0.25"), Kind::Float(0.25));
    for wrong in ["9223372036854775808", "0x", "0x+1", "089", "5m", "1.2.3", "1e", "1e999", "-", "--1", "-inf"] {
        assert!(refused(&format!("a = {wrong}")).contains("is not a number"), "{wrong}");
    }
}

#[test]
fn escapes() {
    assert_eq!(text(r#"a = "\a\b\f\n\r\t\v\\\"""#), "\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"");
    assert_eq!(text(r#"a = "\u00e9\U0001F600\x41\101""#), "é😀AA");
    assert_eq!(text(r#"a = "\xc3\xa9""#), "é");
    for wrong in [r"\q", r"\u12", r"\ud800", r"\U00110000", r"\x4", r"\08", r"\777"] {
        assert!(refused(&format!("a = \"{wrong}\"")).contains("escape"), "{wrong}");
    }
    assert!(refused(r#"a = "\xff""#).contains("UTF-8"));
}

#[test]
fn interpolation_is_kept_literally() {
    assert_eq!(text(r#"a = "x ${file("y\n")} z""#), r#"x ${file("y\n")} z"#);
    assert_eq!(text("a = \"${ {\n} }\""), "${ {\n} }");
    assert_eq!(text(r#"a = "$x {y} $""#), "$x {y} $");
    assert!(refused(r#"a = "${x""#).contains("no closing `}`"));
}

#[test]
fn heredocs() {
    assert_eq!(text("a = <<EOF\none\n  two\nEOF\nb = 1"), "one\n  two\n");
    assert_eq!(text("a = <<EOF\none\nEOF"), "one\n");
    assert_eq!(text("a = <<EOF\r\none\r\nEOF\r\nb = 1"), "one\n");
    assert_eq!(text("a = <<EOF\n  one\n  EOF\n"), "  one\n  ");
    assert_eq!(text("a = <<-EOF\n    one\n      two\n    EOF\n"), "one\n  two\n");
    assert_eq!(text("a = <<-EOF\n  one\n    two\n    EOF\n"), "  one\n    two\n");
    assert_eq!(text("a = <<EOF\nEOF2\n\"${\nEOF\n"), "EOF2\n\"${\n");
    assert_eq!(read("a = <<EOF\nx\nEOF\nb = 1").get("b").unwrap().as_integer(), Some(1));
    assert!(refused("a = <<EOF\none\n").contains("closes this text"));
    assert!(refused("a = << EOF\none\nEOF\n").contains("needs a word"));
    assert!(refused("a = <EOF").contains("second `<`"));
}

#[test]
fn lists() {
    let body = read("a = [1, \"x\", true, [2], {b = 1}, <<E\ny\nE\n,\n]");
    assert_eq!(body.get("a").unwrap().as_list().unwrap().len(), 6);
    assert!(read("a = []").get("a").unwrap().as_list().unwrap().is_empty());
    assert!(refused("a = [1 2]").contains("`,` or `]`"));
    assert!(refused("a = [1").contains("`]`"));
}

#[test]
fn positions_are_those_of_the_text() {
    let body = read("x = 1\n  path \"é\" { key = [\n1 ] }");
    let item = &body.items[1];
    assert_eq!(item.at, Position { line: 2, column: 3 });
    assert_eq!(item.keys[1].at, Position { line: 2, column: 8 });
    let inner = &item.value.as_object().unwrap().items[0];
    assert_eq!(inner.at, Position { line: 2, column: 14 });
    assert_eq!(inner.value.as_list().unwrap()[0].at, Position { line: 3, column: 1 });
}

#[test]
fn repeated_keys_stay_visible_and_the_last_one_is_got() {
    let body = read("a = 1\na = 2");
    assert_eq!(body.values("a").count(), 2);
    assert_eq!(body.get("a").unwrap().as_integer(), Some(2));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(
        refused("path \"a\" { capabilities = [\"read\"]"),
        "line 1, column 35: the `}` that closes the one at line 1, column 10 was expected, but the end of the text was found"
    );
    assert_eq!(refused("a = \n\"x"), "line 2, column 1: the text that begins here has no closing quote");
    assert_eq!(
        refused("a"),
        "line 1, column 2: `=` or `{` after the key `a` was expected, but the end of the text was found"
    );
    assert_eq!(refused("a b = 1"), "line 1, column 5: `{` after the labels of `a` was expected, but '=' was found");
    assert_eq!(refused("a = yes"), "line 1, column 5: the value `yes` needs quotes");
    assert_eq!(refused("= 1"), "line 1, column 1: a key was expected, but '=' was found");
    assert_eq!(refused("}"), "line 1, column 1: a key was expected, but '}' was found");
    assert_eq!(refused("a = 1 \0"), "line 1, column 7: a NUL character is not allowed");
    assert_eq!(refused("a = "), "line 1, column 5: a value was expected, but the end of the text was found");
}
