//! A plugin: a kind of mount. It has no state of its own; everything is in the store below the mount's folder. Decoded
//! records it may keep.

use std::collections::BTreeMap;

use storage::{Millis, Txn, View};

use crate::{Backend, Chore, Ctx, Failure, Forget, Login, MountInfo, Renewal, Result, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginKind {
    Secret,
    Auth,
}

pub trait Plugin: Send + Sync {
    fn kind(&self) -> PluginKind;

    /// The type names that mount it; the first is the proper one, a further one may imply options (see
    /// [`options`](Self::options)).
    fn types(&self) -> &'static [&'static str];

    /// What the options come to when the plugin is mounted as `type_name`. Refuses those it does not know how to
    /// follow.
    fn options(&self, type_name: &str, options: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        let _ = type_name;
        Ok(options)
    }

    /// What the options come to when a mount that has `old` is tuned to have `new`. Refuses a change that what is stored
    /// cannot follow.
    fn retune(
        &self,
        old: &BTreeMap<String, String>,
        new: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let _ = old;
        self.options(self.types()[0], new)
    }

    /// What a token of a login may be renewed by now, or why it may not: `internal` is what the login left.
    fn renew(&self, ctx: &Ctx, internal: &Value, txn: &Txn) -> Result<Renewal> {
        let _ = (ctx, internal, txn);
        Err(Failure::invalid("tokens of this method cannot be renewed; log in again"))
    }

    /// Whether a login that has waited for its second factor is still one, as far as can be told without its credentials: the
    /// user is there, and has what the login found.
    fn stands(&self, ctx: &Ctx, login: &Login, txn: &Txn) -> Result<bool> {
        let _ = (ctx, login, txn);
        Ok(true)
    }

    /// What has waited longest of what the mount at `view` is to do by itself and is due now. The active node asks every few
    /// seconds.
    fn due(&self, view: &View, now: Millis) -> Result<Option<Chore>> {
        let _ = (view, now);
        Ok(None)
    }

    /// When something is due next. Built-in mounts alone are asked, since those are not walked: each time when they were woken.
    fn next_due(&self, view: &View) -> Result<Option<Millis>> {
        let _ = view;
        Ok(None)
    }

    /// Lets go of records that it has [kept](crate::Kept): the node is sealed, or a namespace.
    fn forget(&self, which: Forget<'_>) {
        let _ = which;
    }

    /// The paths of a mount with these options.
    fn backend(&self, mount: &MountInfo) -> &Backend;
}
