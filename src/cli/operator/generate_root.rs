//! `holdfast operator generate-root`: a root token for those who hold enough unseal keys.
//!
//! The token travels encoded, by a one-time password or for a PGP key; `-decode` undoes the former.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::ceremony::{self, Ceremony};
use super::pgp;
use crate::cli::client::{Ask, Client};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};
use crate::cli::prompt;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator generate-root -init\n  holdfast operator generate-root\n  holdfast operator generate-root -nonce=2f… - < share.txt\n  holdfast operator generate-root -decode=ENCODED -otp=OTP"
)]
pub struct Arguments {
    #[command(flatten)]
    ceremony: Ceremony,
    /// Decode this token by -otp; - reads it from standard input
    #[arg(long, group = "action", value_name = "ENCODED", requires = "otp")]
    decode: Option<String>,
    /// Print a one-time password as long as -otp needs it
    #[arg(long, group = "action")]
    generate_otp: bool,
    /// The one-time password; without one -init makes one
    #[arg(long, value_name = "TEXT", conflicts_with = "pgp_key")]
    otp: Option<String>,
    /// File with the public PGP key that the token is encrypted for
    #[arg(long, value_name = "FILE")]
    pgp_key: Option<String>,
    /// On a DR secondary: make an operation token instead, by the primary's keys
    #[arg(long)]
    dr_token: bool,
}

impl Arguments {
    /// Of a DR secondary's operation token.
    pub fn for_operation(self) -> Arguments {
        Arguments { dr_token: true, ..self }
    }

    fn kind(&self) -> &'static Kind {
        if self.dr_token { &OPERATION } else { &ROOT }
    }
}

/// Which token, and where it is made.
struct Kind {
    place: &'static str,
    name: &'static str,
    command: &'static str,
}

const ROOT: Kind = Kind { place: "sys/generate-root", name: "root", command: "holdfast operator generate-root" };
const OPERATION: Kind = Kind {
    place: "sys/replication/dr/secondary/generate-operation-token",
    name: "DR operation token",
    command: "holdfast operator dr secondary generate-operation-token",
};

impl Kind {
    fn attempt(&self) -> String {
        format!("{}/attempt", self.place)
    }
}

/// Where the server does not say it: a token's length.
const OTP_LENGTH: usize = 28;
const OTP_LENGTH_MOST: u64 = 1024;
const OTP_SIGNS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let output = globals.output()?;
    if let Some(encoded) = &arguments.decode {
        let encoded = prompt::given_or_secret(globals, Some(encoded.clone()), "")?;
        let otp = arguments.otp.as_deref().unwrap_or("");
        let token = decode(&encoded, otp)?;
        return output.value(&json!({ "token": token }), || token.clone());
    }
    if arguments.generate_otp {
        let length = status(&client, arguments.kind()).await?["otp_length"]
            .as_u64()
            .filter(|n| (1..=OTP_LENGTH_MOST).contains(n));
        let otp = one_time_password(length.and_then(|n| usize::try_from(n).ok()).unwrap_or(OTP_LENGTH));
        return output.value(&json!({ "otp": otp, "otp_length": otp.len() }), || otp.clone());
    }
    let kind = arguments.kind();
    let state = match () {
        () if arguments.ceremony.init => {
            let mut asked = json!({});
            if let Some(otp) = &arguments.otp {
                asked["otp"] = otp.as_str().into();
            }
            if let Some(file) = &arguments.pgp_key {
                asked["pgp_key"] = pgp::key(file)?.into();
            }
            let doing = format!("initializing {} generation", kind.name);
            ceremony::answered(client.put(&kind.attempt(), &asked).await, kind.place, &doing)?
        }
        () if arguments.ceremony.cancel => {
            let doing = "canceling token generation";
            let nonce = arguments.ceremony.nonce.iter().map(|nonce| ("nonce".to_owned(), nonce.clone()));
            let asked = Ask::new(Method::DELETE, &kind.attempt()).query(nonce);
            client.send(asked).await.doing(doing)?.ok().doing(doing)?;
            let name = if arguments.dr_token { "Operation" } else { "Root" };
            return output::say(&format!("Success! {name} token generation canceled (if it was started)"));
        }
        () if arguments.ceremony.status => status(&client, kind).await?,
        () => give(&arguments, &client, globals).await?,
    };
    output.value(&state, || table(&state))
}

