//! What one request may be, and how long things may take.

use std::time::Duration;

use super::super::declared::Key;
use super::super::declared::Takes::{Bytes, Duration as Time, Number};
use super::super::problem::{ConfigError, Warning};
use super::super::section::{Entry, Section};

/// Checked before anything of a request is parsed. `None`: as many as fit into the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// `max_request_size`: bytes of a body.
    pub size: usize,
    /// What holds: the listener's own or the server's.
    pub duration: Duration,
    /// `max_request_duration` of the listener.
    pub(super) own_duration: Option<Duration>,
    /// `max_request_json_memory`: bytes, estimated.
    pub json_memory: Option<usize>,
    /// `max_request_json_strings`: texts, names among them.
    pub json_strings: Option<usize>,
    /// `max_json_depth`
    pub json_depth: usize,
    /// `max_json_string_value_length`: bytes as they are sent.
    pub json_string_length: Option<usize>,
    /// `max_json_object_entry_count`: names of one object.
    pub json_object_entries: Option<usize>,
    /// `max_json_array_element_count`: values of one list.
    pub json_list_elements: Option<usize>,
    /// `max_json_token`: names, values and brackets.
    pub json_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// `http_read_header_timeout`
    pub header: Duration,
    /// `http_read_timeout`: for a whole request.
    pub read: Duration,
    /// `http_write_timeout`: for a client that takes nothing of the answer.
    pub write: Duration,
    /// `http_idle_timeout`: between two requests.
    pub idle: Duration,
}

pub(super) const DURATION: Duration = Duration::from_secs(90);
const MIB: usize = 1 << 20;
/// Above this there is no limit to be had: a body is held in memory.
const SIZE_LARGEST: usize = 512 * MIB;
const DEPTH_LARGEST: u64 = 1000;

pub const KEYS: &[Key] = &[
    Key::new("max_request_size", Bytes, "33554432", "The largest body of a request; at most 512 MiB."),
    Key::new(
        "max_request_duration",
        Time,
        "",
        "How long a request may take. Without it `default_max_request_duration` holds.",
    ),
    Key::new(
        "max_request_json_memory",
        Bytes,
        "34078720",
        "How much memory a parsed JSON body may take, as estimated: its texts and 80 bytes for each value. Less than 0: no limit.",
    ),
    Key::new(
        "max_request_json_strings",
        Number,
        "0",
        "How many texts a JSON body may have, names among them. 0: as many as fit.",
    ),
    Key::new("max_json_depth", Number, "500", "How deep a JSON body may be nested, up to 1000."),
    Key::new(
        "max_json_string_value_length",
        Bytes,
        "0",
        "How long each text of a JSON body may be. 0: as long as fits.",
    ),
    Key::new(
        "max_json_object_entry_count",
        Number,
        "0",
        "How many names an object of a JSON body may have. 0: as many as fit.",
    ),
    Key::new(
        "max_json_array_element_count",
        Number,
        "0",
        "How many values a list of a JSON body may have. 0: as many as fit.",
    ),
    Key::new(
        "max_json_token",
        Number,
        "0",
        "How many names, values and brackets a JSON body may have together. 0: as many as fit.",
    ),
    Key::new("http_read_header_timeout", Time, "10s", "How long a client may take over a request's head."),
    Key::new("http_read_timeout", Time, "30s", "How long a client may take over a request's body."),
    Key::new(
        "http_write_timeout",
        Time,
        "60s",
        "How long a client may take nothing of an answer that is ready; 0 is the default.",
    ),
    Key::new("http_idle_timeout", Time, "5m", "How long a connection without a request is kept; 0 is the default."),
];

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            size: 32 * MIB,
            duration: DURATION,
            own_duration: None,
            json_memory: Some(32 * MIB + MIB / 2),
            json_strings: None,
            json_depth: 500,
            json_string_length: None,
            json_object_entries: None,
            json_list_elements: None,
            json_tokens: None,
        }
    }
}

impl Default for HttpTimeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { header: seconds(10), read: seconds(30), write: seconds(60), idle: seconds(300) }
    }
}

pub(super) fn read(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<RequestLimits, ConfigError> {
    let mut limits = RequestLimits::default();
    if let Some(entry) = section.entry("max_request_size") {
        limits.size = size(&entry, limits.size, warnings)?;
    }
    if let Some(entry) = section.entry("max_json_depth") {
        limits.json_depth = usize::try_from(entry.number_in(1, DEPTH_LARGEST)?).unwrap_or(limits.json_depth);
    }
    limits.own_duration = section.duration("max_request_duration")?.filter(|given| !given.is_zero());
    match section.number("max_request_json_memory")? {
        None | Some(0) => {}
        Some(number) => limits.json_memory = usize::try_from(number).ok(),
    }
    limits.json_strings = above_zero(section, "max_request_json_strings")?;
    limits.json_string_length = above_zero(section, "max_json_string_value_length")?;
    limits.json_object_entries = above_zero(section, "max_json_object_entry_count")?;
    limits.json_list_elements = above_zero(section, "max_json_array_element_count")?;
    limits.json_tokens = above_zero(section, "max_json_token")?;
    Ok(limits)
}

pub(super) fn read_timeouts(section: &Section<'_>) -> Result<HttpTimeouts, ConfigError> {
    let or = |key, default| Ok(section.duration(key)?.filter(|given| !given.is_zero()).unwrap_or(default));
    let default = HttpTimeouts::default();
    Ok(HttpTimeouts {
        header: or("http_read_header_timeout", default.header)?,
        read: or("http_read_timeout", default.read)?,
        write: or("http_write_timeout", default.write)?,
        idle: or("http_idle_timeout", default.idle)?,
    })
}

fn size(entry: &Entry<'_>, default: usize, warnings: &mut Vec<Warning>) -> Result<usize, ConfigError> {
    let number = entry.number()?;
    if number == 0 {
        return Ok(default);
    }
    let given = usize::try_from(number).unwrap_or(usize::MAX);
    if given > SIZE_LARGEST {
        let problem = format!("`max_request_size` is taken as {SIZE_LARGEST}, the most that is offered");
        warnings.push(Warning::Adjusted { place: entry.place(), problem });
    }
    Ok(given.min(SIZE_LARGEST))
}

fn above_zero(section: &Section<'_>, key: &'static str) -> Result<Option<usize>, ConfigError> {
    Ok(section.number(key)?.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0))
}
