//! Second factors that services ask for: core's settings of a method, made a service that is called.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::identity::mfa::{Asks, NotLetIn, Question, Settings};
use reqwest::{Client, Url};
use second_factor::{Duo, DuoOptions, Factor, Okta, OktaOptions, PingId, PingIdOptions, Question as About, Refusal};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::config::{OutboundHost, allows};
use crate::roots;

/// The vendors' own. A namespace below the root may have them asked without the operator's leave: they lead nowhere inside. Whose
/// account there it is, the namespace says.
const DUO: &[&str] = &["duosecurity.com", "duofederal.com"];
const OKTA: &[&str] = &["okta.com", "okta-emea.com", "oktapreview.com", "okta-gov.com"];
const PINGID: &[&str] =
    &["pingidentity.com", "pingidentity.eu", "pingidentity.com.au", "pingone.com", "pingone.eu", "pingone.com.au"];

pub struct Services {
    /// Trusts what the machine trusts.
    client: Client,
    allowed: Vec<OutboundHost>,
}

impl Services {
    pub fn new(allowed: Vec<OutboundHost>) -> Result<Self, String> {
        let client = roots::client_for_namespaces().map_err(|problem| problem.to_string())?;
        Ok(Self { client, allowed })
    }

    fn service(&self, in_root: bool, settings: &Settings) -> Result<Box<dyn Factor>, String> {
        let client = self.client.clone();
        let (service, host, own): (Box<dyn Factor>, String, &[&str]) = match settings {
            Settings::Totp(_) => return Err("it is not asked by a service".into()),
            Settings::Duo(duo) => {
                let options = DuoOptions {
                    api_hostname: duo.api_hostname.clone(),
                    integration_key: duo.integration_key.clone(),
                    secret_key: Zeroizing::new(duo.secret_key.clone()),
                    push_info: duo.push_info.clone(),
                };
                (Box::new(Duo::new(options, client, clock)?), format!("https://{}", duo.api_hostname), DUO)
            }
            Settings::Okta(okta) => {
                let base = match (okta.base_url.as_str(), okta.production) {
                    ("", true) => "okta.com",
                    ("", false) => "oktapreview.com",
                    (given, _) => given,
                };
                let host = format!("{}.{base}", okta.org_name);
                let api_token = Zeroizing::new(okta.api_token.clone());
                let options = OktaOptions { host: host.clone(), api_token, primary_email: okta.primary_email };
                (Box::new(Okta::new(options, client)?), format!("https://{host}"), OKTA)
            }
            Settings::PingId(pingid) => {
                let options = PingIdOptions {
                    idp_url: pingid.idp_url.clone(),
                    org_alias: pingid.org_alias.clone(),
                    token: Zeroizing::new(pingid.token.clone()),
                    use_base64_key: Zeroizing::new(pingid.use_base64_key.clone()),
                };
                (Box::new(PingId::new(options, client, clock)?), pingid.idp_url.clone(), PINGID)
            }
        };
        // The service has made sure that it is a URL of a host, and of nothing else.
        let url = Url::parse(host.trim()).map_err(|_| "its address is none".to_owned())?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        if in_root || (port == 443 && own.iter().any(|own| is_below(host, own))) || allows(&self.allowed, host, port) {
            return Ok(service);
        }
        Err(format!(
            "{host}:{port} is not asked for a namespace below the root unless this server's configuration has it among `outbound_hosts`"
        ))
    }
}

/// A name in the domain, not the domain's own.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|name| name.len() > 1 && name.ends_with('.'))
}

fn clock() -> i64 {
    i64::try_from(cluster::time::wall().0).unwrap_or(i64::MAX)
}

#[async_trait]
impl Asks for Services {
    fn unfit(&self, in_root: bool, settings: &Settings) -> Option<String> {
        self.service(in_root, settings).err()
    }

