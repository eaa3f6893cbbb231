//! What is printed, and what is kept of finished runs.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::plan::{Kind, Plan};
use crate::run::Run;

/// One run, as it ends.
pub fn line(run: &Run) -> String {
    let faults: Vec<String> = run
        .faults
        .iter()
        .map(|fault| if fault.fired { fault.kind.to_string() } else { format!("{}(!)", fault.kind) })
        .collect();
    let verdict = if run.passed() { "ok" } else { "FAILED" };
    let mut text = format!(
        "seed {:<6} {} nodes  {:<72} {:>6} operations  {:>5.1} s  {verdict}",
        run.plan.seed,
        run.plan.nodes,
        faults.join(" "),
        run.operations,
        run.seconds,
    );
    if run.findings.undecided > 0 {
        text += &format!("  ({} keys undecided by the search)", run.findings.undecided);
    }
    text
}

/// How each fault came about.
pub fn evidence(run: &Run) -> String {
    let line =
        |fault: &crate::fault::Outcome| format!("    {:>6} ms  {:<12} {}\n", fault.at_ms, fault.kind, fault.evidence);
    run.faults.iter().map(line).collect()
}

/// What is wrong, for a person.
pub fn complaints(run: &Run) -> String {
    let all = run.complaints();
    let mut text: String = all.iter().take(SHOWN).map(|complaint| format!("    {complaint}\n")).collect();
    if all.len() > SHOWN {
        text += &format!("    and {} more\n", all.len() - SHOWN);
    }
    text
}

/// How often each kind was drawn and came about, and what came of all.
pub fn table(runs: &[Run]) -> String {
    let mut counts: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    for fault in runs.iter().flat_map(|run| &run.faults) {
        let (drawn, fired) = counts.entry(fault.kind).or_default();
        *drawn += 1;
        *fired += usize::from(fault.fired);
    }
    let mut text = format!("{:<12} {:>6} {:>6}\n", "fault", "drawn", "fired");
    for (kind, (drawn, fired)) in counts {
        text += &format!("{kind:<12} {drawn:>6} {fired:>6}\n");
    }
    let operations: Vec<usize> = runs.iter().map(|run| run.operations).collect();
    let (least, sum) = (operations.iter().min().copied().unwrap_or(0), operations.iter().sum::<usize>());
    let failed = runs.iter().filter(|run| !run.passed()).count();
    let violations: usize = runs.iter().map(|run| run.findings.violations.len()).sum();
    text += &format!(
        "\n{} runs, {failed} failed, {violations} violations; {sum} operations, at least {least} a run\n",
        runs.len()
    );
    text
}

/// The runs that a file holds, of these plans.
pub fn finished(file: &Path, plans: &[Plan]) -> Result<Vec<Run>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(problem) => return Err(format!("{}: {problem}", file.display())),
    };
    let mut runs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let run: Run =
            serde_json::from_str(line).map_err(|e| format!("{}, line {}: {e}", file.display(), number + 1))?;
        if plans.contains(&run.plan) {
            runs.push(run);
        }
    }
    Ok(runs)
}

pub fn keep(file: &Path, run: &Run) -> Result<(), String> {
    let line = serde_json::to_string(run).map_err(|e| e.to_string())?;
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.and_then(|mut file| writeln!(file, "{line}")).map_err(|e| format!("{}: {e}", file.display()))
}

const SHOWN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Findings, Violation};
    use crate::fault::Outcome;
    use crate::plan::Wish;

    fn run(seed: u64) -> Run {
        let plan = Plan::draw(seed, &Wish::default());
        let fired = |fault: &crate::plan::Fault| Outcome {
            kind: fault.kind,
            at_ms: fault.at_ms,
            fired: true,
            evidence: String::new(),
        };
        let faults = plan.faults.iter().map(fired).collect();
        Run { plan, faults, operations: 5000, problem: None, findings: Findings::default(), seconds: 30.0 }
    }

    #[test]
    fn a_run_passes_when_everything_came_about_and_nothing_is_wrong() {
        assert!(run(1).passed());
        let mut silent = run(1);
        silent.faults[0].fired = false;
        assert!(!silent.passed());
        assert!(!Run { operations: 2999, ..run(1) }.passed());
        assert!(!Run { problem: Some("no leader".to_owned()), ..run(1) }.passed());
        let mut wrong = run(1);
        wrong.findings.violations.push(Violation { checker: "states".to_owned(), text: "differ".to_owned() });
        assert_eq!(wrong.complaints(), ["states: differ"]);
    }

    #[test]
    fn finished_runs_are_found_again() {
        let folder = std::env::temp_dir().join(format!("holdfast-chaos-report-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("runs");
        assert_eq!(finished(&file, &[]).unwrap(), []);
        keep(&file, &run(1)).unwrap();
        keep(&file, &run(2)).unwrap();
        assert_eq!(finished(&file, &[run(2).plan, run(3).plan]).unwrap(), [run(2)]);
        fs::remove_dir_all(folder).unwrap();
    }
}
