//! `random`, `random/:source`, `random/:source/:urlbytes`: random bytes.

use crypto::fill_random;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View};

use crate::{answers, wire};

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
    /// `platform`, `seal` or `all`, which are the same here; or how many bytes.
    source: String,
}

#[derive(Input)]
struct Both {
    #[field(flatten)]
    from: Source,
    /// How many bytes.
    urlbytes: String,
}

pub fn paths() -> Vec<Path> {
    let path =
        |pattern, id| Path::new(pattern).ids([(Verb::Write, id)]).help("Random bytes.", "From the operating system.");
    vec![
        path("random", "transit-generate-random")
            .view(Verb::Write, |_: &Ctx, input: Random, _: &View| draw(input.bytes, &input.format)),
        path("random/:source", "transit-generate-random-with-source").view(
            Verb::Write,
            |_: &Ctx, input: Source, _: &View| match known(&input.source) {
                true => draw(input.random.bytes, &input.random.format),
                false => draw(number(&input.source)?, &input.random.format),
            },
        ),
        path("random/:source/:urlbytes+", "transit-generate-random-with-source-and-bytes").view(
            Verb::Write,
            |_: &Ctx, input: Both, _: &View| {
                if !known(&input.from.source) {
                    let text = "unsupported entropy source; must be \"platform\" or \"seal\", or \"all\"";
                    return Err(Failure::invalid(text));
                }
                draw(number(&input.urlbytes)?, &input.from.random.format)
            },
        ),
    ]
}

fn known(source: &str) -> bool {
    matches!(source, "platform" | "seal" | "all")
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Failure::invalid(format!("error parsing url-set byte count: {text:?} is no number")))
}

fn draw(bytes: i64, format: &str) -> Result<Reply<answers::Random>> {
    if bytes < 1 {
        return Err(Failure::invalid("'bytes' cannot be less than 1"));
    }
    if bytes > MOST {
        return Err(Failure::invalid(format!("'bytes' should be less than {MOST}")));
    }
    if !matches!(format, "hex" | "base64") {
        let text = format!("unsupported encoding format {format:?}; must be \"hex\" or \"base64\"");
        return Err(Failure::invalid(text));
    }
    let mut out = vec![0; usize::try_from(bytes).map_err(Failure::internal)?];
    fill_random(&mut out);
    let text = if format == "hex" { hex::encode(&out) } else { wire::encode(&out) };
    Reply::data(answers::Random { random_bytes: text })
}
