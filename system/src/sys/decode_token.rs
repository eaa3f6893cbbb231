//! `sys/decode-token`: reads a generated root token with its one-time password.

use holdfast_core::lifecycle::decode_token;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Decode {
    /// As the generation answered.
    encoded_token: Option<String>,
    /// As the attempt was started with.
    otp: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Decoded {
    token: String,
}

pub fn path() -> Path {
    Path::new("decode-token")
        .ids([(Verb::Write, "decode-root-token")])
        .help("Decodes a generated root token.", "Nothing is looked up: it is the encoding that is undone.")
        .open()
        .view(Verb::Write, |_: &Ctx, input: Decode, _: &View| {
            let (token, otp) = (input.encoded_token.unwrap_or_default(), input.otp.unwrap_or_default());
            if token.is_empty() || otp.is_empty() {
                return Err(Failure::invalid("provided 'encoded_token' or 'otp' is empty"));
            }
            let token = decode_token(&token, &otp).map_err(Failure::invalid)?;
            Reply::data(Decoded { token: token.expose().to_owned() })
        })
}
