//! The sorted listings of large folders, kept in memory.
//!
//! Names lie in the store in an order that means nothing, so one page of a folder costs reading all of it. A small folder
//! is read each time. The listing of a large one is made once, by whoever calls [`make`](Listings::make), and is brought up
//! to date by each reader with what has changed since.
//!
//! ```text
//! snapshot ─► hear: what changed up to it ─► marks on the kept folders' children
//!    └─────► folder kept? ─► its marked children are looked at in the snapshot ─► page
//!                └─ no ─► small: read it    large: `Unlisted`, and whoever serves the request has it made
//! ```
//!
//! **Invariant:** what a snapshot is shown is what it holds. A kept listing is that of every snapshot from `since` on, up
//! to the first change below the folder, and each of those is a mark by the time that a snapshot which shows it is served:
//! a store knows of a change before a snapshot does ([`Journal`](crate::Journal)), and whoever cannot tell what has changed
//! forgets all listings.
//!
//! Only replicated folders are kept: the cluster's own do not move the revision.

mod names;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

pub(crate) use names::page_of;

use names::Names;

use crate::key::Segments;
use crate::{Changed, Class, KeyError, OpenSnapshot, OpenStore, RawKey, ReadError, Revision, SegKind};

pub struct Listings {
    table: Mutex<Table>,
    bytes_max: usize,
    /// How many children a folder may have that is read each time.
    small: usize,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Vec<u8>, Entry>,
    /// The revision of some snapshot. What has changed up to it is marked in every entry.
    heard: Revision,
    bytes: usize,
    /// Counts uses.
    uses: u64,
}

struct Entry {
    slot: Arc<Slot>,
    charged: usize,
    used: u64,
}

/// One folder. Locks are taken in the order table, state, marks; the first two never together.
#[derive(Default)]
struct Slot {
    state: RwLock<State>,
    marks: Mutex<Marks>,
    /// Of the names; zero while none are kept.
    bytes: AtomicUsize,
    unkept: AtomicBool,
}

#[derive(Default)]
enum State {
    #[default]
    Making,
    Kept(Listing),
    /// Too large, or of names that have no order of their own: read each time.
    Unkept,
}

struct Listing {
    names: Names,
    /// The earliest revision that it is the listing of.
    since: Revision,
    /// How often it was patched.
    patches: u64,
}

/// The children that may have changed, by their encoded segment, with the first and the last change.
#[derive(Default)]
struct Marks {
    children: HashMap<Vec<u8>, (u64, u64)>,
    bytes: usize,
    /// How many changes were not marked, since nothing is kept to be patched.
    passed: usize,
}

/// How a kept listing relates to a snapshot.
enum Standing {
    Exact,
    /// It lacks few changes.
    Behind,
    /// It lacks many, or has some that came later.
    Apart,
}

impl Default for Listings {
    fn default() -> Self {
        Self::new(BYTES_MAX, SMALL)
    }
}

impl Listings {
    /// Keeps at most so many bytes of listings, of folders with more than `small` children.
    pub fn new(bytes_max: usize, small: usize) -> Self {
        Self { table: Mutex::default(), bytes_max, small }
    }

    /// Forgets everything: when the server is sealed.
    pub fn clear(&self) {
        let mut table = self.table.lock();
        table.forget_all();
        table.heard = Revision::default();
    }

    /// Forgets some: what they are listed from cannot be read any more.
    pub fn forget(&self, which: impl Fn(&[u8]) -> bool) {
        let mut table = self.table.lock();
        let folders: Vec<Vec<u8>> = table.entries.keys().filter(|folder| which(folder)).cloned().collect();
        folders.iter().for_each(|folder| table.forget(folder));
        table.gauge();
    }

    /// The bytes that are kept, and of how many folders.
    pub fn size(&self) -> (usize, usize) {
        let table = self.table.lock();
        (table.bytes, table.entries.len())
    }

