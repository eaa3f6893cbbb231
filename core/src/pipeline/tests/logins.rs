//! Logins: the token that core makes of what a plugin says, and who is locked out.

use std::sync::{Condvar, Mutex};

use sdk::{Login, TokenSettings, Work};

use super::*;
use crate::lockout;

/// Lets in whoever's word is their name.
pub struct Words {
    backend: Backend,
}

/// Where words that are about to be looked at wait: wrong ones for the first door, right ones for the second.
#[derive(Default)]
pub struct Doors {
    pub arrived: AtomicUsize,
    shut: Mutex<[bool; 2]>,
    turned: Condvar,
}

impl Doors {
    pub fn shut(&self) {
        *self.shut.lock().unwrap() = [true; 2];
    }

    pub fn open(&self, door: usize) {
        self.shut.lock().unwrap()[door] = false;
        self.turned.notify_all();
    }

    fn pass(&self, door: usize) {
        let shut = self.shut.lock().unwrap();
        drop(self.turned.wait_timeout_while(shut, Duration::from_secs(20), |shut| shut[door]).unwrap());
    }
}

#[derive(Input)]
struct Word {
    name: String,
    word: String,
}

impl Words {
    pub fn new(doors: Arc<Doors>) -> Self {
        let login = Path::new("login/:name").login("name").slow(
            Verb::Write,
            move |_: &Ctx, input: Word, _: &View| {
                let doors = Arc::clone(&doors);
                doors.arrived.fetch_add(1, Ordering::AcqRel);
                Ok(Work::Slow(Box::new(move || {
                    let right = input.name == input.word;
                    doors.pass(usize::from(right));
                    if right { Ok(input.name) } else { Err(Failure::WrongCredentials("that is not the word".into())) }
                })))
            },
            |_: &Ctx, _: Word, name: &String, _: &mut Txn| {
                let policies = if name == "admin" { vec!["root".into()] } else { vec!["Reader".into()] };
                Ok(Answer::login(Login {
                    alias: name.clone(),
                    alias_metadata: Default::default(),
                    group_aliases: Vec::new(),
                    display_name: name.clone(),
                    metadata: Default::default(),
                    internal: Value::Null,
                    token: TokenSettings { policies, ttl: Duration::from_secs(60), ..TokenSettings::default() },
                    for_elsewhere: false,
                }))
            },
        );
        Self { backend: Backend::new("Words.", vec![login]) }
    }
}

impl Plugin for Words {
    fn kind(&self) -> PluginKind {
        PluginKind::Auth
    }
    fn types(&self) -> &'static [&'static str] {
        // One of the methods whose users are locked out.
        &["userpass", "words"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.backend
    }
}

impl Bench {
    pub async fn log_in(&self, mount: &str, name: &str, word: &str) -> Response {
        let mut login = request(Verb::Write, &format!("auth/{mount}/login/{name}"), None);
        login.body.insert("word".into(), json!(word));
        self.serve(login).await
    }
}

#[tokio::test]
async fn a_login_gives_a_token_that_ends_with_its_mount() {
    let bench = Bench::new().await;
    bench.policy("reader", "path \"c/number\" { capabilities = [\"read\"] }").await;
    let answer = json_of(&bench.log_in("words", "ann", "ann").await);
    let auth = &answer["auth"];
    assert_eq!(auth["policies"], json!(["default", "reader"]));
    assert_eq!((&auth["lease_duration"], &auth["orphan"]), (&json!(60), &json!(true)));
    let token = ClientToken::new(auth["client_token"].as_str().unwrap().into());
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 200);
    let rename = |from: &'static str, to: &'static str| {
        bench.change(move |state, node| {
            let mut records = state.at(space::records(&sdk::NamespaceId::root()));
            node.mounts.rename(&mut records, from, to).unwrap();
        })
    };
    rename("auth/words/", "auth/moved/").await;
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 200, "the mount is only elsewhere");
    bench
        .change(|state, node| {
            let root = sdk::NamespaceId::root();
            node.mounts.remove(&mut state.at(space::records(&root)), &root, Table::Auth, "moved/").unwrap();
        })
        .await;
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&token)).await.status, 403);
}

#[tokio::test]
async fn no_login_gives_root() {
    let bench = Bench::new().await;
    let refused = bench.log_in("words", "admin", "admin").await;
    assert_eq!(refused.status, 400);
    assert!(String::from_utf8_lossy(&refused.body).contains("root"));
}

#[tokio::test]
async fn a_token_that_cannot_be_audited_is_taken_back() {
    let bench = Bench::new().await;
    bench.audit.broken_after(1);
    assert_eq!(bench.log_in("words", "ann", "ann").await.status, 500);
    bench.audit.broken.store(false, Ordering::Relaxed);
    let left = bench.node.tokens.accessors(&bench.node.local_view().unwrap()).unwrap();
    assert_eq!(left.len(), 1, "the root token's alone");
}

