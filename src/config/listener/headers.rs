//! `custom_response_headers`: headers of the writer's choice, by the answer's status.

use std::collections::BTreeMap;

use hcl::{Body, Kind, Value};
use http::{HeaderName, HeaderValue};

use super::super::declared::Key;
use super::super::declared::Takes::Map;
use super::super::problem::{ConfigError, Place, Warning};
use super::super::section::{Part, Section};

/// For all answers, for a class of them (`4xx`) and for one status (`404`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeaders(BTreeMap<String, Vec<(HeaderName, HeaderValue)>>);

pub const KEYS: &[Key] = &[Key::new(
    "custom_response_headers",
    Map,
    "",
    "Headers of answers. Inside are blocks named `default`, a class such as `4xx` or a status such as `404`, each with \
     headers and lists of their values: `\"default\" = { \"X-Frame-Options\" = [\"DENY\"] }`. The narrowest block counts. \
     Names that begin with `X-Vault-`, and those the server itself needs, are not taken.",
)
.reloadable()];

/// What the server says itself, and what frames the answer.
const RESERVED: &[&str] = &["content-type", "content-length", "transfer-encoding", "connection", "date", "location"];

impl ResponseHeaders {
    /// Those of an answer with this status, each name once.
    pub fn of(&self, status: u16) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        let narrowest = [status.to_string(), format!("{}xx", status / 100), "default".to_owned()];
        let blocks: Vec<_> = narrowest.iter().filter_map(|name| self.0.get(name)).collect();
        let shadowed = blocks.clone();
        blocks.into_iter().enumerate().flat_map(move |(at, block)| {
            let narrower = shadowed[..at].to_vec();
            block.iter().filter(move |(name, _)| !narrower.iter().any(|b| b.iter().any(|(n, _)| n == name)))
        })
    }

    /// Whether the configuration sets this header for any answer.
    pub fn sets(&self, name: &str) -> bool {
        self.0.values().flatten().any(|(known, _)| known.as_str().eq_ignore_ascii_case(name))
    }
}

pub(super) fn read(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<ResponseHeaders, ConfigError> {
    let mut headers = ResponseHeaders::default();
    for part in section.maps("custom_response_headers")? {
        for item in &part.body.items {
            let name = &item.keys[0].text;
            let wrong = |problem| ConfigError::BadBlock { place: Place::new(part.file, item.at), problem };
            if !is_status(name) {
                let problem = format!("{name:?} is no status: it must be default, a class such as 4xx, or 100 to 599");
                return Err(wrong(problem));
            }
            let blocks = part.body.blocks(name, 0).map_err(|error| wrong(error.problem))?;
            let read: Result<Vec<_>, _> = blocks.iter().map(|block| one(&part, block.body, warnings)).collect();
            headers.0.insert(name.clone(), read?.concat());
        }
    }
    Ok(headers)
}

fn is_status(name: &str) -> bool {
    let class = ["default", "1xx", "2xx", "3xx", "4xx", "5xx"].contains(&name);
    class || name.parse::<u16>().is_ok_and(|status| (100..600).contains(&status))
}

fn one(
    part: &Part<'_>,
    body: &Body,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let mut found: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for item in &body.items {
        let (key, place) = (&item.keys[0].text, Place::new(part.file, item.at));
        let wrong = |problem| ConfigError::BadBlock { place: place.clone(), problem };
        let name = HeaderName::try_from(key.as_str()).map_err(|_| wrong(format!("{key:?} is no name of a header")))?;
        let value = value(&item.value).ok_or_else(|| wrong(format!("{key:?} must have a list of texts")))?;
        let value = HeaderValue::try_from(&value).map_err(|_| wrong(format!("{value:?} is no value of a header")))?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("x-vault-") {
            let problem = format!("the header {key} is the server's own and is not taken from the configuration");
            warnings.push(Warning::Adjusted { place, problem });
            continue;
        }
        found.retain(|(known, _)| *known != name);
        found.push((name, value));
    }
    Ok(found)
}

/// Several values of one header are joined as its parts.
fn value(value: &Value) -> Option<String> {
    let text = |value: &Value| match &value.kind {
        Kind::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    match &value.kind {
        Kind::List(values) => {
            let texts: Vec<String> = values.iter().map(text).collect::<Option<_>>()?;
            Some(texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; "))
        }
        _ => text(value),
    }
}
