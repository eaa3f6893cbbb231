//! Secrets that a person types or a program pipes in.

use std::io::{self, BufRead, IsTerminal, Read};

use zeroize::Zeroizing;

use super::failure::Failure;

/// Longest line, and longest value, read from standard input.
const LONGEST: u64 = 32 << 20;

/// A line: without echo from a terminal, as it stands from a pipe.
pub fn secret(question: &str) -> Result<Zeroizing<String>, Failure> {
    let unread = |error: io::Error| Failure::usage(format!("Error reading from standard input: {error}"));
    let line = if io::stdin().is_terminal() {
        Zeroizing::new(rpassword::prompt_password(question).map_err(unread)?)
    } else {
        let mut line = Zeroizing::new(String::new());
        io::stdin().lock().take(LONGEST).read_line(&mut line).map_err(unread)?;
        line
    };
    match line.trim() {
        "" => Err(Failure::usage("Nothing was entered")),
        text => Ok(Zeroizing::new(text.to_owned())),
    }
}

/// Everything that is piped in.
pub fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("Error reading from standard input: {error}")))?;
    Ok(text)
}
