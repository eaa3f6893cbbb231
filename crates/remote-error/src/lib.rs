//! What is told of a call to another server that failed: why, and what it said.

use std::error::Error;

/// So many characters of what a server says are passed on.
const SAID_MAX: usize = 300;

/// An error with what is behind it, which HTTP libraries leave out of its text: the last cause says most.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let reason = cause.to_string();
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        next = cause.source();
    }
    text
}

/// What a stranger says, fit for one line of a log or an answer.
pub fn one_line(said: &str) -> String {
    let mut shown: String = said.chars().take(SAID_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if said.chars().nth(SAID_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Problem(&'static str, Option<Box<Problem>>);

    impl fmt::Display for Problem {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Problem {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn every_cause_is_told_once() {
        let refused = || Some(Box::new(Problem("connection refused", None)));
        assert_eq!(with_causes(&Problem("the call failed", refused())), "the call failed: connection refused");
        let told = Problem("cannot connect: connection refused", refused());
        assert_eq!(
            with_causes(&Problem("the call failed", Some(Box::new(told)))),
            "the call failed: cannot connect: connection refused"
        );
    }

    #[test]
    fn what_a_stranger_says_is_one_line_of_bounded_length() {
        assert_eq!(one_line("no\nsuch\tkey\u{1b}[2J"), "no such key [2J");
        assert_eq!(one_line(&"é".repeat(300)), "é".repeat(300));
        assert_eq!(one_line(&"é".repeat(301)), format!("{}…", "é".repeat(300)));
    }
}
