//! Lists of networks, kept as they were written.

use std::net::IpAddr;

use sdk::{Cidr, Failure, Result};

/// Refuses what is not written as a network, a lone address too.
pub fn check(list: &[String]) -> Result<()> {
    match list.iter().find(|text| !text.contains('/') || Cidr::parse(text).is_none()) {
        None => Ok(()),
        Some(text) => Err(Failure::invalid(format!(
            "failed to validate CIDR blocks: invalid CIDR address: {text}; a network is written as 10.0.0.0/8"
        ))),
    }
}

/// What was checked before.
pub fn parsed(list: &[String]) -> Vec<Cidr> {
    list.iter().filter_map(|text| Cidr::parse(text)).collect()
}

/// Refuses networks of a secret ID that reach beyond its role's, if the role has any.
pub fn check_inside(of_role: &[Cidr], of_secret_id: &[Cidr]) -> Result<()> {
    if of_role.is_empty() {
        return Ok(());
    }
    match of_secret_id.iter().find(|inner| !of_role.iter().any(|outer| outer.holds(inner))) {
        None => Ok(()),
        Some(beyond) => {
            let known = of_role.iter().map(Cidr::to_string).collect::<Vec<_>>().join(", ");
            Err(Failure::invalid(format!(
                "failed to verify subset relationship between CIDR blocks on the role and CIDR blocks on the secret ID: \
                 {beyond} is not within {known}"
            )))
        }
    }
}

/// Refuses a caller from elsewhere. `whose` networks these are ends the sentence.
pub fn check_source(list: &[String], source: Option<IpAddr>, whose: &str) -> Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    let source = source.ok_or_else(|| Failure::invalid("failed to get connection information"))?;
    if sdk::within(&parsed(list), Some(source)) {
        return Ok(());
    }
    let source = source.to_canonical();
    Err(Failure::invalid(format!("source address \"{source}\" unauthorized through CIDR restrictions on the {whose}")))
}
