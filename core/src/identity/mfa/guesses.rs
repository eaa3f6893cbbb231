//! Who guesses codes. It is counted for an entity, by whichever methods: more methods are not more guesses.

use std::time::Duration;

use sdk::Result;
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Txn};

use super::folder;

/// Whoever goes on guessing waits longer each time, up to this.
const WAIT_MAX: Duration = Duration::from_secs(3600);

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Guesses {
    /// Wrong attempts in a row.
    attempts: u32,
    /// Of the first of them.
    since: Millis,
    /// As long as one code can be right, in seconds: the longest of the methods that were tried since.
    window: u64,
    /// How often in a row there were as many as are allowed.
    rounds: u32,
}

fn guesses_key(entity: &str) -> PathKey {
    folder("guesses").plain(entity)
}

impl Guesses {
    /// Of a method that allows so many attempts while one of its codes can be right. What is past counts no more.
    pub fn read(txn: &mut Txn, now: Millis, entity: &str, most: u32, window: Duration) -> Result<Self, Access> {
        let mut guesses: Self = txn.get_for_update(&guesses_key(entity))?.unwrap_or_default();
        guesses.window = guesses.window.max(window.as_secs());
        let end = guesses.end(most);
        if now >= end {
            // Who has kept quiet for as long as they had to wait begins anew.
            let quiet = now >= end.plus(guesses.doubled());
            let full = guesses.attempts >= most;
            guesses.rounds = if quiet { 0 } else { guesses.rounds.saturating_add(u32::from(full)) };
            (guesses.attempts, guesses.window) = (0, window.as_secs());
        }
        Ok(guesses)
    }

    /// Twice as long for each round before this one.
    fn doubled(&self) -> Duration {
        let window = Duration::from_secs(self.window);
        window.saturating_mul(1 << self.rounds.min(16)).min(WAIT_MAX.max(window))
    }

    fn end(&self, most: u32) -> Millis {
        let full = self.attempts >= most;
        self.since.plus(if full { self.doubled() } else { Duration::from_secs(self.window) })
    }

    /// How long nothing more is looked at, where there were too many.
    pub fn waits(&self, now: Millis, most: u32) -> Option<Duration> {
        (self.attempts >= most).then(|| now.until(self.end(most)))
    }

    pub fn one_more(mut self, txn: &mut Txn, now: Millis, entity: &str) -> Result<(), Access> {
        if self.attempts == 0 {
            self.since = now;
        }
        self.attempts += 1;
        txn.put(&guesses_key(entity), &self)
    }
}

/// Somebody has brought all that was asked for, or is not to be counted any more. One right code of several is not enough: who
/// has it would guess the others without an end.
pub(super) fn forget(txn: &mut Txn, entity: &str) -> Result<(), Access> {
    if txn.get_for_update::<Guesses>(&guesses_key(entity))?.is_some() {
        txn.delete(&guesses_key(entity));
    }
    Ok(())
}

/// Who guesses goes on as the entity that theirs was merged into, unless more is known of that one.
pub(super) fn pass_on(txn: &mut Txn, from: &str, to: &str) -> Result<(), Access> {
    let known: Option<Guesses> = txn.get_for_update(&guesses_key(to))?;
    if let Some(guesses) = txn.get_for_update::<Guesses>(&guesses_key(from))?.filter(|_| known.is_none()) {
        txn.put(&guesses_key(to), &guesses)?;
    }
    forget(txn, from)
}
