use super::{read, refused, text};
use crate::{Kind, Position};

#[test]
fn values_of_every_kind() {
    let body = read(r#" {"a": "x", "b": [1, -2.5e1, true, false, null, {"c": {}}], "d": null, } "#);
    assert_eq!(body.get("a").unwrap().as_str(), Some("x"));
    let list = body.get("b").unwrap().as_list().unwrap();
    assert_eq!(list[1].kind, Kind::Float(-25.0));
    assert_eq!(list[4].kind, Kind::Null);
    assert_eq!(body.get("d"), None, "null counts as absent");
    assert_eq!(body.items.len(), 3, "but it stays visible");
}

#[test]
fn escapes() {
    assert_eq!(
        text(r#"{"a": "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 ${x} {{y}}"}"#),
        "\"\\/\u{8}\u{c}\n\r\té😀 ${x} {{y}}"
    );
    for wrong in [r"\q", r"\u12", r"\ud800", r"\ud800\u0041", r"\udc00", r"\x41"] {
        assert!(refused(&format!("{{\"a\": \"{wrong}\"}}")).contains("escape"), "{wrong}");
    }
}

#[test]
fn positions_and_repetitions_survive() {
    let body = read("{\n  \"a\": 1,\n  \"a\": {\"b\": 2}}");
    assert_eq!(body.items[1].at, Position { line: 3, column: 3 });
    assert_eq!(body.values("a").count(), 2);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(refused("{\"a\" 1}"), "line 1, column 6: `:` after the key `a` was expected, but '1' was found");
    assert_eq!(refused("{a: 1}"), "line 1, column 2: a key in quotes was expected, but 'a' was found");
    assert_eq!(refused("{\"a\": 1} x"), "line 1, column 10: the end of the text was expected, but 'x' was found");
    assert!(refused("{\"a\": [1 2]}").contains("`,` or the `]`"));
    assert!(refused("{\"a\": 1").contains("`}`"));
    assert!(refused("{\"a\": nope}").contains("needs quotes"));
    assert!(refused("{\"a\": 0x1f}").contains("is not a number"));
    assert!(refused("{").contains("`}`"));
}
