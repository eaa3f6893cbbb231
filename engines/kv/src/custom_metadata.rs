//! The custom metadata of a secret, as requests give it.

use std::collections::BTreeMap;

use sdk::{Failure, FromField, Map, Result, Value, custom_metadata_faults};

/// All of them anew.
pub fn parse(fields: &Map<String, Value>) -> Result<BTreeMap<String, String>> {
    let custom = fields.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect::<Result<_>>()?;
    check(&custom)?;
    Ok(custom)
}

/// Those that the patch names; null removes one.
pub fn patch(mut custom: BTreeMap<String, String>, patch: &Map<String, Value>) -> Result<BTreeMap<String, String>> {
    for (key, value) in patch {
        match value {
            Value::Null => custom.remove(key),
            value => custom.insert(key.clone(), text(value)?),
        };
    }
    check(&custom)?;
    Ok(custom)
}

fn text(value: &Value) -> Result<String> {
    String::from_field(value).map_err(|why| Failure::invalid(format!("{FAILED}: {why}")))
}

const FAILED: &str = "custom_metadata validation failed";

fn check(custom: &BTreeMap<String, String>) -> Result<()> {
    let faults = custom_metadata_faults(custom);
    if faults.is_empty() {
        return Ok(());
    }
    let plural = if faults.len() == 1 { "error" } else { "errors" };
    let list: String = faults.iter().map(|fault| format!("\t* {FAILED}: {fault}\n")).collect();
    Err(Failure::invalid(format!("{} {plural} occurred:\n{list}\n", faults.len())))
}
