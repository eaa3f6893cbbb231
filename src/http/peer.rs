//! Who is at the other end of a connection, and whom a trusted proxy says it speaks for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::parse::Refused;
use crate::config::{CertificateDecoder, CertificateHeader, ForwardedFor, Listener};

const FORWARDED_FOR: &str = "x-forwarded-for";

#[derive(Clone, Default)]
pub struct Peer {
    /// `None` on a socket of this machine, or if a proxy named no address.
    pub remote: Option<SocketAddr>,
    /// What was shown and proved: the client's certificate, then those that came with it, in DER.
    pub certificates: Arc<[Vec<u8>]>,
}

impl Peer {
    /// The client behind the proxy, if the headers come from a proxy that is believed.
    pub fn behind(&self, listener: &Listener, headers: &HeaderMap) -> Result<Peer, Refused> {
        let mut peer = self.clone();
        // What a client of this machine's socket says is as good as the socket's permissions.
        let mut believed = listener.endpoint.tcp().is_none();
        if let Some(rules) = &listener.forwarded
            && let Some(client) = forwarded(rules, self.remote, headers)?
        {
            peer.remote = client;
            believed = true;
        }
        if let Some(header) = listener.certificate_header.as_ref().filter(|_| believed)
            && let Some(certificate) = certificate(header, headers)?
        {
            peer.certificates = Arc::new([certificate]);
        }
        Ok(peer)
    }
}

/// Nothing if the connection itself counts; else the client, whose address may be unreadable.
fn forwarded(
    rules: &ForwardedFor,
    proxy: Option<SocketAddr>,
    headers: &HeaderMap,
) -> Result<Option<Option<SocketAddr>>, Refused> {
    let hops: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .collect();
    if hops.is_empty() {
        let missing = "missing x-forwarded-for header and configured to reject when not present";
        return if rules.reject_not_present { Err(Refused::new(400, missing)) } else { Ok(None) };
    }
    if !proxy.is_some_and(|proxy| rules.authorized.contain(proxy.ip())) {
        let stranger = "client address not authorized for x-forwarded-for and configured to reject connection";
        return if rules.reject_not_authorized { Err(Refused::new(400, stranger)) } else { Ok(None) };
    }
    let Some(hop) = hops.len().checked_sub(rules.hop_skips + 1).and_then(|at| hops.get(at)) else {
        let text = format!(
            "malformed x-forwarded-for configuration or request, hops to skip ({}) would skip before earliest chain \
             link (chain length {})",
            rules.hop_skips,
            hops.len()
        );
        return Err(Refused::new(400, text));
    };
    let port = proxy.map_or(0, |proxy| proxy.port());
    Ok(Some(hop.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)).or_else(|| hop.parse().ok())))
}

fn certificate(header: &CertificateHeader, headers: &HeaderMap) -> Result<Option<Vec<u8>>, Refused> {
    let mut values = headers.get_all(&header.name).iter();
    let Some(first) = values.next().filter(|value| !value.is_empty()) else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::new(400, format!("the header {} came more than once", header.name)));
    }
    let bad = |why: &str| Refused::new(400, format!("the header {} is not a certificate: {why}", header.name));
    let mut text = first.to_str().map_err(|_| bad("it is not text"))?.to_owned();
    for decoder in &header.decoders {
        text = match decoder {
            CertificateDecoder::Url => {
                percent_decode_str(&text).decode_utf8().map_err(|_| bad("it is not UTF-8 once decoded"))?.into_owned()
            }
            CertificateDecoder::Pem => {
                let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| bad("it is not PEM"))?;
                BASE64_STANDARD.encode(&der)
            }
            CertificateDecoder::Rfc9440 => {
                let inner = text.trim().strip_prefix(':').and_then(|text| text.strip_suffix(':'));
                inner.ok_or_else(|| bad("there are no colons around it"))?.to_owned()
            }
        };
    }
    let der = BASE64_STANDARD.decode(text.trim()).map_err(|_| bad("it is not base64"))?;
    match x509_parser::parse_x509_certificate(&der) {
        Ok(([], _)) => Ok(Some(der)),
        _ => Err(bad("it is not X.509")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Sources};

    const PEM: &str = include_str!("../../tests/it/listener/version1.pem");

    fn listener(keys: &str) -> Listener {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.hcl");
        let text = format!(
            "storage \"raft\" {{ path = \"/d\" node_id = \"n\" }}\nlistener \"tcp\" {{ tls_disable = true {keys} }}"
        );
        std::fs::write(&file, text).unwrap();
        let sources = Sources { paths: vec![file], flags: Flags::default(), ..Sources::default() };
        sources.load().unwrap().config.listeners.remove(0)
    }

    fn behind(keys: &str, headers: &[(&'static str, &str)]) -> Result<Peer, u16> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let proxy = Peer { remote: Some(SocketAddr::from(([127, 0, 0, 1], 9))), ..Peer::default() };
        proxy.behind(&listener(keys), &headers).map_err(|refused| refused.status)
    }

    const BELIEVED: &str =
        "x_forwarded_for_authorized_addrs = \"127.0.0.1\" x_forwarded_for_reject_not_present = false";

    #[test]
    fn the_last_address_counts_and_one_that_is_none_is_nobody() {
        let remote = |value| behind(BELIEVED, &[("x-forwarded-for", value)]).unwrap().remote.map(|r| r.to_string());
        assert_eq!(remote("10.1.1.1, 10.2.2.2").as_deref(), Some("10.2.2.2:9"));
        assert_eq!(remote("::1").as_deref(), Some("[::1]:9"));
        assert_eq!(remote("10.3.3.3:77").as_deref(), Some("10.3.3.3:77"));
        assert_eq!(remote("nonsense"), None);
        assert_eq!(behind("", &[("x-forwarded-for", "10.1.1.1")]).unwrap().remote.unwrap().to_string(), "127.0.0.1:9");
    }

    #[test]
    fn a_certificate_is_believed_only_of_a_proxy_that_is() {
        let der = CertificateDer::from_pem_slice(PEM.as_bytes()).unwrap();
        let base64 = BASE64_STANDARD.encode(&der);
        let url = percent_encoding::percent_encode(PEM.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let header = "x_forwarded_for_client_cert_header = \"Client-Cert\"";
        let forwarded = ("x-forwarded-for", "10.1.1.1");
        for (decoders, value) in [("", base64.clone()), ("URL,PEM", url), ("RFC9440", format!(":{base64}:"))] {
            let keys = format!("{BELIEVED} {header} x_forwarded_for_client_cert_decoders = \"{decoders}\"");
            let shown = ("client-cert", value.as_str());
            assert_eq!(behind(&keys, &[forwarded, shown]).unwrap().certificates.concat(), der.to_vec(), "{decoders}");
            assert!(behind(&keys, &[shown]).unwrap().certificates.is_empty(), "without X-Forwarded-For");
            assert!(behind(header, &[forwarded, shown]).unwrap().certificates.is_empty(), "nobody is believed");
            assert_eq!(behind(&keys, &[forwarded, shown, shown]).map(|_| ()), Err(400), "twice");
            assert_eq!(behind(&keys, &[forwarded, ("client-cert", "AAAA")]).map(|_| ()), Err(400), "{decoders}");
        }
    }
}
