//! The server as `scripts/chaos` breaks it: the same server, and a socket on which it can be told to misbehave. It
//! exists in builds with the feature `faults` alone.
//!
//! A file of settings says where the socket is and what is wrong from the start; then each line that comes in is a
//! command in JSON, and each is answered by a line.

mod command;
mod settings;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use settings::Settings;

static NODE: OnceLock<Arc<cluster::Node>> = OnceLock::new();

/// The node is open: commands are about this one.
pub(crate) fn started(node: Arc<cluster::Node>) {
    // A process has one.
    let _ = NODE.set(node);
}

/// Takes the settings up and listens for commands from then on.
pub fn begin(file: &Path) -> Result<(), String> {
    let settings = Settings::read(file)?;
    settings.take_effect()?;
    // Left there by a process that was killed.
    let _ = std::fs::remove_file(&settings.socket);
    std::thread::spawn(end_with_the_test);
    let listener = UnixListener::bind(&settings.socket).map_err(|e| format!("{}: {e}", settings.socket.display()))?;
    std::thread::Builder::new()
        .name("under-test".to_owned())
        .spawn(move || listener.incoming().flatten().for_each(serve))
        .map(|_| ())
        .map_err(|e| e.to_string())
}

/// Whoever started this process holds its standard input open for as long as it lives.
fn end_with_the_test() {
    // Whether it ends or fails, it is over.
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    std::process::exit(0);
}

fn serve(stream: UnixStream) {
    // A command may take its time, and others need not wait for it.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let Ok(reading) = stream.try_clone() else { return };
        let mut writing = stream;
        for line in BufReader::new(reading).lines().map_while(Result::ok) {
            let answer = runtime.block_on(command::run(&line, NODE.get()));
            if writeln!(writing, "{answer}").is_err() {
                return;
            }
        }
    });
}
