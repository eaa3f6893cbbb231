//! What a plugin does by itself, forgets with the keys, and writes only where it has to.

use storage::Millis;

use super::*;
use crate::chores::Walk;

/// Rings a minute after it was set.
pub struct Alarm {
    backend: Backend,
    forgotten: Arc<AtomicUsize>,
}

fn at() -> Key {
    Key::kind("at")
}

fn rung() -> Key {
    Key::kind("rung")
}

fn noted() -> Key {
    Key::kind("noted")
}

impl Alarm {
    pub fn new(forgotten: Arc<AtomicUsize>) -> Self {
        let alarm = Path::new("alarm")
            .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, view: &View| {
                Ok(Answer::json(json!({ "rung": view.get::<u64>(&rung())?.unwrap_or(0) })))
            })
            .txn(Verb::Write, |ctx: &Ctx, Nothing {}: Nothing, txn: &mut Txn| {
                txn.put(&at(), &ctx.now.plus(Duration::from_secs(60)))?;
                Ok(Answer::empty())
            });
        let note = Path::new("note")
            .exists(|_: &Ctx, Nothing {}: Nothing, view: &View| Ok(view.revision(&noted())?.is_some()))
            .upsert(
                Verb::Write,
                |_: &Ctx, Nothing {}: Nothing, _: &View| Ok(Answer::json(json!({ "made": false }))),
                |_: &Ctx, Nothing {}: Nothing, txn: &mut Txn| {
                    txn.put(&noted(), &true)?;
                    Ok(Answer::json(json!({ "made": true })))
                },
            );
        Self { backend: Backend::new("An alarm.", vec![alarm, note]), forgotten }
    }
}

impl Plugin for Alarm {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["alarm"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.backend
    }
    fn forget(&self, _which: sdk::Forget<'_>) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }
    fn due(&self, view: &View, now: Millis) -> sdk::Result<Option<sdk::Chore>> {
        if view.get::<Millis>(&at())?.is_none_or(|at| at > now) {
            return Ok(None);
        }
        Ok(Some(Box::new(|| {
            Ok(Box::new(|txn: &mut Txn| {
                let count = txn.get_for_update::<u64>(&rung())?.unwrap_or(0);
                txn.put(&rung(), &(count + 1))?;
                txn.delete(&at());
                Ok(())
            }) as sdk::Finish)
        })))
    }
}

impl Bench {
    async fn rung(&self) -> Value {
        Walk::new(100).look(&self.node).await.unwrap();
        json_of(&self.send(Verb::Read, "alarm/alarm", Some(&self.root)).await)["data"]["rung"].clone()
    }
}

#[tokio::test]
async fn what_a_mount_has_due_is_done_once() {
    let bench = Bench::new().await;
    assert_eq!(bench.send(Verb::Write, "alarm/alarm", Some(&bench.root)).await.status, 204);
    assert_eq!(bench.rung().await, 0);
    bench.alone.advance(Duration::from_secs(61));
    assert_eq!(bench.rung().await, 1);
    assert_eq!(bench.rung().await, 1);
}

#[tokio::test]
async fn a_look_asks_a_page_of_mounts_and_the_next_one_goes_on() {
    let bench = Bench::new().await;
    bench.send(Verb::Write, "alarm/alarm", Some(&bench.root)).await;
    bench.alone.advance(Duration::from_secs(61));
    let mut walk = Walk::new(1);
    for _ in 0..20 {
        walk.look(&bench.node).await.unwrap();
    }
    let answer = json_of(&bench.send(Verb::Read, "alarm/alarm", Some(&bench.root)).await);
    assert_eq!(answer["data"]["rung"], 1);
}

#[tokio::test]
async fn a_sealed_node_has_its_plugins_forget() {
    let bench = Bench::new().await;
    let before = bench.forgotten.load(Ordering::Relaxed);
    bench.node.seal(Instant::now() + Duration::from_secs(5)).await;
    assert!(bench.forgotten.load(Ordering::Relaxed) > before);
}

#[tokio::test]
async fn an_upsert_writes_once_and_asks_for_the_capability_that_it_needs() {
    let bench = Bench::new().await;
    bench.policy("updater", "path \"alarm/note\" { capabilities = [\"update\"] }").await;
    let updater = bench.token("updater", 0).await;
    assert_eq!(bench.send(Verb::Write, "alarm/note", Some(&updater)).await.status, 403);
    let made = async |token: &ClientToken| {
        json_of(&bench.send(Verb::Write, "alarm/note", Some(token)).await)["data"]["made"].clone()
    };
    assert_eq!(made(&bench.root).await, true);
    let before = bench.node.store.snapshot().unwrap().state_revision();
    assert_eq!(made(&updater).await, false);
    assert_eq!(bench.node.store.snapshot().unwrap().state_revision(), before, "nothing was written");
}
