//! The ways between the nodes: one listener for each node that dials and each that is dialled, and rules for what passes.
//!
//! A rule is about a direction, not about a connection: bytes from A to B go over those that A opened and over those that
//! B did. What is cut is held back, as TCP would: when the way is open again, what still waits arrives, late.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::dice::Dice;

/// What happens to bytes in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    pub cut: bool,
    pub delay: Duration,
    /// In how many cases of a hundred a piece is lost: half of the time the connection breaks, half of the time it is sent
    /// again, later.
    pub loss: u64,
}

impl Rule {
    pub const CUT: Rule = Rule { cut: true, delay: Duration::ZERO, loss: 0 };

    fn and(self, other: Rule) -> Rule {
        Rule { cut: self.cut || other.cut, delay: self.delay.max(other.delay), loss: self.loss.max(other.loss) }
    }
}

/// From whom to whom.
pub type Direction = (usize, usize);

struct Traffic {
    rule: watch::Sender<Rule>,
    /// What was laid upon it, by number.
    laid: Mutex<BTreeMap<u64, Rule>>,
    /// How many pieces were held back, delayed or lost.
    touched: AtomicU64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { rule: watch::Sender::new(Rule::default()), laid: Mutex::default(), touched: AtomicU64::new(0) }
    }
}

impl Traffic {
    fn change(&self, change: impl FnOnce(&mut BTreeMap<u64, Rule>)) {
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut laid);
        self.rule.send_replace(laid.values().fold(Rule::default(), |all, rule| all.and(*rule)));
    }

    fn touch(&self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    async fn open(&self) {
        let mut rule = self.rule.subscribe();
        if rule.borrow_and_update().cut {
            self.touch();
            // The sender lives as long as the proxies.
            let _ = rule.wait_for(|rule| !rule.cut).await;
        }
    }
}

/// All ways between so many nodes. They end when it is dropped.
pub struct Proxies {
    nodes: usize,
    traffic: BTreeMap<Direction, Arc<Traffic>>,
    ways: BTreeMap<Direction, SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
    next: AtomicU64,
}

impl Proxies {
    pub async fn start(targets: &[SocketAddr], seed: u64) -> io::Result<Self> {
        let nodes = targets.len();
        let pairs = || (0..nodes).flat_map(move |from| (0..nodes).map(move |to| (from, to))).filter(|(a, b)| a != b);
        let traffic: BTreeMap<Direction, Arc<Traffic>> = pairs().map(|pair| (pair, Arc::default())).collect();
        let (mut ways, mut tasks) = (BTreeMap::new(), Vec::new());
        let mut dice = Dice::new(seed);
        for (from, to) in pairs() {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            ways.insert((from, to), listener.local_addr()?);
            let way =
                Way { target: targets[to], there: traffic[&(from, to)].clone(), back: traffic[&(to, from)].clone() };
            tasks.push(tokio::spawn(accept(listener, way, dice.roll())));
        }
        Ok(Self { nodes, traffic, ways, tasks, next: AtomicU64::new(0) })
    }

    /// What `from` dials to reach `to`.
    pub fn way(&self, from: usize, to: usize) -> SocketAddr {
        self.ways[&(from, to)]
    }

    /// Lays a rule upon directions until what is returned is dropped.
    pub fn lay(self: &Arc<Self>, directions: &[Direction], rule: Rule) -> Laid {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let directions: Vec<Direction> = directions.iter().copied().filter(|d| self.traffic.contains_key(d)).collect();
        let before = self.touched(&directions);
        for direction in &directions {
            self.traffic[direction].change(|laid| {
                laid.insert(number, rule);
            });
        }
        Laid { proxies: Arc::clone(self), directions, number, before }
    }

    fn touched(&self, directions: &[Direction]) -> u64 {
        directions.iter().map(|direction| self.traffic[direction].touched.load(Ordering::Relaxed)).sum()
    }

