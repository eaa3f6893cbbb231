//! What is broken, one kind a file. Each shows that it came about, or says why it did not.

mod churn;
mod clock;
mod delay;
mod disk;
mod install;
mod kill;
mod partition;
mod pause;
mod power;
mod seal;
mod step_down;
mod tail;
mod transfer;
mod witness;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::plan::{Fault, Kind};

/// The proof that it came about; or why it did not.
pub type Fired = Result<String, String>;

/// What became of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub kind: Kind,
    pub at_ms: u64,
    pub fired: bool,
    pub evidence: String,
}

pub async fn run(cluster: &Cluster, fault: &Fault) -> Outcome {
    let mut dice = Dice::new(fault.seed);
    let fired = timeout(LONGEST, inflict(cluster, fault.kind, &mut dice)).await;
    let fired = fired.unwrap_or_else(|_| Err("it did not end in time".to_owned()));
    let evidence = fired.as_ref().map_or_else(Clone::clone, Clone::clone);
    Outcome { kind: fault.kind, at_ms: fault.at_ms, fired: fired.is_ok(), evidence }
}

async fn inflict(cluster: &Cluster, kind: Kind, dice: &mut Dice) -> Fired {
    match kind {
        Kind::Kill => kill::run(cluster, dice, Duration::ZERO).await,
        Kind::KillLong => kill::run(cluster, dice, Duration::from_secs(10)).await,
        Kind::Pause => pause::run(cluster, dice).await,
        Kind::Isolate => partition::isolate(cluster, dice).await,
        Kind::Bridge => partition::bridge(cluster, dice).await,
        Kind::OneWay => partition::one_way(cluster, dice).await,
        Kind::Delay => delay::delay(cluster, dice).await,
        Kind::Loss => delay::loss(cluster, dice).await,
        Kind::DiskStall => disk::stall(cluster, dice).await,
        Kind::SyncError => disk::sync_error(cluster, dice).await,
        Kind::TornTail => tail::torn(cluster, dice).await,
        Kind::LostTail => tail::lost(cluster, dice).await,
        Kind::StepDown => step_down::run(cluster, dice).await,
        Kind::Transfer => transfer::run(cluster, dice).await,
        Kind::Churn => churn::run(cluster, dice).await,
        Kind::Install => install::run(cluster, dice).await,
        Kind::ClockJump => clock::jump(cluster, dice).await,
        Kind::ClockSkew => clock::skew(cluster, dice).await,
        Kind::SealOne => seal::run(cluster, dice).await,
        Kind::PowerCut => power::run(cluster, dice).await,
        Kind::Witness => witness::run(cluster, dice).await,
    }
}

/// A pause of between so many milliseconds.
async fn a_while(dice: &mut Dice, from: u64, to: u64) {
    tokio::time::sleep(Duration::from_millis(dice.between(from, to))).await;
}

const LONGEST: Duration = Duration::from_secs(120);
