//! Keys of a namespace that something on a request's way lacks: the namespace that it goes to, its token's, or what it names in its
//! body. The request waits for them, as another member may have them; where they do not come it goes on at the active node.

use sdk::Failure;

use super::{Again, Pipeline, Run, Stages};
use crate::lifecycle::Brought;
use crate::namespace::{Address, UNLOCK};

impl Pipeline {
    /// Whether the keys of the namespace that the request's token belongs to are here, or need not be waited for.
    pub(super) async fn has_home(&self, run: &Run<'_>, stages: &mut Stages<'_>) -> Result<bool, Failure> {
        let Some(home) = run.request.token.as_ref().map(|token| token.home()) else { return Ok(true) };
        if stages.home_asked || self.node.barrier.holds(home.keyring()) {
            return Ok(true);
        }
        stages.home_asked = true;
        Ok(!self.comes(run, home.keyring(), stages).await?)
    }

    /// After an operation has failed: waits for the keys that it lacked. What is answered if they do not come.
    pub(super) async fn bring(
        &self,
        run: &Run<'_>,
        failure: Failure,
        stages: &mut Stages<'_>,
    ) -> Result<Failure, Again> {
        let keyring = match (&failure, stages.lacking.take()) {
            (Failure::NamespaceSealed(keyring), _) => keyring.clone(),
            (_, Some(keyring)) => keyring,
            (_, None) => return Ok(failure),
        };
        // Nothing is held meanwhile.
        stages.latches = Some(self.latches.begin());
        match self.comes(run, &keyring, stages).await {
            Ok(true) => Err(Again::Conflict),
            Ok(false) => Ok(failure),
            Err(moved) => Ok(moved),
        }
    }

    async fn comes(&self, run: &Run<'_>, keyring: &str, stages: &Stages<'_>) -> Result<bool, Failure> {
        match self.node.bring_keys(keyring, || stages.waits()).await {
            Brought::Here => Ok(true),
            Brought::Elsewhere if run.term.is_none() => Err(moved()),
            Brought::Elsewhere | Brought::Nowhere => Ok(false),
        }
    }
}

/// Whether anything of the namespace is served.
pub(super) fn is_open(run: &Run<'_>, address: &Address) -> Result<(), Failure> {
    if address.place.lacks_keys() && run.term.is_none() {
        return Err(moved());
    }
    match address.place.closed() {
        Some(_) if address.path == UNLOCK && !address.place.is_sealed() => Ok(()),
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn moved() -> Failure {
    Failure::Moved("this node has no keys for the namespace yet; the active node may have".into())
}
