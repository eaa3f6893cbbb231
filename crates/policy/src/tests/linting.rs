use super::policy;
use crate::lint;

fn found(text: &str) -> Vec<(u32, bool, String)> {
    let kv2 = ["secret/".to_owned(), "team/kv/".to_owned()];
    lint(&policy(text), &kv2).into_iter().map(|finding| (finding.line, finding.misleads, finding.text)).collect()
}

#[test]
fn paths_beside_the_secrets_of_kv_2() {
    for path in
        ["secret/app", "secret/app/*", "secret/", "/secret/app", "team/kv/a/b", "secret/x*", "secret/database/a"]
    {
        let found = found(&format!("path \"{path}\" {{ policy = \"read\" }}"));
        let [(1, true, text)] = found.as_slice() else { panic!("{path}: {found:?}") };
        assert!(text.contains("KV version 2"), "{text}");
    }
    for path in [
        "secret/data/app",
        "secret/metadata/*",
        "secret/*",
        "secret/d*",
        "secret/+/app",
        "secret/{{identity.entity.name}}/x",
        "secretary",
        "*",
        "other/app",
        "secret/config",
    ] {
        assert_eq!(found(&format!("path \"{path}\" {{ policy = \"read\" }}")), [], "{path}");
    }
    let text = found("path \"secret/app\" { policy = \"read\" }").remove(0).2;
    assert!(text.contains("\"secret/data/app\"") && text.contains("\"secret/metadata/app\""), "{text}");
}

#[test]
fn templates_that_nothing_fills_in() {
    for selector in [
        "identity.entity.nam",
        "identity.entity.metadata",
        "identity.entity.metadata.",
        "identity.entity.aliases.acc",
        "identity.entity.aliases.acc.what",
        "identity.groups.names.devs",
        "identity.groups.all.devs.id",
        "entity.id",
        "",
    ] {
        let found = found(&format!("path \"kv/{{{{{selector}}}}}\" {{ policy = \"read\" }}"));
        assert!(
            matches!(found.as_slice(), [(1, true, text)] if text.contains("never matches")),
            "{selector}: {found:?}"
        );
    }
    for selector in [
        "identity.entity.id",
        " identity.entity.name ",
        "identity.entity.metadata.team",
        "identity.entity.aliases.acc.name",
        "identity.entity.aliases.acc.custom_metadata.k",
        "identity.groups.ids.g.name",
        "identity.groups.names.devs.metadata.k",
    ] {
        assert_eq!(found(&format!("path \"kv/{{{{{selector}}}}}\" {{ policy = \"read\" }}")), [], "{selector}");
    }
}

#[test]
fn one_path_twice_and_rules_that_do_nothing() {
    let twice = found("path \"a\" { policy = \"read\" }\npath \"b\" {}\npath \"/a\" { capabilities = [\"update\"] }");
    assert_eq!(twice.len(), 2);
    assert!(twice[0].0 == 2 && !twice[0].1 && twice[0].2.contains("grants nothing"), "{twice:?}");
    assert!(twice[1].0 == 3 && !twice[1].1 && twice[1].2.contains("in line 1 as well"), "{twice:?}");
    let denied = found("path \"a\" { policy = \"read\" }\npath \"a\" { policy = \"deny\" }");
    assert!(matches!(denied.as_slice(), [(2, true, text)] if text.contains("deny swallows")), "{denied:?}");
    let idle = found("path \"a\" { capabilities = [\"read\", \"subscribe\"] }");
    assert!(matches!(idle.as_slice(), [(1, false, text)] if text.contains("subscribe")), "{idle:?}");
}