    pub(crate) fn page(
        &self,
        snapshot: &OpenSnapshot,
        folder: &RawKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, ReadError> {
        if folder.class() != Class::Replicated {
            return snapshot.read_page(folder, after, limit);
        }
        let Some(slot) = self.slot(snapshot, folder) else { return self.read_small(snapshot, folder, after, limit) };
        let mut patched = false;
        loop {
            match &*slot.state.read() {
                State::Making => return Err(ReadError::Unlisted(folder.clone())),
                State::Unkept => return snapshot.read_page(folder, after, limit),
                State::Kept(listing) => match slot.standing(listing, snapshot.state_revision()) {
                    Standing::Exact => {
                        metrics::counter!("holdfast.listings.used").increment(1);
                        return Ok(listing.names.page(after, limit));
                    }
                    Standing::Behind if !patched => {}
                    _ => return Err(ReadError::Unlisted(folder.clone())),
                },
            }
            self.patch(snapshot, folder, &slot)?;
            patched = true;
        }
    }

    /// Whether a new snapshot will find the folder's listing at hand.
    pub fn is_at_hand(&self, folder: &RawKey) -> bool {
        let slot = self.table.lock().entries.get(folder.as_bytes()).map(|entry| Arc::clone(&entry.slot));
        slot.is_some_and(|slot| {
            let made = !matches!(&*slot.state.read(), State::Making);
            made && slot.marks.lock().children.len() <= PATCH_MAX
        })
    }

    /// Makes a folder's listing, or brings it up to date: what [`ReadError::Unlisted`] asks for. Takes as long as the
    /// folder is large. A later snapshot finds it, unless so much has changed meanwhile that it is given up.
    pub fn make(&self, store: &OpenStore, folder: &RawKey) -> Result<(), ReadError> {
        let now = store.snapshot()?;
        let (slot, found, heard) = self.enter(&now, folder);
        if found {
            return self.patch(&now, folder, &slot);
        }
        // From here on changes are marked, also those that the next snapshot shows.
        let unfinished = Unfinished { listings: self, folder, slot: &slot };
        let snapshot = store.snapshot()?;
        if snapshot.state_revision() != heard && snapshot.state_revision().is_known_to(heard) {
            return Ok(());
        }
        let names = self.read_names(store, &snapshot, folder)?;
        let since = snapshot.state_revision();
        let mut state = slot.state.write();
        *state = names.map_or(State::Unkept, |names| State::Kept(Listing { names, since, patches: 0 }));
        slot.marks.lock().seen(since.n);
        slot.weigh(&state);
        drop(state);
        std::mem::forget(unfinished);
        metrics::counter!("holdfast.listings.made").increment(1);
        self.settle(folder, &slot);
        Ok(())
    }

    /// Hears what has changed. To be called from time to time: what a store no longer knows when it is asked costs all
    /// listings.
    pub fn keep_up(&self, store: &OpenStore) -> Result<(), ReadError> {
        if !self.table.lock().entries.is_empty() {
            let snapshot = store.snapshot()?;
            self.table.lock().hear(&snapshot, self.bytes_max);
        }
        Ok(())
    }

    fn slot(&self, snapshot: &OpenSnapshot, folder: &RawKey) -> Option<Arc<Slot>> {
        let mut table = self.table.lock();
        table.hear(snapshot, self.bytes_max);
        table.uses += 1;
        let uses = table.uses;
        let entry = table.entries.get_mut(folder.as_bytes())?;
        entry.used = uses;
        Some(Arc::clone(&entry.slot))
    }

    /// The folder's slot, whether it was there, and up to where changes have been heard before it was.
    fn enter(&self, now: &OpenSnapshot, folder: &RawKey) -> (Arc<Slot>, bool, Revision) {
        let mut table = self.table.lock();
        table.hear(now, self.bytes_max);
        table.uses += 1;
        let (heard, used) = (table.heard, table.uses);
        if let Some(entry) = table.entries.get(folder.as_bytes()) {
            return (Arc::clone(&entry.slot), true, heard);
        }
        let slot = Arc::new(Slot::default());
        table.entries.insert(folder.as_bytes().to_vec(), Entry { slot: Arc::clone(&slot), charged: 0, used });
        (slot, false, heard)
    }

    fn read_small(
        &self,
        snapshot: &OpenSnapshot,
        folder: &RawKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, ReadError> {
        let found = snapshot.walk_children(folder, None, self.small.saturating_add(1))?;
        if found.len() > self.small {
            return Err(ReadError::Unlisted(folder.clone()));
        }
        let children = found.into_iter().map(|stored| snapshot.open_child(folder, stored));
        Ok(page_of(children.collect::<Result<_, _>>()?, after, limit))
    }

    /// None if they cannot be kept.
    fn read_names(
        &self,
        store: &OpenStore,
        snapshot: &OpenSnapshot,
        folder: &RawKey,
    ) -> Result<Option<Names>, ReadError> {
        let mut reading = names::Reading::default();
        let mut last = None;
        loop {
            let mut found = snapshot.walk_children(folder, last.as_ref(), CHUNK)?;
            let Some(end) = found.pop() else { return Ok(reading.finish()) };
            for stored in found {
                if !reading.add(stored.kind, snapshot.open_child(folder, stored)?) {
                    return Ok(None);
                }
            }
            let (kind, child) = (end.kind, snapshot.open_child(folder, end.clone())?);
            if !reading.add(kind, child) || reading.bytes() > self.bytes_max {
                return Ok(None);
            }
            last = Some(end);
            self.keep_up(store)?;
        }
    }

    /// Looks at the marked children in a snapshot up to which changes were heard. If somebody else was faster, nothing is
    /// changed.
    fn patch(&self, snapshot: &OpenSnapshot, folder: &RawKey, slot: &Arc<Slot>) -> Result<(), ReadError> {
        let now = snapshot.state_revision();
        let (due, patches) = match &*slot.state.read() {
            State::Kept(listing) if listing.is_reached_by(now) => (slot.marks.lock().due(now.n), listing.patches),
            _ => return Ok(()),
        };
        let mut looked_at = Vec::with_capacity(due.len());
        for (segment, last) in due {
            let Some((kind, bytes)) = Segments::of(&segment).next().transpose()? else {
                return Err(KeyError::Malformed.into());
            };
            looked_at.push((kind, snapshot.child(folder, kind, bytes)?, last));
        }
        let mut state = slot.state.write();
        let State::Kept(listing) = &mut *state else { return Ok(()) };
        if listing.patches != patches {
            return Ok(());
        }
        let kept = listing.patch(looked_at, now);
        slot.marks.lock().seen(now.n);
        if !kept {
            *state = State::Unkept;
        }
        slot.weigh(&state);
        drop(state);
        self.settle(folder, slot);
        Ok(())
    }

    /// Charges a slot for what it holds now, and lets go of the least used until all fit.
    fn settle(&self, folder: &RawKey, slot: &Arc<Slot>) {
        let mut table = self.table.lock();
        let charge = SLOT + folder.as_bytes().len() + slot.bytes.load(Ordering::Relaxed) + slot.marks.lock().bytes;
        let Some(entry) = table.entries.get_mut(folder.as_bytes()).filter(|entry| Arc::ptr_eq(&entry.slot, slot))
        else {
            return;
        };
        let before = std::mem::replace(&mut entry.charged, charge);
        table.bytes = table.bytes + charge - before;
        table.fit(self.bytes_max, Some(folder));
        table.gauge();
    }
}

/// A slot that nobody is left to fill, unless this is forgotten.
struct Unfinished<'a> {
    listings: &'a Listings,
    folder: &'a RawKey,
    slot: &'a Arc<Slot>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let mut table = self.listings.table.lock();
        let at = self.folder.as_bytes();
        if table.entries.get(at).is_some_and(|entry| Arc::ptr_eq(&entry.slot, self.slot)) {
            table.forget(at);
        }
    }
}

