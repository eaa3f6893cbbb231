//! Names are found however they are written, while rules name paths to the letter. So what rules say of a thing by the name
//! that it has holds for whoever writes that name in another way too.

use holdfast_core::lifecycle::Node;
use policy::Operation;
use sdk::{Ctx, Failure, Result, Txn, View, folded};

/// Who asks for something by a name, and what for.
pub struct Spelling<'a> {
    pub node: &'a Node,
    pub ctx: &'a Ctx<'a>,
    /// As `entity/name`.
    pub folder: &'static str,
    pub asked: &'a str,
}

impl Spelling<'_> {
    pub fn check(&self, view: &View, operation: Operation, own: &str) -> Result<()> {
        let Some(caller) = self.ctx.caller else { return Ok(()) };
        let (mount, low) = (&self.ctx.mount.path, folded(own));
        for name in [own, low.as_str()].into_iter().filter(|name| *name != self.asked) {
            let path = format!("{mount}{}/{name}", self.folder);
            if self.node.policies.keeps_from(view, caller, operation, &path, self.ctx.now)? {
                return Err(Failure::denied("permission denied"));
            }
        }
        Ok(())
    }

    pub fn check_in(&self, txn: &Txn, operation: Operation, own: &str) -> Result<()> {
        self.check(&txn.as_view(), operation, own)
    }
}
