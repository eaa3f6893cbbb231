//! Writes that are under way while the right to them is taken away.
//!
//! The build under test holds requests to this mount up between their decision and their commit. So a write is decided
//! while it may be, and wants to commit when it may not any more: then it must not. That it did shows in its version, if
//! somebody who read *after* the right was gone saw a lower one.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{Desk, keys};
use crate::dice::Dice;
use crate::history::Step;

/// What lets one write there.
pub fn policy() -> &'static str {
    "path \"race/data/*\" { capabilities = [\"create\", \"read\", \"update\"] }"
}

pub struct Race {
    desk: Desk,
    keys: Vec<String>,
    writing: Vec<JoinHandle<()>>,
}

impl Race {
    /// Sends the writes and does not wait for them.
    pub fn begin(desk: &Desk, right: &str, token: &Arc<str>, keys: &[String], dice: &mut Dice) -> Self {
        let write = |key: &String| {
            let (desk, right, token, key) = (desk.clone(), right.to_owned(), Arc::clone(token), key.clone());
            let node = desk.a_node(dice);
            tokio::spawn(async move {
                let start = desk.cluster.history.now();
                if let (_, Some(version)) = keys::write(&desk.cluster, node, &token, &key).await {
                    desk.note(&right, node, start, Step::Worked { wrote: Some((key, version)) });
                }
            })
        };
        let writing = keys.iter().map(write).collect();
        Self { desk: desk.clone(), keys: keys.to_vec(), writing }
    }

    /// Once the right is gone: looks where the keys stand.
    pub async fn look(&self, dice: &mut Dice) {
        for key in &self.keys {
            let node = self.desk.a_node(dice);
            keys::read(&self.desk.cluster, node, &self.desk.root, key).await;
        }
    }

    pub async fn end(self) {
        for write in self.writing {
            // One that panicked has said so.
            write.await.ok();
        }
    }
}
