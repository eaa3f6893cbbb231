//! Requests for certificates, and the certificates.

use crypto::{Hash, PublicKey, Scheme};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use sdk::Verb;
use x509_cert::der::{Decode, Encode};
use x509_cert::request::CertReq;

use super::*;

async fn key(bench: &mut Bench, name: &str) -> KeyPair {
    write(bench, &format!("keys/{name}"), json!({ "type": "ecdsa-p256", "exportable": true })).await;
    let path = format!("export/signing-key/{name}");
    let exported = data(bench.call(Verb::Read, &path, json!({ "format": "pem" })).await.unwrap());
    KeyPair::from_pem(exported["keys"]["1"].as_str().unwrap()).unwrap()
}

fn certificate(pair: &KeyPair, authority: bool) -> String {
    let mut params = CertificateParams::new(vec!["a.example".into()]).unwrap();
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.self_signed(pair).unwrap().pem()
}

#[tokio::test]
async fn a_request_asks_for_what_its_template_asks_for_under_this_key() {
    let mut bench = bench();
    for kind in ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"] {
        write(&mut bench, &format!("keys/{kind}"), json!({ "type": kind })).await;
        let template = CertificateParams::new(vec!["a.example".into()]).unwrap();
        let template = template.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        let given = CertReq::from_der(pem::parse(&template).unwrap().contents()).unwrap();
        let made = write(&mut bench, &format!("keys/{kind}/csr"), json!({ "csr": template })).await;
        let made = CertReq::from_der(pem::parse(made["csr"].as_str().unwrap()).unwrap().contents()).unwrap();
        assert_eq!((&made.info.subject, &made.info.attributes), (&given.info.subject, &given.info.attributes));
        let signer = PublicKey::from_spki(&made.info.public_key.to_der().unwrap()).unwrap();
        let (scheme, hash) = match kind {
            "ed25519" => (Scheme::Ed25519, None),
            "rsa-2048" => (Scheme::Pkcs1(Some(Hash::Sha256)), Some(Hash::Sha256)),
            "ecdsa-p521" => (Scheme::Ecdsa, Some(Hash::Sha512)),
            "ecdsa-p384" => (Scheme::Ecdsa, Some(Hash::Sha384)),
            _ => (Scheme::Ecdsa, Some(Hash::Sha256)),
        };
        let text = made.info.to_der().unwrap();
        let input = hash.map_or(text.clone(), |hash| hash.digest(&text));
        assert!(signer.verify(scheme, &input, made.signature.raw_bytes()), "{kind}");
    }
    write(&mut bench, "keys/ed25519/csr", json!({})).await;
    refused(&mut bench, "keys/ed25519/csr", json!({ "csr": "nonsense" })).await;
    refused(&mut bench, "keys/ed25519/csr", json!({ "version": 2 })).await;
    write(&mut bench, "keys/aes", json!({})).await;
    refused(&mut bench, "keys/aes/csr", json!({})).await;
}

#[tokio::test]
async fn a_chain_begins_with_a_certificate_of_the_key() {
    let mut bench = bench();
    let (own, other) = (key(&mut bench, "k").await, key(&mut bench, "other").await);
    let (leaf, authority) = (certificate(&own, false), certificate(&other, true));
    for chain in [
        certificate(&other, false),
        certificate(&own, true),
        [leaf.as_str(), &leaf].concat(),
        String::new(),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
    ] {
        refused(&mut bench, "keys/k/set-certificate", json!({ "certificate_chain": chain })).await;
    }
    let chain = [leaf.as_str(), &authority].concat();
    write(&mut bench, "keys/k/set-certificate", json!({ "certificate_chain": chain })).await;
    let shown = data(bench.read("keys/k").await.unwrap());
    let flat = |text: &str| text.replace(['\r', '\n'], "");
    assert_eq!(flat(shown["keys"]["1"]["certificate_chain"].as_str().unwrap()), flat(&chain));
    let exported = data(bench.read("export/certificate-chain/k").await.unwrap());
    assert_eq!(exported["keys"]["1"], shown["keys"]["1"]["certificate_chain"]);
}
