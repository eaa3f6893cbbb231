//! What rekeying and the making of a root token have in common: somebody begins, then each holder gives a key.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::client::Reply;
use crate::cli::failure::{Failure, While};
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
                if nonce.is_empty() {
                    let text = "The server does not show which attempt is under way: give the nonce that -init printed, by -nonce";
                    return Err(Failure::usage(text));
                }
                eprintln!("{title}: {nonce}");
                nonce
            }
            (Some(_), None) => return Err(Failure::usage("Missing nonce value: specify it via the -nonce flag")),
        };
        let key = prompt::given_or_secret(globals, self.key.clone(), question)?;
        Ok(json!({ "key": key.as_str(), "nonce": nonce }))
    }
}

/// What a request to `place` came to. Elsewhere the keys suffice, so who lacks a token is told of it.
pub fn answered(reply: Result<Reply, Failure>, place: &str, doing: &str) -> Result<Value, Failure> {
    let reply = reply.doing(doing)?;
    let denied = reply.status == 403;
    reply.inside().doing(doing).map_err(|failure| match failure {
        Failure::Refused(problem) if denied => Failure::Refused(format!(
            "{}\n\nBesides the keys this takes a token with sudo on {place}/*, unless the server's configuration has\n\
             enable_unauthenticated_access for it.",
            problem.trim_end()
        )),
        other => other,
    })
}
