//! What two transactions at once come to, and what is kept of a key.

use std::sync::Arc;
use std::time::Duration;

use sdk::{Key, Millis, Read, Seg, Txn, View};
use storage::{Class, Clear, CommitError, Latches, MemoryStore, OpenBatch, OpenStore, Path, RequestId, Term, TxnState};

use crate::{Algorithm, Client, ClientKind, Grant, Made, NamedKey, Role, Used};

struct Records {
    store: OpenStore,
    applied: u64,
}

fn space() -> Path {
    Path::root(Class::Replicated).join(&Key::kind("core"))
}

fn made(algorithm: Algorithm) -> Made {
    Made::new(algorithm).unwrap()
}

impl Records {
    fn new() -> Self {
        Self { store: OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear)), applied: 0 }
    }

    /// What a transaction that begins now is to write.
    fn begin<T>(&self, run: impl FnOnce(&mut Txn) -> sdk::Result<T>) -> (T, OpenBatch) {
        let mut state = TxnState::new(self.store.snapshot().unwrap(), Latches::new().begin());
        let done = run(&mut state.at(space())).unwrap();
        (done, state.finish().0)
    }

    async fn commit(&mut self, batch: OpenBatch) -> Result<(), CommitError> {
        self.applied += 1;
        let id = RequestId { applied: self.applied, random: [0; 16] };
        self.store.commit(Term(1), self.store.seal(id, Millis(0), batch).unwrap()).await.map(|_| ())
    }

    async fn change<T>(&mut self, run: impl FnOnce(&mut Txn) -> sdk::Result<T>) -> T {
        let (done, batch) = self.begin(run);
        self.commit(batch).await.unwrap();
        done
    }

    fn view(&self) -> View {
        View::new(self.store.snapshot().unwrap(), space())
    }

    async fn with_key(mut self) -> Self {
        let pairs = [made(Algorithm::ES256), made(Algorithm::ES256)];
        let make = |txn: &mut Txn| {
            let mut key = NamedKey::new(Algorithm::ES256);
            key.renew(txn, "k", &pairs, Millis(0))?;
            key.put(txn, "k")
        };
        self.change(make).await;
        self
    }
}

fn grant() -> Grant {
    Grant {
        provider: "default".into(),
        client_id: "c".into(),
        entity_id: "e".into(),
        redirect_uri: "https://app/cb".into(),
        nonce: String::new(),
        scopes: Vec::new(),
        auth_time: None,
        challenge: None,
        expires: Millis(1000),
    }
}

#[tokio::test]
async fn of_two_who_redeem_a_code_at_once_one_does() {
    let mut records = Records::new();
    records.change(|txn| crate::store(txn, "code", &grant())).await;
    let redeem = |txn: &mut Txn| crate::redeem(txn, "code", Millis(5));
    let ((first, one), (second, other)) = (records.begin(redeem), records.begin(redeem));
    assert!(first.is_some() && second.is_some());
    records.commit(one).await.unwrap();
    assert!(matches!(records.commit(other).await, Err(CommitError::Conflict { .. })));
    assert_eq!(records.change(redeem).await, None);
    assert!(records.view().range(&Key::kind("oidc"), None, 9).unwrap().is_empty(), "nothing is left of it");
}

#[tokio::test]
async fn a_code_whose_time_is_up_is_worth_nothing_and_the_store_does_not_hold_it() {
    let mut records = Records::new();
    records.change(|txn| crate::store(txn, "secret-code", &grant())).await;
    let keys = records.view().range(&Key::new(), None, 99).unwrap();
    let said = |bytes: &[u8]| bytes.windows(11).any(|part| part == b"secret-code");
    assert!(!keys.is_empty());
    for key in keys {
        let (bytes, _) = records.view().bytes(&key).unwrap().unwrap();
        let named = key.segs().iter().any(|(Seg::Plain(name) | Seg::Name(name))| said(name));
        assert!(!said(&bytes) && !named, "neither in a record nor as a name");
    }
    assert_eq!(records.change(|txn| crate::redeem(txn, "secret-code", Millis(1000))).await, None);
}

