//! Certificates of clients: asked for, and unless the configuration wants more, not verified.
//!
//! A login by certificate decides itself whom it trusts, so an expired, self-signed or old one must not end the
//! handshake. What is proved is that the client holds the key: its signature over the handshake. A certificate whose key
//! cannot be read or is of a kind that is not verified proves nothing: the connection goes on without an identity.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use webpki::RawPublicKeyEntity;
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;
use x509_parser::public_key::PublicKey;

/// Lets every certificate pass whose key has signed the handshake, or cannot have.
#[derive(Debug)]
pub struct AnyCertificate {
    pub algorithms: WebPkiSupportedAlgorithms,
}

/// What a client has shown and proved to hold the key of: its certificate and those that came with it, each in DER.
/// Empty without proof.
pub fn proven(chain: Option<&[CertificateDer<'_>]>) -> Vec<Vec<u8>> {
    let chain = chain.unwrap_or_default();
    match chain.first() {
        Some(own) if verifiable_key(own).is_some() => chain.iter().map(|certificate| certificate.to_vec()).collect(),
        _ => Vec::new(),
    }
}

/// The certificate's key, in DER, if it is of a kind whose signatures can be verified. Reads version 1, too, and looks at
/// nothing but the key.
fn verifiable_key(certificate: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
    let (_, parsed) = X509CertificateParser::new().with_deep_parse_extensions(false).parse(certificate).ok()?;
    let key = parsed.public_key();
    let known = match key.parsed().ok()? {
        PublicKey::RSA(rsa) => RSA_BITS.contains(&rsa.key_size()),
        PublicKey::EC(_) => true,
        _ => key.algorithm.algorithm == x509_parser::oid_registry::OID_SIG_ED25519,
    };
    let der = SubjectPublicKeyInfoDer::from(key.raw.to_vec());
    (known && RawPublicKeyEntity::try_from(&der).is_ok()).then_some(der)
}

impl AnyCertificate {
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(key) = verifiable_key(certificate) else { return Ok(HandshakeSignatureValid::assertion()) };
        let bad = || Error::General("the client does not hold the key of the certificate it has shown".to_owned());
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| bad())?;
        let scheme = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let (_, algorithms) = scheme.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let holds = |algorithm: &&dyn rustls_pki_types::SignatureVerificationAlgorithm| {
            key.verify_signature(*algorithm, message, signed.signature()).is_ok()
        };
        if algorithms.iter().any(holds) { Ok(HandshakeSignatureValid::assertion()) } else { Err(bad()) }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Version 1.3 of TLS has done away with this way to sign.
        if format!("{:?}", signed.scheme).starts_with("RSA_PKCS1") {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        self.verify(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
