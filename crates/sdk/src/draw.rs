//! Random bytes for whoever asks, as `sys/tools` and engines offer them.

use base64::prelude::{BASE64_STANDARD, Engine};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Ctx, Failure, Input, Path, Reply, Result, Verb, View};

/// In bytes.
const MOST: i64 = 128 * 1024;

#[derive(Input)]
struct Draw {
    /// How many bytes.
    #[field(default = 32)]
    bytes: i64,
    /// `base64` or `hex`.
    #[field(default = "base64".into())]
    format: String,
}

#[derive(Input)]
struct From {
    #[field(flatten)]
    draw: Draw,
    /// `platform`, `seal` or `all`, which are the same here; or how many bytes.
    source: String,
}

#[derive(Input)]
struct Both {
    #[field(flatten)]
    from: From,
    /// How many bytes.
    urlbytes: String,
}

#[derive(Serialize, JsonSchema)]
struct Drawn {
    /// In the form that was asked for.
    random_bytes: String,
}

/// What draws: under a pattern, under it with `:source` and with `:source/:urlbytes+`, each with its operation ID.
pub fn draws(patterns: [(&'static str, &'static str); 3]) -> [Path; 3] {
    let [plain, from, both] = patterns.map(|(pattern, id)| {
        let path = Path::new(pattern).ids([(Verb::Write, id)]);
        path.help("Gives random bytes.", "They are the operating system's, whatever source is named.")
    });
    [
        plain.view(Verb::Write, |_: &Ctx, Draw { bytes, format }: Draw, _: &View| draw(bytes, "", &format)),
        from.view(Verb::Write, |_: &Ctx, From { draw: asked, source }: From, _: &View| match is_source(&source) {
            true => draw(asked.bytes, &source, &asked.format),
            false => draw(number(&source)?, "", &asked.format),
        }),
        both.view(Verb::Write, |_: &Ctx, Both { from, urlbytes }: Both, _: &View| {
            let From { draw: asked, source } = from;
            if !is_source(&source) {
                let text =
                    format!("unsupported entropy source {source:?}; must be \"platform\" or \"seal\", or \"all\"");
                return Err(Failure::Invalid(text));
            }
            draw(number(&urlbytes)?, &source, &asked.format)
        }),
    ]
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

/// Bytes in the format that a request asks for.
pub fn encoded(format: &str, bytes: &[u8]) -> Result<String> {
    match format {
        "hex" => Ok(hex::encode(bytes)),
        "base64" => Ok(BASE64_STANDARD.encode(bytes)),
        other => Err(Failure::Invalid(format!("unsupported encoding format {other}; must be \"hex\" or \"base64\""))),
    }
}
