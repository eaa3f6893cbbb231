//! Long work in the middle of a request.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs what takes a thread for a while, as a hundred signatures; other requests go on meanwhile.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    let threads = Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread);
    if threads { tokio::task::block_in_place(work) } else { work() }
}