async fn status(client: &Client, kind: &Kind) -> Result<Value, Failure> {
    let doing = format!("getting {} generation status", kind.name);
    ceremony::answered(client.get(&kind.attempt()).await, kind.place, &doing)
}

/// One key. The last that is needed brings the token.
async fn give(arguments: &Arguments, client: &Client, globals: &Globals) -> Result<Value, Failure> {
    let kind = arguments.kind();
    let doing = format!("getting {} generation status", kind.name);
    let state = ceremony::answered(client.look(&kind.attempt()).await, kind.place, &doing)?;
    if state["started"].as_bool() != Some(true) {
        let (name, command) = (kind.name, kind.command);
        return Err(Failure::usage(format!(
            "No {name} generation is in progress. Start a {name} generation by running \"{command} -init\"."
        )));
    }
    let asked = arguments.ceremony.given(&state, "Operation nonce", "Unseal Key (will be hidden): ", globals)?;
    let doing = "posting unseal key";
    client.put(&format!("{}/update", kind.place), &asked).await.doing(doing)?.inside().doing(doing)
}

fn table(state: &Value) -> String {
    let mut rows = Vec::new();
    let mut add = |name: &str, value: String| rows.push([name.to_owned(), value]);
    let text = |name: &str| state[name].as_str().unwrap_or("").to_owned();
    add("Nonce", text("nonce"));
    add("Started", cell(&state["started"]));
    add("Progress", format!("{}/{}", cell(&state["progress"]), cell(&state["required"])));
    add("Complete", cell(&state["complete"]));
    let encoded = if text("encoded_token").is_empty() { text("encoded_root_token") } else { text("encoded_token") };
    for (name, value) in [("PGP Fingerprint", text("pgp_fingerprint")), ("Encoded Token", encoded)] {
        if !value.is_empty() {
            add(name, value);
        }
    }
    let otp = text("otp");
    if !otp.is_empty() {
        eprintln!("A one-time password was made and is shown once. The token cannot be decoded without it.\n");
        add("OTP", otp);
    }
    if state["otp_length"].as_u64().unwrap_or(0) > 0 {
        add("OTP Length", cell(&state["otp_length"]));
    }
    output::pairs(&rows)
}

fn decode(encoded: &str, otp: &str) -> Result<String, Failure> {
    let unusable = |problem: &str| Failure::usage(format!("Error decoding root token: {problem}"));
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, lenient).decode(encoded.trim());
    let bytes = bytes.map_err(|_| unusable("the encoded token is not base64"))?;
    if bytes.len() != otp.len() {
        let problem = format!("the password is {} long and the token {}", otp.len(), bytes.len());
        return Err(unusable(&problem));
    }
    let token: Vec<u8> = bytes.iter().zip(otp.bytes()).map(|(a, b)| a ^ b).collect();
    String::from_utf8(token).map_err(|_| unusable("this is not the password that it was encoded with"))
}

fn one_time_password(length: usize) -> String {
    let mut otp = String::with_capacity(length);
    while otp.len() < length {
        for byte in crypto::random::<64>() {
            // The largest multiple of 62 in a byte: above it some signs would come more often than others.
            if byte < 248 && otp.len() < length {
                otp.push(char::from(OTP_SIGNS[usize::from(byte) % OTP_SIGNS.len()]));
            }
        }
    }
    otp
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    use super::*;

    #[test]
    fn a_token_comes_back_by_its_password() {
        let token = "s.abcdefghijklmnopqrstuvwx";
        let otp = one_time_password(token.len());
        let encoded: Vec<u8> = token.bytes().zip(otp.bytes()).map(|(a, b)| a ^ b).collect();
        assert_eq!(decode(&STANDARD_NO_PAD.encode(&encoded), &otp).unwrap(), token);
        assert_eq!(decode(&base64::engine::general_purpose::STANDARD.encode(&encoded), &otp).unwrap(), token);
        assert!(decode("AAAA", "x").unwrap_err().to_string().contains("1 long and the token 3"));
        assert_eq!(decode("!!", "x").unwrap_err().exit_status(), 1);
    }

    #[test]
    fn passwords_have_their_length_and_differ() {
        let (one, other) = (one_time_password(100), one_time_password(100));
        assert_eq!((one.len(), one == other), (100, false));
        assert!(one.bytes().all(|sign| sign.is_ascii_alphanumeric()));
    }
}
