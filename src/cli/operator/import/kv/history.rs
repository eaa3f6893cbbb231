//! What the versions of a secret that both sides have tell: whether the target's are the beginning of the source's.

use serde_json::{Value, json};

use super::Import;
use super::secret::{Place, Secret};
use crate::cli::failure::Failure;

/// What stands in for a version that cannot be read, until it is destroyed. Written by nobody else.
pub fn stand_in() -> Value {
    json!({ "holdfast-import": "a version that could not be read" })
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The first version that is not what the source has.
    pub differs: Option<u64>,
    /// Stand-ins that an earlier run did not come to destroy.
    pub stand_ins: Vec<u64>,
}

/// Reads each version that both sides may have. Of two versions no more is in memory.
pub async fn compare(import: &Import, at: &Place, there: &Secret, here: &Secret) -> Result<Compared, Failure> {
    let mut compared = Compared::default();
    for number in here.oldest()..=here.current.min(there.current) {
        let source = if there.may_be_read(number) { at.version(&import.from, number).await? } else { None };
        let target = if here.may_be_read(number) { import.target_version(at, number).await? } else { None };
        match (source, target) {
            (None, None) => {}
            (source, Some(target)) if source.is_none() && target == stand_in() => compared.stand_ins.push(number),
            (source, target) if source == target => {}
            _ => {
                compared.differs = Some(number);
                break;
            }
        }
    }
    Ok(compared)
}
