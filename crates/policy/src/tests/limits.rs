use super::{acl, may, object, question, update, wrapped};
use crate::{Operation, Question, Reason};

fn fits(acl: &crate::Acl, path: &str, body: &str) -> bool {
    update(acl, path, &object(body)).allowed
}

#[test]
fn required_allowed_and_denied_parameters() {
    let acl = acl(&[r#"
        path "kv/req/*" { capabilities = ["update"] required_parameters = ["owner"] }
        path "kv/allow/*" { capabilities = ["update"] allowed_parameters = { "color" = ["red", "blue*"] "any" = [] } }
        path "kv/deny/*" { capabilities = ["update"] denied_parameters = { "secret" = [] "level" = ["high"] } }
        path "kv/wild/*" { capabilities = ["update"] allowed_parameters = { "a" = ["1"] "*" = [] } }
        path "kv/none/*" { capabilities = ["update", "delete"] denied_parameters { "*" = [] } }
        path "kv/case/*" { capabilities = ["update"] required_parameters = ["Owner"] denied_parameters = { "X" = [] } }
    "#]);
    for (path, body, allowed) in [
        ("kv/req/a", r#"{"x": 1}"#, false),
        ("kv/req/a", r#"{"owner": "me"}"#, true),
        ("kv/req/a", r#"{"owner": null}"#, true),
        ("kv/req/a", r#"{"OWNER": "me"}"#, false),
        ("kv/allow/a", r#"{"color": "red"}"#, true),
        ("kv/allow/a", r#"{"color": "blueish"}"#, true),
        ("kv/allow/a", r#"{"color": "green"}"#, false),
        ("kv/allow/a", r#"{"color": "red", "other": 1}"#, false),
        ("kv/allow/a", r#"{"any": {"x": 1}}"#, true),
        ("kv/allow/a", "{}", true),
        ("kv/deny/a", r#"{"x": 1}"#, true),
        ("kv/deny/a", r#"{"secret": 1}"#, false),
        ("kv/deny/a", r#"{"SECRET": 1}"#, false),
        ("kv/deny/a", r#"{"level": "low"}"#, true),
        ("kv/deny/a", r#"{"level": "high"}"#, false),
        ("kv/deny/a", r#"{"data": {"secret": 1}}"#, true),
        ("kv/wild/a", r#"{"b": 2, "a": "1"}"#, true),
        ("kv/wild/a", r#"{"b": 2, "a": "2"}"#, false),
        ("kv/none/a", r#"{"b": 2}"#, false),
        ("kv/none/a", "{}", true),
        ("kv/case/a", r#"{"owner": 1}"#, true),
        ("kv/case/a", r#"{"owner": 1, "x": 1}"#, false),
    ] {
        assert_eq!(fits(&acl, path, body), allowed, "{path} {body}");
    }
    assert!(!may(&acl, Operation::Update, "kv/req/a"));
    assert!(may(&acl, Operation::Delete, "kv/none/a"));
}

#[test]
fn parameters_of_several_policies() {
    let p = r#"
        path "kv/r" { capabilities = ["create","update","read"] required_parameters = ["a","b"] }
        path "kv/m" { capabilities = ["create","update"] allowed_parameters = { "a" = ["1"] } }
        path "kv/e" { capabilities = ["create","update"] allowed_parameters = { "a" = ["1"] } }"#;
    let q = r#"
        path "kv/r" { capabilities = ["update"] required_parameters = ["c"] }
        path "kv/m" { capabilities = ["update"] allowed_parameters = { "a" = ["2"] "b" = [] } }
        path "kv/e" { capabilities = ["update"] allowed_parameters = { "a" = [] } }"#;
    let (one, both) = (acl(&[p]), acl(&[p, q]));
    for (acl, path, body, allowed) in [
        (&one, "kv/r", r#"{"a": 1}"#, false),
        (&one, "kv/r", r#"{"a": 1, "b": null}"#, true),
        (&one, "kv/r", r#"{"a": 1, "b": 2, "z": 3}"#, true),
        (&both, "kv/r", r#"{"a": 1, "b": 2}"#, false),
        (&both, "kv/r", r#"{"a": 1, "b": 2, "c": 3}"#, true),
        (&one, "kv/m", r#"{"a": "2"}"#, false),
        (&both, "kv/m", r#"{"a": "1"}"#, true),
        (&both, "kv/m", r#"{"a": "2"}"#, true),
        (&both, "kv/m", r#"{"b": "x"}"#, true),
        (&both, "kv/m", r#"{"a": "3"}"#, false),
        (&one, "kv/e", r#"{"a": "9"}"#, false),
        (&both, "kv/e", r#"{"a": "9"}"#, true),
    ] {
        assert_eq!(fits(acl, path, body), allowed, "{path} {body}");
    }
    assert!(!may(&one, Operation::Read, "kv/r"), "required parameters block reads too");
}

#[test]
fn values_are_compared_by_kind() {
    let acl = acl(&[r#"path "a" { capabilities = ["update"]
        allowed_parameters = { "n" = [1, 2.5] "b" = [true] "o" = [{"good" = "one"}] "s" = ["*end", "*mid*", "*"] "z" = ["1"] } }"#]);
    for (body, allowed) in [
        (r#"{"n": 1}"#, true),
        (r#"{"n": 1.0}"#, true),
        (r#"{"n": 2.5}"#, true),
        (r#"{"n": "1"}"#, false),
        (r#"{"b": true}"#, true),
        (r#"{"b": false}"#, false),
        (r#"{"o": {"good": "one"}}"#, true),
        (r#"{"o": {"good": "two"}}"#, false),
        (r#"{"s": "the end"}"#, true),
        (r#"{"s": "amidst"}"#, true),
        (r#"{"s": "*"}"#, true),
        (r#"{"s": "else"}"#, false),
        (r#"{"z": 1}"#, false),
    ] {
        assert_eq!(fits(&acl, "a", body), allowed, "{body}");
    }
}

#[test]
fn wrapping_bounds() {
    let p = r#"
        path "kv/a" { capabilities = ["read"] min_wrapping_ttl = "1m" max_wrapping_ttl = 600 }
        path "kv/b" { capabilities = ["read"] min_wrapping_ttl = "1s" }
        path "kv/c" { capabilities = ["read"] max_wrapping_ttl = "1m" }"#;
    let q = r#"path "kv/a" { capabilities = ["read"] min_wrapping_ttl = "10s" max_wrapping_ttl = "2m" }"#;
    let (one, both) = (acl(&[p]), acl(&[p, q]));
    for (acl, path, ttl, allowed) in [
        (&one, "kv/a", None, false),
        (&one, "kv/a", Some(30), false),
        (&one, "kv/a", Some(300), true),
        (&one, "kv/a", Some(660), false),
        (&both, "kv/a", Some(30), true),
        (&both, "kv/a", Some(300), false),
        (&both, "kv/a", Some(5), false),
        (&one, "kv/b", None, false),
        (&one, "kv/b", Some(60), true),
        (&one, "kv/c", Some(60), true),
        (&one, "kv/c", Some(61), false),
        (&one, "kv/c", None, false),
    ] {
        assert_eq!(wrapped(acl, path, ttl).allowed, allowed, "{path} {ttl:?}");
    }
    let apart = acl(&[
        r#"path "a" { capabilities = ["read"] min_wrapping_ttl = "10m" }"#,
        r#"path "a" { capabilities = ["read"] max_wrapping_ttl = "1m" }"#,
    ]);
    assert!([None, Some(60), Some(300), Some(600)].into_iter().all(|ttl| !wrapped(&apart, "a", ttl).allowed));
}

#[test]
fn page_limits() {
    let acl = acl(&[r#"
        path "a/" { capabilities = ["list"] pagination_limit = 10 }
        path "b/" { capabilities = ["list"] pagination_limit = "10" required_parameters = ["Limit"] }
        path "c/" { capabilities = ["list"] }
    "#]);
    let list = |path: &'static str, body: &str| {
        let body = object(body);
        let decision = acl.decide(&Question { parameters: Some(&body), ..question(Operation::List, path) });
        decision.allowed.then_some(decision.page_limit)
    };
    for (path, body, outcome) in [
        ("a/", "{}", Some(Some(10))),
        ("a/", r#"{"limit": "max"}"#, Some(Some(10))),
        ("a/", r#"{"limit": 0}"#, Some(Some(10))),
        ("a/", r#"{"limit": "7"}"#, Some(None)),
        ("a/", r#"{"limit": 10}"#, Some(None)),
        ("a/", r#"{"limit": 11}"#, None),
        ("a/", r#"{"limit": "-1"}"#, None),
        ("a/", r#"{"limit": "many"}"#, None),
        ("b/", "{}", None),
        ("b/", r#"{"limit": "max"}"#, Some(Some(10))),
        ("c/", "{}", Some(None)),
        ("c/", r#"{"limit": "max"}"#, Some(Some(0))),
        ("c/", r#"{"limit": "anything"}"#, Some(None)),
    ] {
        assert_eq!(list(path, body), outcome, "{path} {body}");
    }
    assert_eq!(acl.decide(&question(Operation::List, "b/")).reason, Reason::ParameterRequired("Limit"));
}
