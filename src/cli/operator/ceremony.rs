//! What rekeying and the making of a root token have in common: somebody begins, then each holder gives a key.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::globals::Globals;
use crate::cli::output::cell;
use crate::cli::prompt;

#[derive(Args)]
pub struct Ceremony {
    /// An unseal key, or - for standard input; both need -nonce. Without one it is asked for
    key: Option<String>,
    /// Begin
    #[arg(long, group = "action")]
    pub init: bool,
    /// Give up, and forget the keys given so far
    #[arg(long, group = "action")]
    pub cancel: bool,
    /// Show how far it is
    #[arg(long, group = "action")]
    pub status: bool,
    /// The number that -init printed: it says which attempt is meant
    #[arg(long, value_name = "TEXT")]
    pub nonce: Option<String>,
}

impl Ceremony {
    /// The body that gives one key. `title` stands before the nonce where a person is asked, `question` before the key.
    pub fn given(&self, state: &Value, title: &str, question: &str, globals: &Globals) -> Result<Value, Failure> {
        let nonce = match (&self.key, &self.nonce) {
            (_, Some(nonce)) => nonce.clone(),
            // Who is asked sees which attempt it is; a program must say which one it means.
            (None, None) => {
                let nonce = cell(&state["nonce"]);
                eprintln!("{title}: {nonce}");
                nonce
            }
            (Some(_), None) => return Err(Failure::usage("Missing nonce value: specify it via the -nonce flag")),
        };
        let key = prompt::given_or_secret(globals, self.key.clone(), question)?;
        Ok(json!({ "key": key.as_str(), "nonce": nonce }))
    }
}
