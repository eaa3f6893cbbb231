//! The names of one folder, in the order in which they are listed.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::SegKind;
use crate::open::Child;

/// The names as they are shown. A child that is a record and a folder has two.
#[derive(Default)]
pub(super) struct Names {
    shown: BTreeSet<Box<str>>,
    bytes: usize,
    rules: Rules,
}

/// What makes sure that each name that is shown is of one child, so that it can be taken out again.
#[derive(Default)]
struct Rules {
    kind: Option<SegKind>,
    any_folder: bool,
    any_slashed: bool,
}

impl Rules {
    /// The child's name, if it can be among the others.
    fn admit(&mut self, kind: SegKind, child: &mut Child) -> Option<String> {
        let name = String::from_utf8(std::mem::take(&mut child.name)).ok()?;
        self.any_folder |= child.folder;
        self.any_slashed |= name.ends_with('/');
        let fits = *self.kind.get_or_insert(kind) == kind && !(self.any_folder && self.any_slashed);
        fits.then_some(name)
    }
}

/// A folder that is being read.
#[derive(Default)]
pub(super) struct Reading {
    shown: Vec<Box<str>>,
    bytes: usize,
    rules: Rules,
}

impl Reading {
    /// False if the names cannot be kept.
    pub fn add(&mut self, kind: SegKind, mut child: Child) -> bool {
        let Some(name) = self.rules.admit(kind, &mut child) else { return false };
        for name in shown(name, child.record, child.folder) {
            self.bytes += cost(&name);
            self.shown.push(name);
        }
        true
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn finish(self) -> Option<Names> {
        let count = self.shown.len();
        let names = Names { shown: self.shown.into_iter().collect(), bytes: self.bytes, rules: self.rules };
        (names.shown.len() == count).then_some(names)
    }
}

impl Names {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes a child what it is now, which may be nothing. False if the names cannot be kept any more.
    pub fn put(&mut self, kind: SegKind, mut child: Child) -> bool {
        let Some(name) = self.rules.admit(kind, &mut child) else { return false };
        if self.rules.any_folder {
            // Else it is another record's name, if it is there.
            self.set(format!("{name}/").into(), child.folder);
        }
        self.set(name.into(), child.record);
        true
    }

    fn set(&mut self, name: Box<str>, there: bool) {
        let cost = cost(&name);
        if there {
            self.bytes += if self.shown.insert(name) { cost } else { 0 };
        } else {
            self.bytes -= if self.shown.remove(&name) { cost } else { 0 };
        }
    }

    pub fn page(&self, after: Option<&str>, limit: usize) -> Vec<String> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.shown.range::<str, _>((from, Bound::Unbounded)).take(limit).map(|name| String::from(&**name)).collect()
    }
}

/// A page of a folder that was read whole.
pub(crate) fn page_of(children: Vec<Child>, after: Option<&str>, limit: usize) -> Vec<String> {
    let mut names = Vec::with_capacity(children.len());
    for child in children {
        let name = String::from_utf8_lossy(&child.name).into_owned();
        names.extend(shown(name, child.record, child.folder).map(String::from));
    }
    names.retain(|name| after.is_none_or(|after| name.as_str() > after));
    names.sort_unstable();
    names.truncate(limit);
    names
}

fn shown(name: String, record: bool, folder: bool) -> impl Iterator<Item = Box<str>> {
    let below = folder.then(|| format!("{name}/").into());
    below.into_iter().chain(record.then(|| name.into()))
}

/// About what a name takes in memory.
fn cost(name: &str) -> usize {
    const OVERHEAD: usize = 48;
    name.len() + OVERHEAD
}
