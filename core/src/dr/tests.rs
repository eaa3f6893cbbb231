use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use barrier::{Seal, SealFailure, SealKind, Share, StaticSeal};
use storage::{Latches, Millis, PathKey, Read, RequestId, Term, TxnState};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::*;
use crate::lifecycle::{ConfiguredSeal, InitOptions, Initialised, Node, Settings};
use crate::mount::{Mount, Table, TtlLimits};
use crate::space;
use crate::testing::{Alone, Paired};
use crate::token::{ClientToken, NewToken};

const LIMITS: TtlLimits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };

struct Cluster {
    alone: Arc<Alone>,
    link: Arc<Paired>,
    node: Arc<Node>,
    made: Initialised,
    seal: Option<Arc<dyn Seal>>,
}

fn static_seal(byte: u8) -> Arc<dyn Seal> {
    Arc::new(StaticSeal::new(("one".into(), crypto::Key32::from_slice(&[byte; 32]).unwrap()), None))
}

fn settings(seal: Option<&Arc<dyn Seal>>) -> Settings {
    let seals = seal.into_iter().map(|seal| ConfiguredSeal::new(Arc::clone(seal))).collect();
    Settings { seals, ..Settings::new(LIMITS) }
}

impl Cluster {
    async fn new(name: &str, shares: i64, seal: Option<Arc<dyn Seal>>) -> Self {
        let (alone, link) = Alone::paired();
        let node = Node::new(Arc::clone(&alone) as _, settings(seal.as_ref()));
        let (cluster_name, recipients, now) = (Some(name.to_owned()), Default::default(), Millis(1));
        let made = node.init(InitOptions { shares, threshold: shares, recipients, cluster_name, now }).await.unwrap();
        let cluster = Self { alone, link, node, made, seal };
        cluster.unseal(&cluster.node).await;
        cluster
    }

    /// Another node on the same state, unsealed.
    async fn another(&self) -> Arc<Node> {
        let node = Node::new(Arc::clone(&self.alone) as _, settings(self.seal.as_ref()));
        self.unseal(&node).await;
        node
    }

    async fn unseal(&self, node: &Arc<Node>) {
        if node.unseals_itself() {
            let (_running, stop) = tokio::sync::watch::channel(false);
            Arc::clone(node).unseal_itself(stop).await;
        }
        give(node, &self.made.shares).await;
        assert!(!node.is_sealed());
    }

    /// An activation token for a secondary of that name.
    async fn invites(&self, id: &str, key: Option<&str>) -> String {
        if self.node.standing() == Standing::Alone {
            self.node.change_standing(Change::EnablePrimary, soon()).await.unwrap();
        }
        let invitation = self.node.invitation(id, TTL_DEFAULT, key).unwrap();
        self.node.invite(&invitation, soon()).await.unwrap();
        invitation.token.to_string()
    }

    fn reaches(&self, primary: &Cluster) {
        self.link.reaches(&primary.alone, &primary.node, &primary.link);
    }

    async fn follows(&self, primary: &Cluster) {
        self.reaches(primary);
        let token = primary.invites("east", None).await;
        let following = self.node.prepare_to_follow(&token, true, soon()).await.unwrap();
        self.node.follow(following, soon()).await.unwrap();
    }
}

