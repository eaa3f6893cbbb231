//! The rules of second factors: what a code can do, and who is bound.

use storage::Read;
use totp::{Algorithm, Digits, Key, Moment};

use super::super::mfa::*;
use super::*;

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn settings(max_validation_attempts: u32) -> Settings {
    Settings::Totp(Totp {
        issuer: "acme".into(),
        period: 30,
        algorithm: Algorithm::Sha1,
        digits: Digits::Six,
        skew: 1,
        key_size: 20,
        qr_size: 0,
        max_validation_attempts,
    })
}

/// What an authenticator makes of the URL that it is shown.
fn authenticator(url: &str) -> Key {
    let url = totp::Url::parse(url).unwrap();
    Key {
        secret: totp::Secret::parse(&url.secret).unwrap(),
        issuer: "acme".into(),
        account_name: url.account_name,
        period: url.period.unwrap(),
        algorithm: Algorithm::from_name(&url.algorithm.unwrap()).unwrap(),
        digits: Digits::from_count(url.digits.unwrap()).unwrap(),
        skew: 1,
    }
}

impl Bench {
    async fn method(&self) -> Method {
        self.method_allowing(5).await
    }

    async fn method_allowing(&self, attempts: u32) -> Method {
        self.change(|txn| write_method(txn, Kind::Totp, None, None, |_| Ok(settings(attempts))).unwrap()).await
    }

    async fn enrolled(&self, method: &Method, entity: &Entity) -> Key {
        let made = self.change(|txn| enrol(txn, method, &entity.id).unwrap()).await;
        authenticator(&made.expect("it has none yet").url)
    }

    fn code(&self, key: &Key, steps: i64) -> String {
        let step = Moment::of(self.now, key.period).step;
        key.code(step.checked_add_signed(steps).unwrap()).unwrap()
    }

    /// What is wrong with it, if anything is.
    fn try_in(&self, txn: &mut Txn, method: &Method, entity: &Entity, code: &str) -> Option<String> {
        let demanded = [Enforcement { method_ids: vec![method.id.clone()], ..Enforcement::default() }];
        let factors = Factors::from([(method.id.clone(), vec![code.to_owned()])]);
        let (namespace, answered) = (sdk::Namespace::root(), Answered::default());
        let (now, asks) = (self.now, &AsksNobody);
        let trial =
            Trial { now, namespace: &namespace, entity, factors: &factors, remote: None, asks, answered: &answered };
        match satisfy(txn, trial, &demanded).unwrap() {
            Verdict::Right => None,
            Verdict::Wrong(why) => Some(why),
            Verdict::Asks(_) => panic!("nobody is asked for a code"),
        }
    }

    async fn attempt(&self, method: &Method, entity: &Entity, code: &str) -> Option<String> {
        self.change(|txn| self.try_in(txn, method, entity, code)).await
    }
}

fn wrong(key: &Key, bench: &Bench) -> String {
    let right: Vec<String> = (-1..=1).map(|steps| bench.code(key, steps)).collect();
    (0..).map(|n| format!("{n:06}")).find(|code| !right.contains(code)).unwrap()
}

#[tokio::test]
async fn a_code_counts_once_as_long_as_it_could_be_right() {
    let mut bench = Bench::new();
    let (method, ann) = (bench.method().await, bench.log_in("ann", &[]).await);
    let key = bench.enrolled(&method, &ann).await;
    let codes = [1, 0, -1].map(|steps| bench.code(&key, steps));
    for code in &codes {
        assert_eq!(bench.attempt(&method, &ann, code).await, None);
    }
    for code in &codes {
        assert!(bench.attempt(&method, &ann, code).await.unwrap().contains("not supplied or incorrect"), "{code}");
    }
    bench.now.0 += 59_000;
    bench.now.0 -= bench.now.0 % 30_000;
    assert!(bench.attempt(&method, &ann, &codes[0]).await.is_some(), "it could still be right");
    assert_eq!(bench.attempt(&method, &ann, &format!("passcode={}", bench.code(&key, 1))).await, None);
}