#[tokio::test]
async fn too_many_wrong_words_lock_out_for_a_while_and_nobody_else() {
    let bench = Bench::new().await;
    bench
        .change(|state, node| {
            let mount = Mount::new(Table::Auth, "guess/", "userpass", "");
            node.mounts.add(&mut state.at(space::records(&sdk::NamespaceId::root())), mount).unwrap();
        })
        .await;
    for _ in 0..4 {
        assert_eq!(bench.log_in("guess", "ann", "bob").await.status, 400);
    }
    assert_eq!(bench.log_in("guess", "ann", "ann").await.status, 200, "and the count begins anew");
    for _ in 0..5 {
        assert_eq!(bench.log_in("guess", "ann", "bob").await.status, 400);
    }
    assert_eq!(bench.log_in("guess", "ann", "ann").await.status, 403);
    assert_eq!(bench.log_in("guess", "Ann", "Ann").await.status, 403, "capitals make no other user");
    assert_eq!(bench.log_in("guess", "bob", "bob").await.status, 200);
    bench.node.lockouts.forget();
    assert_eq!(bench.log_in("guess", "ann", "ann").await.status, 403, "the next active node knows it");
    bench.alone.advance(Duration::from_secs(901));
    assert_eq!(bench.log_in("guess", "ann", "ann").await.status, 200);
}

#[tokio::test]
async fn who_is_locked_out_is_listed_and_can_be_let_in() {
    let bench = Bench::new().await;
    let accessor = bench
        .change(|state, node| {
            let mount = Mount::new(Table::Auth, "guess/", "userpass", "");
            let accessor = mount.accessor.clone();
            node.mounts.add(&mut state.at(space::records(&sdk::NamespaceId::root())), mount).unwrap();
            accessor
        })
        .await;
    for name in ["ann", "bob", "cid"] {
        for _ in 0..5 {
            assert_eq!(bench.log_in("guess", name, "x").await.status, 400);
        }
    }
    let listed = |mount: Option<&str>, most| {
        let view = bench.node.local_view().unwrap();
        let (mounts, more) = lockout::locked_out(&view, mount, bench.alone.now(), most).unwrap();
        (mounts.into_iter().flat_map(|of| of.aliases).collect::<Vec<_>>(), more)
    };
    assert_eq!(listed(None, 10), (vec!["ann".into(), "bob".into(), "cid".into()], false));
    assert_eq!(listed(Some(&accessor), 2), (vec!["ann".into(), "bob".into()], true));
    assert_eq!(listed(Some("nope"), 2), (Vec::new(), false));
    let unlock = |name: &'static str| {
        let accessor = accessor.clone();
        bench.change(move |state, node| {
            let root = sdk::NamespaceId::root();
            let mut records = state.at(space::records(&root));
            lockout::unlock(&mut records, &root, &accessor, name).unwrap();
            node.lockouts.forgive(&root, &accessor, name);
        })
    };
    unlock("ann").await;
    unlock("nobody").await;
    assert_eq!(listed(None, 10).0, ["bob", "cid"]);
    assert_eq!(bench.log_in("guess", "ann", "ann").await.status, 200);
    assert_eq!(bench.log_in("guess", "bob", "bob").await.status, 403);
    bench.alone.advance(Duration::from_secs(901));
    assert_eq!(listed(None, 10).0, [] as [&str; 0], "those whose time is over are let in, swept away or not");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_guesses_at_once_those_behind_the_lock_tell_nothing() {
    let bench = Arc::new(Bench::new().await);
    bench
        .change(|state, node| {
            let mount = Mount::new(Table::Auth, "guess/", "userpass", "");
            node.mounts.add(&mut state.at(space::records(&sdk::NamespaceId::root())), mount).unwrap();
        })
        .await;
    bench.doors.shut();
    let mut wrong = tokio::task::JoinSet::new();
    let guess = |bench: &Arc<Bench>, word: &'static str| {
        let bench = Arc::clone(bench);
        async move { bench.log_in("guess", "ann", word).await.status }
    };
    let arrived = async |count: usize| {
        let end = Instant::now() + Duration::from_secs(20);
        while bench.doors.arrived.load(Ordering::Acquire) < count && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    for _ in 0..8 {
        wrong.spawn(guess(&bench, "bob"));
    }
    arrived(8).await;
    let right = tokio::spawn(guess(&bench, "ann"));
    arrived(9).await;
    bench.doors.open(0);
    let mut answers = wrong.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, [400, 400, 400, 400, 400, 403, 403, 403]);
    bench.doors.open(1);
    assert_eq!(right.await.unwrap(), 403, "it was let in to be looked at before, and must not count now");
}