#[tokio::test]
async fn an_entity_has_so_many_codes_and_one_more_takes_the_oldest_one_s_place() {
    let mut records = Records::new();
    let of = |client: usize, entity: &str| Grant {
        client_id: format!("c{client}"),
        entity_id: entity.into(),
        expires: Millis(1000),
        ..grant()
    };
    let counts = async |records: &mut Records, code: &str| {
        records.change(|txn| crate::redeem(txn, code, Millis(5))).await.is_some()
    };
    for n in 0..17 {
        records.change(|txn| crate::store(txn, &format!("a{n}"), &of(0, "e"))).await;
    }
    records.change(|txn| crate::store(txn, "other", &of(0, "f"))).await;
    assert!(
        !counts(&mut records, "a0").await && counts(&mut records, "a1").await && counts(&mut records, "other").await
    );
    for n in 0..128 {
        records.change(|txn| crate::store(txn, &format!("b{n}"), &of(1 + n / 8, "e"))).await;
    }
    assert!(!counts(&mut records, "a16").await && counts(&mut records, "b0").await, "of all clients together");
    while crate::due(&records.view(), Millis(1000)).unwrap().is_some() {
        let chore = crate::due(&records.view(), Millis(1000)).unwrap().unwrap();
        let finish = chore().unwrap();
        records.change(|txn| finish(txn)).await;
    }
    assert!(records.view().range(&Key::kind("oidc"), None, 9).unwrap().is_empty(), "nothing is left of them");
}

#[tokio::test]
async fn a_full_key_waits_and_nothing_waits_for_it() {
    let mut records = Records::new().with_key().await;
    let mut full = NamedKey::get(&records.view(), "k").unwrap().unwrap();
    let pair = made(Algorithm::ES256);
    records
        .change(|txn| {
            (0..62).try_for_each(|_| full.rotate(txn, "k", &pair, Millis(0), Some(200_000)))?;
            full.put(txn, "k").map(|_| ())
        })
        .await;
    records.change(|txn| crate::store(txn, "code", &grant())).await;
    let day = Millis(0).plus(Duration::from_secs(24 * 3600));
    let do_due = async |records: &mut Records, at: Millis| {
        let mut done = 0;
        while let Some(chore) = crate::due(&records.view(), at).unwrap() {
            let finish = chore().unwrap();
            records.change(|txn| finish(txn)).await;
            done += 1;
            assert!(done < 9, "it goes round in circles");
        }
        done
    };
    assert_eq!(do_due(&mut records, day).await, 2, "the key that has to wait, and the code");
    let waits = NamedKey::get(&records.view(), "k").unwrap().unwrap();
    assert_eq!((waits.ring.len(), waits.next_rotation), (64, Some(Millis(200_000_000))));
    assert_eq!(do_due(&mut records, Millis(200_000_000)).await, 1);
    let after = NamedKey::get(&records.view(), "k").unwrap().unwrap();
    assert!(after.signing == waits.next && after.ring.len() < 64, "it has rotated");
}

/// In both orders.
#[tokio::test]
async fn a_key_that_somebody_comes_to_use_is_not_deleted_meanwhile() {
    let role = |txn: &mut Txn| {
        assert!(NamedKey::get(txn, "k")?.is_some());
        Role { key: "k".into(), ..Role::default() }.put(txn, "r", None, Millis(0))
    };
    let delete = |txn: &mut Txn| {
        let key = NamedKey::take(txn, "k")?.unwrap();
        assert!(Used::KeyByRole.relied_on_by(txn, "k", 9)?.is_empty());
        Used::KeyByRole.forget(txn, "k");
        key.delete(txn, "k")
    };
    for deleted_first in [false, true] {
        let mut records = Records::new().with_key().await;
        let ((_, uses), (_, deletes)) = (records.begin(role), records.begin(delete));
        let (first, second) = if deleted_first { (deletes, uses) } else { (uses, deletes) };
        records.commit(first).await.unwrap();
        assert!(matches!(records.commit(second).await, Err(CommitError::Conflict { .. })), "{deleted_first}");
        let is_there = NamedKey::get(&records.view(), "k").unwrap().is_some();
        assert_eq!(
            (is_there, Used::KeyByRole.is_used(&records.view(), "k").unwrap()),
            (!deleted_first, !deleted_first)
        );
    }
}