/// Two nodes that both lead, or think so: the state they read from is the same.
#[tokio::test]
async fn of_two_who_use_a_code_at_once_one_has_to_look_again() {
    let bench = Bench::new();
    let (method, ann) = (bench.method().await, bench.log_in("ann", &[]).await);
    let key = bench.enrolled(&method, &ann).await;
    let code = bench.code(&key, 0);
    let (mut first, mut second) = (bench.begin(), bench.begin());
    assert_eq!(bench.try_in(&mut first.txn(), &method, &ann, &code), None);
    assert_eq!(bench.try_in(&mut second.txn(), &method, &ann, &code), None);
    bench.commit(first).await.unwrap();
    assert!(matches!(bench.commit(second).await, Err(CommitError::Conflict { .. })));
    assert!(bench.attempt(&method, &ann, &code).await.is_some());
}

#[tokio::test]
async fn who_guesses_is_stopped_for_a_while_and_nobody_else_is() {
    let mut bench = Bench::new();
    let method = bench.method().await;
    let (ann, bob) = (bench.log_in("ann", &[]).await, bench.log_in("bob", &[]).await);
    let (key, of_bob) = (bench.enrolled(&method, &ann).await, bench.enrolled(&method, &bob).await);
    let bad = wrong(&key, &bench);
    for _ in 0..2 {
        bench.attempt(&method, &ann, &bad).await.unwrap();
    }
    assert_eq!(bench.attempt(&method, &ann, &bench.code(&key, 0)).await, None, "a right one begins anew");
    for _ in 0..5 {
        assert!(bench.attempt(&method, &ann, &bad).await.unwrap().contains("incorrect"));
    }
    let right = bench.code(&key, 1);
    assert!(bench.attempt(&method, &ann, &right).await.unwrap().contains("attempts exceeded"));
    assert_eq!(bench.attempt(&method, &bob, &bench.code(&of_bob, 0)).await, None);
    bench.now.0 += 90_000;
    assert_eq!(bench.attempt(&method, &ann, &bench.code(&key, 0)).await, None);
}

#[tokio::test]
async fn who_goes_on_guessing_waits_longer_each_time_up_to_an_hour() {
    let mut bench = Bench::new();
    let (method, ann) = (bench.method().await, bench.log_in("ann", &[]).await);
    let key = bench.enrolled(&method, &ann).await;
    for wait in [90, 180, 360, 720, 1440, 2880, 3600, 3600] {
        let bad = wrong(&key, &bench);
        for _ in 0..5 {
            assert!(bench.attempt(&method, &ann, &bad).await.unwrap().contains("incorrect"), "{wait}");
        }
        bench.now.0 += wait * 1000 - 1;
        let still = bench.attempt(&method, &ann, &bench.code(&key, 0)).await.unwrap();
        assert!(still.contains("try again in 1 seconds"), "{wait}: {still}");
        bench.now.0 += 1;
    }
    assert_eq!(bench.attempt(&method, &ann, &bench.code(&key, 0)).await, None);
    bench.now.0 += 3_600_000;
    let bad = wrong(&key, &bench);
    for _ in 0..5 {
        bench.attempt(&method, &ann, &bad).await.unwrap();
    }
    bench.now.0 += 90_000;
    assert_eq!(bench.attempt(&method, &ann, &bench.code(&key, 0)).await, None, "a right one begins anew");
}

#[tokio::test]
async fn who_stops_one_short_of_what_is_allowed_goes_on_from_there() {
    let mut bench = Bench::new();
    let (method, ann) = (bench.method().await, bench.log_in("ann", &[]).await);
    let key = bench.enrolled(&method, &ann).await;
    let mut looked_at = 0;
    for _ in 0..960 {
        let bad = wrong(&key, &bench);
        for _ in 0..4 {
            looked_at += u32::from(bench.attempt(&method, &ann, &bad).await.unwrap().contains("incorrect"));
        }
        bench.now.0 += 90_000;
    }
    assert!((100..=150).contains(&looked_at), "{looked_at} in a day");
    // Who is quiet for an hour longer than they have to be is somebody else who types badly.
    bench.now.0 += 2 * 3_600_000;
    let bad = wrong(&key, &bench);
    for _ in 0..4 {
        assert!(bench.attempt(&method, &ann, &bad).await.unwrap().contains("incorrect"));
    }
    assert_eq!(bench.attempt(&method, &ann, &bench.code(&key, 0)).await, None);
}

