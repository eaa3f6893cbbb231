//! Certificates of a key, and the requests for them.

use crypto::{Hash, KeyKind, PrivateKey, PublicKey, Scheme};
use pem::{EncodeConfig, LineEnding, Pem};
use sdk::{Failure, Result};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// More are no chain.
const CHAIN_MAX: usize = 32;

/// A request for a certificate, signed by this key: of what `template` asks for, or of nothing in particular.
pub fn request(pair: &PrivateKey, template: &str) -> Result<String> {
    let public_key = SubjectPublicKeyInfoOwned::from_der(pair.public().spki()).map_err(Failure::internal)?;
    let info = match template {
        "" => CertReqInfo {
            version: Version::V1,
            subject: Name::default(),
            public_key,
            attributes: x509_cert::attr::Attributes::default(),
        },
        text => {
            let block = pem::parse(text).map_err(|_| Failure::invalid("could not decode PEM CSR"))?;
            let given = CertReq::from_der(block.contents())
                .map_err(|why| Failure::invalid(format!("the CSR is not one of PKCS #10: {why}")))?;
            CertReqInfo { public_key, ..given.info }
        }
    };
    let (algorithm, signature) = signed(pair, &info.to_der().map_err(Failure::internal)?)?;
    let signature = BitString::from_bytes(&signature).map_err(Failure::internal)?;
    let der = CertReq { info, algorithm, signature }.to_der().map_err(Failure::internal)?;
    Ok(text_of("CERTIFICATE REQUEST", der))
}

fn signed(pair: &PrivateKey, text: &[u8]) -> Result<(AlgorithmIdentifierOwned, Vec<u8>)> {
    let (name, hash) = match pair.public().kind() {
        KeyKind::Rsa(_) => ("1.2.840.113549.1.1.11", Some(Hash::Sha256)),
        KeyKind::P256 => ("1.2.840.10045.4.3.2", Some(Hash::Sha256)),
        KeyKind::P384 => ("1.2.840.10045.4.3.3", Some(Hash::Sha384)),
        KeyKind::P521 => ("1.2.840.10045.4.3.4", Some(Hash::Sha512)),
        KeyKind::Ed25519 => ("1.3.101.112", None),
    };
    let (scheme, parameters) = match (pair.public().kind(), hash) {
        (KeyKind::Rsa(_), hash) => (Scheme::Pkcs1(hash), Some(Any::null())),
        (KeyKind::Ed25519, _) => (Scheme::Ed25519, None),
        _ => (Scheme::Ecdsa, None),
    };
    let digest = hash.map(|hash| hash.digest(text));
    let signature = pair.sign(scheme, digest.as_deref().unwrap_or(text)).map_err(Failure::internal)?;
    let oid = ObjectIdentifier::new(name).map_err(Failure::internal)?;
    Ok((AlgorithmIdentifierOwned { oid, parameters }, signature))
}

/// The certificates of a chain in DER: the first is this key's own, each other one an authority's.
pub fn chain(text: &str, own: &PublicKey) -> Result<Vec<Vec<u8>>> {
    let blocks = pem::parse_many(text.trim())
        .map_err(|_| Failure::invalid("could not decode a PEM block in the certificate chain"))?;
    let blocks = blocks.into_iter().filter(|block| matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE"));
    let chain: Vec<Vec<u8>> = blocks.map(Pem::into_contents).collect();
    if chain.is_empty() {
        let text = "provided certificate chain did not contain any valid PEM encoded certificate";
        return Err(Failure::invalid(text));
    }
    if chain.len() > CHAIN_MAX {
        let text = format!("the chain has {} certificates; at most {CHAIN_MAX} are taken", chain.len());
        return Err(Failure::invalid(text));
    }
    for (at, der) in chain.iter().enumerate() {
        let unreadable =
            |why| Failure::invalid(format!("could not parse a certificate in the certificate chain: {why}"));
        let certificate = Certificate::from_der(der).map_err(unreadable)?;
        let tbs = certificate.tbs_certificate();
        let authority = tbs.get_extension::<BasicConstraints>().map_err(unreadable)?.is_some_and(|(_, is)| is.ca);
        match (at, authority) {
            (0, true) => {
                let text = "certificate in the first element is not a valid leaf certificate";
                return Err(persist(text));
            }
            (0, false) => {
                let theirs = tbs.subject_public_key_info().to_der().map_err(unreadable)?;
                if !PublicKey::from_spki(&theirs).is_ok_and(|theirs| theirs.spki() == own.spki()) {
                    let text = "leaf certificate public key does not match the selected key version";
                    return Err(persist(text));
                }
            }
            (_, true) => {}
            (_, false) if at + 1 == chain.len() => {
                return Err(persist("certificate in the last element is not a valid CA certificate"));
            }
            (_, false) => {
                let text = "could not validate if there is only one leaf certificate in the provided chain";
                return Err(persist(text));
            }
        }
    }
    Ok(chain)
}

fn persist(why: &str) -> Failure {
    Failure::invalid(format!("failed to persist certificate chain: {why}"))
}

/// A chain as it is shown.
pub fn shown<'c>(chain: impl Iterator<Item = &'c [u8]>) -> String {
    let texts: Vec<String> = chain.map(|der| text_of("CERTIFICATE", der.to_vec()).trim_end().to_owned()).collect();
    texts.join("\n")
}

fn text_of(tag: &str, der: Vec<u8>) -> String {
    pem::encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}
