//! A certificate's name that is not the address's: `-tls-server-name`.
//!
//! The HTTP library takes the name from the URL. So the URL gets the name, the `Host` header keeps the address, and the
//! name resolves to where the address points.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::cli::failure::Failure;

/// Clones share the address that is meant.
#[derive(Clone)]
pub struct ServerName {
    name: String,
    meant: Arc<Mutex<String>>,
}

impl ServerName {
    pub fn new(name: String) -> ServerName {
        ServerName { name, meant: Arc::default() }
    }

    /// The URL under the name, and the `Host` that it had.
    pub(super) fn stand_in(&self, url: &Url) -> Result<(Url, String), Failure> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let mut named = url.clone();
        let unusable = |_| Failure::usage(format!("-tls-server-name={}: it is not a host's name", self.name));
        named.set_host(Some(&self.name)).map_err(unusable)?;
        host.trim_matches(['[', ']']).clone_into(&mut self.meant.lock());
        Ok((named, format!("{host}{port}")))
    }
}

impl Resolve for ServerName {
    fn resolve(&self, asked: Name) -> Resolving {
        let host = if asked.as_str() == self.name { self.meant.lock().clone() } else { asked.as_str().to_owned() };
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
