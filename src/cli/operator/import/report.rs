//! What became of everything, and what did not come along.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cli::failure::{Done, Failure};
use crate::cli::output;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Policies,
    Mounts,
    Secrets,
    Versions,
    AuthMounts,
    Users,
    Roles,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Made,
    /// Part of it was there.
    Completed,
    Same,
    Overwritten,
    /// The target has something else there, which stays. What, is said.
    Differs(String),
    /// A note says why.
    Skipped,
    Failed(String),
}

/// What an API does not give, or takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    Password,
    SecretId,
    Gap,
    Ending,
    Content,
    Plugin,
    Accessors,
    Beyond(&'static str),
    Unknown(&'static str),
    Times,
    Tokens,
}

struct Finding {
    part: Part,
    path: String,
    what: &'static str,
    why: String,
}

pub struct Report {
    dry_run: bool,
    stopped: bool,
    counts: BTreeMap<Part, [u64; OUTCOMES.len()]>,
    lost: BTreeMap<Lost, u64>,
    findings: Vec<Finding>,
    findings_more: u64,
}

const OUTCOMES: [&str; 7] = ["made", "completed", "same", "overwritten", "differs", "skipped", "failed"];
const FAILED: usize = 6;
const DIFFERS: usize = 4;
/// Those beyond are counted.
const FINDINGS_MOST: usize = 10_000;

impl Part {
    const ALL: [Part; 7] =
        [Part::Policies, Part::Mounts, Part::Secrets, Part::Versions, Part::AuthMounts, Part::Users, Part::Roles];

    pub fn name(self) -> &'static str {
        match self {
            Part::Policies => "policies",
            Part::Mounts => "mounts",
            Part::Secrets => "secrets",
            Part::Versions => "versions",
            Part::AuthMounts => "auth mounts",
            Part::Users => "users",
            Part::Roles => "roles",
        }
    }
}

