//! What requests have left on the stacks of the threads that serve them, gone soon after the node was sealed. Threads that work for
//! requests apart from those do so after each piece of work.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::lifecycle::Node;
use holdfast_core::stack;
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

const PAUSE: Duration = Duration::from_millis(500);
/// After sealing: a thread may still be at a request in the first.
const ROUNDS: usize = 10;
/// For no longer than so do the threads of a round wait for each other.
const TOGETHER: Duration = Duration::from_millis(50);

pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut left = 0;
    while timeout(PAUSE, stop.wait_for(|stop| *stop)).await.is_err() {
        left = if node.is_sealed() { left } else { ROUNDS };
        if node.is_sealed() && left > 0 {
            left -= 1;
            every_thread();
        }
    }
}

/// One task for each thread, which keeps it until all have one: so none gets two.
fn every_thread() {
    let threads = Handle::current().metrics().num_workers();
    let met = Arc::new((Mutex::new(0), Condvar::new()));
    for _ in 0..threads {
        let met = Arc::clone(&met);
        tokio::spawn(async move {
            stack::overwrite();
            let (here, all) = &*met;
            let mut here = here.lock();
            *here += 1;
            all.notify_all();
            all.wait_while_for(&mut here, |here| *here < threads, TOGETHER);
        });
    }
}
