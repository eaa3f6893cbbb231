//! What must hold, one demand a file. A checker reads what is written down and says what is wrong with it.

mod answers;
mod indexes;
mod order;
mod panics;
mod rights;
mod states;
mod versions;
mod wgl;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::Record;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub checker: String,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.text)
    }
}

/// What the checkers found, and what they could not decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    pub violations: Vec<Violation>,
    /// Keys whose order could not be searched to the end.
    pub undecided: usize,
}

impl Findings {
    fn add(&mut self, checker: &str, texts: impl IntoIterator<Item = String>) {
        self.violations.extend(texts.into_iter().map(|text| Violation { checker: checker.to_owned(), text }));
    }
}

/// All of them. `logs` are the servers', with their names.
pub fn all(record: &Record, logs: &[(String, String)]) -> Findings {
    let mut findings = Findings::default();
    findings.add("versions", versions::check(&record.keys));
    findings.add("indexes", indexes::check(&record.keys));
    let order = order::check(&record.keys);
    findings.undecided = order.undecided;
    findings.add("order", order.wrong);
    findings.add("rights", rights::check(&record.rights, &record.keys));
    findings.add("states", states::check(&record.sightings));
    findings.add("answers", answers::check(&record.oddities, &record.outages));
    findings.add("panics", panics::check(logs));
    findings.add("deaths", record.deaths.iter().cloned());
    findings
}
