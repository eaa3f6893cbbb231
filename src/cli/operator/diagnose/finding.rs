//! What a check found.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Good,
    Warning,
    Failure,
}

#[derive(Debug)]
pub struct Finding {
    /// Of what: `part/of it`.
    pub check: &'static str,
    pub outcome: Outcome,
    pub found: String,
    /// What would make it well.
    pub advice: Option<String>,
}

#[derive(Default)]
pub struct Report {
    findings: Vec<Finding>,
    skipped: Vec<String>,
}

impl Report {
    pub fn new(skipped: Vec<String>) -> Report {
        Report { findings: Vec::new(), skipped }
    }

    pub fn wants(&self, check: &str) -> bool {
        !self.skipped.iter().any(|name| !name.is_empty() && check.starts_with(name.as_str()))
    }

    pub fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Outcome::Good, found.into(), None);
    }

    pub fn warning(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Outcome::Warning, found.into(), Some(advice.into()));
    }

    pub fn failure(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Outcome::Failure, found.into(), Some(advice.into()));
    }

    fn add(&mut self, check: &'static str, outcome: Outcome, found: String, advice: Option<String>) {
        if self.wants(check) {
            self.findings.push(Finding { check, outcome, found, advice });
        }
    }

    pub fn worst(&self) -> Outcome {
        self.findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Good)
    }

    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Good => "ok",
            Outcome::Warning => "warn",
            Outcome::Failure => "fail",
        }
    }
}

impl Finding {
    pub fn for_people(&self) -> String {
        let advice = self.advice.as_ref().map(|advice| format!("{:>28}{advice}\n", "→ ")).unwrap_or_default();
        format!("[{:^4}] {:<19} {}\n{advice}", self.outcome.name(), self.check, self.found)
    }

    pub fn for_programs(&self) -> Value {
        json!({ "check": self.check, "outcome": self.outcome.name(), "found": self.found, "advice": self.advice })
    }
}
