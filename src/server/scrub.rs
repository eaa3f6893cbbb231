//! What requests have left on the stacks of this process's threads, gone soon after the node was sealed: the allocator wipes what is
//! given back to it, and nobody else wipes a stack.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::lifecycle::Node;
use tokio::sync::watch;
use tokio::time::timeout;

/// Deeper than any request goes, and well within a thread's stack.
const DEPTH: usize = 512 * 1024;
const PAUSE: Duration = Duration::from_millis(200);
/// After sealing. Which thread takes a task is left to the scheduler, so each is met in one of many rounds.
const ROUNDS: usize = 50;
const AT_ONCE: usize = 16;

pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut left = 0;
    while timeout(PAUSE, stop.wait_for(|stop| *stop)).await.is_err() {
        left = if node.is_sealed() { left } else { ROUNDS };
        if node.is_sealed() && left > 0 {
            left -= 1;
            (0..AT_ONCE).for_each(|_| drop(tokio::spawn(async { overwrite() })));
        }
    }
}

#[inline(never)]
fn overwrite() {
    let mut below = [0_u8; DEPTH];
    black_box(&mut below);
}
