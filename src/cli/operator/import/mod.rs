//! `holdfast operator import`
//!
//! Carries over what a running Vault or OpenBao gives out by its API. The source is only read.
//!
//! ```text
//!   source ─ list, a page at a time ─► read ─► compare with what the target has ─┬─ not there ─► write
//!                                                                                ├─ the same
//!                                                                                └─ differs: stays, and is reported
//! ```
//!
//! What was done is nowhere but in the target: run again, it finds what is there and goes on behind it. Each write of a
//! version says which one it follows, so none is written twice.

mod beyond;
mod definition;
mod kv;
mod listing;
mod mounts;
mod policies;
mod report;
mod roles;
mod source;
mod users;

use std::cell::RefCell;
use std::future::Future;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::progress;
use listing::Names;
use mounts::Mount;
use report::{Outcome, Part, Report};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator import -from-address=https://vault:8200 -dry-run\n  holdfast operator import -from-address=https://vault:8200 -from-ca-cert=vault.pem\n\nThe source's token is in HOLDFAST_IMPORT_TOKEN. It is only read from, with the rights to list and read what is to be\ncarried over. Run it again after an interruption, or to compare both sides: what is there is not written again."
)]
pub struct Arguments {
    #[command(flatten)]
    source: source::Source,
    /// Say what would be done and what will not carry over, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Where the target has something else, give it what the source has; a secret gets a new version
    #[arg(long)]
    overwrite: bool,
    /// How many secrets are carried over at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Leave out a secret that lacks more of its first versions: each takes a write, for later ones to keep their numbers
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    most_gaps: u64,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let output = globals.output()?;
    if globals.output_curl_string || globals.output_policy {
        return Err(Failure::usage("An import makes many requests; -dry-run says what it would do"));
    }
    let import = Import {
        from: arguments.source.client()?,
        to: globals.client()?.unwrapped(),
        dry_run: arguments.dry_run,
        overwrite: arguments.overwrite,
        workers: arguments.workers.into(),
        most_gaps: arguments.most_gaps,
        report: RefCell::new(Report::new(arguments.dry_run)),
        bar: RefCell::new(ProgressBar::hidden()),
    };
    import.can_begin().await?;
    if import.all().await.is_err() {
        import.report.borrow_mut().stopped();
    }
    let report = import.report.into_inner();
    output.value(&report.value(), || report.table())?;
    Ok(report.done())
}

/// There were too many failures to go on.
pub struct Stop;

/// A source that is gone fails everything; to say so a hundred times is enough.
const FAILURES_MOST: u64 = 100;

pub struct Import {
    pub from: Client,
    /// Written to by [`Import::write`] alone.
    to: Client,
    pub dry_run: bool,
    pub overwrite: bool,
    pub workers: usize,
    pub most_gaps: u64,
    report: RefCell<Report>,
    bar: RefCell<ProgressBar>,
}

impl Import {
    async fn all(&self) -> Result<(), Stop> {
        policies::carry(self).await?;
        for mount in mounts::carry(self, &mounts::ENGINES).await? {
            kv::carry(self, &mount).await?;
        }
        for method in mounts::carry(self, &mounts::METHODS).await? {
            match method.kind.as_str() {
                "userpass" => users::carry(self, &method).await?,
                "approle" => roles::carry(self, &method).await?,
                _ => {}
            }
        }
        beyond::look(self).await;
        Ok(())
    }

    /// Both sides take their token.
    async fn can_begin(&self) -> Result<(), Failure> {
        for (client, side) in [(&self.from, "source"), (&self.to, "target")] {
            client
                .get("auth/token/lookup-self")
                .await
                .and_then(|reply| reply.ok())
                .doing(format!("asking the {side}"))?;
        }
        Ok(())
    }

    /// What the target has at a path. Nothing, where its mount has yet to be made.
    pub async fn here(&self, mount: &Mount, path: &str) -> Result<Option<Value>, Failure> {
        if mount.is_planned { Ok(None) } else { self.to.get(path).await?.found() }
    }

    /// Like [`Import::here`], of something outside of mounts.
    pub async fn target(&self, path: &str) -> Result<Option<Value>, Failure> {
        self.to.get(path).await?.found()
    }

    /// What a version of a secret holds at the target.
    pub async fn target_version(&self, at: &kv::Place, number: u64) -> Result<Option<Value>, Failure> {
        at.version(&self.to, number).await
    }

    /// Every change of the target. A dry run makes none.
    pub async fn write(&self, path: &str, body: &Value) -> Result<(), Failure> {
        if self.dry_run {
            return Ok(());
        }
        self.to.post(path, body).await?.ok().map(|_| ())
    }

    /// Notes what became of one thing. `None`: it was gone when it was looked at.
    pub async fn item(
        &self,
        part: Part,
        path: &str,
        work: impl Future<Output = Result<Option<Outcome>, Failure>>,
    ) -> Result<(), Stop> {
        let outcome = match work.await {
            Ok(None) => return Ok(()),
            Ok(Some(outcome)) => outcome,
            Err(failure) => Outcome::failed(&failure),
        };
        self.bar.borrow().inc(1);
        self.record(part, path, outcome)
    }

    /// Does `one` with the path of each name in a folder of the source.
    pub async fn each(
        &self,
        part: Part,
        folder: &str,
        one: impl AsyncFn(&str) -> Result<Option<Outcome>, Failure>,
    ) -> Result<(), Stop> {
        self.begin(folder);
        let mut names = Names::of(folder);
        loop {
            match names.next(&self.from).await {
                Ok(None) => break,
                Ok(Some(name)) => {
                    let path = format!("{folder}/{name}");
                    self.item(part, &path, one(&path)).await?;
                }
                Err(failure) => self.record(part, folder, Outcome::failed(&failure))?,
            }
        }
        self.end(folder);
        Ok(())
    }

    pub fn record(&self, part: Part, path: &str, outcome: Outcome) -> Result<(), Stop> {
        let mut report = self.report.borrow_mut();
        report.add(part, path, outcome);
        if report.failures() >= FAILURES_MOST { Err(Stop) } else { Ok(()) }
    }

    pub fn report(&self) -> std::cell::RefMut<'_, Report> {
        self.report.borrow_mut()
    }

    /// Shows that a piece of work begins: on a terminal as a count that runs, elsewhere as a line.
    pub fn begin(&self, what: &str) {
        *self.bar.borrow_mut() = progress::counted(what);
    }

    /// The same of its end.
    pub fn end(&self, what: &str) {
        let bar = self.bar.replace(ProgressBar::hidden());
        let count = bar.position();
        bar.finish_and_clear();
        eprintln!("{what}: {count} looked at");
    }
}
