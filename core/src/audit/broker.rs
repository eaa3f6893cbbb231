//! Handing an entry to the devices, and whose word it takes.
//!
//! An entry goes to every device whose filter takes it, and to the fallback if no filter did. It counts as written when
//! each `required` device among them has acknowledged it and, unless all of them are `best-effort`, one that is not; if
//! all are, one of them. Nobody is waited for beyond that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barrier::Barrier;
use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use super::AuditError;
use super::device::{Ack, Device, NotTaken};
use super::entry::{Entry, Phase};
use super::filter::Facts;
use super::line::Style;
use super::options::Delivery;

/// Hands over the entry and waits until it counts as written, or cannot any more.
pub async fn deliver(devices: &[Arc<Device>], entry: &Entry<'_>, barrier: &Barrier) -> Result<(), AuditError> {
    if devices.is_empty() {
        return Ok(());
    }
    let takers = takers(devices, entry);
    if takers.is_empty() {
        let text = "no audit device's filter takes the entry: enable one without a filter, or with fallback=true";
        return Err(AuditError::Devices(text.into()));
    }
    let write = || lines(&takers, entry, barrier);
    let lines = if entry.is_long() { sdk::aside(write) } else { write() }?;
    let given_up = Arc::new(AtomicBool::new(false));
    let result = wait(&takers, &lines, entry.phase, &given_up).await;
    if result.is_err() {
        given_up.store(true, Ordering::Relaxed);
    }
    result
}

/// The devices that no entry counts as written without, if they fail.
pub fn blocked(devices: &[Arc<Device>]) -> Option<String> {
    let all: Vec<&Device> = devices.iter().map(Arc::as_ref).filter(|device| device.rules.filter.is_none()).collect();
    let mut count = Count::of(&all);
    for device in &all {
        match device.problem() {
            Some(problem) => count.failed(device, problem),
            None => count.written(device),
        }
    }
    (!all.is_empty()).then(|| count.result().err()).flatten().map(|error| error.to_string())
}

fn takers<'d>(devices: &'d [Arc<Device>], entry: &Entry<'_>) -> Vec<&'d Device> {
    let filters = devices.iter().any(|device| device.rules.filter.is_some());
    let mount_point = if filters { entry.subject.mount_point() } else { String::new() };
    let facts = Facts {
        operation: entry.subject.operation,
        path: entry.subject.path,
        mount_type: entry.subject.mount.map_or("", |mount| &mount.type_name),
        mount_point: &mount_point,
        namespace: entry.subject.namespace.map_or("", |namespace| namespace.path.trim_end_matches('/')),
    };
    let takes = |device: &&Arc<Device>| {
        !device.rules.fallback && device.rules.filter.as_ref().is_none_or(|filter| filter.takes(&facts))
    };
    let taken: Vec<&Device> = devices.iter().filter(takes).map(Arc::as_ref).collect();
    if taken.is_empty() {
        return devices.iter().filter(|device| device.rules.fallback).map(Arc::as_ref).collect();
    }
    taken
}

/// Built once for each style that is asked for, which is once as a rule.
fn lines(takers: &[&Device], entry: &Entry<'_>, barrier: &Barrier) -> Result<Vec<Bytes>, AuditError> {
    let mut made: Vec<(Style, Bytes)> = Vec::with_capacity(1);
    let mut lines = Vec::with_capacity(takers.len());
    for device in takers {
        let style = device.rules.style;
        let line = match made.iter().find(|(known, _)| *known == style) {
            Some((_, line)) => line.clone(),
            None => {
                let line = Bytes::from(entry.render(style, barrier).map_err(|_| AuditError::Sealed)?);
                made.push((style, line.clone()));
                line
            }
        };
        lines.push(line);
    }
    Ok(lines)
}

async fn wait(takers: &[&Device], lines: &[Bytes], phase: Phase, given_up: &Arc<AtomicBool>) -> Result<(), AuditError> {
    let mut count = Count::of(takers);
    let queued = join_all(takers.iter().zip(lines).map(|(device, line)| queue(device, line, phase, given_up, &count)));
    let mut waiting = FuturesUnordered::new();
    for (device, queued) in takers.iter().copied().zip(queued.await) {
        match queued {
            Ok(ack) => waiting.push(async move { (device, answer(device, ack).await) }),
            Err(problem) => {
                device.missed(phase);
                count.failed(device, problem);
            }
        }
    }
    while !count.is_decided() {
        let Some((device, result)) = waiting.next().await else { break };
        match result {
            Ok(()) => count.written(device),
            Err(problem) => count.failed(device, problem),
        }
    }
    count.result()
}

/// Into the device's queue. There is no waiting for one that is stuck, nor for one whose word is not needed.
async fn queue(
    device: &Device,
    line: &Bytes,
    phase: Phase,
    given_up: &Arc<AtomicBool>,
    count: &Count,
) -> Result<Ack, String> {
    let full = match device.offer(line, phase, given_up) {
        Ok(ack) => return Ok(ack),
        Err(NotTaken::Stopped) => return Err("its writer has stopped".into()),
        Err(NotTaken::Full) => "its queue is full",
    };
    if device.is_stuck() || !count.counts(device) {
        return Err(device.problem().unwrap_or_else(|| full.to_owned()));
    }
    match timeout(device.limit(), device.queue(line, phase, given_up)).await {
        Ok(Ok(ack)) => Ok(ack),
        Ok(Err(_)) => Err("its writer has stopped".into()),
        Err(_) => Err(device.problem().unwrap_or_else(|| full.to_owned())),
    }
}

async fn answer(device: &Device, ack: Ack) -> Result<(), String> {
    if device.is_stuck() {
        return Err(device.problem().unwrap_or_else(|| "it does not answer".into()));
    }
    match timeout(device.limit(), ack).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("its writer has stopped".into()),
        Err(_) => Err(format!("no answer within {:?}", device.limit())),
    }
}

/// Who has said what.
struct Count {
    /// Required ones that have not spoken yet.
    required: usize,
    /// Others whose word would do, that have not spoken yet.
    others: usize,
    /// All are best-effort, so their word counts.
    best_effort_counts: bool,
    written: bool,
    refused: bool,
    problems: Vec<String>,
}

impl Count {
    fn of(takers: &[&Device]) -> Self {
        let number = |delivery| takers.iter().filter(|device| device.rules.delivery == delivery).count();
        let (required, any) = (number(Delivery::Required), number(Delivery::Any));
        let best_effort_counts = required + any == 0;
        let others = if best_effort_counts { number(Delivery::BestEffort) } else { any };
        Self { required, others, best_effort_counts, written: false, refused: false, problems: Vec::new() }
    }

    fn counts(&self, device: &Device) -> bool {
        device.rules.delivery != Delivery::BestEffort || self.best_effort_counts
    }

    fn written(&mut self, device: &Device) {
        match device.rules.delivery {
            Delivery::Required => self.required -= 1,
            _ if self.counts(device) => self.others -= 1,
            _ => return,
        }
        self.written = true;
    }

    fn failed(&mut self, device: &Device, problem: String) {
        if !self.counts(device) {
            return;
        }
        self.problems.push(format!("{}: {problem}", device.name));
        if device.rules.delivery == Delivery::Required {
            self.required -= 1;
            self.refused = true;
        } else {
            self.others -= 1;
        }
    }

    fn is_decided(&self) -> bool {
        self.refused || self.required == 0 && (self.written || self.others == 0)
    }

    fn result(self) -> Result<(), AuditError> {
        if self.written && !self.refused {
            return Ok(());
        }
        Err(AuditError::Devices(self.problems.join("; ")))
    }
}
