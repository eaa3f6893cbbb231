//! What AWS-LC hands out: freed, and wiped by the library as it is, when it is dropped.

#![allow(unsafe_code)] // Every call of the C library is.

use std::ptr::NonNull;

use zeroize::Zeroizing;

pub(crate) struct Owned<T> {
    at: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

// SAFETY: what is kept in one is not changed once it is made, and the library reads it from any thread.
unsafe impl<T> Send for Owned<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Owned<T> {}

impl<T> Owned<T> {
    /// # Safety
    /// `at` is null, or the caller's to free with `free`.
    pub(crate) unsafe fn new(at: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(at).map(|at| Self { at, free })
    }

    pub(crate) fn get(&self) -> *mut T {
        self.at.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: made by `new`, whose caller gave it away.
        unsafe { (self.free)(self.at.as_ptr()) }
    }
}

/// Takes the bytes that the library has allocated, and gives the allocation back.
///
/// # Safety
/// `at` points to `len` bytes that are to be freed with `OPENSSL_free`.
pub(crate) unsafe fn take(at: *mut u8, len: usize) -> Zeroizing<Vec<u8>> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(at, len) }.to_vec();
    // SAFETY: as above; the library wipes what it frees.
    unsafe { aws_lc_sys::OPENSSL_free(at.cast()) };
    Zeroizing::new(bytes)
}

/// One if the call went well. What the library notes about a failure is dropped: nobody asks for it.
pub(crate) fn went_well(result: i32) -> bool {
    if result == 1 {
        return true;
    }
    // SAFETY: takes and returns nothing.
    unsafe { aws_lc_sys::ERR_clear_error() };
    false
}
