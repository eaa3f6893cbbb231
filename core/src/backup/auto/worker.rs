//! The worker of the active node that makes what is due.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sdk::PipeReader;
use storage::{Millis, Term, View};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::status::{self, Good};
use super::{AutoConfig, AutoStatus, config, folder, names, read, trial};
use crate::backup::Whole;
use crate::change::change;
use crate::lifecycle::Node;
use crate::replication::Role;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// One that was made and could not be noted would be made again.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
const READ_MAX: Duration = Duration::from_secs(10);
/// A backup that takes longer is given up.
const MAKE_MAX: Duration = Duration::from_secs(6 * 3600);
const LABEL: &str = "snapshot_config_name";
/// Of an error so much is kept.
const ERROR_MAX: usize = 500;

/// Works until `stop` becomes true.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    loop {
        let mut pause = LOOK;
        if let Err(problem) = look(&node).await {
            tracing::warn!(problem, "automated backups could not be looked after; it is tried again");
            pause = AFTER_FAILURE;
        }
        if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

struct Task {
    name: String,
    config: AutoConfig,
    status: AutoStatus,
}

/// Makes the one backup that has waited longest, if any is due.
pub(super) async fn look(node: &Arc<Node>) -> Result<(), String> {
    let Role::Active { term } = node.role() else { return Ok(()) };
    if !node.writes() {
        return Ok(());
    }
    let tasks = tasks(&node.local_view().map_err(text)?).map_err(text)?;
    if tasks.is_empty() {
        return Ok(());
    }
    // Whoever was active before may have made one that is not applied here yet.
    let now = node.replication.read_point(Instant::now() + READ_MAX).await.map_err(text)?;
    let tasks = self::tasks(&node.local_view().map_err(text)?).map_err(text)?;
    tasks.iter().for_each(|task| task.show(now));
    let due = tasks.into_iter().filter(|task| task.status.due(&task.config) <= now);
    let Some(task) = due.min_by_key(|task| task.status.due(&task.config)) else { return Ok(()) };
    let name = task.name.clone();
    let began = Instant::now();
    let made = match timeout(MAKE_MAX, make(node, &task.config, now)).await {
        Ok(made) => made,
        Err(_) => Err(format!("it was not done within {} hours", MAKE_MAX.as_secs() / 3600)),
    };
    let took = began.elapsed().as_secs_f64() * 1000.0;
    metrics::histogram!("vault.autosnapshots.save.duration", LABEL => name.clone()).record(took);
    let mut status = AutoStatus { started: Some(now), ended: Some(node.replication.now().max(now)), ..task.status };
    match made {
        Ok(good) => {
            tracing::info!(
                config = name,
                file = good.url,
                bytes = good.bytes,
                "an automated backup was made and tested"
            );
            status = AutoStatus { error: None, failures: 0, good: Some(good), ..status };
        }
        Err(problem) => {
            metrics::counter!("vault.autosnapshots.save.errors", LABEL => name.clone()).increment(1);
            let error: Option<String> = Some(problem.chars().take(ERROR_MAX).collect());
            // The status and the counter show each try.
            if error == status.error {
                tracing::debug!(config = name, problem, "an automated backup came to nothing again");
            } else {
                tracing::error!(config = name, problem, "an automated backup came to nothing; it is tried again");
            }
            status = AutoStatus { error, failures: status.failures.saturating_add(1), ..status };
        }
    }
    note(node, &name, &status, term, now).await
}

fn tasks(view: &View) -> Result<Vec<Task>, storage::Access> {
    let mut tasks = Vec::new();
    let records = config::records(view);
    for name in names(&records)? {
        if let Some(config) = read(&records, &name)? {
            let status = AutoStatus::read(view, &name)?;
            tasks.push(Task { name, config, status });
        }
    }
    Ok(tasks)
}

impl Task {
    /// As the active node sees it. On the others the gauges keep what they showed last: of one name the freshest counts.
    fn show(&self, now: Millis) {
        let Some(good) = &self.status.good else { return };
        let name = || self.name.clone();
        metrics::gauge!("vault.autosnapshots.last.success.time", LABEL => name()).set(good.at.seconds() as f64);
        metrics::gauge!("vault.autosnapshots.snapshot.size", LABEL => name()).set(good.bytes as f64);
        metrics::gauge!("holdfast.autosnapshots.age", LABEL => name()).set(good.at.until(now).as_secs_f64());
    }
}

