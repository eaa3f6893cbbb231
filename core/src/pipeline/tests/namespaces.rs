//! Namespaces: what is said of those that are not there, or sealed, and what they cost others.

use barrier::SealConfig;
use sdk::{Namespace, NamespaceId, Read};
use tokio::sync::watch;

use super::*;
use crate::consistency::Consistency;
use crate::namespace::{Made, NewNamespace};
use crate::quota::leases::counted;
use crate::quota::{LeaseCounts, QuotaTable, RateLimit, Scope};
use crate::worker;

fn root() -> storage::Path {
    space::records(&NamespaceId::root())
}

impl Bench {
    async fn namespace(&self, above: &Namespace, name: &str, with_seal: bool) -> (Namespace, Made) {
        let made = self
            .change(|state, node| {
                let seal = with_seal.then(|| SealConfig::shamir(1, 1, String::new()).unwrap());
                let (custom_metadata, now) = (Default::default(), self.alone.now());
                let new = NewNamespace { above, name, custom_metadata, seal, by_service: None, now };
                let mut records = state.at(space::records(&above.id));
                node.namespaces.create(&node.mounts, &node.policies, &mut records, new).unwrap()
            })
            .await;
        (Namespace { id: made.record.id.clone(), path: format!("{}{name}/", above.path) }, made)
    }

    async fn open(&self, name: &str, made: &Made) {
        let share = Share::from_slice(made.shares.as_ref().unwrap().shares[0].expose());
        assert!(!self.node.unseal_tenant(&Namespace::root(), name, share).await.unwrap().sealed);
    }

    /// As after all nodes were down.
    fn lose_keys(&self) {
        for (keyring, seen) in self.node.barrier.open_tenants() {
            self.node.barrier.close_tenant(&keyring, seen);
        }
    }

    async fn seal(&self, name: &str) {
        self.change(|state, node| {
            let mut records = state.at(root());
            let record = node.namespaces.get_for_update(&records, name).unwrap().unwrap();
            node.namespaces.set_sealed(&mut records, record, true).unwrap();
        })
        .await;
        self.node.drop_closed_tenants().unwrap();
    }

    async fn doom(&self, above: &Namespace, name: &str) {
        self.change(|state, node| {
            let mut records = state.at(space::records(&above.id));
            let record = node.namespaces.get_for_update(&records, name).unwrap().unwrap();
            node.namespaces.doom(&mut records, above, record).unwrap();
        })
        .await;
    }

    async fn at(&self, namespace: &str, token: Option<&ClientToken>) -> Response {
        self.serve(Request { namespace: namespace.into(), ..request(Verb::Read, "c/number", token) }).await
    }

    async fn limit(&self, rate: f64) {
        self.change(|state, _| {
            let mut records = state.at(root());
            let mut table = QuotaTable::change(&mut records).unwrap();
            let id = hex::encode(crypto::random::<8>());
            let scope = Scope::default();
            let rule = RateLimit { id, scope, rate, interval: 3600, block: 0, inheritable: None };
            table.rate_limits.insert("all".into(), rule);
            table.write(&mut records).unwrap();
        })
        .await;
    }

    /// A token of a namespace that expires.
    async fn leased(&self, home: &Namespace, count: usize) {
        self.change(|state, node| {
            for _ in 0..count {
                let (path, ttl) = ("auth/token/create".into(), Duration::from_secs(3600));
                let new = NewToken { home: home.clone(), path, ttl, ..NewToken::default() };
                node.tokens.create(&mut state.at(root()), self.alone.now(), new).unwrap();
            }
        })
        .await;
    }

    async fn count_leases(&self, max: i64) {
        self.change(|state, _| {
            let mut records = state.at(root());
            let rules = LeaseCounts::change(&mut records).unwrap();
            rules.set(&mut records, "all", Scope::default(), max, None).unwrap();
        })
        .await;
    }

    /// How many leases the rule counts, and whether it is still looking for some.
    fn leases_counted(&self) -> (i64, bool) {
        let view = self.node.local_view().unwrap();
        let rules = LeaseCounts::read(&view).unwrap();
        (counted(&view, &rules.0["all"]).unwrap(), rules.0["all"].settling.is_some())
    }

