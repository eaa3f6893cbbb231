//! What AWS-LC answers.

#![allow(unsafe_code)] // Every call of the C library is.

/// One if the call went well. What the library notes about a failure is dropped: nobody asks for it.
pub(crate) fn went_well(result: i32) -> bool {
    if result == 1 {
        return true;
    }
    // SAFETY: takes and returns nothing.
    unsafe { aws_lc_sys::ERR_clear_error() };
    false
}
