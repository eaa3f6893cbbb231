//! What clients and nodes reach: ports and certificates.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::SystemTime;

use super::certificate;
use super::finding::Report;
use crate::config::ServerConfig;
use crate::http::Tls;

pub fn check(report: &mut Report, config: &ServerConfig) {
    for listener in &config.listeners {
        let Some((address, cluster_address)) = listener.endpoint.tcp() else { continue };
        port(report, address, "clients");
        port(report, cluster_address, "nodes");
        match &listener.tls {
            None if address.ip().is_loopback() => {
                report.good("listener/tls", format!("{address}: without TLS, for this machine alone"));
            }
            None => {
                let found = format!("{address}: without TLS, for whoever reaches it");
                report.warning("listener/tls", found, "give it `tls_cert_file` and `tls_key_file`");
            }
            Some(files) => {
                if let Err(problem) = Tls::read(files) {
                    report.failure(
                        "listener/tls",
                        problem.to_string(),
                        "give a certificate in PEM form and the key that belongs to it",
                    );
                    continue;
                }
                report.good("listener/tls", format!("{} and its key fit", files.certificate.display()));
                let host = config.api_address.at.host.trim_matches(['[', ']']).to_owned();
                certificate::check(report, &files.certificate, &host, SystemTime::now());
            }
        }
    }
}

/// Listens for a moment.
fn port(report: &mut Report, address: SocketAddr, whom: &str) {
    if !report.wants("listener/port") {
        return;
    }
    let check = "listener/port";
    match TcpListener::bind(address) {
        Ok(_) => report.good(check, format!("{address} is free for {whom}")),
        Err(error) => {
            let advice = match error.kind() {
                ErrorKind::AddrInUse => {
                    "stop what listens there; if that is this server itself, all is well (-skip=listener/port)"
                }
                ErrorKind::PermissionDenied => "use a port from 1024 on, or allow it: setcap cap_net_bind_service=+ep",
                ErrorKind::AddrNotAvailable => "name an address that this machine has, or 0.0.0.0 for all",
                _ => "name another address",
            };
            report.failure(check, format!("{address} is not to be had for {whom}: {error}"), advice);
        }
    }
}
