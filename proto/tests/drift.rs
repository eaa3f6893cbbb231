//! The checked-in code is what the `.proto` file says.

use std::path::Path;

#[test]
fn the_generated_code_matches_its_source() {
    // Where the test runs; a built one may serve another clone.
    let root = Path::new(".");
    let out = tempfile::tempdir().unwrap();
    let descriptors = protox::compile(["cluster.proto"], [root.join("proto")]).unwrap();
    tonic_prost_build::configure().bytes(".").out_dir(out.path()).compile_fds(descriptors).unwrap();
    let fresh = std::fs::read_to_string(out.path().join("holdfast.cluster.v1.rs")).unwrap();
    let kept = root.join("src/gen/cluster.rs");
    if std::env::var_os("UPDATE_PROTO").is_some() {
        std::fs::write(&kept, &fresh).unwrap();
    }
    assert!(fresh == std::fs::read_to_string(&kept).unwrap(), "run UPDATE_PROTO=1 cargo test -p holdfast-proto");
}
