//! Secrets that a person types or a program pipes in.

use std::io::{self, BufRead, IsTerminal, Read};

use zeroize::Zeroizing;

use super::failure::Failure;
use super::globals::Globals;

/// Longest line, and longest value, read from standard input.
const LONGEST: u64 = 32 << 20;

/// A line: without echo from a terminal, as it stands from a pipe.
pub fn secret(globals: &Globals, question: &str) -> Result<Zeroizing<String>, Failure> {
    if globals.non_interactive {
        return Err(Failure::usage(format!("{question}cannot be asked for with -non-interactive")));
    }
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

/// A key that was named, piped in (`-`) or is to be asked for.
pub fn given_or_secret(globals: &Globals, given: Option<String>, question: &str) -> Result<Zeroizing<String>, Failure> {
    match given {
        Some(text) if text != "-" => Ok(Zeroizing::new(text.trim().to_owned())),
        Some(_) => match standard_input()?.trim() {
            "" => Err(Failure::usage("Nothing was entered")),
            text => Ok(Zeroizing::new(text.to_owned())),
        },
        None => secret(globals, question),
    }
}

/// Everything that is piped in.
pub fn standard_input() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(unread)?;
    Ok(text)
}

fn unread(error: io::Error) -> Failure {
    Failure::usage(format!("Error reading from standard input: {error}"))
}