    /// Has the worker work until something is so.
    async fn works_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let (_go_on, stop) = watch::channel(false);
        let working = tokio::spawn(worker::run(Arc::clone(&self.node), stop));
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        working.abort();
        assert!(is_so(), "{what}");
    }

    fn is_there(&self, id: &NamespaceId) -> bool {
        crate::namespace::above(&self.node.local_view().unwrap(), id).unwrap().is_some()
    }
}

#[tokio::test]
async fn what_names_no_namespace_or_a_closed_one_counts_and_is_written_down() {
    let bench = Bench::new().await;
    bench.namespace(&Namespace::root(), "vault", true).await;
    for (namespace, status, path) in [("guess", 404, "guess/c/number"), ("vault", 503, "c/number")] {
        bench.limit(3.0).await;
        bench.audit.lines.lock().clear();
        for _ in 0..3 {
            assert_eq!(bench.at(namespace, None).await.status, status, "{namespace}");
        }
        assert_eq!(bench.at(namespace, None).await.status, 429, "{namespace}");
        let lines = bench.audit.lines.lock().clone();
        assert_eq!(lines.len(), 6, "{lines:?}");
        for line in &lines {
            let entry: Value = serde_json::from_str(line).unwrap();
            assert_eq!(entry["request"]["path"], path);
            assert_eq!(entry["type"] == "response", entry["error"].is_string(), "{line}");
        }
    }
    bench.limit(100.0).await;
    bench.audit.broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.at("guess", None).await.status, 500, "what cannot be written down is not answered");
}

#[tokio::test]
async fn keys_are_asked_for_once_whoever_waits_and_not_again_at_once_whoever_has_left() {
    let bench = Arc::new(Bench::new().await);
    for name in ["a", "b"] {
        let (_, made) = bench.namespace(&Namespace::root(), name, true).await;
        bench.open(name, &made).await;
    }
    bench.lose_keys();
    bench.alone.silence(true);
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..16 {
        let bench = Arc::clone(&bench);
        waiting.spawn(async move { bench.at(if n % 2 == 0 { "a" } else { "b" }, None).await.status });
    }
    let end = Instant::now() + Duration::from_secs(20);
    while bench.alone.asked() < 2 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Both are asked for while nobody answers: neither waits for the other.
    assert_eq!(bench.alone.asked(), 2);
    waiting.shutdown().await;
    bench.alone.silence(false);
    // Those who asked have left; that nobody has the keys is known all the same.
    while !bench.node.tenants.have_missed() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(bench.node.tenants.have_missed());
    assert_eq!(bench.alone.asked(), 2);
}

/// A token of a namespace whose keys are not here yet, and what is named in a body, is waited for as a path of that namespace is.
#[tokio::test]
async fn keys_are_asked_for_whatever_lacks_them_before_anything_is_said_of_it() {
    let bench = Bench::new().await;
    let (vault, made) = bench.namespace(&Namespace::root(), "vault", true).await;
    bench.open("vault", &made).await;
    let token = bench
        .change(|state, node| {
            let new = NewToken { home: vault.clone(), ttl: Duration::from_secs(60), ..NewToken::default() };
            node.tokens.create(&mut state.at(root()), bench.alone.now(), new).unwrap().token
        })
        .await;
    bench.lose_keys();
    let elsewhere = Request {
        body: json!({"namespace": vault.id.as_str()}).as_object().unwrap().clone(),
        ..request(Verb::Read, "c/elsewhere", Some(&bench.root))
    };
    for (n, request) in [elsewhere, request(Verb::Read, "c/number", Some(&token))].into_iter().enumerate() {
        bench.node.tenants.forget_missed();
        let answer = bench.serve(request).await;
        assert_eq!((answer.status, bench.alone.asked()), (503, n + 1), "{}", String::from_utf8_lossy(&answer.body));
        assert!(String::from_utf8_lossy(&answer.body).contains("namespace is sealed"));
    }
    // Sealed by its record, nobody is asked.
    bench.seal("vault").await;
    assert_eq!(bench.serve(request(Verb::Read, "c/number", Some(&token))).await.status, 503);
    assert_eq!(bench.alone.asked(), 2);
    let view = bench.node.local_view().unwrap();
    let about = bench.node.tokens.asked_about(&view, &NamespaceId::root(), &token, bench.alone.now());
    assert!(matches!(about, Err(crate::token::Why::Access(storage::Access::NamespaceSealed(_)))));
}

