//! What a test does to the memory of one node.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::EntryPayload;

use crate::consensus::{Command, Entry};

/// A memory that flips bits: the next batch that puts something is applied here as one that puts something else.
#[derive(Clone, Debug, Default)]
pub struct Stray(Arc<AtomicBool>);

impl Stray {
    pub fn next(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn lead<'a>(&self, entry: &'a Entry) -> Cow<'a, Entry> {
        if !self.0.load(Ordering::Relaxed) {
            return Cow::Borrowed(entry);
        }
        let EntryPayload::Normal(Command::Batch(batch)) = &entry.payload else { return Cow::Borrowed(entry) };
        if batch.puts.is_empty() {
            return Cow::Borrowed(entry);
        }
        self.0.store(false, Ordering::SeqCst);
        let mut batch = (**batch).clone();
        for (_, value) in batch.puts.iter_mut().take(1) {
            *value = value.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>().into();
        }
        Cow::Owned(Entry { log_id: entry.log_id, payload: EntryPayload::Normal(Command::batch(batch)) })
    }
}