impl Table {
    /// Marks what has changed up to the snapshot. `heard` never passes what some snapshot has shown: a slot that is entered
    /// now and filled from a later snapshot misses nothing.
    fn hear(&mut self, snapshot: &OpenSnapshot, bytes_max: usize) {
        let now = snapshot.state_revision();
        if now.is_known_to(self.heard) {
            return;
        }
        let heard = std::mem::replace(&mut self.heard, now);
        if self.entries.is_empty() {
            return;
        }
        match snapshot.changes_since(heard) {
            Some(changes) => changes.iter().for_each(|(n, changed)| self.mark(*n, changed)),
            None => self.forget_all(),
        }
        self.fit(bytes_max, None);
        self.gauge();
    }

    fn mark(&mut self, n: u64, changed: &Changed) {
        for key in &changed.keys {
            self.mark_above(n, key.as_bytes());
        }
        for prefix in &changed.prefixes {
            let prefix = prefix.as_bytes();
            let within: Vec<Vec<u8>> = self.entries.keys().filter(|at| at.starts_with(prefix)).cloned().collect();
            within.iter().for_each(|at| self.forget(at));
            self.mark_above(n, prefix);
        }
    }

    /// Marks, in each kept folder that the key lies in, the child that it lies in.
    fn mark_above(&mut self, n: u64, key: &[u8]) {
        let mut at = 1;
        while let Some(Ok((_, segment))) = Segments::of(&key[at..]).next() {
            let end = at + 3 + segment.len();
            if let Some(entry) = self.entries.get_mut(&key[..at]) {
                let mut marks = entry.slot.marks.lock();
                let unkept = entry.slot.unkept.load(Ordering::Relaxed);
                let more = if unkept { marks.pass() } else { marks.add(&key[at..end], n) };
                let too_many = marks.children.len() > MARKS_MAX || marks.passed > PASSED_MAX;
                drop(marks);
                (entry.charged, self.bytes) = (entry.charged + more, self.bytes + more);
                if too_many {
                    self.forget(&key[..at]);
                }
            }
            at = end;
        }
    }

