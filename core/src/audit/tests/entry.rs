use sdk::{Answer, AuthBlock, Body, Failure, Value, json};

use super::super::{AuditedHeaders, Entry, Phase, Style, Subject};
use super::*;

fn render(style: Style, subject: &Subject<'_>, outcome: Option<Result<&Answer, &Failure>>, barrier: &Barrier) -> Value {
    let headers = AuditedHeaders([("x-plain".to_owned(), false), ("x-secret".to_owned(), true)].into());
    let phase = if outcome.is_some() { Phase::Response } else { Phase::Request };
    let entry = Entry { phase, at: NOW, subject, outcome, headers: &headers };
    let line = entry.render(style, barrier).unwrap();
    let text = String::from_utf8(line).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() == 1, "one line: {text}");
    serde_json::from_str(&text).unwrap()
}

fn hashed(barrier: &Barrier, text: &str) -> String {
    super::super::Hashed::of(barrier, text.as_bytes()).unwrap().as_str().to_owned()
}

#[test]
fn a_request_entry_has_everything_and_no_secret() {
    let barrier = barrier();
    let mut request =
        request(json!({"data": {"password": "p\"w\n", "n": 7, "list": ["a", true, null]}, "plain": "shown"}));
    request.audit_headers = vec![
        ("x-plain".into(), vec!["seen".into()]),
        ("x-secret".into(), vec!["unseen".into()]),
        ("x-gone".into(), vec!["once listed".into()]),
    ];
    let mut mount = mount();
    mount.config.audit_non_hmac_request_keys = Some(vec!["plain".into()]);
    let who = who();
    let subject = Subject::new(&request, "update", Some(&mount), Some(&who));
    let entry = render(Style::default(), &subject, None, &barrier);
    let hash = |text: &str| hashed(&barrier, text);
    assert_eq!(
        entry,
        json!({
            "time": "2023-11-14T22:13:20.123Z",
            "type": "request",
            "auth": {
                "client_token": hash(TOKEN),
                "accessor": hash(ACCESSOR),
                "display_name": "token-app",
                "policies": ["app", "default"],
                "token_policies": ["app", "default"],
                "policy_results": {
                    "allowed": true,
                    "granting_policies": [{"name": "app", "namespace_id": "root", "type": "acl"}],
                },
                "metadata": {"team": hash("blue")},
                "remaining_uses": 3,
                "token_ttl": 3600,
                "token_issue_time": "2023-11-03T08:26:40Z",
                "token_type": "service",
            },
            "request": {
                "id": request.id.to_string(),
                "operation": "update",
                "mount_point": "secret/",
                "mount_type": "kv",
                "mount_accessor": mount.accessor,
                "mount_class": "secret",
                "client_token": hash(TOKEN),
                "client_token_accessor": hash(ACCESSOR),
                "namespace": {"id": "root"},
                "path": "secret/data/app",
                "data": {
                    "data": {"password": hash("p\"w\n"), "n": 7, "list": [hash("a"), true, null]},
                    "plain": "shown",
                },
                "remote_address": "10.1.2.3",
                "remote_port": 45678,
                "headers": {"x-plain": ["seen"], "x-secret": [hash("unseen")], "x-gone": [hash("once listed")]},
            },
        })
    );
}

#[test]
fn raw_means_raw_and_accessors_have_a_switch_of_their_own() {
    let barrier = barrier();
    let (request, who) = (request(json!({"password": "correct horse"})), who());
    let subject = Subject::new(&request, "update", None, Some(&who));
    let raw = render(Style { raw: true, ..Style::default() }, &subject, None, &barrier);
    assert_eq!(raw["request"]["data"]["password"], "correct horse");
    assert_eq!(raw["request"]["client_token"], TOKEN);
    assert_eq!(raw["auth"]["accessor"], ACCESSOR);
    let plain_accessor = render(Style { hmac_accessor: false, ..Style::default() }, &subject, None, &barrier);
    assert_eq!(plain_accessor["auth"]["accessor"], ACCESSOR);
    assert_eq!(plain_accessor["request"]["client_token_accessor"], ACCESSOR);
    assert_eq!(plain_accessor["request"]["client_token"], hashed(&barrier, TOKEN));
}