#[tokio::test]
async fn a_stale_read_that_lacks_keys_goes_on_at_the_active_node() {
    let bench = Bench::new().await;
    let (vault, made) = bench.namespace(&Namespace::root(), "vault", true).await;
    bench.open("vault", &made).await;
    bench.lose_keys();
    let answer = bench
        .serve(Request {
            body: json!({"namespace": vault.id.as_str()}).as_object().unwrap().clone(),
            consistency: Consistency { stale: true, ..Consistency::default() },
            ..request(Verb::Read, "c/elsewhere", Some(&bench.root))
        })
        .await;
    let said = String::from_utf8_lossy(&answer.body);
    assert!(answer.status == 503 && !answer.moved && said.contains("namespace is sealed"), "{said}");
}

#[tokio::test]
async fn nobody_has_keys_asked_for_more_often_than_the_limits_let_through() {
    let bench = Bench::new().await;
    let (_, made) = bench.namespace(&Namespace::root(), "a", true).await;
    bench.open("a", &made).await;
    bench.lose_keys();
    bench.limit(1.0).await;
    assert_eq!(bench.at("", Some(&bench.root)).await.status, 200);
    assert_eq!(bench.at("a", None).await.status, 429);
    assert_eq!(bench.alone.asked(), 0);
}

#[tokio::test]
async fn what_is_counted_of_a_namespace_that_goes_unseen_is_given_back() {
    let bench = Bench::new().await;
    bench.count_leases(1000).await;
    bench.works_until("nothing is to be looked through", || !bench.leases_counted().1).await;
    let (vault, made) = bench.namespace(&Namespace::root(), "vault", true).await;
    bench.open("vault", &made).await;
    let (inner, _) = bench.namespace(&vault, "inner", false).await;
    bench.leased(&Namespace::root(), 2).await;
    bench.leased(&vault, 3).await;
    bench.leased(&inner, 4).await;
    assert_eq!(bench.leases_counted().0, 9);
    bench.seal("vault").await;
    bench.doom(&Namespace::root(), "vault").await;
    bench.works_until("it should be gone", || !bench.is_there(&vault.id) && !bench.is_there(&inner.id)).await;
    assert_eq!(bench.leases_counted().0, 2);
    // One that is open is looked at, and counts to the same end.
    let (open, made) = bench.namespace(&Namespace::root(), "open", true).await;
    bench.open("open", &made).await;
    bench.leased(&open, 200).await;
    assert_eq!(bench.leases_counted().0, 202);
    bench.doom(&Namespace::root(), "open").await;
    bench.node.drop_closed_tenants().unwrap();
    assert!(bench.node.barrier.holds(open.id.keyring()), "what it has given is to be looked at");
    bench.works_until("it should be gone", || !bench.is_there(&open.id)).await;
    assert_eq!(bench.leases_counted().0, 2);
    bench.node.drop_closed_tenants().unwrap();
    assert!(!bench.node.barrier.holds(open.id.keyring()));
}

#[tokio::test]
async fn leases_of_before_a_rule_are_counted_in_namespaces_too_and_those_of_a_sealed_one_once_it_is_open() {
    let bench = Bench::new().await;
    let (plain, _) = bench.namespace(&Namespace::root(), "plain", false).await;
    let (vault, made) = bench.namespace(&Namespace::root(), "vault", true).await;
    bench.open("vault", &made).await;
    bench.leased(&Namespace::root(), 1).await;
    bench.leased(&plain, 70).await;
    bench.leased(&vault, 80).await;
    bench.seal("vault").await;
    bench.count_leases(1000).await;
    bench.works_until("the others should be counted", || bench.leases_counted() == (71, false)).await;
    bench.open("vault", &made).await;
    bench.works_until("it should be counted", || bench.leases_counted().0 == 151).await;
    bench.doom(&Namespace::root(), "plain").await;
    bench.works_until("it should be gone", || !bench.is_there(&plain.id)).await;
    assert_eq!(bench.leases_counted(), (81, false));
}

