//! A running server: the cluster's node, core on it, and the listeners.

mod audit;
mod forwarding;
mod gauges;
mod host;
mod introduce;
mod post;
mod probe;
mod reload;
mod scrub;
mod seals;
mod second_factors;
mod signals;
mod start;
mod stop;
#[cfg(test)]
mod tests;
mod watcher;

pub use probe::room;
pub use reload::{Follow, Reload};
pub use signals::Signals;
pub use start::StartError;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use holdfast_core::lifecycle::Node;
use tokio::sync::watch;

use crate::http::Listening;
use crate::telemetry::traces::Exporting;

pub struct Server {
    node: Arc<Node>,
    cluster: Arc<cluster::Node>,
    listening: Vec<Listening>,
    /// What SIGHUP concerns.
    followers: Vec<Box<dyn Follow>>,
    /// Set before it stops.
    leaving: Arc<AtomicBool>,
    /// Where traces are recorded.
    exporting: Option<Exporting>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Where the API listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listening.iter().filter_map(|l| l.address).collect()
    }

    /// On SIGHUP this is asked to follow the configuration as well.
    pub fn add_follower(&mut self, follower: Box<dyn Follow>) {
        self.followers.push(follower);
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }
}
