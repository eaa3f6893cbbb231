//! What a namespace that is being made says of its own seal, as HCL or JSON.
//!
//! ```text
//! seal "shamir"  { shares = 5 threshold = 3 }
//! seal "transit" { address = "https://…" token = "…" key_name = "…" mount_path = "transit" }
//! seal "pkcs11"  { name = "hsm" }          one of the server's configuration, which offers it
//! ```

use barrier::{SealConfig, SealKind};
use hcl::{Block, HclError};
use holdfast_core::namespace::{KeyService, OwnTransit};
use sdk::{Failure, Result};

use super::namespaces_seal::shamir;

/// Where nothing is said of the shares beside a key service.
const ONE: i64 = 1;
const TEXT_MAX: usize = 1024;

pub(super) struct SealAsked {
    pub shares: SealConfig,
    pub service: Option<KeyService>,
}

fn wrong(why: &str) -> Failure {
    Failure::Invalid(format!("invalid seal config: {why}"))
}

pub(super) fn parse(text: &str) -> Result<SealAsked> {
    let unread = |e: HclError| wrong(&format!("it is not HCL, or not a seal block, at {}", e.at));
    let body = hcl::parse(text).map_err(unread)?;
    let blocks = body.blocks("seal", 1).map_err(unread)?;
    let [block] = blocks.as_slice() else { return Err(wrong("it has exactly one block, seal \"shamir\" { … }")) };
    let kind = match block.labels.as_slice() {
        [label] => label.text.as_str(),
        _ => "",
    };
    match kind {
        "shamir" => {
            known(block, &["shares", "threshold"])?;
            let needed = |name: &str| number(block, name)?.ok_or_else(|| wrong(&format!("{name} is missing")));
            Ok(SealAsked { shares: shamir(needed("shares")?, needed("threshold")?)?, service: None })
        }
        "transit" if block.body.get("name").is_none() => {
            known(block, &["address", "token", "key_name", "mount_path", "namespace", "shares", "threshold"])?;
            let needed = |name: &str| said(block, name)?.ok_or_else(|| wrong(&format!("{name} is missing")));
            let transit = OwnTransit {
                address: needed("address")?,
                token: needed("token")?,
                key_name: needed("key_name")?,
                mount_path: needed("mount_path")?,
                namespace: said(block, "namespace")?,
            };
            with_service(block, KeyService::Transit(transit))
        }
        "transit" | "pkcs11" | "static" => {
            known(block, &["name", "shares", "threshold"])?;
            let kind = match kind {
                "transit" => SealKind::Transit,
                "pkcs11" => SealKind::Pkcs11,
                _ => SealKind::Static,
            };
            let name = said(block, "name")?;
            let name = name.ok_or_else(|| wrong("name is missing: that of a seal of the server's configuration"))?;
            with_service(block, KeyService::Offered { kind, name })
        }
        _ => Err(wrong(
            "the kinds are shamir, as seal \"shamir\" { shares = 5 threshold = 3 }, transit, pkcs11 and static",
        )),
    }
}

fn with_service(block: &Block<'_>, service: KeyService) -> Result<SealAsked> {
    let number = |name: &str| Ok::<_, Failure>(number(block, name)?.unwrap_or(ONE));
    Ok(SealAsked { shares: shamir(number("shares")?, number("threshold")?)?, service: Some(service) })
}

fn known(block: &Block<'_>, names: &[&str]) -> Result<()> {
    let unknown = block.body.unknown(names).next();
    unknown.map_or(Ok(()), |unknown| {
        Err(wrong(&format!("it has {}, and nothing else; see {}", names.join(", "), unknown.at)))
    })
}

fn number(block: &Block<'_>, name: &str) -> Result<Option<i64>> {
    let value = block.body.get(name);
    let number =
        |value: &hcl::Value| value.as_integer().ok_or_else(|| wrong(&format!("{name} must be a whole number")));
    value.map(number).transpose()
}

/// A text that is not empty. It may be secret, so it is not repeated.
fn said(block: &Block<'_>, name: &str) -> Result<Option<String>> {
    let Some(value) = block.body.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| wrong(&format!("{name} must be a text")))?;
    if text.is_empty() || text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        return Err(wrong(&format!("{name} must be a text of 1 to {TEXT_MAX} characters without control characters")));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_seal_may_say() {
        let asked = parse("seal \"shamir\" { shares = 3 threshold = 2 }").unwrap();
        assert_eq!((asked.shares.shares(), asked.shares.threshold(), asked.service.is_some()), (3, 2, false));
        let own = r#"seal "transit" { address = "https://k" token = "t" key_name = "n" mount_path = "m" shares = 2 threshold = 2 }"#;
        let asked = parse(own).unwrap();
        assert!(matches!(asked.service, Some(KeyService::Transit(own)) if own.token == "t" && own.namespace.is_none()));
        assert_eq!(asked.shares.shares(), 2);
        let asked = parse(r#"{"seal": {"pkcs11": {"name": "hsm"}}}"#).unwrap();
        assert!(matches!(asked.service, Some(KeyService::Offered { kind: SealKind::Pkcs11, name }) if name == "hsm"));
        assert_eq!(asked.shares.shares(), 1);
        for (text, says) in [
            ("seal \"shamir\" { shares = 3 }", "threshold is missing"),
            ("seal \"shamir\" { shares = 3 threshold = 2 name = \"x\" }", "nothing else"),
            ("seal \"awskms\" { }", "the kinds are"),
            ("seal \"pkcs11\" { lib = \"/x.so\" }", "nothing else"),
            ("seal \"static\" { }", "name is missing"),
            ("seal \"transit\" { address = \"https://k\" }", "token is missing"),
            ("seal \"transit\" { name = \"k\" token = \"t\" }", "nothing else"),
            (r#"seal "transit" { address = "https://k" token = "" key_name = "n" mount_path = "m" }"#, "token must be"),
            (
                r#"seal "transit" { address = "https://k" token = "t" key_name = "n" mount_path = "m" tls_ca_cert = "/etc/x" }"#,
                "nothing else",
            ),
            (
                "seal \"shamir\" { shares = 3 threshold = 2 } seal \"shamir\" { shares = 3 threshold = 2 }",
                "exactly one",
            ),
            ("seal {", "not HCL"),
        ] {
            let refused = parse(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(refused.to_string().contains(says), "{text}: {refused}");
        }
    }
}
