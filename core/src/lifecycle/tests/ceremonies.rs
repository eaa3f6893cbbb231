//! New shares and new root tokens, on two nodes with one state.

use barrier::Share;

use super::super::{
    CeremonyError, ChangeError, GenerateRootProgress, HandedOut, NewShares, Node, RekeyOptions, RekeyProgress,
    ShareKind, VerifyProgress, decode_token,
};
use super::*;

fn share(bytes: &[u8]) -> Share {
    Share::from_slice(bytes)
}

async fn sealed(node: &Node) {
    node.seal(tokio::time::Instant::now()).await;
    assert!(node.is_sealed());
}

/// Whether exactly these shares unseal the node, which is sealed before and after.
async fn unseals(node: &Arc<Node>, shares: &[&[u8]]) -> bool {
    sealed(node).await;
    for bytes in shares {
        if node.unseal(share(bytes)).await.is_err() {
            node.reset_unseal().unwrap();
            return false;
        }
    }
    !node.is_sealed()
}

pub(super) async fn started(node: &Node, kind: ShareKind, options: RekeyOptions) -> String {
    match node.rekey_start(kind, options).await.unwrap() {
        RekeyProgress::More(status) => status.nonce,
        RekeyProgress::Done(_) => panic!("it is done without any share"),
    }
}

/// New shares that are about to count, and the shares themselves.
pub(super) async fn about_to_count(node: &Node, kind: ShareKind, present: &[u8]) -> (NewShares, HandedOut) {
    let nonce = started(node, kind, options(1, 1)).await;
    match node.rekey_update(kind, share(present), &nonce).await.unwrap() {
        RekeyProgress::Done(done) => (done.pending.unwrap(), done.keys),
        RekeyProgress::More(_) => panic!("the shares did not suffice"),
    }
}

async fn rekeyed(
    node: &Node,
    kind: ShareKind,
    present: &[&[u8]],
    options: RekeyOptions,
) -> (HandedOut, Option<String>) {
    let nonce = started(node, kind, options).await;
    for bytes in present {
        if let RekeyProgress::Done(done) = node.rekey_update(kind, share(bytes), &nonce).await.unwrap() {
            if let Some(new) = done.pending {
                assert_eq!(node.rekey_finish(new, soon()).await.unwrap(), crate::lifecycle::Counting::Now);
            }
            return (done.keys, done.verification_nonce);
        }
    }
    panic!("the shares did not suffice");
}

fn options(shares: i64, threshold: i64) -> RekeyOptions {
    RekeyOptions { shares, threshold, ..RekeyOptions::default() }
}