#[tokio::test]
async fn of_a_pair_that_signs_no_more_the_public_half_is_kept_for_its_time() {
    let mut records = Records::new().with_key().await;
    let before = NamedKey::get(&records.view(), "k").unwrap().unwrap();
    let rotate = |txn: &mut Txn| {
        let mut key = NamedKey::take(txn, "k")?.unwrap();
        key.rotate(txn, "k", &made(Algorithm::ES256), Millis(10), Some(60))?;
        key.put(txn, "k")
    };
    records.change(rotate).await;
    let after = NamedKey::get(&records.view(), "k").unwrap().unwrap();
    assert_eq!(after.signing, before.next);
    let kids = |now: u64| after.verifies(Millis(now)).map(|public| public.kid.clone()).collect::<Vec<_>>();
    let old = before.signing.unwrap();
    assert!(kids(60_009).contains(&old) && !kids(60_010).contains(&old) && kids(u64::MAX).len() == 2);
    assert_eq!(after.due, Some(Millis(60_010)));
    let (private, _) = records.view().bytes(&crate::key::private_key("k")).unwrap().unwrap();
    let private = String::from_utf8(private).unwrap();
    assert!(!private.contains(&old) && private.contains(&after.signing.unwrap()));
}

#[tokio::test]
async fn a_key_has_so_many_public_halves_and_no_more() {
    let mut records = Records::new().with_key().await;
    let mut key = NamedKey::get(&records.view(), "k").unwrap().unwrap();
    let (mut refused, pair) = (0, made(Algorithm::ES256));
    records
        .change(|txn| {
            for _ in 0..80 {
                refused += usize::from(key.rotate(txn, "k", &pair, Millis(0), None).is_err());
            }
            Ok(())
        })
        .await;
    assert_eq!((key.ring.len(), refused), (64, 80 - 62));
    key.forget(Millis(0).plus(Duration::from_secs(48 * 3600)));
    assert!(key.ring.len() < 64);
}

#[tokio::test]
async fn a_client_is_found_by_its_id_and_lets_go_of_what_it_used() {
    let mut records = Records::new().with_key().await;
    let client = Client {
        id: "id".into(),
        secret: Some("right".into()),
        kind: ClientKind::Confidential,
        key: "k".into(),
        redirect_uris: Vec::new(),
        assignments: vec!["a".into()],
        id_token_ttl: 1,
        access_token_ttl: 1,
        authorization_code: true,
        client_credentials: false,
    };
    records.change(|txn| client.put(txn, "app", None)).await;
    let found = Client::by_id(&records.view(), "id").unwrap().unwrap();
    assert!(found.is_proved_by("right") && !found.is_proved_by("wrong") && !found.is_proved_by(""));
    let used = |records: &Records| {
        let view = records.view();
        (Used::KeyByClient.is_used(&view, "k").unwrap(), Used::AssignmentByClient.is_used(&view, "a").unwrap())
    };
    assert_eq!(used(&records), (true, true));
    let fewer = Client { assignments: Vec::new(), ..client.clone() };
    records.change(|txn| fewer.put(txn, "app", Some(&client))).await;
    assert_eq!(used(&records), (true, false));
    records.change(|txn| fewer.delete(txn, "app", Millis(0))).await;
    assert_eq!(used(&records), (false, false));
    assert!(Client::by_id(&records.view(), "id").unwrap().is_none());
}
