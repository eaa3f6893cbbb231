//! The mounts that aliases are at. One that was removed is not told of any more; its aliases are nobody else's.

use std::cell::RefCell;
use std::collections::BTreeMap;

use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table};
use sdk::{Failure, Read, Result};

pub fn find(node: &Node, read: &impl Read, accessor: &str) -> Result<Option<Mount>> {
    if let Some(mount) = node.mounts.by_accessor(read, accessor)? {
        return Ok(Some(mount));
    }
    let tokens = node.mounts.get(read, Table::Auth, "token/")?;
    Ok(tokens.filter(|mount| mount.accessor == accessor))
}

/// Refuses an accessor that no auth mount of this namespace has.
pub fn check(node: &Node, read: &impl Read, accessor: Option<&str>) -> Result<()> {
    match accessor.filter(|accessor| !accessor.is_empty()) {
        Some(accessor) if find(node, read, accessor)?.is_none() => {
            let shown: String = accessor.chars().take(64).collect();
            Err(Failure::invalid(format!("invalid mount accessor {shown:?}")))
        }
        _ => Ok(()),
    }
}

/// What an answer says of a mount.
#[derive(Clone)]
pub struct At {
    pub path: String,
    pub kind: String,
    pub local: bool,
}

/// Each mount is looked up once for an answer.
pub struct Found<'a, R> {
    node: &'a Node,
    read: &'a R,
    found: RefCell<BTreeMap<String, Option<At>>>,
}

impl<'a, R: Read> Found<'a, R> {
    pub fn new(node: &'a Node, read: &'a R) -> Self {
        Self { node, read, found: RefCell::default() }
    }

    pub fn at(&self, accessor: &str) -> Result<Option<At>> {
        if let Some(known) = self.found.borrow().get(accessor) {
            return Ok(known.clone());
        }
        let at = find(self.node, self.read, accessor)?.map(|mount| At {
            path: mount.full_path(),
            kind: mount.type_name.clone(),
            local: mount.local,
        });
        self.found.borrow_mut().insert(accessor.to_owned(), at.clone());
        Ok(at)
    }
}