    /// Lets go of the least used until all fit, of `spared` last.
    fn fit(&mut self, bytes_max: usize, spared: Option<&RawKey>) {
        while self.bytes > bytes_max {
            let is_spared = |at: &[u8]| spared.is_some_and(|spared| spared.as_bytes() == at);
            let least = self.entries.iter().min_by_key(|(at, entry)| (is_spared(at), entry.used));
            let Some(least) = least.map(|(at, _)| at.clone()) else { return };
            self.forget(&least);
        }
    }

    fn forget(&mut self, folder: &[u8]) {
        if let Some(entry) = self.entries.remove(folder) {
            self.bytes -= entry.charged;
        }
    }

    fn forget_all(&mut self) {
        self.entries = HashMap::new();
        self.bytes = 0;
        self.gauge();
    }

    fn gauge(&self) {
        metrics::gauge!("holdfast.listings.bytes").set(self.bytes as f64);
    }
}

impl Slot {
    /// Says what its state takes now, under the state's lock.
    fn weigh(&self, state: &State) {
        let bytes = if let State::Kept(listing) = state { listing.names.bytes() } else { 0 };
        self.bytes.store(bytes, Ordering::Relaxed);
        let unkept = matches!(state, State::Unkept);
        self.unkept.store(unkept, Ordering::Relaxed);
        if unkept {
            *self.marks.lock() = Marks::default();
        }
    }

    fn standing(&self, listing: &Listing, now: Revision) -> Standing {
        let marks = self.marks.lock();
        if !listing.is_reached_by(now) {
            Standing::Apart
        } else if marks.children.values().all(|(first, _)| *first > now.n) {
            Standing::Exact
        } else if marks.children.len() <= PATCH_MAX {
            Standing::Behind
        } else {
            Standing::Apart
        }
    }
}

impl Listing {
    fn is_reached_by(&self, now: Revision) -> bool {
        self.since.epoch == now.epoch && self.since.n <= now.n
    }

    /// Takes over what the children are at `now`. False if the listing can be kept no more.
    fn patch(&mut self, children: Vec<(SegKind, crate::open::Child, u64)>, now: Revision) -> bool {
        self.patches += 1;
        for (kind, child, last) in children {
            self.since.n = self.since.n.max(last.min(now.n));
            if !self.names.put(kind, child) {
                return false;
            }
        }
        true
    }
}

impl Marks {
    /// How many bytes more they take.
    fn add(&mut self, segment: &[u8], n: u64) -> usize {
        if let Some((_, last)) = self.children.get_mut(segment) {
            *last = n;
            return 0;
        }
        self.children.insert(segment.to_vec(), (n, n));
        let more = MARK + segment.len();
        self.bytes += more;
        more
    }

    /// A change that need not be marked.
    fn pass(&mut self) -> usize {
        self.passed += 1;
        0
    }

    /// The children that have changed by `n`, and when they did last.
    fn due(&self, n: u64) -> Vec<(Vec<u8>, u64)> {
        let due = self.children.iter().filter(|(_, (first, _))| *first <= n);
        due.map(|(segment, (_, last))| (segment.clone(), *last)).collect()
    }

    /// Everything up to `n` is in the listing.
    fn seen(&mut self, n: u64) {
        self.children.retain(|_, (first, last)| {
            *first = (*first).max(n.saturating_add(1));
            *last > n
        });
        self.bytes = self.children.keys().map(|segment| MARK + segment.len()).sum();
    }
}

/// How many bytes of listings a node keeps.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Reading so many children takes a millisecond or two.
const SMALL: usize = 1000;
/// How many changed children a reader looks at by itself.
const PATCH_MAX: usize = 256;
/// Behind so many, a listing is made anew.
const MARKS_MAX: usize = 8192;
/// Behind so many changes it is tried again whether a folder can be kept that could not.
const PASSED_MAX: usize = 1 << 18;
/// How many children are read at once.
const CHUNK: usize = 4096;
/// About what a slot and a mark take besides their bytes.
const SLOT: usize = 256;
const MARK: usize = 64;
