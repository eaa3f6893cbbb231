//! The process's standard output, for a service manager or a container to collect; and nowhere.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;

use crate::audit::device::{Sink, Written};

pub struct Stdout;

impl Sink for Stdout {
    /// Blocks while whoever reads it does not: it is not ours to change how the process's output works.
    fn write(&mut self, lines: &[Bytes], _patience: Duration) -> Written {
        let mut out = std::io::stdout().lock();
        let result = lines.iter().try_for_each(|line| out.write_all(line)).and_then(|()| out.flush());
        Written::All(result.map_err(|e| e.to_string()))
    }
}

pub struct Discard;

impl Sink for Discard {
    fn write(&mut self, _lines: &[Bytes], _patience: Duration) -> Written {
        Written::All(Ok(()))
    }
}
