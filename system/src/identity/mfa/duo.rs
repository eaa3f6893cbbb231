//! `identity/mfa/method/duo`, `mfa/method/duo/:method_id`.

use holdfast_core::identity::mfa::{Duo, Kind, Settings};
use sdk::{Ctx, Input, Path, Reply, Result, Txn, Verb};

use super::{Made, Named, bounded, of_kind, required};

#[derive(Input)]
struct Write {
    #[field(flatten)]
    named: Named,
    /// What Duo calls an entity, as a template; its name if there is none.
    username_format: Option<String>,
    /// Duo's secret key.
    secret_key: String,
    /// Duo's integration key.
    integration_key: String,
    /// The host of Duo's API.
    api_hostname: String,
    /// What a push shows besides.
    push_info: String,
    /// Whether a code is asked for, instead of a push.
    use_passcode: bool,
}

pub fn paths() -> Vec<Path> {
    let [all, one] = of_kind(
        Kind::Duo,
        ["mfa/method/duo/?", "mfa/method/duo/:method_id"],
        ["mfa-list-duo-methods", "mfa-read-duo-method-configuration", "mfa-delete-duo-method"],
    );
    vec![
        all.ids([(Verb::Write, "mfa-create-duo-method")]).txn(Verb::Write, write),
        one.ids([(Verb::Write, "mfa-configure-duo-method")]).txn(Verb::Write, write),
    ]
}

fn write(_: &Ctx, write: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    super::write(txn, Kind::Duo, &write.named, |before| {
        let username_format = match (&write.username_format, before) {
            (Some(format), _) => bounded(format)?,
            (None, Some(Settings::Duo(before))) => before.username_format.clone(),
            (None, _) => String::new(),
        };
        Ok(Settings::Duo(Duo {
            secret_key: required(&write.secret_key, "secret_key is empty")?,
            integration_key: required(&write.integration_key, "integration_key is empty")?,
            api_hostname: required(&write.api_hostname, "api_hostname is empty")?,
            push_info: bounded(&write.push_info)?,
            use_passcode: write.use_passcode,
            username_format,
        }))
    })
}
