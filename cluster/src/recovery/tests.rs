use std::fs;

use super::*;

#[test]
fn what_is_no_list_of_survivors_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("raft")).unwrap();
    let file = folder.path().join("raft/peers.json");
    let refusal = |text: &str| {
        fs::write(&file, text).unwrap();
        let said = consume(folder.path()).unwrap_err().to_string();
        assert!(file.exists(), "what was not understood stays: {said}");
        said
    };
    for (text, said) in [
        ("", "EOF"),
        ("{}", "expected a sequence"),
        ("[]", "it names nobody"),
        (r#"[{"id": "a"}]"#, "missing field `address`"),
        (r#"[{"id": "a", "address": "h:1", "voter": true}]"#, "unknown field `voter`"),
        (r#"[{"id": "a", "address": "nowhere"}]"#, r#"the address "nowhere" of "a" is not host:port"#),
        (r#"[{"id": "a", "address": ":8201"}]"#, "is not host:port"),
        (r#"[{"id": "a", "address": "h:0"}]"#, "is not host:port"),
    ] {
        assert!(refusal(text).contains(said), "{text}: {}", refusal(text));
    }
    // Understood, but nobody has ever been here.
    assert!(refusal(r#"[{"id": "a", "address": "h:8201"}]"#).starts_with("there is no node in"));
    fs::remove_file(&file).unwrap();
    consume(folder.path()).unwrap();
}

#[test]
fn a_folder_without_a_node_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(survey(folder.path()), Err(RecoverError::NoNode(_))));
    assert!(matches!(survey(&folder.path().join("nowhere")), Err(RecoverError::NoNode(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