#[tokio::test]
async fn a_method_that_allows_more_lifts_no_other_one_s_limit() {
    let mut bench = Bench::new();
    let (more, fewer) = (bench.method_allowing(10).await, bench.method_allowing(3).await);
    let ann = bench.log_in("ann", &[]).await;
    let (of_more, of_fewer) = (bench.enrolled(&more, &ann).await, bench.enrolled(&fewer, &ann).await);
    for wait in [90, 180, 360] {
        let bad = wrong(&of_more, &bench);
        for method in [&more, &fewer, &fewer] {
            assert!(bench.attempt(method, &ann, &bad).await.unwrap().contains("incorrect"), "{wait}");
        }
        bench.now.0 += wait * 1000 - 1;
        for (method, key) in [(&more, &of_more), (&fewer, &of_fewer)] {
            let still = bench.attempt(method, &ann, &bench.code(key, 0)).await.unwrap();
            assert!(still.contains("try again in 1 seconds"), "{wait}: {still}");
        }
        bench.now.0 += 1;
    }
    // What was tried with one that allows it is too much for the other.
    let bad = wrong(&of_more, &bench);
    for _ in 0..3 {
        assert!(bench.attempt(&more, &ann, &bad).await.unwrap().contains("incorrect"));
    }
    let why = bench.attempt(&fewer, &ann, &bench.code(&of_fewer, 0)).await.unwrap();
    assert!(why.contains("attempts exceeded"), "{why}");
    assert_eq!(bench.attempt(&more, &ann, &bench.code(&of_more, 0)).await, None);
    assert_eq!(bench.attempt(&fewer, &ann, &bench.code(&of_fewer, 0)).await, None, "a right one begins anew");
}

#[tokio::test]
async fn more_methods_are_not_more_guesses_and_one_right_code_does_not_help_to_guess_another() {
    let bench = Bench::new();
    let (first, second) = (bench.method().await, bench.method().await);
    let ann = bench.log_in("ann", &[]).await;
    let (of_first, of_second) = (bench.enrolled(&first, &ann).await, bench.enrolled(&second, &ann).await);
    let bad = wrong(&of_first, &bench);
    for n in 0..5 {
        let method = if n % 2 == 0 { &first } else { &second };
        assert!(bench.attempt(method, &ann, &bad).await.unwrap().contains("incorrect"), "{n}");
    }
    for (method, key) in [(&first, &of_first), (&second, &of_second)] {
        let why = bench.attempt(method, &ann, &bench.code(key, 0)).await.unwrap();
        assert!(why.contains("attempts exceeded"), "{why}");
    }
    // Whoever has one factor of two uses it up each time, and does not begin anew with the other.
    let bob = bench.log_in("bob", &[]).await;
    let (of_first, of_second) = (bench.enrolled(&first, &bob).await, bench.enrolled(&second, &bob).await);
    let demanded =
        [&first, &second].map(|method| Enforcement { method_ids: vec![method.id.clone()], ..Enforcement::default() });
    let bad = wrong(&of_second, &bench);
    let mut told = Vec::new();
    for steps in [-1, 0, 1] {
        for (of_both, code) in [(true, bench.code(&of_first, steps)), (false, bad.clone())] {
            let mut factors = Factors::from([(second.id.clone(), vec![bad.clone()])]);
            factors.insert(first.id.clone(), vec![code]);
            let (namespace, answered) = (sdk::Namespace::root(), Answered::default());
            let (now, asks, remote) = (bench.now, &AsksNobody, None);
            let (entity, namespace, factors, answered) = (&bob, &namespace, &factors, &answered);
            let trial = Trial { now, namespace, entity, factors, remote, asks, answered };
            match bench.change(|txn| satisfy(txn, trial, &demanded).unwrap()).await {
                Verdict::Wrong(why) => told.push((of_both, why)),
                _ => panic!("one of two was wrong"),
            }
        }
    }
    assert!(told[4].1.contains("incorrect"), "{told:?}");
    assert!(told[5].1.contains("attempts exceeded"), "{told:?}");
}