fn text<T>(refused: Result<T, CeremonyError>) -> String {
    match refused {
        Err(CeremonyError::Refused(text)) => text,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[tokio::test]
async fn new_shares_unseal_every_node_and_old_ones_none() {
    let (active, other, old) = pair_with_shares().await;
    put(&active, "before", "1").await;
    let (new, _) = rekeyed(&active, ShareKind::Unseal, &[&old[0]], options(3, 2)).await;
    put(&active, "after", "2").await;
    for node in [&active, &other] {
        assert!(!unseals(node, &[&old[0]]).await, "the old share");
        assert!(!unseals(node, &[&new[0]]).await, "one of the new ones");
        assert!(unseals(node, &[&new[2], &new[0]]).await);
        assert_eq!((get(node, "before"), get(node, "after")), ("1".into(), "2".into()));
    }
    let (newest, _) = rekeyed(&active, ShareKind::Unseal, &[&new[0], &new[1]], options(1, 1)).await;
    assert!(unseals(&other, &[&newest[0]]).await);
}

#[tokio::test]
async fn with_verification_the_old_shares_hold_until_the_new_ones_come_back() {
    let (active, other, old) = pair_with_shares().await;
    let verified = RekeyOptions { verify: true, ..options(2, 2) };
    let (new, nonce) = rekeyed(&active, ShareKind::Unseal, &[&old[0]], verified).await;
    let nonce = nonce.unwrap();
    assert!(unseals(&other, &[&old[0]]).await, "not verified yet");

    let verify = |bytes: &[u8], nonce: &str| {
        let (bytes, nonce, active) = (bytes.to_vec(), nonce.to_owned(), Arc::clone(&active));
        async move { active.rekey_verify(ShareKind::Unseal, share(&bytes), &nonce, soon()).await }
    };
    assert!(matches!(verify(&new[0], &nonce).await, Ok(VerifyProgress::More(_))));
    let foreign = [&[9; 32][..], &[7]].concat();
    assert!(text(verify(&foreign, &nonce).await).contains("verification failed"));
    assert!(text(verify(&new[0], &nonce).await).contains("nonce"), "a failed verification begins anew");
    let nonce = active.rekey_verify_status(ShareKind::Unseal).unwrap().nonce;
    assert!(matches!(verify(&new[0], &nonce).await, Ok(VerifyProgress::More(_))));
    assert!(matches!(verify(&new[1], &nonce).await, Ok(VerifyProgress::Done { .. })));
    for node in [&active, &other] {
        assert!(!unseals(node, &[&old[0]]).await);
        assert!(unseals(node, &[&new[0], &new[1]]).await);
    }
}

#[tokio::test]
async fn wrong_shares_change_nothing_and_are_thrown_away() {
    let (active, other, old) = pair_with_shares().await;
    let nonce = started(&active, ShareKind::Unseal, options(1, 1)).await;
    assert!(text(active.rekey_start(ShareKind::Unseal, options(1, 1)).await).contains("already in progress"));
    let given = |bytes: &[u8], nonce: &str| {
        let (bytes, nonce, active) = (bytes.to_vec(), nonce.to_owned(), Arc::clone(&active));
        async move { active.rekey_update(ShareKind::Unseal, share(&bytes), &nonce).await }
    };
    assert!(text(given(&old[0], "another").await).contains("nonce"));
    assert!(text(given(&[1; 7], &nonce).await).contains("bytes"));
    assert!(text(given(&[5; 32], &nonce).await).contains("aborted"));
    assert_eq!(active.rekey_status(ShareKind::Unseal).unwrap().progress, 0);
    assert!(unseals(&other, &[&old[0]]).await);
    active.rekey_cancel(ShareKind::Unseal, None).await.unwrap();
    assert!(text(given(&old[0], &nonce).await).contains("no barrier rekey in progress"));
}

#[tokio::test]
async fn an_attempt_is_lost_with_the_leadership_that_began_it() {
    let state = Arc::new(Alone::default());
    let node = Node::new(Arc::clone(&state) as _, Settings::new(LIMITS));
    let old = initialised(&node, 1, 1).await.shares;
    node.unseal(share(&old[0])).await.unwrap();
    let rekey = started(&node, ShareKind::Unseal, options(1, 1)).await;
    let root = node.generate_root_start("", "").await.unwrap().status.nonce;
    state.lead_again(Term(2));
    let lost = node.rekey_update(ShareKind::Unseal, share(&old[0]), &rekey).await;
    assert!(text(lost).contains("lost with the node"));
    assert!(text(node.generate_root_update(share(&old[0]), &root).await).contains("lost with the node"));
}

#[tokio::test]
async fn a_generated_root_token_counts_on_every_node() {
    let (active, other, shares) = pair_with_shares().await;
    let started = active.generate_root_start("", "").await.unwrap();
    let (otp, nonce) = (started.otp.unwrap(), started.status.nonce);
    assert_eq!(otp.len(), Node::otp_length());
    assert!(text(active.generate_root_update(share(&[5; 32]), &nonce).await).contains("aborted"));
    let done = active.generate_root_update(share(&shares[0]), &nonce).await.unwrap();
    let GenerateRootProgress { encoded_token: Some(encoded), pending: Some(new), .. } = done else {
        panic!("no token")
    };
    let token = decode_token(&encoded, &otp).unwrap();
    let early = active.tokens.authenticate(&active.local_view().unwrap(), &token, Millis(u64::MAX / 2));
    assert!(early.is_err(), "it does not count before its answer is audited");
    active.generate_root_finish(new, soon()).await.unwrap();
    for node in [&active, &other] {
        let valid = node.tokens.authenticate(&node.local_view().unwrap(), &token, Millis(u64::MAX / 2));
        let Ok(valid) = valid else { panic!("it does not count") };
        assert!(valid.record.is_root() && valid.record.expires.is_none());
    }
    assert!(decode_token(&encoded, "short").is_err());
    assert!(!active.generate_root_status().unwrap().started, "it is over");
    assert!(text(active.generate_root_start("short", "").await).contains("incorrect length"));
}

#[tokio::test]
async fn recovery_keys_are_replaced_beside_the_seal() {
    let state = Arc::new(Alone::default());
    let node = Node::new(state as _, Settings { seals: vec![static_seal()], ..Settings::new(LIMITS) });
    let old = initialised(&node, 1, 1).await.shares;
    unseals_itself(&node).await;
    assert!(text(node.rekey_start(ShareKind::Unseal, options(1, 1)).await).contains("recovery keys"));
    let (new, _) = rekeyed(&node, ShareKind::Recovery, &[&old[0]], options(3, 2)).await;
    assert!(!unseals(&node, &[&old[0]]).await);
    assert!(unseals(&node, &[&new[1], &new[2]]).await);
    sealed(&node).await;
    unseals_itself(&node).await;
    assert!(!node.is_sealed(), "the static key opens as before");
    let (_, wraps) = node.stored_seal().unwrap().unwrap();
    let joins = static_seal().seal.find_join_key("static", &wraps.join_wraps()).await.unwrap();
    let question = barrier::challenge(&node.barrier, Millis(1), "b", &[4; 32]).unwrap();
    let answer = barrier::answer(&joins, &question, "b", &[4; 32], "b:1");
    let verdict = barrier::verify_answer(&node.barrier, Millis(2), &question, "b", &[4; 32], "b:1", &answer);
    assert_eq!(verdict, Ok(()), "whoever has the static key joins as before");
}

#[tokio::test]
async fn of_two_rekeys_the_later_does_not_undo_the_earlier() {
    let (node, other, old) = pair_with_shares().await;
    let (first, _) = about_to_count(&node, ShareKind::Unseal, &old[0]).await;
    let (second, new) = about_to_count(&node, ShareKind::Unseal, &old[0]).await;
    node.rekey_finish(second, soon()).await.unwrap();
    assert!(text(node.rekey_finish(first, soon()).await).contains("replaced by others"));
    assert!(unseals(&other, &[&new[0]]).await);
}

#[tokio::test(start_paused = true)]
async fn new_shares_that_could_not_be_answered_in_time_do_not_count() {
    let (node, other, old) = pair_with_shares().await;
    let (new, _) = about_to_count(&node, ShareKind::Unseal, &old[0]).await;
    let held = node.changing.lock().await;
    let late = tokio::time::timeout(Duration::from_secs(60), node.rekey_finish(new, soon())).await;
    assert!(matches!(late, Ok(Err(CeremonyError::Change(ChangeError::Unavailable(_))))), "it ends in time");
    drop(held);
    let (new, _) = about_to_count(&node, ShareKind::Unseal, &old[0]).await;
    let near = tokio::time::Instant::now() + Duration::from_millis(200);
    assert!(node.rekey_finish(new, near).await.is_err());
    assert!(unseals(&other, &[&old[0]]).await, "nothing was changed");
}

#[tokio::test]
async fn a_cluster_without_recovery_keys_can_get_some() {
    let state = Arc::new(Alone::default());
    let node = Node::new(Arc::clone(&state) as _, Settings { seals: vec![static_seal()], ..Settings::new(LIMITS) });
    initialised(&node, 0, 0).await;
    unseals_itself(&node).await;
    let Ok(RekeyProgress::Done(mut done)) = node.rekey_start(ShareKind::Recovery, options(1, 1)).await else {
        panic!("it is not done")
    };
    node.rekey_finish(done.pending.take().unwrap(), soon()).await.unwrap();
    let without_the_seal = Node::new(state as _, Settings::new(LIMITS));
    assert!(unseals(&without_the_seal, &[&done.keys[0]]).await);
    let RekeyProgress::More(next) = node.rekey_start(ShareKind::Recovery, options(1, 1)).await.unwrap() else {
        panic!("the first ones are to be given")
    };
    assert_eq!(next.required, 1);
}