    /// Both directions between each of the ones and each of the others.
    pub fn between(ones: &[usize], others: &[usize]) -> Vec<Direction> {
        ones.iter().flat_map(|a| others.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect()
    }

    /// Everybody but these.
    pub fn others(&self, these: &[usize]) -> Vec<usize> {
        (0..self.nodes).filter(|node| !these.contains(node)).collect()
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub struct Laid {
    proxies: Arc<Proxies>,
    directions: Vec<Direction>,
    number: u64,
    before: u64,
}

impl Laid {
    /// How many pieces it has been felt by, of this rule or another on the same directions.
    pub fn touched(&self) -> u64 {
        self.proxies.touched(&self.directions) - self.before
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        for direction in &self.directions {
            self.proxies.traffic[direction].change(|laid| {
                laid.remove(&self.number);
            });
        }
    }
}

#[derive(Clone)]
struct Way {
    target: SocketAddr,
    there: Arc<Traffic>,
    back: Arc<Traffic>,
}

async fn accept(listener: TcpListener, way: Way, seed: u64) {
    let mut dice = Dice::new(seed);
    while let Ok((stream, _)) = listener.accept().await {
        let (way, seed) = (way.clone(), dice.roll());
        // A connection that breaks is what proxies are for.
        tokio::spawn(async move { carry(stream, way, seed).await.ok() });
    }
}

async fn carry(dialler: TcpStream, way: Way, seed: u64) -> io::Result<()> {
    way.there.open().await;
    way.back.open().await;
    let target = TcpStream::connect(way.target).await?;
    dialler.set_nodelay(true)?;
    target.set_nodelay(true)?;
    let ((from_dialler, to_dialler), (from_target, to_target)) = (dialler.into_split(), target.into_split());
    let mut dice = Dice::new(seed);
    tokio::try_join!(
        pump(from_dialler, to_target, &way.there, dice.roll()),
        pump(from_target, to_dialler, &way.back, dice.roll()),
    )?;
    Ok(())
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, traffic: &Traffic, seed: u64) -> io::Result<()> {
    let (queue, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(QUEUE);
    let reading = async move {
        let mut dice = Dice::new(seed);
        let mut due = Instant::now();
        let mut piece = vec![0; PIECE];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok::<_, io::Error>(());
            }
            let rule = *traffic.rule.borrow();
            let mut late = rule.delay.mul_f64(dice.between(75, 125) as f64 / 100.0);
            if dice.chance(rule.loss) {
                traffic.touch();
                if dice.chance(50) {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                late += Duration::from_millis(dice.between(200, 1000));
            } else if !late.is_zero() {
                traffic.touch();
            }
            // Bytes do not overtake each other.
            due = due.max(Instant::now() + late);
            if queue.send((due, piece[..length].to_vec())).await.is_err() {
                return Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            traffic.open().await;
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(reading, writing)?;
    Ok(())
}

const PIECE: usize = 16 << 10;
/// Pieces under way on one direction of a connection.
const QUEUE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    /// Node 1 echoes; node 0 dials it.
    async fn echo() -> (Arc<Proxies>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        let proxies = Arc::new(Proxies::start(&[target, target], 1).await.unwrap());
        let stream = TcpStream::connect(proxies.way(0, 1)).await.unwrap();
        (proxies, stream)
    }

    async fn ask(stream: &mut TcpStream, text: &[u8]) -> io::Result<()> {
        stream.write_all(text).await?;
        let mut back = vec![0; text.len()];
        stream.read_exact(&mut back).await?;
        assert_eq!(back, text);
        Ok(())
    }

    const LONG: Duration = Duration::from_secs(10);
    const SHORT: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn bytes_pass_both_ways() {
        let (_proxies, mut stream) = echo().await;
        timeout(LONG, ask(&mut stream, &vec![7; 100_000])).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_cut_waits_and_comes_late() {
        for direction in [(0, 1), (1, 0)] {
            let (proxies, mut stream) = echo().await;
            timeout(LONG, ask(&mut stream, b"before")).await.unwrap().unwrap();
            let laid = proxies.lay(&[direction], Rule::CUT);
            let mut asking = Box::pin(ask(&mut stream, b"during"));
            assert!(timeout(SHORT, &mut asking).await.is_err(), "{direction:?} is cut");
            assert!(laid.touched() > 0);
            drop(laid);
            timeout(LONG, asking).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn nobody_gets_a_connection_over_a_cut_way() {
        let (proxies, _stream) = echo().await;
        let laid = proxies.lay(&[(1, 0)], Rule::CUT);
        let mut stream = TcpStream::connect(proxies.way(0, 1)).await.unwrap();
        let mut asking = Box::pin(ask(&mut stream, b"hello"));
        assert!(timeout(SHORT, &mut asking).await.is_err());
        drop(laid);
        timeout(LONG, asking).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn rules_add_up_and_each_goes_alone() {
        let (proxies, mut stream) = echo().await;
        let one = proxies.lay(&[(0, 1)], Rule::CUT);
        let other = proxies.lay(&[(0, 1), (1, 0)], Rule::CUT);
        drop(one);
        let mut asking = Box::pin(ask(&mut stream, b"hello"));
        assert!(timeout(SHORT, &mut asking).await.is_err());
        drop(other);
        timeout(LONG, asking).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn delays_delay() {
        let (proxies, mut stream) = echo().await;
        let delay = Duration::from_millis(200);
        let laid = proxies.lay(&[(0, 1)], Rule { delay, ..Rule::default() });
        let began = Instant::now();
        timeout(LONG, ask(&mut stream, b"hello")).await.unwrap().unwrap();
        assert!(began.elapsed() >= delay.mul_f64(0.75));
        assert!(laid.touched() > 0);
    }

    #[tokio::test]
    async fn what_is_lost_breaks_the_connection_sooner_or_later() {
        let (proxies, mut stream) = echo().await;
        let laid = proxies.lay(&[(0, 1)], Rule { loss: 100, ..Rule::default() });
        let broken = timeout(LONG, async {
            loop {
                if let Err(error) = ask(&mut stream, b"hello").await {
                    return error;
                }
            }
        });
        broken.await.unwrap();
        assert!(laid.touched() > 0);
    }

    #[test]
    fn directions_go_both_ways() {
        assert_eq!(Proxies::between(&[0], &[1, 2]), [(0, 1), (1, 0), (0, 2), (2, 0)]);
    }
}
