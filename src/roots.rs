//! The authorities that this machine trusts, for those who ask other servers.

use reqwest::Certificate;

/// One that cannot be read is one that vouches for nobody.
pub fn of_this_machine() -> Vec<Certificate> {
    let trusted = rustls_native_certs::load_native_certs().certs;
    trusted.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}
