//! A round: so many clients for so long, each with a connection of its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustls::ClientConfig;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Client, Failed};
use crate::report::{Latency, Report, own_cpu};
use crate::workload::Workload;

pub struct Plan {
    pub tls: Arc<ClientConfig>,
    pub workload: Workload,
    pub addresses: Vec<SocketAddr>,
    pub clients: usize,
    pub end: End,
    pub rate: Option<f64>,
    /// A request whose client still waits for an answer when it is due is not sent.
    pub skip_late: bool,
    pub reconnect: bool,
}

#[derive(Clone, Copy)]
pub enum End {
    After(Duration),
    /// When each of the workload's numbers was sent, or after so long. One that failed is not sent again.
    Once {
        within: Duration,
    },
}

/// A client whose server refuses does not spin.
const AFTER_FAILURE: Duration = Duration::from_millis(10);
/// Latencies are kept in microseconds up to a minute.
const LONGEST: u64 = 60_000_000;

struct Tally {
    latency: Histogram<u64>,
    bytes: u64,
    errors: BTreeMap<Failed, u64>,
}

impl Tally {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are valid");
        Self { latency, bytes: 0, errors: BTreeMap::new() }
    }
}

pub async fn run(plan: Plan) -> Report {
    let plan = Rc::new(plan);
    let local = LocalSet::new();
    local.run_until(clients(plan)).await
}

async fn clients(plan: Rc<Plan>) -> Report {
    let mut connected = Vec::new();
    for number in 0..plan.clients {
        let mut client = Client::new(plan.addresses[number % plan.addresses.len()], Arc::clone(&plan.tls));
        // One that cannot connect counts its failures in the round.
        let _ = client.connect().await;
        connected.push(client);
    }
    let sent = Rc::new(Cell::new(0));
    let (start, cpu) = (Instant::now(), own_cpu());
    let running: Vec<_> = connected
        .into_iter()
        .enumerate()
        .map(|(number, client)| {
            tokio::task::spawn_local(one(Rc::clone(&plan), Rc::clone(&sent), client, number, start))
        })
        .collect();
    let mut all = Tally::new();
    for task in running {
        let tally = task.await.expect("a client does not panic");
        all.latency.add(&tally.latency).expect("all have the same bounds");
        all.bytes += tally.bytes;
        for (failed, times) in tally.errors {
            *all.errors.entry(failed).or_default() += times;
        }
    }
    let took = start.elapsed();
    Report {
        answers: all.latency.len(),
        seconds: took.as_secs_f64(),
        bytes: all.bytes,
        errors: all.errors.iter().map(|(failed, times)| (format!("{failed:?}"), *times)).collect(),
        latency_us: Latency::of(&all.latency),
        own_cpu_seconds: own_cpu() - cpu,
    }
}

/// `sent` is how many all clients have sent, where each is to be sent once.
async fn one(plan: Rc<Plan>, sent: Rc<Cell<usize>>, mut client: Client, number: usize, start: Instant) -> Tally {
    let mut tally = Tally::new();
    // Each client walks through the keys on its own, from elsewhere.
    let mut request = number * 7919;
    let beat = plan.rate.map(|rate| Duration::from_secs_f64(plan.clients as f64 / rate));
    let mut due = start + beat.unwrap_or_default().mul_f64(number as f64 / plan.clients as f64);
    loop {
        if beat.is_some() {
            sleep_until(due).await;
        } else {
            due = Instant::now();
        }
        match plan.end {
            End::After(length) if due >= start + length => return tally,
            End::After(_) => {}
            End::Once { within } if sent.get() >= plan.workload.keys || due >= start + within => return tally,
            End::Once { .. } => request = sent.replace(sent.get() + 1),
        }
        if plan.reconnect {
            client.hang_up();
        }
        match client.send(plan.workload.request(request)).await {
            Ok(bytes) => {
                tally.bytes += bytes as u64;
                let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(LONGEST);
                tally.latency.saturating_record(took.max(1));
            }
            Err(failed) => {
                *tally.errors.entry(failed).or_default() += 1;
                sleep(AFTER_FAILURE).await;
            }
        }
        request += 1;
        let Some(beat) = beat else { continue };
        due += beat;
        if plan.skip_late && due < Instant::now() {
            due += beat.mul_f64((due.elapsed().as_secs_f64() / beat.as_secs_f64()).ceil());
        }
    }
}
