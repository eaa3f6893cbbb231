//! Where a library's expanded key lives: neither `ring`'s key schedules nor its HMAC states are wiped when dropped, so the place is.
//!
//! A [`Home`] is a heap box or a locked page. Either way the bytes are zeroed after the value in them is gone. What this
//! cannot reach is the stack on which the library built the value before it moved in.

#![allow(unsafe_code)] // Reading and dropping a value whose memory must outlive it, to be wiped.

use std::mem::MaybeUninit;
use std::ops::Deref;

use zeroize::Zeroize;

use crate::Locked;

pub(crate) enum Home<T> {
    Heap(Wiped<T>),
    Page(Locked<T>),
}

impl<T> Deref for Home<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Heap(value) => value,
            Self::Page(value) => value,
        }
    }
}

/// A box whose memory is zeroed once the value is dropped.
pub(crate) struct Wiped<T>(Box<MaybeUninit<T>>);

impl<T> Wiped<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Box::new(MaybeUninit::new(value)))
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` initialises the value and only `drop` ends it.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> Drop for Wiped<T> {
    fn drop(&mut self) {
        // SAFETY: initialised by `new`, and dropped nowhere else.
        unsafe { self.0.assume_init_drop() };
        self.0.zeroize();
    }
}
