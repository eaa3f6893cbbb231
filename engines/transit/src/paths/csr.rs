//! `keys/:name/csr`: a request for a certificate of this key.

use std::sync::Arc;

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use super::set_certificate::suits;
use crate::keys::Keys;
use crate::{answers, batch, certificate};

#[derive(Input)]
struct Csr {
    /// The key's name.
    name: Name,
    /// The version that signs; the latest without it.
    version: Option<i64>,
    /// A request in PEM whose subject and extensions are taken over; its key is not.
    csr: String,
}

pub fn path(keys: &Arc<Keys>) -> Path {
    let keys = Arc::clone(keys);
    Path::new("keys/:name/csr")
        .ids([(Verb::Write, "get-csr")])
        .help("Signs a certificate request.", "With this key, whatever key the given one is of.")
        .view(Verb::Write, move |_: &Ctx, input: Csr, view: &View| request(&keys, input, view))
}

fn request(keys: &Keys, input: Csr, view: &View) -> Result<Reply<answers::Csr>> {
    let name = input.name.checked()?;
    let used = keys.find(view, &name, &format!("key with provided name '{name}' not found"))?;
    suits(&used.key)?;
    let ready = used.version(used.key.asked(input.version)?)?;
    let missing = "could not create the csr: private key not imported for key version selected";
    let pair = ready.private().ok_or_else(|| Failure::invalid(missing))?;
    let csr = batch::run(&used, 1, || certificate::request(pair, &input.csr))?;
    Reply::data(answers::Csr { name: name.clone(), kind: used.key.kind.name(), csr })
}
