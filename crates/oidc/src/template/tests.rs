use policy::{TemplateAlias, TemplateEntity, TemplateGroup, TemplateValues};
use proptest::prelude::*;
use sdk::{Millis, Value, json};

use super::Template;

fn ann(name: &str) -> TemplateValues {
    let map = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let alias = TemplateAlias {
        mount_accessor: "auth_userpass_1".into(),
        id: "a1".into(),
        name: name.into(),
        metadata: map("username", name),
        custom_metadata: map("floor", "3"),
    };
    let group = |id: &str, name: &str| TemplateGroup { id: id.into(), name: name.into(), ..TemplateGroup::default() };
    let entity = TemplateEntity { id: "e1".into(), name: name.into(), metadata: map(name, name), aliases: vec![alias] };
    TemplateValues {
        entity: Some(entity),
        groups: vec![group("g1", name), group("g2", "ops")],
        ..TemplateValues::default()
    }
}

fn filled(text: &str, name: &str) -> Value {
    Value::Object(Template::new(text).unwrap().fill(Some(&ann(name)), Millis(1_700_000_000_999)).unwrap())
}

#[test]
fn each_directive() {
    let text = r#"{
        "id": {{identity.entity.id}}, "name": {{ identity.entity.name }}, "all": {{identity.entity.metadata}},
        "one": {{identity.entity.metadata.ann}}, "none": {{identity.entity.metadata.none}},
        "names": {{identity.entity.groups.names}}, "in": { "ids": [ {{identity.entity.groups.ids}} ] },
        "alias": {{identity.entity.aliases.auth_userpass_1.name}}, "at": {{identity.entity.aliases.auth_userpass_1.id}},
        "user": {{identity.entity.aliases.auth_userpass_1.metadata.username}},
        "custom": {{identity.entity.aliases.auth_userpass_1.custom_metadata}},
        "elsewhere": {{identity.entity.aliases.auth_none_1.metadata}},
        "now": {{time.now}}, "then": {{time.now.plus.1h}}, "past": "{{time.now.minus.10s}}", "fixed": 1.50 }"#;
    let want = json!({
        "id": "e1", "name": "ann", "all": {"ann": "ann"}, "one": "ann", "none": "", "names": ["ann", "ops"],
        "in": { "ids": [["g1", "g2"]] }, "alias": "ann", "at": "a1", "user": "ann", "custom": {"floor": "3"},
        "elsewhere": {}, "now": 1_700_000_000, "then": 1_700_003_600, "past": "1699999990",
        "fixed": serde_json::from_str::<Value>("1.50").unwrap(),
    });
    assert_eq!(filled(text, "ann"), want);
    let nobody =
        Template::new("{\"g\": {{identity.entity.groups.names}}, \"m\": {{identity.entity.metadata}}}").unwrap();
    let claims = nobody.fill(Some(&TemplateValues::default()), Millis(0)).unwrap();
    assert_eq!(Value::Object(claims), json!({ "g": null, "m": {} }));
}

#[test]
fn braces_that_close_objects_may_follow_a_directive() {
    for text in ["{\"a\":{{identity.entity.id}}}", "{\"a\":{\"b\":{{identity.entity.id}}}}", "{\"a\":{\"b\":1}}"] {
        Template::new(text).unwrap();
    }
}

#[test]
fn what_is_no_template() {
    for (text, names) in [
        ("{not json", "template JSON"),
        ("[]", "template JSON"),
        ("{", "template JSON"),
        ("{\"sub\": \"x\"}", "top level key \"sub\" not allowed"),
        ("{\"aud\": {{identity.entity.id}}}", "top level key \"aud\" not allowed"),
        ("{\"a\": {{identity.nothing}}}", "no value could be found"),
        ("{\"a\": {{identity.entity.nothing}}}", "no value could be found"),
        ("{\"a\": {{identity.entity.metadatas}}}", "no value could be found"),
        ("{\"a\": {{identity.groups.names.ops.id}}}", "groups"),
        ("{\"a\": {{identity.entity.aliases.x}}}", "alias selector"),
        ("{\"a\": {{time.then}}}", "time selector"),
        ("{\"a\": {{time.now.plus}}}", "operand"),
        ("{\"a\": {{time.now.plus.soon}}}", "duration"),
        ("{\"a\": {{time.now.times.1h}}}", "operator"),
        ("{\"a\": {{identity.entity.id}", "unbalanced"),
        ("{\"a\": \"}}\", \"b\": 1}", "unbalanced"),
        // It would be a name, or a part of a text.
        ("{ {{identity.entity.name}}: 1 }", "not for a name"),
        ("{\"a\": { {{identity.entity.name}}: 1 } }", "not for a name"),
        ("{\"a\": \"{{identity.entity.name}}\"}", "template JSON"),
        ("{\"a\": \"{{identity.entity.metadata}}\"}", "template JSON"),
        ("{\"a\": \"x{{identity.entity.groups.names}}\"}", "template JSON"),
    ] {
        let why = Template::new(text).unwrap_err();
        assert!(why.contains(names), "{text}: {why}");
    }
    assert!(Template::new(&format!("{{\"a\": \"{}\"}}", "x".repeat(super::TEMPLATE_MAX))).is_err());
}

#[test]
fn without_an_entity_there_is_what_needs_none() {
    let fixed = Template::new("{\"a\": 1, \"b\": {{time.now}}}").unwrap();
    assert_eq!(Value::Object(fixed.fill(None, Millis(5000)).unwrap()), json!({ "a": 1, "b": 5 }));
    let needs = Template::new("{\"a\": {{identity.entity.id}}}").unwrap();
    assert!(needs.fill(None, Millis(0)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever they are called, it is one value where the template has one, and nothing else changes.
    #[test]
    fn a_name_is_a_value_whatever_it_is(name in "(\\PC|[\"{}:,\\\\\\[\\]])*") {
        let text = r#"{"name": {{identity.entity.name}}, "meta": {{identity.entity.metadata}}, "role": "user",
            "groups": {{identity.entity.groups.names}}}"#;
        let mut meta = sdk::Map::new();
        meta.insert(name.clone(), json!(name));
        let want = json!({ "name": name, "meta": meta, "role": "user", "groups": [name, "ops"] });
        prop_assert_eq!(filled(text, &name), want);
    }
}
