//! Who guesses codes. It is counted for an entity, by whichever methods: more methods are not more guesses.

use std::time::Duration;

use sdk::Result;
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Txn};

use super::folder;

/// Whoever goes on guessing waits longer each time, up to this.
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// Who has guessed nothing for so long, and need not have waited, begins anew.
const QUIET: Duration = Duration::from_secs(3600);

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Guesses {
    /// Wrong attempts since it was waited last.
    attempts: u32,
    /// When the last of them was.
    last: Millis,
    /// As long as one code can be right, in seconds: the longest of the methods that were tried.
    window: u64,
    /// How often there were as many as are allowed.
    rounds: u32,
    /// Nothing is looked at before.
    until: Millis,
}

fn guesses_key(entity: &str) -> PathKey {
    folder("guesses").plain(entity)
}

impl Guesses {
    /// Of a method that allows so many attempts in a row, and one of whose codes can be right for so long. Only quiet makes them
    /// forgotten, or all that was right: whoever stops one short of what is allowed goes on from there.
    pub fn read(txn: &mut Txn, now: Millis, entity: &str, most: u32, window: Duration) -> Result<Self, Access> {
        let mut guesses: Self = txn.get_for_update(&guesses_key(entity))?.unwrap_or_default();
        if now >= guesses.last.max(guesses.until).plus(QUIET) {
            guesses = Self::default();
        }
        guesses.window = guesses.window.max(window.as_secs());
        // Another method may allow more.
        guesses.wait_if_full(most);
        Ok(guesses)
    }

    /// Twice as long each time. Whichever method is asked for meanwhile, it is waited.
    fn wait_if_full(&mut self, most: u32) {
        if self.attempts >= most {
            let window = Duration::from_secs(self.window);
            let wait = window.saturating_mul(1 << self.rounds.min(16)).min(WAIT_MAX.max(window));
            self.until = self.until.max(self.last.plus(wait));
            (self.attempts, self.rounds) = (0, self.rounds.saturating_add(1));
        }
    }

    /// How long nothing more is looked at, where there were too many.
    pub fn waits(&self, now: Millis) -> Option<Duration> {
        (now < self.until).then(|| now.until(self.until))
    }

    pub fn one_more(mut self, txn: &mut Txn, now: Millis, entity: &str, most: u32) -> Result<(), Access> {
        (self.attempts, self.last) = (self.attempts + 1, now);
        self.wait_if_full(most);
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