#[test]
fn an_answer_is_shown_hashed() {
    let barrier = barrier();
    let (request, who) = (request(json!({})), who());
    let mut mount = mount();
    mount.config.audit_non_hmac_response_keys = Some(vec!["version".into()]);
    let subject = Subject::new(&request, "read", Some(&mount), Some(&who));
    let mut answer = Answer::json(json!({"password": "hunter2", "version": "7"})).warn("look out");
    answer.auth = Some(AuthBlock {
        renewed: false,
        client_token: "s.new".into(),
        accessor: "new accessor".into(),
        policies: vec!["default".into()],
        token_policies: vec!["default".into()],
        identity_policies: Vec::new(),
        metadata: None,
        lease_duration: 60,
        renewable: true,
        entity_id: String::new(),
        token_type: "service".into(),
        orphan: true,
        mfa_requirement: None,
        num_uses: 0,
    });
    let entry = render(Style::default(), &subject, Some(Ok(&answer)), &barrier);
    assert_eq!(entry["type"], "response");
    let response = &entry["response"];
    assert_eq!(response["data"], json!({"password": hashed(&barrier, "hunter2"), "version": "7"}));
    assert_eq!(response["auth"]["client_token"], hashed(&barrier, "s.new"));
    assert_eq!(response["auth"]["accessor"], hashed(&barrier, "new accessor"));
    assert_eq!(response["auth"]["token_ttl"], 60);
    assert_eq!(response["warnings"], json!(["look out"]));
    assert_eq!(response["mount_type"], "kv");
    assert!(entry.get("error").is_none());

    let failed = render(Style::default(), &subject, Some(Err(&Failure::denied("permission denied"))), &barrier);
    assert_eq!(failed["error"], "permission denied");
    let raw = Answer { body: Body::Raw { content_type: "text/plain", bytes: b"secret".to_vec() }, ..Answer::empty() };
    let entry = render(Style::default(), &subject, Some(Ok(&raw)), &barrier);
    assert_eq!(entry["response"]["data"]["http_raw_body"], hashed(&barrier, "secret"));
}

#[test]
fn listings_can_be_counted_instead() {
    let barrier = barrier();
    let request = request(json!({}));
    let answer = Answer::json(json!({"keys": ["a", "b"], "key_info": {"a": {"x": "y"}}, "other": "z"}));
    let style = Style { elide_lists: true, ..Style::default() };
    let list = Subject::new(&request, "list", None, None);
    let entry = render(style, &list, Some(Ok(&answer)), &barrier);
    assert_eq!(entry["response"]["data"], json!({"keys": 2, "key_info": 1, "other": hashed(&barrier, "z")}));
    let read = Subject::new(&request, "read", None, None);
    let entry = render(style, &read, Some(Ok(&answer)), &barrier);
    assert_eq!(entry["response"]["data"]["keys"], json!([hashed(&barrier, "a"), hashed(&barrier, "b")]));
    let entry = render(Style::default(), &list, Some(Ok(&answer)), &barrier);
    assert_eq!(entry["response"]["data"]["keys"][0], hashed(&barrier, "a"));
}

#[test]
fn a_caller_without_a_token_is_shown_as_such() {
    let barrier = barrier();
    let mut request = request(json!({}));
    request.token = None;
    let subject = Subject::new(&request, "read", None, None);
    let entry = render(Style::default(), &subject, None, &barrier);
    assert_eq!(entry["auth"], json!({"token_type": "default"}));
    assert!(entry["request"].get("client_token").is_none());
}

#[test]
fn without_a_key_there_is_no_entry() {
    let barrier = barrier();
    barrier.seal();
    let request = request(json!({}));
    let subject = Subject::new(&request, "read", None, None);
    let headers = AuditedHeaders::default();
    let entry = Entry { phase: Phase::Request, at: NOW, subject: &subject, outcome: None, headers: &headers };
    assert!(entry.render(Style::default(), &barrier).is_err());
}
