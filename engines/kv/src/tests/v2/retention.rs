//! How many versions are kept.

use super::*;

async fn write(m: &mut Mount, name: &str, times: usize) -> Value {
    for x in 0..times {
        m.version(name, json!({"x": x})).await;
    }
    m.get(&format!("metadata/{name}")).await.data
}

fn numbers(metadata: &Value) -> Vec<u64> {
    let versions = metadata["versions"].as_object().expect("versions are an object");
    let mut numbers: Vec<u64> = versions.keys().map(|n| n.parse().expect("a number")).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn ten_where_nothing_is_set() {
    let mut m = Mount::v2();
    let metadata = write(&mut m, "a", 12).await;
    assert_eq!((numbers(&metadata), &metadata["oldest_version"]), ((3..=12).collect(), &json!(3)));
    assert_eq!(m.get_with("data/a", json!({"version": 2})).await.status, 404);
    assert_eq!(m.get_with("data/a", json!({"version": 3})).await.data["data"], json!({"x": 2}));
    assert_eq!(m.stored().await["version"], 10, "the data of the others are gone");
}

#[tokio::test]
async fn the_larger_of_mount_and_secret_counts() {
    let mut m = Mount::v2();
    m.post("config", json!({"max_versions": 3})).await;
    let metadata = write(&mut m, "a", 5).await;
    assert_eq!((numbers(&metadata), &metadata["oldest_version"]), (vec![3, 4, 5], &json!(3)));
    m.post("metadata/a", json!({"max_versions": 1})).await;
    let metadata = write(&mut m, "a", 1).await;
    assert_eq!((numbers(&metadata), &metadata["oldest_version"]), (vec![4, 5, 6], &json!(4)));
    m.post("metadata/b", json!({"max_versions": 5})).await;
    let metadata = write(&mut m, "b", 4).await;
    assert_eq!((numbers(&metadata), &metadata["oldest_version"]), (vec![1, 2, 3, 4], &json!(0)));
}

#[tokio::test]
async fn a_smaller_limit_takes_several_at_once() {
    let mut m = Mount::v2();
    write(&mut m, "a", 8).await;
    m.post("destroy/a", json!({"versions": [2]})).await;
    m.post("metadata/a", json!({"max_versions": 2})).await;
    let metadata = m.get("metadata/a").await.data;
    assert_eq!(numbers(&metadata).len(), 8, "the next write trims, not the setting");
    let metadata = write(&mut m, "a", 1).await;
    assert_eq!((numbers(&metadata), &metadata["oldest_version"]), (vec![8, 9], &json!(8)));
    assert_eq!(m.stored().await["version"], 2);
}

#[tokio::test]
async fn a_patch_trims_as_a_write_does() {
    let mut m = Mount::v2();
    m.post("metadata/a", json!({"max_versions": 1})).await;
    write(&mut m, "a", 1).await;
    assert_eq!(m.patch("data/a", json!({"data": {"y": 1}})).await.data["version"], 2);
    assert_eq!(numbers(&m.get("metadata/a").await.data), [2]);
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 0, "y": 1}));
}

#[tokio::test]
async fn a_new_version_does_not_write_the_older_ones_again() {
    let mut m = Mount::v2();
    // Each fits one batch; two together do not.
    let large = "x".repeat(700_000);
    for _ in 0..3 {
        m.version("a", json!({"v": large})).await;
    }
    assert_eq!(m.delete("data/a").await.status, 204);
    assert_eq!(m.delete("metadata/a").await.status, 204);
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 0, "version": 0}));
    assert_eq!(m.post("data/a", json!({"data": {"v": "x".repeat(2_000_000)}})).await.status, 413);
}
