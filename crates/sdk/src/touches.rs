//! What an operation touches besides the path that it is asked at: rights it takes, and another mount it reaches into.

use std::fmt;

use storage::{Path, Txn};

use crate::MountInfo;

/// What a policy has to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    Create,
    Read,
    Update,
    Delete,
}

#[derive(Default)]
pub struct Touches {
    /// The path of another mount that the operation reaches into, with the slash at its end.
    pub other: Option<String>,
    /// On paths below this mount.
    pub here: Vec<(Right, String)>,
    /// On paths below the other one; below this one if there is no other.
    pub there: Vec<(Right, String)>,
}

/// Another mount, which the request names and its caller may reach into.
pub struct Other {
    pub mount: MountInfo,
    folder: Path,
}

impl Other {
    pub fn new(mount: MountInfo, folder: Path) -> Self {
        Self { mount, folder }
    }

    /// The same transaction in that mount's folder.
    pub fn of<'t>(&self, txn: &'t mut Txn<'_>) -> Txn<'t> {
        txn.elsewhere(self.folder.clone())
    }
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mount.path)
    }
}
