//! The server that is read from: flags and variables of its own, so that those of the target say nothing of it.

use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use crate::cli::client::{Client, Manner};
use crate::cli::connection::Peer;
use crate::cli::environment;
use crate::cli::failure::Failure;

#[derive(Args)]
pub struct Source {
    /// The source's URL; else HOLDFAST_IMPORT_ADDR
    #[arg(long, value_name = "URL")]
    from_address: Option<String>,
    /// File with the certificates of who may have issued the source's; else HOLDFAST_IMPORT_CACERT
    #[arg(long, value_name = "FILE")]
    from_ca_cert: Option<PathBuf>,
    /// The certificate that the source is shown; else HOLDFAST_IMPORT_CLIENT_CERT
    #[arg(long, value_name = "FILE")]
    from_client_cert: Option<PathBuf>,
    /// That certificate's key; else HOLDFAST_IMPORT_CLIENT_KEY
    #[arg(long, value_name = "FILE")]
    from_client_key: Option<PathBuf>,
    /// The name that the source's certificate must have; else HOLDFAST_IMPORT_TLS_SERVER_NAME
    #[arg(long, value_name = "NAME")]
    from_tls_server_name: Option<String>,
    /// Trust any certificate of the source; else HOLDFAST_IMPORT_SKIP_VERIFY
    #[arg(long)]
    from_tls_skip_verify: bool,
    /// The namespace of the source that is carried over; else HOLDFAST_IMPORT_NAMESPACE
    #[arg(long, value_name = "PATH")]
    from_namespace: Option<String>,
}

/// Of its settings in the environment.
const PREFIX: &str = "IMPORT_";

impl Source {
    pub fn client(&self) -> Result<Client, Failure> {
        let token = environment::setting(&format!("{PREFIX}TOKEN"));
        let token = token.ok_or_else(|| Failure::usage("The source's token must be in HOLDFAST_IMPORT_TOKEN"))?;
        let mut peer = Peer::of_environment(PREFIX);
        peer.address = self.from_address.clone().or(peer.address);
        if peer.address.is_none() {
            return Err(Failure::usage("Name the source by -from-address=URL"));
        }
        peer.ca_cert = self.from_ca_cert.clone().or(peer.ca_cert);
        peer.client_cert = self.from_client_cert.clone().or(peer.client_cert);
        peer.client_key = self.from_client_key.clone().or(peer.client_key);
        peer.server_name = self.from_tls_server_name.clone().or(peer.server_name);
        peer.skip_verify |= self.from_tls_skip_verify;
        let mut manner = Manner::of_environment()?;
        let namespace = || environment::setting(&format!("{PREFIX}NAMESPACE"));
        (manner.namespace, manner.wrap_ttl) = (self.from_namespace.clone().or_else(namespace), None);
        Ok(peer.client(manner)?.with_token(Some(Zeroizing::new(token))))
    }
}
