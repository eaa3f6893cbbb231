//! The seals of the configuration, made.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barrier::StaticSeal;
use holdfast_core::lifecycle::ConfiguredSeal;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Url};
use seals_pkcs11::Pkcs11Seal;
use seals_transit::{Options, Token, TransitSeal};
use zeroize::Zeroizing;

use crate::config::{self, Seal, SealKey, SealedBy, TokenAt};
use crate::roots;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the seal {seal:?}: {} cannot be read: {problem}", file.display())]
    File { seal: String, file: PathBuf, problem: std::io::Error },
    #[error("the seal {seal:?}: {problem}")]
    Unusable { seal: String, problem: String },
}

/// None of them is asked yet: what is behind one may be away when the server starts.
pub fn made(seals: &[Seal]) -> Result<Vec<ConfiguredSeal>, SealError> {
    seals
        .iter()
        .map(|seal| {
            let made: Arc<dyn barrier::Seal> = match &seal.by {
                SealedBy::Static(keys) => {
                    let named = |key: &SealKey| (key.id.clone(), key.key());
                    Arc::new(StaticSeal::new(named(&keys.current), keys.previous.as_ref().map(named)))
                }
                SealedBy::Transit(transit) => Arc::new(Making { seal: &seal.name }.transit(transit)?),
                SealedBy::Hsm(hsm) => Arc::new(Pkcs11Seal::new(seals_pkcs11::Options {
                    lib: hsm.lib.clone(),
                    slot: hsm.slot,
                    token_label: hsm.token_label.clone(),
                    pin: hsm.pin.expose().clone(),
                    key: hsm.key.clone(),
                    mechanism: hsm.mechanism,
                })),
            };
            let (name, priority, disabled) = (seal.name.clone(), seal.priority, seal.disabled);
            Ok(ConfiguredSeal { name, priority, disabled, seal: made })
        })
        .collect()
}

struct Making<'a> {
    seal: &'a str,
}

impl Making<'_> {
    fn transit(&self, written: &config::TransitSeal) -> Result<TransitSeal, SealError> {
        let unusable = |problem: String| SealError::Unusable { seal: self.seal.to_owned(), problem };
        let address = Url::parse(&written.address).ok();
        let address = address.filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
        let mut address = address.ok_or_else(|| {
            unusable(format!(
                "`address` is {:?}: it must be a URL such as \"https://kms.example.com:8200\"",
                written.address
            ))
        })?;
        let tls = &written.tls;
        let mut builder = Client::builder()
            .use_rustls_tls()
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")));
        builder = match &tls.ca {
            None => {
                roots::of_this_machine().into_iter().fold(builder, |builder, root| builder.add_root_certificate(root))
            }
            Some(file) => {
                let bundle = Certificate::from_pem_bundle(&self.file(file)?);
                let bundle = bundle.map_err(|problem| unusable(format!("{}: {problem}", file.display())))?;
                bundle.into_iter().fold(builder, |builder, root| builder.add_root_certificate(root))
            }
        };
        if let Some((certificate, key)) = &tls.client {
            let pem = Zeroizing::new([self.file(certificate)?.as_slice(), b"\n", &self.file(key)?].concat());
            let identity = Identity::from_pem(&pem);
            builder =
                builder.identity(identity.map_err(|problem| unusable(format!("its client certificate: {problem}")))?);
        }
        if let (Some(name), "https") = (&tls.server_name, address.scheme()) {
            // The library takes the name from the URL: it gets the name, which resolves to where the address points.
            let meant = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let bad = |_| unusable(format!("`tls_server_name` is {name:?}: it must be a host's name"));
            address.set_host(Some(name)).map_err(bad)?;
            builder = builder.dns_resolver(Arc::new(Elsewhere { alias: name.clone(), meant }));
        }
        let client = builder.danger_accept_invalid_certs(tls.skip_verify).build();
        let client = client.map_err(|problem| unusable(problem.to_string()))?;
        let options = Options {
            address,
            token: match &written.token {
                TokenAt::Here(token) => Token::Given(token.expose().clone()),
                TokenAt::File(path) => Token::InFile(path.clone()),
            },
            key_name: written.key_name.clone(),
            mount_path: written.mount_path.clone(),
            namespace: written.namespace.clone(),
            renew: written.renew,
        };
        Ok(TransitSeal::new(options, client))
    }

    fn file(&self, file: &Path) -> Result<Zeroizing<Vec<u8>>, SealError> {
        fs::read(file).map(Zeroizing::new).map_err(|problem| {
            let (seal, file) = (self.seal.to_owned(), file.to_owned());
            SealError::File { seal, file, problem }
        })
    }
}

/// By the name in its certificate the server that is meant is found where its address says; others, where it may send to, are found by
/// their own.
struct Elsewhere {
    alias: String,
    meant: String,
}

impl Resolve for Elsewhere {
    fn resolve(&self, asked: Name) -> Resolving {
        let host = if asked.as_str().eq_ignore_ascii_case(&self.alias) { &self.meant } else { asked.as_str() };
        let host = host.to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_name_in_the_certificate_is_found_elsewhere() {
        let resolver = Elsewhere { alias: "kms.invalid".to_owned(), meant: "127.0.0.9".to_owned() };
        let found =
            async |name: &str| resolver.resolve(name.parse().unwrap()).await.map(|found| found.collect::<Vec<_>>());
        assert_eq!(found("KMS.invalid").await.unwrap(), ["127.0.0.9:0".parse().unwrap()]);
        assert!(
            found("localhost").await.unwrap().iter().all(|found| found.ip() != std::net::Ipv4Addr::new(127, 0, 0, 9))
        );
    }
}
