//! A listener's certificate: its days, and whom it names.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::finding::Report;

const SOON: Duration = Duration::from_secs(30 * 86_400);
const DATES: &str = "certificate/dates";
const NAMES: &str = "certificate/names";

/// `host` is what clients and nodes call this server.
pub fn check(report: &mut Report, file: &Path, host: &str, now: SystemTime) {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(file).into_iter().flatten().flatten().collect();
    for (place, der) in chain.iter().enumerate() {
        match X509Certificate::from_der(der) {
            Ok((_, certificate)) => dates(report, file, place, &certificate, now),
            Err(problem) => {
                report.failure(DATES, format!("{}: {problem}", file.display()), "make the certificate anew");
            }
        }
    }
    let Some(own) = chain.first() else { return };
    names(report, file, own, host);
}

fn dates(report: &mut Report, file: &Path, place: usize, certificate: &X509Certificate<'_>, now: SystemTime) {
    let which = if place == 0 { "it".to_owned() } else { format!("certificate {} of it", place + 1) };
    let (shown, valid) = (file.display(), certificate.validity());
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(seconds).unwrap_or(i64::MAX);
    let left = valid.not_after.timestamp().saturating_sub(now);
    if valid.not_before.timestamp() > now {
        let found = format!("{shown}: {which} is not valid before {}", valid.not_before);
        report.failure(DATES, found, "wait, or look at the clock");
    } else if left <= 0 {
        let found = format!("{shown}: {which} was valid until {}", valid.not_after);
        report.failure(DATES, found, "renew it; a server that runs takes the new one on SIGHUP");
    } else if left.unsigned_abs() < SOON.as_secs() {
        let found = format!("{shown}: {which} is valid for {} more days, until {}", left / 86_400, valid.not_after);
        report.warning(DATES, found, "renew it; a server that runs takes the new one on SIGHUP");
    } else {
        report.good(DATES, format!("{shown}: {which} is valid until {}", valid.not_after));
    }
}

fn names(report: &mut Report, file: &Path, own: &CertificateDer<'_>, host: &str) {
    let shown = file.display();
    let wanted = ServerName::try_from(host.to_owned());
    let fits = match (ParsedCertificate::try_from(own), &wanted) {
        (Ok(own), Ok(host)) => verify_server_name(&own, host).map_err(|error| error.to_string()),
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(error.to_string()),
    };
    match fits {
        Ok(()) => report.good(NAMES, format!("{shown} names {host}")),
        Err(problem) => {
            let advice =
                format!("add {host} to its subject alternative names, or set `api_addr` to a name that it has");
            report.failure(NAMES, format!("{shown} is not for {host}, which `api_addr` says: {problem}"), advice);
        }
    }
}
