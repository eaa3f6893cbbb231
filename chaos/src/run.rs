//! One run, from a plan to a verdict.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, sleep_until};

use crate::check::{self, Findings};
use crate::clients::{self, Clients};
use crate::cluster::Cluster;
use crate::fault::{self, Outcome};
use crate::history::Record;
use crate::plan::Plan;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub plan: Plan,
    pub faults: Vec<Outcome>,
    /// Operations whose outcome is known.
    pub operations: usize,
    /// Why it could not be carried out, or the cluster did not become whole again.
    pub problem: Option<String>,
    pub findings: Findings,
    pub seconds: f64,
}

impl Run {
    /// What is wrong with it, in a line each.
    pub fn complaints(&self) -> Vec<String> {
        let mut all: Vec<String> = self.problem.iter().cloned().collect();
        let not_fired = self.faults.iter().filter(|fault| !fault.fired);
        all.extend(not_fired.map(|fault| format!("{} did not come about: {}", fault.kind, fault.evidence)));
        all.extend(self.findings.violations.iter().map(ToString::to_string));
        let wanted = self.plan.seconds as usize * OPERATIONS_A_SECOND;
        if self.operations < wanted {
            all.push(format!("{} operations were completed, and {wanted} are wanted", self.operations));
        }
        all
    }

    pub fn passed(&self) -> bool {
        self.complaints().is_empty()
    }
}

/// Carries the plan out. In `folder`, which must be empty, are data, logs, and in the end the history.
pub async fn run(plan: &Plan, program: &Path, folder: &Path) -> Run {
    let began = Instant::now();
    let mut run = Run {
        plan: plan.clone(),
        faults: Vec::new(),
        operations: 0,
        problem: None,
        findings: Findings::default(),
        seconds: 0.0,
    };
    let (record, logs) = match carry_out(plan, program, folder, &mut run).await {
        Ok(ended) => ended,
        Err(problem) => {
            run.problem = Some(problem);
            run.seconds = began.elapsed().as_secs_f64();
            return run;
        }
    };
    run.operations = record.completed();
    let checking = tokio::task::spawn_blocking(move || (check::all(&record, &logs), record)).await;
    match checking {
        Ok((findings, record)) => {
            run.findings = findings;
            if !run.passed() {
                save(folder, &run, &record);
            }
        }
        Err(problem) => run.problem = Some(format!("the checkers ended: {problem}")),
    }
    run.seconds = began.elapsed().as_secs_f64();
    run
}

async fn carry_out(
    plan: &Plan,
    program: &Path,
    folder: &Path,
    run: &mut Run,
) -> Result<(Record, Vec<(String, String)>), String> {
    let (cluster, _keepers) = Cluster::found(plan, program, folder).await?;
    // What was seen until then is looked at all the same.
    run.problem = observe(plan, &cluster, run).await.err();
    cluster.end();
    let logs = cluster.nodes.iter().map(|node| (node.name.clone(), node.log())).collect();
    Ok((cluster.history.copy(), logs))
}

async fn observe(plan: &Plan, cluster: &Arc<Cluster>, run: &mut Run) -> Result<(), String> {
    let clients = Clients::begin(cluster, plan.seed).await?;
    let looking = {
        let cluster = Arc::clone(cluster);
        tokio::spawn(async move {
            loop {
                cluster.look().await;
                sleep(LOOK).await;
            }
        })
    };
    run.faults = inflict(plan, cluster).await;
    let converged = cluster.converge().await;
    // A while without faults, in which whatever is still wrong shows.
    sleep(CALM).await;
    clients.end().await?;
    looking.abort();
    converged?;
    end(cluster).await
}

/// The last look, when nothing is written any more.
async fn end(cluster: &Arc<Cluster>) -> Result<(), String> {
    cluster.converge().await?;
    clients::read_all(cluster).await
}

/// Each at its time, whatever became of the others.
async fn inflict(plan: &Plan, cluster: &Arc<Cluster>) -> Vec<Outcome> {
    let began = Instant::now();
    let mut running = Vec::new();
    for fault in &plan.faults {
        let (fault, cluster) = (fault.clone(), Arc::clone(cluster));
        running.push((
            fault.clone(),
            tokio::spawn(async move {
                sleep_until(began + Duration::from_millis(fault.at_ms)).await;
                fault::run(&cluster, &fault).await
            }),
        ));
    }
    sleep_until(began + Duration::from_secs(plan.seconds)).await;
    let mut outcomes = Vec::new();
    for (fault, task) in running {
        outcomes.push(task.await.unwrap_or_else(|problem| Outcome {
            kind: fault.kind,
            at_ms: fault.at_ms,
            fired: false,
            evidence: problem.to_string(),
        }));
    }
    outcomes
}

/// For whoever wants to know what happened.
fn save(folder: &Path, run: &Run, record: &Record) {
    let files = [("run.json", serde_json::to_vec_pretty(run)), ("history.json", serde_json::to_vec(record))];
    for (name, bytes) in files {
        if let Err(problem) = bytes.map_err(std::io::Error::other).and_then(|bytes| fs::write(folder.join(name), bytes))
        {
            eprintln!("{name} cannot be kept: {problem}");
        }
    }
}

/// 3,000 in a run of 20 seconds.
const OPERATIONS_A_SECOND: usize = 150;
const LOOK: Duration = Duration::from_millis(100);
const CALM: Duration = Duration::from_secs(1);
