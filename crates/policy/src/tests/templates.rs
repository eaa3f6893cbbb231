use std::collections::BTreeMap;
use std::sync::Arc;

use super::{expect, may, now, policy};
use crate::{Acl, Operation, TemplateAlias, TemplateEntity, TemplateGroup, TemplateRules, TemplateValues};

const TEXT: &str = r#"
    path "kv/id/{{identity.entity.id}}/*" { capabilities = ["create","update","read"] }
    path "kv/name/{{ identity.entity.name }}" { capabilities = ["create","read"] }
    path "kv/meta/{{identity.entity.metadata.team}}" { capabilities = ["read"] }
    path "kv/nometa/{{identity.entity.metadata.none}}" { capabilities = ["read"] }
    path "kv/alias/{{identity.entity.aliases.acc.name}}" { capabilities = ["read"] }
    path "kv/ameta/{{identity.entity.aliases.acc.metadata.k}}/{{identity.entity.aliases.acc.custom_metadata.c}}" { capabilities = ["read"] }
    path "kv/group/{{identity.groups.names.devs.id}}" { capabilities = ["read"] }
    path "kv/gmeta/{{identity.groups.ids.g1.metadata.k}}" { capabilities = ["read"] }
    path "kv/fixed" { capabilities = ["read"] }
"#;

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn bob(team: &str) -> TemplateValues {
    TemplateValues {
        entity: Some(TemplateEntity {
            id: "e1".into(),
            name: "Bob-E".into(),
            metadata: pairs(&[("team", team)]),
            aliases: vec![TemplateAlias {
                mount_accessor: "acc".into(),
                id: "a1".into(),
                name: "bob".into(),
                metadata: pairs(&[("k", "v1")]),
                custom_metadata: pairs(&[("c", "v2")]),
            }],
        }),
        groups: vec![
            TemplateGroup { id: "g0".into(), name: "devs".into(), namespace_id: "other".into(), ..Default::default() },
            TemplateGroup {
                id: "g1".into(),
                name: "devs".into(),
                namespace_id: "root".into(),
                metadata: pairs(&[("k", "v9")]),
            },
        ],
        namespace_id: "root".into(),
    }
}

fn acl(values: &TemplateValues, rules: TemplateRules) -> Acl {
    Acl::new(&[Arc::new(policy(TEXT).render(values, rules))], now())
}

#[test]
fn values_of_the_caller_are_filled_in() {
    assert!(policy(TEXT).is_templated());
    assert!(!policy(TEXT).render(&bob("red"), TemplateRules::default()).is_templated());
    expect(
        &acl(&bob("red"), TemplateRules::default()),
        "kv/id/e1/x: create read update
         kv/id/other/x: deny
         kv/name/Bob-E: create read
         kv/name/bob: deny
         kv/meta/red: read
         kv/meta/blue: deny
         kv/nometa/: deny
         kv/alias/bob: read
         kv/ameta/v1/v2: read
         kv/group/g1: read
         kv/group/g0: deny
         kv/gmeta/v9: read
         kv/fixed: read",
    );
}

#[test]
fn without_an_entity_nothing_templated_matches() {
    expect(
        &acl(&TemplateValues::default(), TemplateRules::default()),
        "kv/id/x/y: deny
         kv/id//y: deny
         kv/name/: deny
         kv/meta/: deny
         kv/group/: deny
         kv/id/{{identity.entity.id}}/x: deny
         kv/fixed: read",
    );
}

#[test]
fn values_that_would_change_the_path_are_refused() {
    for team in ["a/b", "*", "+", "a*", ""] {
        let acl = acl(&bob(team), TemplateRules::default());
        expect(&acl, "kv/meta/a/b: deny\nkv/meta/x: deny\nkv/meta/: deny\nkv/fixed: read");
    }
    let slashes = TemplateRules { allow_slashes: true, ..Default::default() };
    expect(&acl(&bob("a/b"), slashes), "kv/meta/a/b: read");
    expect(&acl(&bob("a*"), slashes), "kv/meta/ab: deny");
    let wildcards = TemplateRules { allow_wildcards: true, ..Default::default() };
    expect(&acl(&bob("a*"), wildcards), "kv/meta/ab: read");
    expect(&acl(&bob("+*"), wildcards), "kv/meta/ab: deny");
}

#[test]
fn a_denial_does_not_vanish_with_its_value() {
    let text = r#"
        path "kv/*" { capabilities = ["read"] }
        path "kv/{{identity.entity.metadata.team}}/private" { capabilities = ["deny"] }
        path "kv/of-{{identity.entity.metadata.team}}/x" { capabilities = ["deny"] }
        path "kv/{{identity.entity.metadata.team}}/open" { capabilities = ["read", "update"] }
    "#;
    let able = |values: &TemplateValues, path: &str| {
        let rendered = policy(text).render(values, TemplateRules::default());
        may(&Acl::new(&[Arc::new(rendered)], now()), Operation::Read, path)
    };
    let of = |team: &str| {
        let mut values = bob("red");
        let entity = values.entity.as_mut().unwrap();
        entity.metadata.clear();
        if !team.is_empty() {
            entity.metadata.insert("team".into(), team.into());
        }
        values
    };
    // It fits: what it names, and nothing else.
    assert!(!able(&of("red"), "kv/red/private") && able(&of("red"), "kv/blue/private"));
    // It would change the path's shape.
    for team in ["a/b", "a+b", "+", "*"] {
        assert!(!able(&of(team), &format!("kv/{team}/private")), "{team}");
    }
    assert!(able(&of("a/b"), "kv/red/private"));
    // There is none.
    for nobody in [of(""), TemplateValues::default()] {
        assert!(!able(&nobody, "kv/red/private") && !able(&nobody, "kv/of-red/y") && able(&nobody, "kv/red/else"));
        let rendered = policy(text).render(&nobody, TemplateRules::default());
        let acl = Acl::new(&[Arc::new(rendered)], now());
        assert!(!may(&acl, Operation::Update, "kv/red/open"), "what grants is left out as before");
    }
}
