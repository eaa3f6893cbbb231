//! Types and options.

use super::*;

fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn mount(options: BTreeMap<String, String>) -> MountInfo {
    MountInfo {
        path: "m/".into(),
        kind: "kv".into(),
        accessor: String::new(),
        uuid: String::new(),
        options,
        default_lease_ttl: std::time::Duration::ZERO,
        max_lease_ttl: std::time::Duration::ZERO,
    }
}

#[test]
fn a_type_name_may_imply_the_version() {
    let kv = Kv::new();
    assert_eq!(kv.types()[0], "kv");
    for (type_name, given, becomes) in [
        ("kv", options(&[]), options(&[])),
        ("generic", options(&[]), options(&[])),
        ("kv", options(&[("version", "1")]), options(&[("version", "1")])),
        ("kv", options(&[("version", "2"), ("other", "x")]), options(&[("version", "2"), ("other", "x")])),
        ("kv-v1", options(&[]), options(&[("version", "1")])),
        ("kv-v2", options(&[]), options(&[("version", "2")])),
        ("kv-v2", options(&[("version", "1")]), options(&[("version", "2")])),
    ] {
        assert_eq!(kv.options(type_name, given).ok(), Some(becomes), "{type_name}");
    }
    for bad in ["3", "0", "two", "-1", "2.0"] {
        let failure = kv.options("kv", options(&[("version", bad)])).expect_err("refused");
        assert_eq!(failure.status(), 400, "{bad}");
    }
}

#[test]
fn the_option_chooses_the_paths() {
    let kv = Kv::new();
    assert_eq!(kv.backend(&mount(options(&[]))).paths.len(), 1);
    assert_eq!(kv.backend(&mount(options(&[("version", "1")]))).paths.len(), 1);
    assert_eq!(kv.backend(&mount(options(&[("version", "2")]))).paths.len(), 10);
}

#[test]
fn a_mount_goes_up_but_never_down() {
    let kv = Kv::new();
    let (none, one, two) = (options(&[]), options(&[("version", "1")]), options(&[("version", "2")]));
    assert_eq!(kv.retune(&none, two.clone()).ok(), Some(two.clone()));
    assert_eq!(kv.retune(&one, two.clone()).ok(), Some(two.clone()));
    assert_eq!(kv.retune(&two, none).ok(), Some(two.clone()), "leaving it out changes nothing");
    let failure = kv.retune(&two, one).expect_err("refused");
    assert_eq!((failure.status(), failure.to_string().as_str()), (400, "cannot downgrade mount from version 2"));
    assert_eq!(kv.retune(&two, options(&[("version", "3")])).expect_err("refused").status(), 400);
}

#[test]
fn every_operation_and_field_has_help() {
    for backend in [crate::version_1(), crate::version_2()] {
        for path in &backend.paths {
            assert!(!path.help.is_empty() && !path.description.is_empty(), "{}", path.pattern.text());
            for field in path.operations.values().flat_map(|o| &o.fields) {
                assert!(!field.help.is_empty(), "{} {}", path.pattern.text(), field.name);
            }
        }
    }
}