#[tokio::test]
async fn whoever_has_the_password_alone_does_not_learn_who_has_a_key() {
    let bench = Bench::new();
    let method = bench.method().await;
    let (ann, bob) = (bench.log_in("ann", &[]).await, bench.log_in("bob", &[]).await);
    bench.enrolled(&method, &ann).await;
    let mut told = Vec::new();
    for _ in 0..7 {
        let with_key = bench.attempt(&method, &ann, "nonono").await.unwrap();
        assert_eq!(bench.attempt(&method, &bob, "nonono").await.unwrap(), with_key);
        told.push(with_key);
    }
    assert!(told[4].contains("incorrect") && told[5].contains("attempts exceeded"), "{told:?}");
}

#[tokio::test]
async fn what_is_no_code_is_refused_without_being_repeated() {
    let bench = Bench::new();
    let (method, ann) = (bench.method().await, bench.log_in("ann", &[]).await);
    let key = bench.enrolled(&method, &ann).await;
    let code = bench.code(&key, 0);
    for given in ["push=auto".to_owned(), "passcode=".into(), format!(" {code}"), format!("{code}0"), String::new()] {
        let why = bench.attempt(&method, &ann, &given).await.unwrap();
        assert!(given.trim().is_empty() || !why.contains(&given), "{why}");
    }
    assert_eq!(bench.attempt(&method, &ann, &code).await, None);
}

#[tokio::test]
async fn an_enforcement_binds_by_each_of_its_lists_and_is_found_anew_when_it_changes() {
    let bench = Bench::new();
    let limits = crate::mount::TtlLimits { default: DAY, max: DAY };
    let mounts = crate::mount::Mounts::new(limits);
    let mount = crate::mount::Mount::new(crate::mount::Table::Auth, "up/", "userpass", "");
    let accessor = mount.accessor.clone();
    bench.change(|txn| mounts.add(txn, mount).unwrap()).await;
    let (method, ann) = (bench.method().await, bench.log_in("ann", &[]).await);
    let inner = GroupChange { member_entity_ids: Some(vec![ann.id.clone()]), ..GroupChange::default() };
    let inner = bench.group("inner", inner).await;
    let outer = GroupChange { member_group_ids: Some(vec![inner]), ..GroupChange::default() };
    let outer = bench.group("outer", outer).await;
    let change = |which: usize, value: &str| {
        let list = |n: usize| Some(if n == which { vec![value.to_owned()] } else { Vec::new() });
        let [accessors, types, group_ids, entity_ids] = [0, 1, 2, 3].map(list);
        EnforcementChange { method_ids: vec![method.id.clone()], accessors, types, group_ids, entity_ids }
    };
    let names = |entity: Option<&Entity>, accessor: &str, kind: &str| -> Vec<String> {
        let found = applying(&bench.view(), entity, accessor, kind).unwrap();
        found.into_iter().map(|enforcement| enforcement.name).collect()
    };
    for (which, value) in [accessor.as_str(), "userpass", outer.as_str(), ann.id.as_str()].into_iter().enumerate() {
        bench.change(|txn| write_enforcement(txn, &mounts, "le", change(which, value)).unwrap()).await;
        let ann = entity(&bench.view(), &ann.id).unwrap().unwrap();
        let by = [
            !names(None, &accessor, "x").is_empty(),
            !names(None, "x", "userpass").is_empty(),
            !names(Some(&Entity { id: "x".into(), ..ann.clone() }), "x", "x").is_empty(),
            !names(Some(&Entity { groups: Vec::new(), ..ann }), "x", "x").is_empty(),
        ];
        assert_eq!(by, [0, 1, 2, 3].map(|n| n == which), "by {value}");
    }
    // Whoever is bound no more is let go by deleting it, not by a list that came out empty.
    let refused = bench.change(|txn| write_enforcement(txn, &mounts, "le", change(9, ""))).await.unwrap_err();
    assert!(told(refused).contains("must be specified"));
    // A login that looked before it was bound does not slip through.
    let ann = entity(&bench.view(), &ann.id).unwrap().unwrap();
    let mut login = bench.begin();
    let mut txn = login.txn();
    assert!(applying(&txn, Some(&Entity { id: "x".into(), ..ann }), &accessor, "userpass").unwrap().is_empty());
    txn.put(&PathKey::kind("token"), &()).unwrap();
    bench.change(|txn| write_enforcement(txn, &mounts, "le", change(0, &accessor)).unwrap()).await;
    assert!(matches!(bench.commit(login).await, Err(CommitError::Conflict { .. })));
    let kept = bench.change(|txn| delete_method(txn, Kind::Totp, &method.id)).await;
    assert!(kept.unwrap_err().to_string().contains("\"le\""));
    bench.change(|txn| delete_enforcement(txn, "le").unwrap()).await;
    assert!(names(None, &accessor, "userpass").is_empty());
    bench.change(|txn| delete_method(txn, Kind::Totp, &method.id).unwrap()).await;
    assert!(super::super::mfa::method(&bench.view(), &method.id).unwrap().is_none());
}