/// What it has given is ended by them, and they are not waited for without an end.
#[tokio::test(start_paused = true)]
async fn a_removal_waits_a_while_for_keys_that_another_member_may_have() {
    let bench = Bench::new().await;
    let mut doomed = Vec::new();
    for name in ["lost", "found"] {
        let (namespace, made) = bench.namespace(&Namespace::root(), name, true).await;
        bench.open(name, &made).await;
        bench.doom(&Namespace::root(), name).await;
        let view = bench.node.local_view().unwrap();
        let seal = bench.node.namespaces.seal_of(&view, &made.record).unwrap();
        let keys = seal.opened_by(&made.record.id, &made.shares.unwrap().shares);
        doomed.push((namespace.id, keys.ok().unwrap()));
    }
    let ([(lost, _), (found, keys)], (plain, _)) =
        (<[_; 2]>::try_from(doomed).ok().unwrap(), bench.namespace(&Namespace::root(), "plain", false).await);
    bench.doom(&Namespace::root(), "plain").await;
    bench.lose_keys();
    let (_go_on, stop) = watch::channel(false);
    let working = tokio::spawn(worker::run(Arc::clone(&bench.node), stop));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!bench.is_there(&plain.id), "it holds up nobody");
    assert!(bench.is_there(&lost) && bench.is_there(&found));
    bench.node.barrier.open_tenant(found.keyring(), keys).unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(bench.is_there(&lost) && !bench.is_there(&found));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!bench.is_there(&lost));
    working.abort();
}

/// What a rule of a namespace counts in those below follows what it says of them, also of leases that were there; and with
/// it goes all that was written down for it.
#[tokio::test]
async fn a_rule_that_is_inherited_or_no_more_counts_what_is_below_or_gives_it_back() {
    let bench = Bench::new().await;
    let (vault, made) = bench.namespace(&Namespace::root(), "vault", true).await;
    bench.open("vault", &made).await;
    let (inner, _) = bench.namespace(&vault, "inner", false).await;
    bench.leased(&vault, 3).await;
    bench.leased(&inner, 4).await;
    let set = async |inheritable| {
        bench
            .change(|state, _| {
                let mut records = state.at(root());
                let rules = LeaseCounts::change(&mut records).unwrap();
                let scope = Scope { namespace: "vault/".into(), ..Scope::default() };
                rules.set(&mut records, "all", scope, 100, inheritable).unwrap();
            })
            .await;
    };
    for (inheritable, count) in [(None, 3), (Some(true), 7), (Some(false), 3), (Some(true), 7)] {
        set(inheritable).await;
        let what = format!("inheritable: {inheritable:?}");
        bench.works_until(&what, || bench.leases_counted() == (count, false)).await;
    }
    let apart =
        || bench.node.local_view().unwrap().range(&storage::PathKey::kind("quota-apart"), None, 9).unwrap().len();
    assert_ne!(apart(), 0);
    bench
        .change(|state, _| {
            let mut records = state.at(root());
            LeaseCounts::change(&mut records).unwrap().remove(&mut records, "all").unwrap();
        })
        .await;
    assert_eq!(apart(), 0);
}

#[tokio::test]
async fn what_waits_to_be_removed_stands_before_nobody() {
    let bench = Bench::new().await;
    let (vault, made) = bench.namespace(&Namespace::root(), "vault", true).await;
    bench.open("vault", &made).await;
    for n in 0..200 {
        bench.namespace(&vault, &format!("n{n}"), false).await;
        bench.doom(&vault, &format!("n{n}")).await;
    }
    bench.seal("vault").await;
    let mut free = Vec::new();
    for n in 0..5 {
        free.push(bench.namespace(&Namespace::root(), &format!("free{n}"), false).await.0.id);
        bench.doom(&Namespace::root(), &format!("free{n}")).await;
    }
    bench.works_until("the others should be gone", || free.iter().all(|id| !bench.is_there(id))).await;
}
