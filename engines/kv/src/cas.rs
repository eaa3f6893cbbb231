//! Check-and-set: a write that is to happen only if nobody else wrote first says which version it follows.

use sdk::{Failure, FromField, Map, Result, Value};

/// Of a write of data. `options` is the request's object of that name.
pub fn check_data(options: &Map<String, Value>, required: bool, current: u64) -> Result<()> {
    match options.get("cas") {
        None if required => Err(Failure::invalid("check-and-set parameter required for this call")),
        None => Ok(()),
        Some(cas) => match i64::from_field(cas) {
            Err(_) => Err(Failure::invalid("error parsing check-and-set parameter")),
            Ok(cas) if u64::try_from(cas) == Ok(current) => Ok(()),
            Ok(_) => Err(Failure::invalid("check-and-set parameter did not match the current version")),
        },
    }
}

/// Of a change of metadata; `current` is `None` where there are none yet.
pub fn check_metadata(cas: Option<i64>, required: bool, current: Option<u64>) -> Result<()> {
    match (cas, current) {
        (None, _) if required => Err(Failure::invalid("metadata check-and-set parameter required for this call")),
        (None, _) | (Some(0), None) => Ok(()),
        (Some(_), None) => Err(Failure::invalid("metadata_cas must be 0 when creating new metadata")),
        (Some(cas), Some(current)) if u64::try_from(cas) == Ok(current) => Ok(()),
        (Some(_), Some(_)) => {
            Err(Failure::invalid("metadata check-and-set parameter does not match the current version"))
        }
    }
}