#[tokio::test]
async fn a_key_goes_with_its_entity_and_to_whom_that_is_merged_into() {
    let bench = Bench::new();
    let method = bench.method().await;
    let (ann, bob) = (bench.log_in("ann", &[]).await, bench.log_in("bob", &[]).await);
    let key = bench.enrolled(&method, &ann).await;
    let code = bench.code(&key, 0);
    assert_eq!(bench.attempt(&method, &ann, &code).await, None);
    bench.change(|txn| delete_alias(txn, &bob.aliases[0].id).unwrap()).await;
    let from = [ann.id.clone()];
    bench
        .change(|txn| merge(txn, bench.now, &Merge { to: &bob.id, from: &from, keep: &[], force: false }).unwrap())
        .await;
    assert!(bench.attempt(&method, &bob, &code).await.is_some(), "it is used up");
    assert_eq!(bench.attempt(&method, &bob, &bench.code(&key, 1)).await, None);
    let missing = bench.attempt(&method, &ann, &bench.code(&key, -1)).await;
    assert!(missing.unwrap().contains("not supplied or incorrect"), "whether there is a key is not told");
    bench.change(|txn| delete_entity(txn, &bob.id).unwrap()).await;
    let left = bench.view().range(&folder("mfa").plain("key"), None, 10).unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn of_two_authenticators_one_goes_only_if_that_is_said() {
    let bench = Bench::new();
    let method = bench.method().await;
    let (ann, bob) = (bench.log_in("ann", &[]).await, bench.log_in("bob", &[]).await);
    let (of_ann, of_bob) = (bench.enrolled(&method, &ann).await, bench.enrolled(&method, &bob).await);
    bench.change(|txn| delete_alias(txn, &bob.aliases[0].id).unwrap()).await;
    let from = [ann.id.clone()];
    let merge_with = async |force: bool| {
        bench.change(|txn| merge(txn, bench.now, &Merge { to: &bob.id, from: &from, keep: &[], force })).await
    };
    let refused = merge_with(false).await.unwrap_err().to_string();
    assert!(refused.contains("force") && refused.contains(&method.id), "{refused}");
    assert_eq!(bench.attempt(&method, &ann, &bench.code(&of_ann, -1)).await, None, "nothing has changed");
    merge_with(true).await.unwrap();
    assert!(bench.attempt(&method, &bob, &bench.code(&of_ann, 0)).await.is_some());
    assert_eq!(bench.attempt(&method, &bob, &bench.code(&of_bob, 0)).await, None);
}

#[tokio::test]
async fn what_is_demanded_of_an_entity_is_demanded_of_whom_it_is_merged_into() {
    let bench = Bench::new();
    let mounts = crate::mount::Mounts::new(crate::mount::TtlLimits { default: DAY, max: DAY });
    let method = bench.method().await;
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| bench.log_in(name, &[]));
    let (ann, bob, cat) = (ann.await, bob.await, cat.await);
    let change = EnforcementChange {
        method_ids: vec![method.id.clone()],
        accessors: None,
        types: None,
        group_ids: None,
        entity_ids: Some(vec![ann.id.clone()]),
    };
    bench.change(|txn| write_enforcement(txn, &mounts, "le", change).unwrap()).await;
    let bound = |id: &str| {
        let entity = entity(&bench.view(), id).unwrap().unwrap();
        !applying(&bench.view(), Some(&entity), "x", "x").unwrap().is_empty()
    };
    assert_eq!([&ann, &bob, &cat].map(|entity| bound(&entity.id)), [true, false, false]);
    for (from, to) in [(&ann, &bob), (&bob, &cat)] {
        // One mount knows an entity by one name.
        bench.change(|txn| delete_alias(txn, &to.aliases[0].id).unwrap()).await;
        let from = [from.id.clone()];
        let merge = |txn: &mut Txn| merge(txn, bench.now, &Merge { to: &to.id, from: &from, keep: &[], force: false });
        bench.change(|txn| merge(txn).unwrap()).await;
        assert!(bound(&to.id));
    }
    // Written again as it is read, it names the one that they are now, once.
    let twice = Some(vec![ann.id.clone(), cat.id.clone(), bob.id.clone()]);
    let change = EnforcementChange {
        method_ids: vec![method.id.clone(), method.id.clone()],
        accessors: None,
        types: None,
        group_ids: None,
        entity_ids: twice,
    };
    bench.change(|txn| write_enforcement(txn, &mounts, "le", change).unwrap()).await;
    let written = enforcement(&bench.view(), "le").unwrap().unwrap();
    assert_eq!((written.entity_ids, written.method_ids), (vec![cat.id.clone()], vec![method.id.clone()]));
    assert!(bound(&cat.id));
}

