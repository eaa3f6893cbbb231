//! `sys/decode-token`: reads a generated root token with its one-time password.

use holdfast_core::lifecycle::decode_token;
use sdk::{Answer, Ctx, Failure, Input, Path, Verb, View, json};

#[derive(Input)]
struct Decode {
    /// As the generation answered.
    encoded_token: Option<String>,
    /// As the attempt was started with.
    otp: Option<String>,
}

pub fn path() -> Path {
    Path::new("decode-token")
        .help("Decodes a generated root token.", "Nothing is looked up: it is the encoding that is undone.")
        .open()
        .view(Verb::Write, |_: &Ctx, input: Decode, _: &View| {
            let (token, otp) = (input.encoded_token.unwrap_or_default(), input.otp.unwrap_or_default());
            if token.is_empty() || otp.is_empty() {
                return Err(Failure::invalid("provided 'encoded_token' or 'otp' is empty"));
            }
            let token = decode_token(&token, &otp).map_err(Failure::invalid)?;
            Ok(Answer::json(json!({"token": token.expose()})))
        })
}
