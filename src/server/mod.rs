//! A running server: the cluster's node, core on it, and the listeners.

mod audit;
mod forwarding;
mod gauges;
mod introduce;
mod post;
mod start;
mod stop;
#[cfg(test)]
mod tests;

pub use start::StartError;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use holdfast_core::lifecycle::Node;
use tokio::sync::watch;

use crate::http::Listening;

pub struct Server {
    node: Arc<Node>,
    cluster: Arc<cluster::Node>,
    listening: Vec<Listening>,
    /// Set before it stops.
    leaving: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Where the API listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listening.iter().map(|l| l.address).collect()
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }
}
