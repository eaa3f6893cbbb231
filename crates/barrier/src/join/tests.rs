use super::*;
use crate::{Keyring, RootKey, UnsealKey};

const NOW: Millis = Millis(1_700_000_000_000);
const PUBLIC: [u8; 32] = [4; 32];

fn cluster() -> (Barrier, UnsealKey) {
    let unseal = UnsealKey::random();
    let barrier = Barrier::new();
    barrier.unseal(Keyring::generate(NOW, unseal.join_key()), RootKey::random());
    (barrier, unseal)
}

fn later(seconds: u64) -> Millis {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn a_node_with_the_shares_comes_in_and_believes_the_leader() {
    let (leader, unseal) = cluster();
    let question = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    let said = answer(&unseal.join_key(), &question, "b", &PUBLIC, "b:8201");
    assert_eq!(verify_answer(&leader, later(1), &question, "b", &PUBLIC, "b:8201", &said), Ok(()));
    let proof = prove_members(&leader, &question, b"a,b").unwrap();
    assert_eq!(verify_members(&unseal.join_key(), &question, b"a,b", &proof), Ok(()));
}

#[test]
fn a_node_without_the_shares_does_not() {
    let (leader, _) = cluster();
    let question = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    let said = answer(&UnsealKey::random().join_key(), &question, "b", &PUBLIC, "b:8201");
    let verdict = verify_answer(&leader, NOW, &question, "b", &PUBLIC, "b:8201", &said);
    assert_eq!(verdict, Err(JoinError::WrongAnswer));
    let verdict = verify_answer(&leader, NOW, &question, "b", &PUBLIC, "b:8201", &[]);
    assert_eq!(verdict, Err(JoinError::WrongAnswer));
}

#[test]
fn an_answer_holds_for_one_id_key_and_address() {
    let (leader, unseal) = cluster();
    let question = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    let said = answer(&unseal.join_key(), &question, "b", &PUBLIC, "b:8201");
    let verdict = |id: &str, key: &[u8; 32], addr: &str| {
        verify_answer(&leader, NOW, &question, id, key, addr, &said).unwrap_err()
    };
    assert_eq!(verdict("c", &PUBLIC, "b:8201"), JoinError::ForeignChallenge);
    assert_eq!(verdict("b", &[5; 32], "b:8201"), JoinError::ForeignChallenge);
    assert_eq!(verdict("b", &PUBLIC, "c:8201"), JoinError::WrongAnswer);
}

#[test]
fn a_challenge_runs_out_in_both_directions_of_the_clock() {
    let (leader, unseal) = cluster();
    let question = challenge(&leader, later(1000), "b", &PUBLIC).unwrap();
    let said = answer(&unseal.join_key(), &question, "b", &PUBLIC, "b:8201");
    let at = |now| verify_answer(&leader, now, &question, "b", &PUBLIC, "b:8201", &said);
    assert_eq!(at(later(1300)), Ok(()));
    assert_eq!(at(later(700)), Ok(()));
    assert_eq!(at(later(1301)), Err(JoinError::StaleChallenge));
    assert_eq!(at(later(699)), Err(JoinError::StaleChallenge));
    assert_eq!(at(Millis(0)), Err(JoinError::StaleChallenge));
    assert_eq!(at(Millis(u64::MAX)), Err(JoinError::StaleChallenge));
}

#[test]
fn a_challenge_cannot_be_made_up_or_altered() {
    let (leader, unseal) = cluster();
    let judge = |question: &[u8]| {
        let said = answer(&unseal.join_key(), question, "b", &PUBLIC, "b:8201");
        verify_answer(&leader, NOW, question, "b", &PUBLIC, "b:8201", &said)
    };
    let good = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    assert_eq!(good.len(), 1 + 8 + 32);
    assert_eq!(judge(&[]), Err(JoinError::MalformedChallenge));
    assert_eq!(judge(&good[..5]), Err(JoinError::MalformedChallenge));
    assert_eq!(judge(&[good.as_slice(), b"x"].concat()), Err(JoinError::ForeignChallenge));
    for at in 1..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(judge(&bad), Err(JoinError::ForeignChallenge), "byte {at}");
    }
    let mut newer = good.clone();
    newer[0] = 2;
    assert_eq!(judge(&newer), Err(JoinError::UnknownFormat(2)));
    let elsewhere = challenge(&cluster().0, NOW, "b", &PUBLIC).unwrap();
    assert_eq!(judge(&elsewhere), Err(JoinError::ForeignChallenge));
}

