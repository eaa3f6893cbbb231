//! What work has left on a thread's stack: the allocator wipes what is given back to it, and nobody else wipes a stack.

use std::hint::black_box;

/// Deeper than any request goes, and well within a thread's stack.
const DEPTH: usize = 512 * 1024;

/// Overwrites what lies below the caller on its thread's stack.
#[inline(never)]
pub fn overwrite() {
    let mut below = [0_u8; DEPTH];
    black_box(&mut below);
}
