//! A method as the wire shows it: without what is secret.

use holdfast_core::identity::mfa::{self, Settings};
use schemars::JsonSchema;
use sdk::Ctx;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Shown {
    Totp(Totp),
    Duo(Duo),
    Okta(Okta),
    PingId(PingId),
}

#[derive(Serialize, JsonSchema)]
pub struct Common {
    id: String,
    name: String,
    namespace_id: String,
    namespace_path: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub struct Totp {
    #[serde(flatten)]
    common: Common,
    algorithm: &'static str,
    digits: usize,
    issuer: String,
    /// Bytes.
    key_size: usize,
    max_validation_attempts: u32,
    /// Seconds.
    period: u64,
    /// Pixels.
    qr_size: u32,
    skew: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct Duo {
    #[serde(flatten)]
    common: Common,
    api_hostname: String,
    mount_accessor: String,
    pushinfo: String,
    use_passcode: bool,
    username_format: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Okta {
    #[serde(flatten)]
    common: Common,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    production: Option<bool>,
    mount_accessor: String,
    org_name: String,
    username_format: String,
}

#[derive(Serialize, JsonSchema)]
pub struct PingId {
    #[serde(flatten)]
    common: Common,
    admin_url: String,
    authenticator_url: String,
    idp_url: String,
    org_alias: String,
    use_signature: bool,
}

pub fn method(ctx: &Ctx, method: mfa::Method) -> Shown {
    let common = Common {
        id: method.id,
        name: method.name,
        namespace_id: ctx.namespace.id.shown().to_owned(),
        namespace_path: ctx.namespace.path.clone(),
        kind: method.settings.kind().name(),
    };
    match method.settings {
        Settings::Totp(of) => Shown::Totp(Totp {
            common,
            algorithm: of.algorithm.name(),
            digits: of.digits.count(),
            issuer: of.issuer,
            key_size: of.key_size,
            max_validation_attempts: of.max_validation_attempts,
            period: of.period,
            qr_size: of.qr_size,
            skew: of.skew,
        }),
        Settings::Duo(of) => Shown::Duo(Duo {
            common,
            api_hostname: of.api_hostname,
            mount_accessor: String::new(),
            pushinfo: of.push_info,
            use_passcode: of.use_passcode,
            username_format: of.username_format,
        }),
        Settings::Okta(of) => Shown::Okta(Okta {
            common,
            production: of.base_url.is_empty().then_some(of.production),
            base_url: Some(of.base_url).filter(|url| !url.is_empty()),
            mount_accessor: String::new(),
            org_name: of.org_name,
            username_format: of.username_format,
        }),
        Settings::PingId(of) => Shown::PingId(PingId {
            common,
            admin_url: of.admin_url,
            authenticator_url: of.authenticator_url,
            idp_url: of.idp_url,
            org_alias: of.org_alias,
            use_signature: of.use_signature,
        }),
    }
}
