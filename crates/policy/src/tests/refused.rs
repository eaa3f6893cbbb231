use crate::Policy;

fn refused(text: &str) -> String {
    match Policy::parse("x", text) {
        Ok(policy) => panic!("{text:?} was read as {policy:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn sentences_name_the_path_and_what_is_wrong() {
    for (text, sentence) in [
        (r#"path "a" { capabilities = ["fly"] }"#, r#"path "a": invalid capability "fly""#),
        (r#"{"path": {"a": {"capabilities": ["fly"]}}}"#, r#"path "a": invalid capability "fly""#),
        (r#"path "a" { policy = "fly" }"#, r#"path "a": invalid policy "fly""#),
        (r#"route "a" { capabilities = ["read"] }"#, r#"invalid key "route" at line 1, column 1"#),
        (
            r#"path "a" { capability = ["read"] }"#,
            r#"path "a": invalid key "capability" at line 1, column 12 (did you mean "capabilities"?)"#,
        ),
        (r#"path "a/+*" { capabilities = ["read"] }"#, r#"path "a/+*": invalid use of wildcards (`+*` is forbidden)"#),
        (
            r#"path "a" { min_wrapping_ttl = "2h" max_wrapping_ttl = "1h" }"#,
            r#"path "a": max_wrapping_ttl cannot be less than min_wrapping_ttl"#,
        ),
        (r#"path "a" { min_wrapping_ttl = "soon" }"#, r#"path "a": min_wrapping_ttl: invalid duration "soon""#),
        (r#"path "a" { min_wrapping_ttl = "1d12h" }"#, r#"path "a": min_wrapping_ttl: invalid duration "1d12h""#),
        (r#"path "a" { min_wrapping_ttl = -1 }"#, r#"path "a": min_wrapping_ttl: duration -1 is negative"#),
        (
            r#"path "a/{{identity.entity.id" { capabilities = ["read"] }"#,
            r#"path "a/{{identity.entity.id": the template braces {{ and }} do not pair up"#,
        ),
        (
            r#"path "a" { capabilities = "read" }"#,
            r#"path "a": capabilities must be a list of texts, not a text (line 1, column 27)"#,
        ),
        (
            r#"path "a" { capabilities = ["list"] list_scan_response_keys_filter_path = "{{ .path }}" }"#,
            r#"path "a": list_scan_response_keys_filter_path: every key would be checked at the same path: {{ .key }} is missing"#,
        ),
        (
            r#"path "a" { capabilities = ["read"] list_scan_response_keys_filter_path = "{{ .key }}" }"#,
            r#"path "a": list_scan_response_keys_filter_path needs to be used on a path with the list capability"#,
        ),
        (r#"path { capabilities = ["read"] }"#, "line 1, column 8: `path` must be a block in braces, not a list"),
    ] {
        if text.starts_with("path {") {
            assert!(refused(text).starts_with("line 1"), "{}", refused(text));
            continue;
        }
        assert_eq!(refused(text), sentence);
    }
}

#[test]
fn other_wrong_texts_are_refused() {
    for text in [
        r#"path "a" { capabilities = ["read"]"#,
        r#"path "a" { expiration = "whenever" }"#,
        r#"path "a" { allowed_parameters = { "x" = "y" } }"#,
        r#"path "a" { allowed_parameters = "x" }"#,
        r#"path "a" { required_parameters = [1] }"#,
        r#"path "a" { pagination_limit = -1 }"#,
        r#"path "a" { control_group = { tll = 1 } }"#,
        r#"path "a" "b" { }"#,
        r#"path "a}}" { }"#,
        "path = 1",
        "just words",
    ] {
        refused(text);
    }
}

#[test]
fn durations_in_all_their_forms() {
    for (written, seconds) in [
        ("300", 300),
        ("\"300\"", 300),
        ("\"5m\"", 300),
        ("\"1h30m\"", 5400),
        ("\"1.5h\"", 5400),
        ("\"2d\"", 172_800),
        ("90.7", 90),
    ] {
        let text = format!("path \"a\" {{ capabilities = [\"read\"] max_wrapping_ttl = {written} }}");
        let acl = super::acl(&[&text]);
        assert!(super::wrapped(&acl, "a", Some(seconds)).allowed, "{written}");
        assert!(!super::wrapped(&acl, "a", Some(seconds + 1)).allowed, "{written}");
    }
}
