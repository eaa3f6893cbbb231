use super::*;

use sdk::Page;

#[derive(Input)]
struct Listed {
    #[field(flatten)]
    page: Page,
}

#[derive(Input)]
struct Named {
    name: String,
}

fn folder(n: usize) -> Key {
    Key::kind("names").plain(n.to_string())
}

/// Names in folders; `all` lists more of them than a request waits for.
pub(super) fn paths() -> Vec<Path> {
    let list = Path::new("names/?")
        .view(Verb::List, |_: &Ctx, listed: Listed, view: &View| Answer::keys(listed.page.of(view, &folder(0))?));
    let one = Path::new("names/:name")
        .txn(Verb::Write, |_: &Ctx, named: Named, txn: &mut Txn| {
            txn.put(&folder(0).name(named.name), &1)?;
            Ok(Answer::empty())
        })
        .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
            txn.delete(&folder(0).name(named.name));
            Ok(Answer::empty())
        });
    let all = Path::new("all/?").view(Verb::List, |_: &Ctx, listed: Listed, view: &View| {
        let mut keys = Vec::new();
        for n in 0..FOLDERS {
            keys.extend(listed.page.of(view, &folder(n))?);
        }
        Answer::keys(keys)
    });
    vec![list, one, all]
}

const FOLDERS: usize = 7;
const NAMES: usize = 2000;

impl Bench {
    async fn fill(&self, n: usize) {
        let view = self.node.local_view().unwrap();
        let mount = self.node.mounts.get(&view, Table::Secret, "c/").unwrap().unwrap();
        self.change(|state, _| {
            let mut txn = state.at(space::mount(&sdk::NamespaceId::root(), &mount.uuid));
            (0..NAMES).for_each(|i| txn.put(&folder(n).name(format!("{i:05}")), &1).unwrap());
        })
        .await;
    }

    async fn page(&self, path: &str, after: &str, limit: u64, token: &ClientToken) -> Response {
        let body = json!({"after": after, "limit": limit});
        let Value::Object(body) = body else { unreachable!() };
        self.serve(Request { body, ..request(Verb::List, path, Some(token)) }).await
    }

    async fn keys(&self, after: &str, limit: u64) -> Vec<String> {
        let page = json_of(&self.page("c/names", after, limit, &self.root).await);
        serde_json::from_value(page["data"]["keys"].clone()).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_page_of_a_large_folder_shows_what_was_acknowledged() {
    let bench = Bench::new().await;
    bench.fill(0).await;
    let lines = bench.audit.lines.lock().len();
    assert_eq!(bench.keys("00100", 2).await, ["00101", "00102"]);
    assert_eq!(bench.audit.lines.lock().len() - lines, 2, "it ran twice, and was asked once");
    assert_eq!(bench.node.listings.size().1, 1);
    for n in 0..20 {
        let name = format!("00101-{n:02}");
        let path = format!("c/names/{name}");
        assert_eq!(bench.send(Verb::Write, &path, Some(&bench.root)).await.status, 204);
        assert_eq!(bench.keys("00101", 2).await, [&name, "00102"]);
        assert_eq!(bench.send(Verb::Delete, &path, Some(&bench.root)).await.status, 204);
        assert_eq!(bench.keys("00101", 2).await, ["00102", "00103"]);
    }
    assert_eq!(bench.keys("", 0).await.len(), NAMES);
    assert_eq!(bench.keys("01999", 5).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_for_a_cold_page_get_it() {
    let bench = Arc::new(Bench::new().await);
    bench.fill(0).await;
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let bench = Arc::clone(&bench);
        readers.spawn(async move {
            let path = format!("c/names/x{n}");
            assert_eq!(bench.send(Verb::Write, &path, Some(&bench.root)).await.status, 204);
            let keys = bench.keys("x", 99).await;
            assert!(keys.contains(&format!("x{n}")), "{keys:?}");
        });
    }
    while let Some(done) = readers.join_next().await {
        done.unwrap();
    }
    assert_eq!(bench.keys("x", 99).await.len(), 16);
}

#[tokio::test]
async fn a_request_for_many_large_folders_reads_the_last_ones_itself() {
    let bench = Bench::new().await;
    for n in 0..FOLDERS {
        bench.fill(n).await;
    }
    let all = json_of(&bench.page("c/all", "01998", 9, &bench.root).await);
    assert_eq!(all["data"]["keys"], json!(vec!["01999"; FOLDERS]));
    assert_eq!(bench.node.listings.size().1, super::super::LISTINGS_MAX);
}

#[tokio::test]
async fn a_listing_that_ran_twice_takes_one_use() {
    let bench = Bench::new().await;
    bench.fill(0).await;
    bench.policy("lister", "path \"c/names\" { capabilities = [\"list\"] }").await;
    let token = bench.token("lister", 2).await;
    assert_eq!(bench.page("c/names", "", 1, &token).await.status, 200);
    assert_eq!(bench.page("c/names", "", 1, &token).await.status, 200);
    assert_eq!(bench.page("c/names", "", 1, &token).await.status, 403);
}

#[tokio::test]
async fn a_sealed_node_keeps_no_names() {
    let bench = Bench::new().await;
    bench.fill(0).await;
    bench.keys("", 1).await;
    assert!(bench.node.listings.size().0 > NAMES);
    bench.node.seal(Instant::now() + Duration::from_secs(1)).await;
    assert_eq!(bench.node.listings.size(), (0, 0));
    assert_eq!(bench.page("c/names", "", 1, &bench.root).await.status, 503);
}
