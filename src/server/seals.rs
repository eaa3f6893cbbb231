//! The seals of the configuration, made.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barrier::StaticSeal;
use holdfast_core::lifecycle::ConfiguredSeal;
use holdfast_core::namespace::{KeyService, KeyServices, OwnTransit};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Url};
use seals_pkcs11::Pkcs11Seal;
use seals_transit::{Options, Token, TransitSeal};
use zeroize::Zeroizing;

use crate::config::{self, OutboundHost, Seal, SealKey, SealedBy, ServerConfig, TokenAt, allows, is_segment};
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

/// What namespaces may have this server ask.
pub struct NamespaceSeals {
    offered: Vec<ConfiguredSeal>,
    /// Trusts what the machine trusts.
    client: Client,
    allowed: Vec<OutboundHost>,
}

impl NamespaceSeals {
    /// `made` are those of the server, some of which are offered too. What the others do by themselves begins here.
    pub fn new(config: &ServerConfig, made: &[ConfiguredSeal]) -> Result<Self, SealError> {
        let (mut offered, mut own) = (Vec::new(), Vec::new());
        for seal in config.namespace_seals.iter().filter(|seal| !seal.disabled) {
            match made.iter().find(|made| made.name == seal.name) {
                Some(made) => offered.push(made.clone()),
                None => own.push(seal.clone()),
            }
        }
        for seal in self::made(&own)? {
            let kept = Arc::clone(&seal.seal);
            tokio::spawn(async move { kept.keep().await });
            offered.push(seal);
        }
        let unusable = |e: reqwest::Error| SealError::Unusable { seal: "of namespaces".into(), problem: e.to_string() };
        Ok(Self {
            offered,
            client: roots::client_for_namespaces().map_err(unusable)?,
            allowed: config.outbound_hosts.clone(),
        })
    }

    fn transit(&self, by_root: bool, own: &OwnTransit) -> Result<TransitSeal, String> {
        let url = Url::parse(&own.address).ok().filter(|url| {
            let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            url.scheme() == "https" && url.path() == "/" && url.fragment().is_none() && bare
        });
        let url = url.ok_or("address must be a URL such as \"https://kms.example.com:8200\"")?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        if !by_root && !allows(&self.allowed, host, port) {
            return Err(format!(
                "{host}:{port} is asked for namespaces right in the root alone, unless this server's configuration has it among \
                 `outbound_hosts`"
            ));
        }
        if !is_segment(&own.key_name) {
            return Err("key_name must be a key's name, of letters, digits, '-', '_' and '.'".into());
        }
        if !own.mount_path.trim_matches('/').split('/').all(is_segment) {
            return Err("mount_path must be a path, such as \"transit\"".into());
        }
        let options = Options {
            address: url,
            token: Token::Given(Zeroizing::new(own.token.clone())),
            key_name: own.key_name.clone(),
            mount_path: own.mount_path.clone(),
            namespace: own.namespace.clone(),
            renew: true,
            stays: true,
        };
        Ok(TransitSeal::new(options, self.client.clone()))
    }
}

impl KeyServices for NamespaceSeals {
    fn seal(&self, by_root: bool, service: &KeyService) -> Result<Arc<dyn barrier::Seal>, String> {
        match service {
            KeyService::Transit(own) => Ok(Arc::new(self.transit(by_root, own)?)),
            KeyService::Offered { kind, name } => {
                let found = self.offered.iter().find(|seal| seal.name == *name && seal.seal.kind() == *kind);
                let kind = kind.name();
                let none =
                    || format!("this server's configuration offers namespaces no seal {name:?} of the kind {kind}");
                found.map(|found| Arc::clone(&found.seal)).ok_or_else(none)
            }
        }
    }
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
            stays: false,
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

    fn offering(allowed: &[&str]) -> NamespaceSeals {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let allowed = allowed.iter().map(|host| OutboundHost { host: (*host).to_owned(), port: Some(8200) });
        NamespaceSeals { offered: Vec::new(), client: Client::new(), allowed: allowed.collect() }
    }

    /// Where a tenant may not go, the server does not go for it.
    #[test]
    fn a_namespace_has_nobody_asked_but_who_is_allowed() {
        let at = |address: &str| {
            let (address, key_name) = (address.to_owned(), "unseal".to_owned());
            OwnTransit { address, token: "t".into(), key_name, mount_path: "a/transit/".into(), namespace: None }
        };
        let (none, some) = (offering(&[]), offering(&["kms.example.com", "127.0.0.1"]));
        let asks =
            |seals: &NamespaceSeals, by_root, own: OwnTransit| seals.seal(by_root, &KeyService::Transit(own)).is_ok();
        assert!(asks(&none, true, at("https://127.0.0.1:8200")), "the root says whom");
        assert!(!asks(&none, false, at("https://kms.example.com:8200")));
        assert!(asks(&some, false, at("https://KMS.example.com:8200")));
        assert!(asks(&some, false, at("https://127.0.0.1:8200/")));
        for address in [
            "http://kms.example.com:8200",
            "https://kms.example.com",
            "https://kms.example.com:8201",
            "https://127.0.0.2:8200",
            "https://evil.example:8200#@kms.example.com:8200",
            "https://kms.example.com:8200@evil.example:8200",
            "https://kms.example.com:8200/v1/sys/seal?x=",
            "https://kms.example.com:8200/v1",
            "file:///etc/passwd",
            "kms.example.com:8200",
            "",
        ] {
            assert!(!asks(&some, false, at(address)), "{address}");
        }
        for key in ["", "../x", "a/b", "a?b", "."] {
            assert!(
                !asks(&some, true, OwnTransit { key_name: key.into(), ..at("https://kms.example.com:8200") }),
                "{key}"
            );
            let mount_path = format!("m/{key}/..");
            assert!(!asks(&some, true, OwnTransit { mount_path, ..at("https://kms.example.com:8200") }), "{key}");
        }
        let unnamed = KeyService::Offered { kind: barrier::SealKind::Transit, name: "transit".into() };
        assert!(some.seal(true, &unnamed).is_err());
    }

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
