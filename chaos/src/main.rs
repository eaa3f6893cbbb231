//! `chaos`: what `scripts/chaos` runs once it has built the server under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chaos::mutation::{self, Mutation};
use chaos::plan::{Kind, Plan, Wish};
use chaos::report;
use chaos::run::{self, Run};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about = "Breaks a cluster in every way that a seed says, and checks what its clients were told")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A set of runs
    Run(Set),
    /// The short set that every change must pass
    Ci(Where),
    /// Takes each safeguard out and demands that this is noticed
    Mutations(Mutations),
    /// Says what a set would do, and does nothing
    Plan(Choice),
}

#[derive(Args)]
struct Where {
    /// The built holdfast-under-test
    #[arg(long, value_name = "PATH")]
    server: PathBuf,
    /// Where data and logs are; of a run that failed they stay
    #[arg(long, value_name = "PATH", default_value_os_t = std::env::temp_dir().join("holdfast-chaos"))]
    folder: PathBuf,
    /// Say how each fault came about
    #[arg(long)]
    verbose: bool,
}

#[derive(Args)]
struct Choice {
    /// Of the first run; the next ones count on from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// During which faults begin, in each run
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    #[arg(long, default_value_t = 5)]
    faults_per_run: usize,
    /// Draw this kind alone; may be given again
    #[arg(long, value_name = "KIND", value_parser = kind)]
    only: Vec<Kind>,
    /// Take a safeguard out; may be given again
    #[arg(long, value_name = "NAME", value_parser = mutation_name)]
    mutation: Vec<String>,
}

#[derive(Args)]
struct Set {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    choice: Choice,
    /// Finished runs are written there, and a set that has begun goes on behind them
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

#[derive(Args)]
struct Mutations {
    #[command(flatten)]
    place: Where,
    /// This one alone; may be given again
    #[arg(long, value_name = "NAME", value_parser = mutation_name)]
    only: Vec<String>,
    /// The same plans with every safeguard in its place: then nothing may be found
    #[arg(long)]
    sound: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.map(|kind| kind.to_string()).join(", ");
    Kind::named(text).ok_or_else(|| format!("the kinds are {}", known()))
}

fn mutation_name(text: &str) -> Result<String, String> {
    let known: Vec<&str> = mutation::ALL.iter().map(|mutation| mutation.name).collect();
    if known.contains(&text) { Ok(text.to_owned()) } else { Err(format!("the mutations are {}", known.join(", "))) }
}

impl Choice {
    fn plans(&self) -> Vec<Plan> {
        let kinds = if self.only.is_empty() { Kind::ALL.to_vec() } else { self.only.clone() };
        let wish = Wish { seconds: self.seconds, faults: self.faults_per_run, kinds, mutations: self.mutation.clone() };
        (self.seed..self.seed + self.runs).map(|seed| Plan::draw(seed, &wish)).collect()
    }

    /// The arguments of one of its runs.
    fn again(&self, seed: u64) -> String {
        let mut text = format!(
            "scripts/chaos --seed {seed} --runs 1 --seconds {} --faults-per-run {}",
            self.seconds, self.faults_per_run
        );
        self.only.iter().for_each(|kind| text += &format!(" --only {kind}"));
        self.mutation.iter().for_each(|name| text += &format!(" --mutation {name}"));
        text
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let told = tokio::select! {
        done = obey(Cli::parse().command) => done,
        signal = told_to_end() => Err(signal),
    };
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("chaos: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn told_to_end() -> String {
    let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt)] = signals else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => "ended by SIGTERM".to_owned(),
        _ = interrupt.recv() => "ended by SIGINT".to_owned(),
    }
}

/// False: something is wrong with what was looked at.
async fn obey(command: Command) -> Result<bool, String> {
    match command {
        Command::Run(set) => carry_out_all(&set.place, &set.choice, set.resume.as_deref()).await,
        Command::Ci(place) => {
            let choice =
                Choice { seed: 1, runs: 3, seconds: 8, faults_per_run: 4, only: Vec::new(), mutation: Vec::new() };
            carry_out_all(&place, &choice, None).await
        }
        Command::Mutations(wanted) if wanted.sound => sound(&wanted).await,
        Command::Mutations(wanted) => mutations(&wanted).await,
        Command::Plan(choice) => {
            for plan in choice.plans() {
                println!("{}", serde_json::json!(plan));
            }
            Ok(true)
        }
    }
}

async fn carry_out_all(place: &Where, choice: &Choice, resume: Option<&Path>) -> Result<bool, String> {
    let plans = choice.plans();
    let mut runs = resume.map(|file| report::finished(file, &plans)).transpose()?.unwrap_or_default();
    for plan in &plans {
        if runs.iter().any(|run| run.plan == *plan) {
            continue;
        }
        let (run, folder) = carry_out(place, plan).await?;
        println!("{}", report::line(&run));
        if place.verbose {
            print!("{}", report::evidence(&run));
        }
        if !run.passed() {
            print!("{}", report::complaints(&run));
            println!("    kept: {}\n    again: {}", folder.display(), choice.again(plan.seed));
        }
        if let Some(file) = resume {
            report::keep(file, &run)?;
        }
        runs.push(run);
    }
    print!("\n{}", report::table(&runs));
    Ok(runs.iter().all(Run::passed))
}

/// One run in a folder of its own, which stays if the run failed.
async fn carry_out(place: &Where, plan: &Plan) -> Result<(Run, PathBuf), String> {
    let name = format!("seed-{}-{}", plan.seed, std::process::id());
    let folder = place.folder.join(plan.mutations.iter().fold(name, |name, mutation| format!("{name}-{mutation}")));
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let run = run::run(plan, &place.server, &folder).await;
    if run.passed() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    Ok((run, folder))
}

fn chosen(wanted: &Mutations) -> impl Iterator<Item = &'static Mutation> {
    mutation::ALL
        .iter()
        .filter(|mutation| wanted.only.is_empty() || wanted.only.iter().any(|name| name == mutation.name))
}

/// The mutations' plans, with every safeguard in its place.
async fn sound(wanted: &Mutations) -> Result<bool, String> {
    let mut all_passed = true;
    for mutation in chosen(wanted) {
        let (run, folder) = carry_out(&wanted.place, &Plan { mutations: Vec::new(), ..mutation.plan(1) }).await?;
        println!("{}", report::line(&run));
        if !run.passed() {
            println!("{}    kept: {}", report::complaints(&run), folder.display());
        }
        all_passed &= run.passed();
    }
    Ok(all_passed)
}

async fn mutations(wanted: &Mutations) -> Result<bool, String> {
    let mut all_caught = true;
    for mutation in chosen(wanted) {
        let mut caught = None;
        for seed in 1..=mutation::ATTEMPTS {
            let (run, folder) = carry_out(&wanted.place, &mutation.plan(seed)).await?;
            let by = Mutation::caught_by(&run).map(str::to_owned);
            println!("{}", report::line(&run));
            if wanted.place.verbose {
                print!("{}", report::evidence(&run));
            }
            if by.is_some() {
                let first = run.findings.violations.iter().find(|violation| Some(&violation.checker) == by.as_ref());
                first.iter().for_each(|violation| println!("    {violation}"));
                // It failed as it should.
                fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
                caught = by;
                break;
            }
            print!("{}", report::complaints(&run));
        }
        match &caught {
            Some(checker) => println!("{} ({}): caught by {checker}\n", mutation.name, mutation.about),
            None => println!("{} ({}): NOT CAUGHT\n", mutation.name, mutation.about),
        }
        all_caught &= caught.is_some();
    }
    Ok(all_caught)
}
