//! `x_forwarded_for_*`: a proxy that says in a header who its client is, and which certificate that client has shown.

use http::HeaderName;

use super::super::declared::Key;
use super::super::declared::Takes::{Flag, List, Number, Text};
use super::super::problem::ConfigError;
use super::super::section::Section;
use super::network::Networks;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedFor {
    /// Whose `X-Forwarded-For` is believed.
    pub authorized: Networks,
    /// How many addresses are passed over, from the end.
    pub hop_skips: usize,
    pub reject_not_present: bool,
    pub reject_not_authorized: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHeader {
    pub name: HeaderName,
    /// In this order; what comes out is the certificate in base64.
    pub decoders: Vec<CertificateDecoder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateDecoder {
    /// Percent signs.
    Url,
    /// The text between the BEGIN and END lines.
    Pem,
    /// Colons around it.
    Rfc9440,
}

pub const KEYS: &[Key] = &[
    Key::new(
        "x_forwarded_for_authorized_addrs",
        List,
        "",
        "Addresses and networks whose `X-Forwarded-For` is believed: the client's address is the last one in it. Without \
         the key the header means nothing.",
    ),
    Key::new(
        "x_forwarded_for_hop_skips",
        Number,
        "0",
        "How many addresses are passed over, from the end of the header.",
    ),
    Key::new("x_forwarded_for_reject_not_present", Flag, "true", "A request without the header gets 400."),
    Key::new(
        "x_forwarded_for_reject_not_authorized",
        Flag,
        "true",
        "A request with the header from another address gets 400; else the header is passed over.",
    ),
];

pub const CERTIFICATE_KEYS: &[Key] = &[
    Key::new(
        "x_forwarded_for_client_cert_header",
        Text,
        "",
        "The header in which a proxy hands on the certificate its client has shown. On a `tcp` listener it is believed \
         only together with an `X-Forwarded-For` that is.",
    ),
    Key::new(
        "x_forwarded_for_client_cert_decoders",
        List,
        "",
        "How the header is read, in this order: `URL`, `PEM`, `RFC9440`. What comes out is the certificate in base64.",
    ),
    Key::new("x_forwarded_for_client_cert_header_decoders", List, "", "The same under another name; `DER` is `PEM`."),
    Key::refused(
        "x_forwarded_for_client_cert_keep_not_forwarded",
        "anybody could claim to have shown a certificate; let the proxy send X-Forwarded-For",
    ),
    Key::refused(
        "x_forwarded_for_client_cert_keep_unauthorized",
        "anybody could claim to have shown a certificate; name the proxy in x_forwarded_for_authorized_addrs",
    ),
];

pub(super) fn read(section: &Section<'_>) -> Result<Option<ForwardedFor>, ConfigError> {
    let authorized = Networks::read(section, "x_forwarded_for_authorized_addrs")?;
    let hop_skips = match section.entry("x_forwarded_for_hop_skips") {
        Some(entry) => entry.number_in(0, 100)?,
        None => 0,
    };
    let reject_not_present = section.flag("x_forwarded_for_reject_not_present")?.unwrap_or(true);
    let reject_not_authorized = section.flag("x_forwarded_for_reject_not_authorized")?.unwrap_or(true);
    let hop_skips = usize::try_from(hop_skips).unwrap_or(0);
    Ok(authorized.map(|authorized| ForwardedFor { authorized, hop_skips, reject_not_present, reject_not_authorized }))
}

pub(super) fn read_certificate(section: &Section<'_>) -> Result<Option<CertificateHeader>, ConfigError> {
    let mut decoders = Vec::new();
    for key in ["x_forwarded_for_client_cert_decoders", "x_forwarded_for_client_cert_header_decoders"] {
        let Some(entry) = section.entry(key) else { continue };
        for name in entry.list()? {
            decoders.push(match name.as_str() {
                "URL" => CertificateDecoder::Url,
                "PEM" | "DER" => CertificateDecoder::Pem,
                "RFC9440" => CertificateDecoder::Rfc9440,
                _ => return Err(entry.bad("its entries must be URL, PEM or RFC9440")),
            });
        }
    }
    let Some(entry) = section.entry("x_forwarded_for_client_cert_header") else { return Ok(None) };
    let text = entry.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let name = HeaderName::try_from(&text).map_err(|_| entry.bad("it must be the name of a header"))?;
    Ok(Some(CertificateHeader { name, decoders }))
}
