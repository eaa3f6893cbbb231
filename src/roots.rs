//! The authorities that this machine trusts, for those who ask other servers.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

/// For whom a namespace has this server ask: TLS alone, by what the machine trusts and no file of its own, to where it was sent and not further.
pub fn client_for_namespaces() -> reqwest::Result<Client> {
    let builder = Client::builder()
        .use_rustls_tls()
        .redirect(Policy::none())
        .no_proxy()
        .https_only(true)
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")));
    of_this_machine().into_iter().fold(builder, |builder, root| builder.add_root_certificate(root)).build()
}

/// One that cannot be read is one that vouches for nobody.
pub fn of_this_machine() -> Vec<Certificate> {
    let trusted = rustls_native_certs::load_native_certs().certs;
    trusted.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}