    async fn ask(&self, question: &Question, until: Instant) -> Result<(), NotLetIn> {
        let service = self.service(question.in_root, &question.settings).map_err(NotLetIn::Unavailable)?;
        let (username, passcode) = (question.username.as_str(), question.passcode.as_deref());
        let about = About { username, passcode, remote: question.remote };
        service.ask(&about, until).await.map_err(|refusal| match refusal {
            Refusal::Denied(why) => NotLetIn::Denied(why),
            Refusal::Unavailable(why) => NotLetIn::Unavailable(why),
        })
    }
}

/// Nobody can be asked: what the machine trusts cannot be used.
pub fn made(allowed: Vec<OutboundHost>) -> Result<Arc<dyn Asks>, String> {
    Ok(Arc::new(Services::new(allowed)?))
}

#[cfg(test)]
mod tests {
    use holdfast_core::identity::mfa;

    use super::*;

    fn services(allowed: &[(&str, Option<u16>)]) -> Services {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let allowed = allowed.iter().map(|(host, port)| OutboundHost { host: (*host).into(), port: *port });
        Services::new(allowed.collect()).unwrap()
    }

    fn duo(host: &str) -> Settings {
        Settings::Duo(mfa::Duo {
            secret_key: "s".into(),
            integration_key: "i".into(),
            api_hostname: host.into(),
            push_info: String::new(),
            use_passcode: false,
            username_format: String::new(),
        })
    }

    fn okta(org: &str, base: &str) -> Settings {
        Settings::Okta(mfa::Okta {
            org_name: org.into(),
            api_token: "t".into(),
            base_url: base.into(),
            production: true,
            primary_email: false,
            username_format: String::new(),
        })
    }

    fn pingid(url: &str) -> Settings {
        Settings::PingId(mfa::PingId {
            use_base64_key: "MDEyMzQ1Njc4OWFiY2RlZg==".into(),
            token: "t".into(),
            idp_url: url.into(),
            org_alias: "o".into(),
            ..mfa::PingId::default()
        })
    }

    /// A tenant does not make the server call where it may not itself.
    #[test]
    fn a_namespace_has_only_vendors_asked_and_who_is_allowed() {
        let own = services(&[]);
        for fine in [
            duo("api-1.duosecurity.com"),
            okta("acme", ""),
            okta("acme", "okta-emea.com"),
            pingid("https://idp.pingidentity.eu/pingid"),
        ] {
            assert_eq!(own.unfit(false, &fine), None);
        }
        let elsewhere = [
            duo("169.254.169.254"),
            duo("localhost:8200"),
            duo("api.duosecurity.com:8200"),
            duo("duosecurity.com"),
            duo("evilduosecurity.com"),
            duo("api-1.okta.com"),
            duo("api-1.duosecurity.com.evil.example"),
            okta("acme", "example.com"),
            okta("acme.okta.com@10.0.0.1", "okta.com"),
            okta("10.0.0.1/", "okta.com"),
            okta("127.0.0.1:1", "okta.com"),
            pingid("https://10.0.0.1/.pingidentity.com"),
            pingid("https://10.0.0.1#.pingidentity.com"),
            pingid("https://x@idp.pingidentity.com/"),
            pingid("http://idp.pingidentity.com/"),
        ];
        for settings in &elsewhere {
            assert!(own.unfit(false, settings).is_some());
        }
        assert_eq!(own.unfit(true, &duo("localhost:8200")), None, "the root's own");
        assert!(
            own.unfit(true, &okta("10.0.0.1/", "okta.com")).is_some(),
            "what is no host is none in the root either"
        );
        let allowing = services(&[("duo.example", None), ("localhost", Some(8443))]);
        assert_eq!(allowing.unfit(false, &duo("duo.example:99")), None);
        assert_eq!(allowing.unfit(false, &duo("LOCALHOST:8443")), None);
        assert!(allowing.unfit(false, &duo("localhost:8444")).is_some());
        assert!(allowing.unfit(false, &duo("sub.duo.example")).is_some());
    }
}