impl Outcome {
    /// In one line.
    pub fn failed(failure: &Failure) -> Outcome {
        let text = failure.to_string();
        let text = text.strip_prefix("Error making API request.").unwrap_or(&text);
        Outcome::Failed(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Whether the target has it afterwards, be it set otherwise.
    pub fn is_usable(&self) -> bool {
        !matches!(self, Outcome::Skipped | Outcome::Failed(_))
    }

    fn place(&self) -> usize {
        match self {
            Outcome::Made => 0,
            Outcome::Completed => 1,
            Outcome::Same => 2,
            Outcome::Overwritten => 3,
            Outcome::Differs(_) => DIFFERS,
            Outcome::Skipped => 5,
            Outcome::Failed(_) => FAILED,
        }
    }
}

impl Lost {
    fn sentence(self, count: u64) -> String {
        match self {
            Lost::Password => {
                let users = some(count, "user");
                format!("The passwords of {users}: none works until one is set, by auth/MOUNT/users/NAME/password")
            }
            Lost::SecretId => format!("{} of roles: make new ones", some(count, "secret ID")),
            Lost::Gap => {
                let versions = some(count, "version");
                format!("What was in {versions} deleted or destroyed at the source: here they count as destroyed")
            }
            Lost::Ending => {
                let versions = some(count, "version");
                format!("When {versions} would have ended by delete_version_after: the time begins anew")
            }
            Lost::Content => {
                format!("What is in {} of other types than kv, userpass and approle", some(count, "mount"))
            }
            Lost::Plugin => format!("{} of a type that the target does not have", some(count, "mount")),
            Lost::Accessors => "The accessors of mounts, which policies name: theirs are new".to_owned(),
            Lost::Beyond(what) => format!("The source's {what}"),
            Lost::Unknown(what) => format!("The source's {what}, if it has any: the token may not look"),
            Lost::Times => {
                "When secrets and versions were made, and the numbers of their metadata's versions".to_owned()
            }
            Lost::Tokens => "Tokens and leases: clients log in anew".to_owned(),
        }
    }
}

fn some(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl Report {
    pub fn new(dry_run: bool) -> Report {
        let lost = BTreeMap::from([(Lost::Times, 0), (Lost::Tokens, 0)]);
        Report { dry_run, stopped: false, counts: BTreeMap::new(), lost, findings: Vec::new(), findings_more: 0 }
    }

    pub fn add(&mut self, part: Part, path: &str, outcome: Outcome) {
        self.counts.entry(part).or_default()[outcome.place()] += 1;
        match outcome {
            Outcome::Differs(why) => self.find(part, path, OUTCOMES[DIFFERS], why),
            Outcome::Failed(why) => self.find(part, path, OUTCOMES[FAILED], why),
            _ => {}
        }
    }

    pub fn note(&mut self, part: Part, path: &str, why: &str) {
        self.find(part, path, "note", why.to_owned());
    }

    fn find(&mut self, part: Part, path: &str, what: &'static str, why: String) {
        if self.findings.len() == FINDINGS_MOST {
            self.findings_more += 1;
            return;
        }
        self.findings.push(Finding { part, path: path.to_owned(), what, why });
    }

    pub fn lost(&mut self, what: Lost, count: u64) {
        *self.lost.entry(what).or_default() += count;
    }

    pub fn stopped(&mut self) {
        self.stopped = true;
    }

    pub fn failures(&self) -> u64 {
        self.of(FAILED)
    }

    fn of(&self, outcome: usize) -> u64 {
        self.counts.values().map(|counts| counts[outcome]).sum()
    }

    pub fn done(&self) -> Done {
        match (self.failures(), self.of(DIFFERS)) {
            (0, 0) => Done::Good,
            (0, _) => Done::Warned,
            _ => Done::Failed,
        }
    }

    pub fn value(&self) -> Value {
        let parts: Map<String, Value> = Part::ALL
            .iter()
            .map(|part| {
                let counts = self.counts.get(part).copied().unwrap_or_default();
                let counts = OUTCOMES.iter().zip(counts).map(|(name, count)| ((*name).to_owned(), json!(count)));
                (part.name().replace(' ', "_"), Value::Object(counts.collect()))
            })
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|found| json!({"part": found.part.name(), "path": found.path, "what": found.what, "why": found.why}))
            .collect();
        let lost: Vec<String> = self.lost.iter().map(|(lost, count)| lost.sentence(*count)).collect();
        json!({
            "dry_run": self.dry_run,
            "complete": !self.stopped && self.failures() == 0,
            "parts": parts,
            "not_carried_over": lost,
            "findings": findings,
            "findings_left_out": self.findings_more,
        })
    }

    pub fn table(&self) -> String {
        let header = ["Part", "Made", "Completed", "Same", "Overwritten", "Differ", "Skipped", "Failed"];
        let rows: Vec<[String; 8]> = Part::ALL
            .iter()
            .map(|part| {
                let counts = self.counts.get(part).copied().unwrap_or_default();
                let mut row = [const { String::new() }; 8];
                part.name().clone_into(&mut row[0]);
                for (cell, count) in row[1..].iter_mut().zip(counts) {
                    *cell = count.to_string();
                }
                row
            })
            .collect();
        let mut text = String::new();
        if self.dry_run {
            text.push_str("Nothing was changed. An import would do this:\n\n");
        }
        text.push_str(&output::table(header, &rows));
        text.push_str("\nDoes not carry over:\n");
        for (lost, count) in &self.lost {
            text.push_str(&format!("  * {}\n", lost.sentence(*count)));
        }
        if !self.findings.is_empty() {
            let rows: Vec<[String; 4]> = self
                .findings
                .iter()
                .map(|found| {
                    [found.what.to_owned(), found.part.name().to_owned(), found.path.clone(), found.why.clone()]
                })
                .collect();
            text.push('\n');
            text.push_str(&output::table(["What", "Part", "Path", "Why"], &rows));
        }
        if self.findings_more > 0 {
            text.push_str(&format!("and {} more\n", self.findings_more));
        }
        if self.stopped {
            text.push_str(
                "\nStopped after too many failures. Run it again once they are seen to: it goes on from here.\n",
            );
        } else if self.of(DIFFERS) > 0 {
            text.push_str("\nWhat differs is as the target had it; -overwrite gives it what the source has.\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_ends_is_what_became_of_the_worst() {
        let mut report = Report::new(false);
        report.add(Part::Secrets, "kv/a", Outcome::Made);
        report.add(Part::Mounts, "tr/", Outcome::Skipped);
        assert_eq!(report.done(), Done::Good);
        report.add(Part::Secrets, "kv/b", Outcome::Differs("version 2 is not the source's".into()));
        assert_eq!(report.done(), Done::Warned);
        report.add(
            Part::Users,
            "auth/u/users/x",
            Outcome::failed(&Failure::refused("Error making API request.\n\nCode: 403.")),
        );
        assert_eq!((report.done(), report.failures()), (Done::Failed, 1));
        let value = report.value();
        assert_eq!((&value["complete"], &value["parts"]["secrets"]["made"]), (&json!(false), &json!(1)));
        assert_eq!(value["findings"][1]["why"], "Code: 403.", "in one line");
    }

    #[test]
    fn findings_have_a_bound_and_are_counted_beyond_it() {
        let mut report = Report::new(true);
        for _ in 0..FINDINGS_MOST + 3 {
            report.add(Part::Secrets, "x", Outcome::Differs("y".into()));
        }
        assert_eq!((report.findings.len(), report.findings_more), (FINDINGS_MOST, 3));
        assert!(report.table().contains("and 3 more"));
    }

    #[test]
    fn what_is_lost_is_told_by_number() {
        let mut report = Report::new(true);
        report.lost(Lost::Gap, 2);
        report.lost(Lost::Gap, 1);
        report.lost(Lost::Beyond("groups"), 0);
        let table = report.table();
        assert!(table.starts_with("Nothing was changed."));
        assert!(table.contains("in 3 versions") && table.contains("The source's groups"), "{table}");
        assert!(!table.contains("passwords"), "nobody has one");
    }
}