async fn give(node: &Arc<Node>, shares: &[zeroize::Zeroizing<Vec<u8>>]) {
    for share in shares {
        if node.is_sealed() {
            let _ = node.unseal(Share::from_slice(share)).await;
        }
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn put(node: &Node, name: &str, value: &str) {
    let mut state = TxnState::new(node.store.snapshot().unwrap(), Latches::new().begin());
    state.at(space::records(&sdk::NamespaceId::root())).put(&PathKey::kind("test").name(name), value).unwrap();
    let (open, _latches) = state.finish();
    let id = RequestId { applied: 0, random: crypto::random() };
    node.store.commit(Term(1), node.store.seal(id, Millis(1), open).unwrap()).await.unwrap();
}

fn get(node: &Node, name: &str) -> Option<String> {
    node.local_view().unwrap().get(&PathKey::kind("test").name(name)).unwrap()
}

fn refusal<T>(result: Result<T, DrError>) -> String {
    match result {
        Err(DrError::Refused(text)) => text,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[tokio::test]
async fn every_unsealed_node_goes_over_to_a_lower_line_of_history_by_itself() {
    let (primary, copy) = (Cluster::new("west", 2, None).await, Cluster::new("east", 1, None).await);
    put(&primary.node, "a", "west's").await;
    put(&copy.node, "a", "east's").await;
    copy.alone.turn();
    copy.alone.turn();
    let standby = copy.another().await;
    assert_eq!(get(&standby, "a").as_deref(), Some("east's"));
    copy.follows(&primary).await;
    assert_eq!(get(&copy.node, "a").as_deref(), Some("east's"), "nothing has arrived yet");

    copy.link.copy();
    for node in [&copy.node, &standby] {
        assert_eq!(get(node, "a").as_deref(), Some("west's"));
        assert!(!node.is_sealed());
        assert_eq!(node.barrier.root_key_id(), primary.node.barrier.root_key_id());
    }
    // Whoever was sealed meanwhile, or starts later, is unsealed by the primary's shares, and by no others.
    let late = Node::new(Arc::clone(&copy.alone) as _, Settings::new(LIMITS));
    give(&late, &copy.made.shares).await;
    assert!(late.is_sealed());
    give(&late, &primary.made.shares).await;
    assert_eq!(get(&late, "a").as_deref(), Some("west's"));
}

#[tokio::test]
async fn after_promotion_tokens_count_and_the_copy_goes_its_own_way() {
    let (primary, copy) = (Cluster::new("west", 1, None).await, Cluster::new("east", 1, None).await);
    copy.follows(&primary).await;
    copy.link.copy();
    copy.node.attune();
    assert_eq!(copy.node.cluster_info(), primary.node.cluster_info());
    assert!(copy.node.is_secondary() && !copy.node.writes());
    let root = ClientToken::new(primary.made.root_token.to_string());
    copy.node.change_standing(Change::Promote { force: false }, soon()).await.unwrap();
    copy.node.attune();
    assert!(copy.node.writes());
    let valid = copy.node.tokens.authenticate(&copy.node.local_view().unwrap(), &root, Millis(2));
    assert!(valid.is_ok_and(|valid| valid.record.is_root()));
    put(&copy.node, "b", "new").await;
    copy.node.rotate(soon()).await.unwrap();
    put(&copy.node, "c", "newer").await;
    assert_eq!((get(&copy.node, "b").as_deref(), get(&copy.node, "c").as_deref()), (Some("new"), Some("newer")));
    assert_eq!(get(&primary.node, "b"), None);
}

#[tokio::test]
async fn a_former_primary_that_has_rotated_gives_its_key_up_and_reads_all_of_the_new_one() {
    let (first, second) = (Cluster::new("west", 1, None).await, Cluster::new("east", 1, None).await);
    second.follows(&first).await;
    second.link.copy();
    second.node.attune();
    second.node.change_standing(Change::Promote { force: true }, soon()).await.unwrap();
    put(&second.node, "d", "theirs").await;
    first.node.rotate(soon()).await.unwrap();
    first.node.rotate(soon()).await.unwrap();
    put(&first.node, "d", "lost").await;
    first.node.change_standing(Change::Demote, soon()).await.unwrap();
    assert!(first.node.is_secondary());

    first.reaches(&second);
    let token = second.invites("west", None).await;
    let following = first.node.prepare_to_follow(&token, false, soon()).await.unwrap();
    first.node.follow(following, soon()).await.unwrap();
    first.link.copy();
    assert_eq!(get(&first.node, "d").as_deref(), Some("theirs"));
    assert_eq!(first.node.barrier.active_term(), Ok(1));
    first.node.change_standing(Change::Leave, soon()).await.unwrap();
    put(&first.node, "e", "own").await;
    let restarted = first.another().await;
    assert_eq!(get(&restarted, "e").as_deref(), Some("own"), "it was sealed with a key that is stored");
}

#[tokio::test]
async fn what_unseals_a_copy_is_its_own_seal_or_the_primarys_shares() {
    for (theirs, ours) in [(false, true), (true, true), (true, false)] {
        let primary = Cluster::new("west", 2, theirs.then(|| static_seal(1))).await;
        let copy = Cluster::new("east", 1, ours.then(|| static_seal(2))).await;
        put(&primary.node, "a", "west's").await;
        copy.follows(&primary).await;
        copy.link.copy();
        let status = copy.node.seal_status().unwrap();
        let kind = if ours { "static" } else { "shamir" };
        assert_eq!((status.kind.name(), status.shares, status.threshold), (kind, 2, 2));

        let late = Node::new(Arc::clone(&copy.alone) as _, settings(copy.seal.as_ref()));
        if ours {
            let (_running, stop) = tokio::sync::watch::channel(false);
            Arc::clone(&late).unseal_itself(stop).await;
            assert_eq!(get(&late, "a").as_deref(), Some("west's"));
        }
        let late = Node::new(Arc::clone(&copy.alone) as _, settings(copy.seal.as_ref()));
        give(&late, &primary.made.shares).await;
        assert_eq!(get(&late, "a").as_deref(), Some("west's"), "its shares, or its recovery keys");
    }
}

#[tokio::test]
async fn a_copy_that_nothing_could_unseal_is_refused_before_the_token_is_shown() {
    let primary = Cluster::new("west", 0, Some(static_seal(1))).await;
    let copy = Cluster::new("east", 1, None).await;
    copy.reaches(&primary);
    let token = primary.invites("east", None).await;
    let text = refusal(copy.node.prepare_to_follow(&token, false, soon()).await);
    assert!(text.contains("no seal of its own"), "{text}");
    let other = Cluster::new("north", 1, Some(static_seal(2))).await;
    other.reaches(&primary);
    assert!(other.node.prepare_to_follow(&token, false, soon()).await.is_ok(), "the token counts still");
}

/// One that may be away.
struct Fickle {
    seal: Arc<dyn Seal>,
    away: AtomicBool,
}

impl Fickle {
    fn reach(&self) -> Result<(), SealFailure> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(SealFailure::Unavailable("it is away".to_owned())),
            false => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Seal for Fickle {
    fn kind(&self) -> SealKind {
        self.seal.kind()
    }
    fn key_id(&self) -> String {
        self.seal.key_id()
    }
    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        self.reach()?;
        self.seal.encrypt(purpose, plain).await
    }
    async fn decrypt(&self, id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        self.reach()?;
        self.seal.decrypt(id, purpose, sealed).await
    }
}

#[tokio::test]
async fn a_token_is_not_spent_while_no_seal_of_the_copy_does_its_work() {
    let primary = Cluster::new("west", 1, None).await;
    let fickle = Arc::new(Fickle { seal: static_seal(3), away: AtomicBool::new(false) });
    let copy = Cluster::new("east", 1, Some(Arc::clone(&fickle) as _)).await;
    copy.reaches(&primary);
    let token = primary.invites("east", None).await;
    fickle.away.store(true, Ordering::Relaxed);
    let Err(DrError::Unavailable(why)) = copy.node.prepare_to_follow(&token, false, soon()).await else {
        panic!("it is not refused")
    };
    assert!(why.contains("it is away") && why.contains("token was not used"), "{why}");
    fickle.away.store(false, Ordering::Relaxed);
    assert!(copy.node.prepare_to_follow(&token, false, soon()).await.is_ok(), "the token counts still");
}

#[tokio::test]
async fn data_of_its_own_is_replaced_only_by_who_says_so() {
    let (primary, copy) = (Cluster::new("west", 1, None).await, Cluster::new("east", 1, None).await);
    copy.reaches(&primary);
    let token = primary.invites("east", None).await;
    let mut state = TxnState::new(copy.node.store.snapshot().unwrap(), Latches::new().begin());
    let mut txn = state.at(space::records(&sdk::NamespaceId::root()));
    copy.node.mounts.add(&mut txn, Mount::new(Table::Secret, "precious/", "kv", "")).unwrap();
    let (open, _latches) = state.finish();
    let id = RequestId { applied: 0, random: crypto::random() };
    copy.node.store.commit(Term(1), copy.node.store.seal(id, Millis(1), open).unwrap()).await.unwrap();

    let text = refusal(copy.node.prepare_to_follow(&token, false, soon()).await);
    assert!(text.contains("precious/") && text.contains("force"), "{text}");
    assert!(copy.node.prepare_to_follow(&token, true, soon()).await.is_ok());
    let text = refusal(copy.node.prepare_to_follow(&token, true, soon()).await);
    assert!(text.contains("counts no more"), "it has been shown: {text}");
    let own = primary.invites("north", None).await;
    assert!(refusal(primary.node.prepare_to_follow(&own, true, soon()).await).contains("its own copy"));
}

#[tokio::test]
async fn an_activation_token_may_be_for_one_reader_alone() {
    let (primary, copy) = (Cluster::new("west", 1, None).await, Cluster::new("east", 1, None).await);
    let other = Cluster::new("north", 1, None).await;
    for cluster in [&copy, &other] {
        cluster.reaches(&primary);
    }
    let key = copy.node.generate_public_key().await.unwrap();
    let token = primary.invites("east", Some(&key)).await;
    let text = refusal(other.node.prepare_to_follow(&token, false, soon()).await);
    assert!(text.contains("generate-public-key"), "it has no key: {text}");
    other.node.generate_public_key().await.unwrap();
    assert!(refusal(other.node.prepare_to_follow(&token, false, soon()).await).contains("has not"));
    assert!(copy.node.prepare_to_follow(&token, false, soon()).await.is_ok());
    assert!(refusal(primary.node.invitation("x", TTL_DEFAULT, Some("nonsense"))).contains("no public key"));
    assert!(refusal(primary.node.generate_public_key().await).contains("primary"));
}

#[test]
fn what_is_no_activation_token_is_told_so() {
    let parse = |text: &str| Activation::parse(text, || Ok::<_, ActivationError>(None)).err().unwrap();
    for bad in ["", "x", "e30", "eyJmb3JtYXQiOjF9", &"A".repeat(100_000)] {
        assert_eq!(parse(bad), ActivationError::Malformed, "{}", bad.len());
    }
    let newer = Activation::new("c".into(), "b".into(), Vec::new(), [1; 32], 1, barrier::RootKey::random().id())
        .to_text()
        .replace("MSwi", "Miwi");
    assert!(matches!(parse(&newer), ActivationError::Format(_) | ActivationError::Malformed));
    let nobody = Activation::new("c".into(), "b".into(), Vec::new(), [1; 32], 1, barrier::RootKey::random().id());
    assert_eq!(parse(&nobody.to_text()), ActivationError::Malformed, "it names no primary");
}

#[tokio::test]
async fn names_and_lives_of_invitations_have_bounds() {
    let primary = Cluster::new("west", 1, None).await;
    let ask = |id: &str, ttl| primary.node.invitation(id, Duration::from_secs(ttl), None);
    assert!(refusal(ask("east", 60)).contains("enable it first"));
    primary.invites("east", None).await;
    assert!(ask("east", 60).is_ok(), "it has not come yet");
    let copy = Cluster::new("east", 1, None).await;
    copy.follows(&primary).await;
    assert!(refusal(ask("east", 60)).contains("already"));
    for id in ["", "a/b", "a\nb", &"x".repeat(129)] {
        assert!(refusal(ask(id, 60)).contains("id must name"));
    }
    assert!(refusal(ask("north", 0)).contains("ttl"));
    assert!(refusal(ask("north", 8 * 86_400)).contains("ttl"));
    primary.node.change_standing(Change::Revoke { id: "east".into() }, soon()).await.unwrap();
    assert!(ask("east", 60).is_ok());
}

#[tokio::test]
async fn only_an_invited_secondary_is_given_the_keys() {
    let primary = Cluster::new("west", 1, None).await;
    let question = barrier::Borrower::new().question();
    assert!(primary.node.welcome("east", 7, &question).await.unwrap_err().contains("no DR primary"));
    primary.invites("east", None).await;
    assert!(primary.node.welcome("east", 7, &question).await.is_ok());
    assert!(primary.node.welcome("north", 7, &question).await.unwrap_err().contains("revoked"));
    assert!(primary.node.welcome("east", 7, b"nonsense").await.is_err());
    primary.node.seal(soon()).await;
    assert!(primary.node.welcome("east", 7, &question).await.unwrap_err().contains("sealed"));
}

#[tokio::test]
async fn the_primarys_shares_make_the_operation_token() {
    let (primary, copy) = (Cluster::new("west", 2, None).await, Cluster::new("east", 1, None).await);
    copy.follows(&primary).await;
    copy.link.copy();
    copy.node.attune();
    let otp = "x".repeat(Node::operation_token_length());
    let nonce = copy.node.operation_token_start(&otp, "").await.unwrap().status.nonce;
    assert!(copy.node.operation_token_start("", "").await.is_err(), "one at a time");
    assert!(copy.node.operation_token_cancel("").await.is_err(), "anybody could");
    // Enough of them, of another cluster.
    let north = Cluster::new("north", 2, None).await;
    let [first, second] = &north.made.shares[..] else { panic!("two shares") };
    let begun = copy.node.operation_token_update(Share::from_slice(first), &nonce).await.unwrap();
    assert!(begun.pending.is_none());
    let wrong = copy.node.operation_token_update(Share::from_slice(second), &nonce).await;
    assert!(wrong.err().unwrap().to_string().contains("do not combine to the primary's key"));
    copy.node.operation_token_cancel(&nonce).await.unwrap();

    let nonce = copy.node.operation_token_start(&otp, "").await.unwrap().status.nonce;
    let mut done = None;
    for share in &primary.made.shares {
        done = Some(copy.node.operation_token_update(Share::from_slice(share), &nonce).await.unwrap());
    }
    let done = done.unwrap();
    let token = crate::lifecycle::decode_token(&done.encoded_token.unwrap(), &otp).unwrap();
    let counts = || copy.node.is_operation_token(&copy.node.local_view().unwrap(), &token).unwrap();
    assert!(!counts(), "its answer is not audited yet");
    copy.node.operation_token_finish(done.pending.unwrap(), soon()).await.unwrap();
    assert!(counts());
    let other = ClientToken::new("dr.000000000000000000000000".to_owned());
    assert!(!copy.node.is_operation_token(&copy.node.local_view().unwrap(), &other).unwrap());
    copy.node.operation_token_delete().await.unwrap();
    assert!(!counts());
}

#[tokio::test]
async fn an_index_of_another_line_of_history_is_waited_for_by_nobody_who_has_the_newest_state() {
    let cluster = Cluster::new("west", 1, None).await;
    let index = |node: &Node| node.index_of(node.store.snapshot().unwrap().state_revision()).unwrap();
    let earlier = index(&cluster.node);
    cluster.alone.turn();
    let later = index(&cluster.node);
    let asks = |index: &str| crate::consistency::Consistency { indexes: vec![index.to_owned()], ..Default::default() };
    assert_eq!(cluster.node.holds(&asks(&earlier), false), Ok(true));
    assert_eq!(cluster.node.holds(&asks(&later), false), Ok(true));
    let other = Cluster::new("west", 1, None).await;
    other.follows(&cluster).await;
    other.link.copy();
    other.node.attune();
    assert_eq!(other.node.holds(&asks(&later), false), Ok(true), "the same line here");
}

#[tokio::test]
async fn batch_tokens_open_on_the_copy() {
    let (primary, copy) = (Cluster::new("west", 1, None).await, Cluster::new("east", 1, None).await);
    let mut state = TxnState::new(primary.node.store.snapshot().unwrap(), Latches::new().begin());
    let kind = crate::token::TokenKind::Batch;
    let new = NewToken { kind, policies: vec!["dr".into()], ttl: Duration::from_secs(60), ..NewToken::default() };
    let now = Millis(1_700_000_000_000);
    let made = primary.node.tokens.create(&mut state.at(space::records(&sdk::NamespaceId::root())), now, new).unwrap();
    let opens = |node: &Node| node.tokens.authenticate(&node.local_view().unwrap(), &made.token, now).is_ok();
    assert!(opens(&primary.node) && !opens(&copy.node));
    copy.follows(&primary).await;
    copy.link.copy();
    assert!(opens(&copy.node));
}

#[tokio::test]
async fn a_copy_takes_another_history_by_force_alone() {
    let (west, north) = (Cluster::new("west", 1, None).await, Cluster::new("north", 1, None).await);
    let copy = Cluster::new("east", 1, None).await;
    copy.follows(&west).await;
    copy.link.copy();
    copy.reaches(&north);
    let token = north.invites("east", None).await;
    let text = refusal(copy.node.prepare_to_follow(&token, false, soon()).await);
    assert!(text.contains("another root key"), "{text}");
    assert!(copy.node.prepare_to_follow(&token, true, soon()).await.is_ok(), "the token counts still");
}