#[test]
fn members_are_believed_from_a_leader_with_the_key_and_for_this_attempt() {
    let (leader, unseal) = cluster();
    let key = unseal.join_key();
    let question = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    let proof = prove_members(&leader, &question, b"a,b").unwrap();
    let wrong = Err(JoinError::WrongMembers);
    assert_eq!(verify_members(&key, &question, b"a,mallory", &proof), wrong);
    assert_eq!(verify_members(&key, b"another attempt", b"a,b", &proof), wrong);
    assert_eq!(verify_members(&UnsealKey::random().join_key(), &question, b"a,b", &proof), wrong);
    let said = answer(&key, &question, "b", &PUBLIC, "b:8201");
    assert_eq!(verify_members(&key, &question, b"a,b", &said), wrong, "an answer is no proof");
}

#[test]
fn new_shares_end_the_old_ones_right_to_join() {
    let (leader, old) = cluster();
    let new = UnsealKey::random();
    let next = leader.rejoined(new.join_key()).unwrap();
    assert_eq!(leader.install(&next.bytes), Ok(true));
    let question = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    let judge = |unseal: &UnsealKey| {
        let said = answer(&unseal.join_key(), &question, "b", &PUBLIC, "b:8201");
        verify_answer(&leader, NOW, &question, "b", &PUBLIC, "b:8201", &said)
    };
    assert_eq!(judge(&new), Ok(()));
    assert_eq!(judge(&old), Err(JoinError::WrongAnswer));
}

#[test]
fn a_sealed_leader_neither_asks_nor_judges() {
    let (leader, unseal) = cluster();
    let question = challenge(&leader, NOW, "b", &PUBLIC).unwrap();
    let said = answer(&unseal.join_key(), &question, "b", &PUBLIC, "b:8201");
    leader.seal();
    assert_eq!(challenge(&leader, NOW, "b", &PUBLIC), Err(JoinError::Sealed));
    assert_eq!(verify_answer(&leader, NOW, &question, "b", &PUBLIC, "b:8201", &said), Err(JoinError::Sealed));
    assert_eq!(prove_members(&leader, &question, b"a,b"), Err(JoinError::Sealed));
}

#[test]
fn fields_do_not_run_together() {
    assert_ne!(message("p", &[b"ab", b"c"]), message("p", &[b"a", b"bc"]));
    assert_ne!(message("p", &[b"a"]), message("p", &[b"a", b""]));
    assert_ne!(message("pa", &[]), message("p", &[b"a"]));
}

#[test]
fn the_join_key_of_shares_is_kept_for_who_has_the_root_key() {
    let (root, join, barrier) = (RootKey::random(), JoinKey::random(), Barrier::new());
    let kept = keep_join_key(&root, &join, "shares");
    assert!(barrier.kept_join_key(&kept, "shares").is_err(), "it is sealed");
    barrier.unseal(Keyring::generate(Millis(1), JoinKey::random()), root);
    assert_eq!(barrier.kept_join_key(&kept, "shares").ok().unwrap().id(), join.id());
    assert!(barrier.kept_join_key(&kept, "other shares").is_err());
    assert!(barrier.kept_join_key(&[], "shares").is_err());
    let other = keep_join_key(&RootKey::random(), &join, "shares");
    assert!(barrier.kept_join_key(&other, "shares").is_err(), "another root key's");
}

#[test]
fn a_proof_by_older_shares_is_judged_by_their_key() {
    let shares = JoinKey::random();
    let shown = answer(&shares, b"challenge", "n", &[1; 32], "a:1");
    assert_eq!(verify_answer_by(&shares, b"challenge", "n", &[1; 32], "a:1", &shown), Ok(()));
    assert_eq!(verify_answer_by(&shares, b"challenge", "n", &[2; 32], "a:1", &shown), Err(JoinError::WrongAnswer));
    let proof = prove_members_by(&shares, b"challenge", b"members");
    assert_eq!(verify_members(&shares, b"challenge", b"members", &proof), Ok(()));
}
