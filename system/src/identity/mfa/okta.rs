//! `identity/mfa/method/okta`, `mfa/method/okta/:method_id`.

use holdfast_core::identity::mfa::{Kind, Okta, Settings};
use sdk::{Ctx, Input, Path, Reply, Result, Txn, Verb};

use super::{Made, Named, bounded, of_kind, required};

#[derive(Input)]
struct Write {
    #[field(flatten)]
    named: Named,
    /// What Okta calls an entity, as a template; its name if there is none.
    username_format: Option<String>,
    /// The name of the organization.
    org_name: String,
    /// A token of Okta's API.
    api_token: String,
    /// The domain of Okta's API: `okta.com` if nothing is said.
    base_url: Option<String>,
    /// Whether users are found by their primary e-mail address alone.
    primary_email: bool,
    /// In the place of `base_url`.
    #[field(deprecated)]
    production: Option<bool>,
}

pub fn paths() -> Vec<Path> {
    let [all, one] = of_kind(
        Kind::Okta,
        ["mfa/method/okta/?", "mfa/method/okta/:method_id"],
        ["mfa-list-okta-methods", "mfa-read-okta-method-configuration", "mfa-delete-okta-method"],
    );
    vec![
        all.ids([(Verb::Write, "mfa-create-okta-method")]).txn(Verb::Write, write),
        one.ids([(Verb::Write, "mfa-configure-okta-method")]).txn(Verb::Write, write),
    ]
}

fn write(_: &Ctx, write: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    super::write(txn, Kind::Okta, &write.named, |before| {
        let username_format = match (&write.username_format, before) {
            (Some(format), _) => bounded(format)?,
            (None, Some(Settings::Okta(before))) => before.username_format.clone(),
            (None, _) => String::new(),
        };
        let base_url = match (&write.base_url, write.production) {
            (Some(url), _) => bounded(url)?,
            (None, None) => "okta.com".to_owned(),
            (None, Some(_)) => String::new(),
        };
        Ok(Settings::Okta(Okta {
            org_name: required(&write.org_name, "org_name must be set")?,
            api_token: required(&write.api_token, "api_token must be set")?,
            base_url,
            production: write.production.unwrap_or(true),
            primary_email: write.primary_email,
            username_format,
        }))
    })
}