#[tokio::test]
async fn few_logins_of_an_entity_wait_and_none_for_long() {
    let mut bench = Bench::new();
    let ann = bench.log_in("ann", &[]).await;
    let begin = || Waiting::new(bench.now, &ann.id, MOUNT, "auth/up/login/ann", None, login());
    let mut ids = Vec::new();
    for _ in 0..17 {
        let login = begin();
        bench.change(|txn| wait(txn, &ROOT, &login).unwrap()).await;
        ids.push(login.id);
    }
    let waits =
        async |bench: &Bench, id: &str| bench.change(|txn| waiting(txn, id, bench.now).unwrap().is_some()).await;
    assert!(!waits(&bench, &ids[0]).await, "the oldest made room");
    assert!(waits(&bench, &ids[1]).await && waits(&bench, &ids[16]).await);
    assert!(!waits(&bench, &"x".repeat(1000)).await);
    bench.now.0 += 300_000;
    assert!(!waits(&bench, &ids[16]).await, "nobody came");
    for id in &ids {
        bench.change(|txn| expire(txn, &ann.id, id).unwrap()).await;
    }
    let left = bench.view().range(&folder("mfa"), None, 10).unwrap();
    assert!(left.is_empty(), "nothing is left of them");
}

fn login() -> sdk::Login {
    sdk::Login {
        alias: "ann".into(),
        alias_metadata: BTreeMap::new(),
        group_aliases: Vec::new(),
        display_name: "ann".into(),
        metadata: BTreeMap::new(),
        internal: sdk::Value::Null,
        token: sdk::TokenSettings::default(),
        for_elsewhere: false,
    }
}