async fn note(node: &Node, name: &str, status: &AutoStatus, term: Term, now: Millis) -> Result<(), String> {
    node.leads(term).map_err(text)?;
    let noted = change(node, now, term, |state| {
        // It may have been deleted meanwhile.
        if read(&state.at(crate::space::records(&sdk::NamespaceId::root())), name)?.is_some() {
            state.at(status::space()).put(&status::key(name), status)?;
        }
        Ok(())
    });
    noted.await.map_err(text)?;
    Ok(())
}

/// A backup in its folder, tested.
async fn make(node: &Arc<Node>, config: &AutoConfig, now: Millis) -> Result<Good, String> {
    let (opening, wanted) = (Arc::clone(node), config.clone());
    // A network folder may let whoever asks it wait.
    let opened = spawn_blocking(move || {
        let folder = opening.snapshot_folders.open(&wanted.path_prefix)?;
        Ok::<_, String>((allowance(&folder, &wanted)?, folder))
    });
    let (allowance, folder) = opened.await.map_err(text)??;
    let prefix = &config.file_prefix;
    let fresh = folder.join(folder::unfinished(prefix, now));
    let made = fill(node, &fresh, allowance, now).await;
    let finished = match made {
        Ok(bytes) => {
            let (node, from) = (Arc::clone(node), fresh.clone());
            let to = folder.join(folder::file_name(prefix, now));
            let (config, folder) = (config.clone(), folder.clone());
            let finishing = spawn_blocking(move || finish(&node, &from, &to, &folder, &config).map(|_| to));
            let finished = finishing.await.map_err(text)?;
            finished.map(|to| Good { at: now, url: format!("file://{}", to.display()), bytes })
        }
        Err(problem) => Err(problem),
    };
    if finished.is_err() {
        // Left behind, the next one removes it.
        spawn_blocking(move || fs::remove_file(&fresh).ok()).await.ok();
    }
    finished
}

/// What the new file may have: the space less what stays beside it.
fn allowance(folder: &Path, config: &AutoConfig) -> Result<u64, String> {
    folder::sweep(folder, &config.file_prefix).map_err(text)?;
    let kept = folder::kept(folder, &config.file_prefix).map_err(text)?;
    let stays: u64 = kept.iter().take(config.retain as usize - 1).map(|kept| kept.bytes).sum();
    Ok(config.local_max_space.saturating_sub(stays))
}

async fn fill(node: &Node, fresh: &Path, allowance: u64, now: Millis) -> Result<u64, String> {
    let pipe = node.save(now).map_err(text)?;
    let mut pieces = pipe.open().ok_or("the backup is being read already")?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(fresh).await.map_err(text)?;
    let bytes = copy(&mut pieces, &mut file, allowance).await?;
    file.sync_all().await.map_err(text)?;
    Ok(bytes)
}

async fn copy(pieces: &mut PipeReader, file: &mut File, allowance: u64) -> Result<u64, String> {
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        bytes += piece.len() as u64;
        if bytes > allowance {
            return Err(format!(
                "local_max_space is too small: beside the backups that are kept there is room for {allowance} bytes, and \
                 this one has more"
            ));
        }
        file.write_all(&piece).await.map_err(text)?;
    }
    file.flush().await.map_err(text)?;
    Ok(bytes)
}

/// Tests the file and puts it in its place; then the oldest go. Blocks.
fn finish(node: &Node, from: &Path, to: &Path, folder: &Path, config: &AutoConfig) -> Result<Whole, String> {
    let whole = trial::restore(from, &node.barrier);
    let whole =
        whole.map_err(|problem| format!("the backup did not pass its test restore and was deleted: {problem}"))?;
    fs::rename(from, to).map_err(text)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(text)?;
    let kept = folder::kept(folder, &config.file_prefix).map_err(text)?;
    for old in kept.iter().skip(config.retain as usize) {
        if let Err(problem) = fs::remove_file(&old.path) {
            // The new one is good all the same; the next time it is tried again.
            tracing::warn!(file = %old.path.display(), %problem, "an old backup could not be deleted");
        }
    }
    Ok(whole)
}

fn text(problem: impl std::fmt::Display) -> String {
    problem.to_string()
}
