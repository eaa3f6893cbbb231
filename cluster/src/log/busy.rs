//! Since when the writer has been at one write: a disk that hangs does not say so by itself.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

#[derive(Default)]
pub(super) struct Busy(Mutex<Option<Instant>>);

impl Busy {
    pub fn begin(&self) -> Writing<'_> {
        *self.0.lock() = Some(Instant::now());
        Writing(self)
    }

    pub fn for_how_long(&self) -> Duration {
        self.0.lock().map_or(Duration::ZERO, |since| since.elapsed())
    }
}

pub(super) struct Writing<'a>(&'a Busy);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}
