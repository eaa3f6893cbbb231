//! Memory of its own for a long-lived secret: pinned (never swapped), left out of core dumps and of forked children, wiped on drop.
//!
//! Each value gets whole pages, because the kernel pins, marks and frees by the page and a neighbour would end the
//! protection of both. Containers often forbid pinning more than a few pages; then the value stays usable and
//! [`Locked::is_locked`] says so, unless the caller insists with [`Locked::strict`]. It does not hide the value from code
//! in this process: no guard pages, no access toggling.

#![allow(unsafe_code)] // Owns raw pages: mapping, pinning and unmapping them is unsafe in every crate that offers it.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::Deref;
use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize;

use crate::{Key32, PageLockRefused, fill_random};

/// A value in pinned, undumpable pages.
///
/// A child that is forked without `exec` finds zeros in place of the value and must not use it. Meant for plain bytes and
/// expanded keys: what a value points to lies elsewhere, unprotected.
pub struct Locked<T> {
    value: NonNull<T>,
    pages: Pages,
}

impl<T> Locked<T> {
    /// Moves `value` into pages of its own; see [`is_locked`](Self::is_locked) for whether they are pinned.
    pub fn new(value: T) -> Self {
        const { assert!(align_of::<T>() <= 4096, "a page is aligned to 4096 bytes") };
        let pages = Pages::map(size_of::<T>());
        let place = pages.start.cast::<T>();
        // SAFETY: the pages are writable, aligned, at least size_of::<T>() long, and nobody else knows them.
        unsafe { place.as_ptr().write(value) };
        Self { value: place, pages }
    }

    /// As [`new`](Self::new), but refuses to keep the value where it could be swapped out.
    pub fn strict(value: T) -> Result<Self, PageLockRefused> {
        let locked = Self::new(value);
        match locked.pages.refused {
            Some(refused) => Err(refused),
            None => Ok(locked),
        }
    }

    /// Whether the kernel pinned the pages.
    pub fn is_locked(&self) -> bool {
        self.pages.refused.is_none()
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: initialised in `new`; the pages live until `drop`; mutable access is never handed out.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        // SAFETY: initialised in `new` and dropped only here; `pages`, dropped after this, wipes what is left.
        unsafe { ptr::drop_in_place(self.value.as_ptr()) };
    }
}

// SAFETY: a Locked<T> owns its T like a Box does; no state is shared between values.
unsafe impl<T: Send> Send for Locked<T> {}
// SAFETY: as above; `&Locked<T>` gives nothing but `&T`.
unsafe impl<T: Sync> Sync for Locked<T> {}

/// A 256-bit key in locked memory. Not `Clone`: two copies are two keys to wipe.
pub struct LockedKey(Locked<[u8; 32]>);

impl LockedKey {
    pub fn random() -> Self {
        Self::filled(|key| fill_random(key))
    }

    /// Moves a key into locked memory; the old place is wiped.
    pub fn from_key(key: Key32) -> Self {
        Self::filled(|place| place.copy_from_slice(key.expose()))
    }

    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// The error that a strict caller stops with when the key could be swapped out.
    pub fn require_locked(&self) -> Result<(), PageLockRefused> {
        self.0.pages.refused.map_or(Ok(()), Err)
    }

    /// The bytes themselves. Whoever calls this answers for what becomes of them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Writes the key where it will stay, so that no copy of it ever lies elsewhere.
    fn filled(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut locked = Locked::new([0; 32]);
        // SAFETY: just made, so this is the only reference into its pages.
        fill(unsafe { locked.value.as_mut() });
        Self(locked)
    }
}

/// Anonymous pages that are wiped before they go back to the kernel.
struct Pages {
    start: NonNull<u8>,
    len: usize,
    refused: Option<PageLockRefused>,
}

impl Pages {
    fn map(size: usize) -> Self {
        let len = size.max(1).next_multiple_of(rustix::param::page_size());
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new private mapping at a place the kernel chooses touches no memory in use.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), len, protection, flags) };
        let start = mapped.ok().and_then(|start| NonNull::new(start.cast::<u8>()));
        let Some(start) = start else {
            // Out of memory, for which a Box would end the process too.
            handle_alloc_error(Layout::from_size_align(len, 4096).unwrap_or(Layout::new::<u8>()))
        };
        let raw = start.as_ptr().cast();
        // SAFETY: all three name exactly the mapping made above. Kernels that lack an advice refuse it harmlessly:
        // core dumps are switched off for the whole process as well.
        let refused = unsafe {
            let _ = madvise(raw, len, Advice::LinuxDontDump);
            let _ = madvise(raw, len, Advice::LinuxWipeOnFork);
            mlock(raw, len).err().map(|e| PageLockRefused { errno: e.raw_os_error() })
        };
        Self { start, len, refused }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and still there; its value, if any, has been dropped before.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }.zeroize();
        // SAFETY: the same mapping, to which no reference is left. Unmapping also unpins.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "unmapping our own pages");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_key_moves_in_unchanged() {
        let key = Key32::random();
        let copy = *key.expose();
        assert_eq!(LockedKey::from_key(key).expose(), &copy);
        assert_ne!(LockedKey::random().expose(), LockedKey::random().expose());
    }

    #[test]
    fn values_larger_than_a_page_and_of_no_size_fit() {
        let big = Locked::new([7_u8; 10_000]);
        assert!(big.iter().all(|b| *b == 7));
        Locked::new(());
    }

    /// Reads the flags of the mapping that `address` lies in, as the kernel reports them.
    fn flags(address: usize) -> String {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            let first = line.split(' ').next().unwrap();
            if let Some((from, to)) = first.split_once('-')
                && let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
            {
                inside = (from..to).contains(&address);
            }
            if inside && line.starts_with("VmFlags:") {
                return line.to_owned();
            }
        }
        panic!("no mapping holds the key");
    }

    #[test]
    fn the_kernel_confirms_pinned_and_undumpable() {
        let key = LockedKey::random();
        let flags = flags(key.expose().as_ptr() as usize);
        assert!(flags.contains(" dd"), "not to be dumped: {flags}");
        assert!(flags.contains(" wf"), "wiped in forked children: {flags}");
        assert_eq!(flags.contains(" lo"), key.is_locked(), "pinned or honest about it: {flags}");
        assert_eq!(key.require_locked().is_ok(), key.is_locked());
    }

    #[test]
    fn the_value_is_dropped_once() {
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let drops = Arc::new(AtomicUsize::new(0));
        let locked = Locked::new(Counted(drops.clone()));
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        drop(locked);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }
}
