//! `sys/tools/random`, `…/:source`, `…/:source/:urlbytes`: random bytes.

use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View};
use serde::Serialize;

use super::encoded;

/// In bytes.
const MOST: i64 = 128 * 1024;

#[derive(Input)]
struct Random {
    /// How many bytes.
    #[field(default = 32)]
    bytes: i64,
    /// `base64` or `hex`.
    #[field(default = "base64".into())]
    format: String,
}

#[derive(Input)]
struct Source {
    #[field(flatten)]
    random: Random,
    /// `platform`, `seal` or `all`; or how many bytes.
    source: String,
}

#[derive(Input)]
struct Both {
    #[field(flatten)]
    from: Source,
    /// How many bytes.
    urlbytes: String,
}

#[derive(Serialize, JsonSchema)]
struct Drawn {
    /// In the form that was asked for.
    random_bytes: String,
}

fn at(pattern: &'static str) -> Path {
    Path::new(pattern).help("Gives random bytes.", "They are the operating system's, whatever source is named.")
}

pub fn plain() -> Path {
    at("tools/random").view(Verb::Write, |_: &Ctx, input: Random, _: &View| draw(input.bytes, "", &input.format))
}

pub fn from_source() -> Path {
    at("tools/random/:source").view(Verb::Write, |_: &Ctx, input: Source, _: &View| {
        let Source { random, source } = input;
        if is_source(&source) {
            draw(random.bytes, &source, &random.format)
        } else {
            draw(number(&source)?, "", &random.format)
        }
    })
}

pub fn so_many_from_source() -> Path {
    at("tools/random/:source/:urlbytes+").view(Verb::Write, |_: &Ctx, input: Both, _: &View| {
        let Both { from: Source { random, source }, urlbytes } = input;
        if !is_source(&source) {
            let text = format!("unsupported entropy source {source:?}; must be \"platform\" or \"seal\", or \"all\"");
            return Err(Failure::Invalid(text));
        }
        draw(number(&urlbytes)?, &source, &random.format)
    })
}

fn is_source(text: &str) -> bool {
    matches!(text, "platform" | "seal" | "all")
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Failure::Invalid(format!("error parsing url-set byte count: {text:?} is no number")))
}

fn draw(bytes: i64, source: &str, format: &str) -> Result<Reply<Drawn>> {
    if bytes < 1 {
        return Err(Failure::invalid("'bytes' cannot be less than 1"));
    }
    if bytes > MOST {
        return Err(Failure::invalid(format!("'bytes' should be less than {MOST}")));
    }
    let mut drawn = vec![0; usize::try_from(bytes).map_err(Failure::internal)?];
    crypto::fill_random(&mut drawn);
    let answer = Reply::data(Drawn { random_bytes: encoded(format, &drawn)? })?;
    Ok(match source {
        "seal" => answer.warn("no seal has randomness of its own; this is the operating system's"),
        _ => answer,
    })
}
