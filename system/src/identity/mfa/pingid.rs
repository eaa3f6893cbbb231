//! `identity/mfa/method/pingid`, `mfa/method/pingid/:method_id`.

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::identity::mfa::{Kind, PingId, Settings};
use sdk::{Ctx, Failure, FromField, Input, Path, Reply, Result, Txn, Value, Verb};

use super::{Made, Named, bounded, of_kind};

/// The longest settings file, in base64.
const FILE_MAX: usize = 64 * 1024;

#[derive(Input)]
struct Write {
    #[field(flatten)]
    named: Named,
    /// What PingID calls an entity, as a template; its name if there is none.
    username_format: Option<String>,
    /// PingID's settings file, in base64.
    settings_file_base64: String,
}

pub fn paths() -> Vec<Path> {
    let [all, one] = of_kind(
        Kind::PingId,
        ["mfa/method/pingid/?", "mfa/method/pingid/:method_id"],
        ["mfa-list-ping-id-methods", "mfa-read-ping-id-method-configuration", "mfa-delete-ping-id-method"],
    );
    vec![
        all.ids([(Verb::Write, "mfa-create-ping-id-method")]).txn(Verb::Write, write),
        one.ids([(Verb::Write, "mfa-configure-ping-id-method")]).txn(Verb::Write, write),
    ]
}

fn write(_: &Ctx, write: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    super::write(txn, Kind::PingId, &write.named, |before| {
        let mut settings = parse(&write.settings_file_base64)?;
        settings.username_format = match (&write.username_format, before) {
            (Some(format), _) => bounded(format)?,
            (None, Some(Settings::PingId(before))) => before.username_format.clone(),
            (None, _) => String::new(),
        };
        Ok(Settings::PingId(settings))
    })
}

/// Lines of `key=value`. No text of it is repeated but the names of keys: it has secrets in it.
fn parse(file: &str) -> Result<PingId> {
    if file.is_empty() {
        return Err(Failure::invalid("settings_file_base64 is empty"));
    }
    if file.len() > FILE_MAX {
        return Err(Failure::invalid(format!("settings_file_base64 can have at most {FILE_MAX} bytes")));
    }
    let file = BASE64_STANDARD.decode(file.replace(['\r', '\n'], "")).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
            base64::DecodeError::InvalidLength(at) => at,
            base64::DecodeError::InvalidPadding => file.len(),
        };
        Failure::invalid(format!("illegal base64 data at input byte {at}"))
    })?;
    let text = String::from_utf8(file).map_err(|_| Failure::invalid("the settings file is not UTF-8 text"))?;
    let mut settings = PingId::default();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            let line = number + 1;
            return Err(Failure::invalid(format!("line {line} of the pingid settings file is not key=value")));
        };
        let value = bounded(value)?;
        match key {
            "use_base64_key" => settings.use_base64_key = value,
            "use_signature" => {
                let problem = |_| Failure::invalid("error parsing use_signature value in pingid settings file");
                settings.use_signature = bool::from_field(&Value::String(value)).map_err(problem)?;
            }
            "token" => settings.token = value,
            "idp_url" => settings.idp_url = value,
            "org_alias" => settings.org_alias = value,
            "admin_url" => settings.admin_url = value,
            "authenticator_url" => settings.authenticator_url = value,
            _ => {
                let shown: String = key.chars().take(64).collect();
                return Err(Failure::invalid(format!("unknown key {shown:?} in pingid settings file")));
            }
        }
    }
    Ok(settings)
}
