//! The secondary's side: becoming the copy of another cluster.

use barrier::{Between, Borrower, RootKey};
use bytes::Bytes;
use crypto::Key32;
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, RawKey, Read};
use tokio::time::Instant;

use super::activation::public_text;
use super::primary::Rest;
use super::{Activation, ActivationError, Adopted, Change, DrError, Standing};
use crate::change::change;
use crate::lifecycle::{Node, kept_for_shares};
use crate::mount::Table;
use crate::space;

/// Everything is ready; nothing has changed yet.
pub struct Following {
    /// To be written before: how the root key is wrapped, where it stays.
    wraps: Option<Vec<(RawKey, Bytes)>>,
    change: Change,
    /// The primary's name.
    pub cluster_name: String,
    pub id: String,
}

/// The private half of the key that activation tokens are encrypted to.
#[derive(Serialize, Deserialize)]
struct KeptKey(String);

/// How many of the mounts that would be lost are named.
const NAMED: usize = 5;

impl From<ActivationError> for DrError {
    fn from(error: ActivationError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl Node {
    /// A fresh key that an activation token can be encrypted to; one made before counts no more. Answers its public half.
    pub async fn generate_public_key(&self) -> Result<String, DrError> {
        if matches!(self.standing(), Standing::Primary { .. }) {
            let text =
                "this cluster is a DR primary: its key would be of no use; ask the cluster that is to be the secondary";
            return Err(DrError::Refused(text.to_owned()));
        }
        let (key, term) = (Key32::random(), self.leading()?);
        let kept = KeptKey(hex::encode(key.expose()));
        let done = change(self, self.replication.now(), term, |state| state.at(space::dr()).put(&key_record(), &kept));
        done.await.map_err(|problem| DrError::Unavailable(problem.to_string()))?;
        Ok(public_text(&key))
    }

    /// Shows the token to the primary and makes everything ready to become its copy. `replaces`: the caller knows that what
    /// this cluster has will be gone.
    pub async fn prepare_to_follow(
        &self,
        token: &str,
        replaces: bool,
        deadline: Instant,
    ) -> Result<Following, DrError> {
        let refused = |text: String| Err(DrError::Refused(text));
        self.leading()?;
        let token = Activation::parse(token, || self.kept_key())?;
        let (own, standing) = (self.replication.members(), self.standing());
        if token.primary.iter().any(|theirs| own.iter().any(|ours| ours.member.key == theirs.key)) {
            return refused("the activation token is this cluster's own; a cluster cannot be its own copy".to_owned());
        }
        match standing {
            Standing::Alone if !replaces => self.refuse_to_replace()?,
            Standing::Secondary { .. } if !replaces => self.refuse_another_root(&token)?,
            Standing::Alone | Standing::Secondary { .. } => {}
            Standing::Primary { .. } => {
                let text = "this cluster is a DR primary: demote it, or disable it as a primary, before it becomes a secondary";
                return refused(text.to_owned());
            }
        }
        if token.shares == 0 && !self.unseals_itself() {
            let text = "the primary has no unseal or recovery keys, and this cluster no seal of its own: nothing could unseal \
                        it afterwards. Configure a seal here, or make recovery keys at the primary";
            return refused(text.to_owned());
        }
        // The token counts once: it is not spent where nothing could come of it.
        let away = |why| {
            DrError::Unavailable(format!(
                "no seal of this cluster does its work now, and the token was not used: {why}"
            ))
        };
        self.try_seals().await.map_err(away)?;
        let borrower = Borrower::new();
        let question = Bytes::from(borrower.question());
        let enrolled = self.other_cluster().enroll(&token.primary, token.secret, question, deadline).await?;
        let between = Between { borrower: self.replication.joining().id, lender: enrolled.by };
        let welcome = borrower.open_welcome(&enrolled.welcome, between, &enrolled.id);
        let welcome = welcome.map_err(|_| DrError::Unavailable("the primary's answer does not open".to_owned()))?;
        let rest: Rest = serde_json::from_slice(&welcome.rest)
            .map_err(|problem| DrError::Unavailable(format!("the primary's answer cannot be read: {problem}")))?;
        let (config, wraps) = self.adopt_root(&welcome.root, &welcome.join, &rest.seal, rest.wrap).await?;
        let json = |what: Result<Vec<u8>, serde_json::Error>| {
            what.map(Bytes::from).map_err(|problem| DrError::Unavailable(problem.to_string()))
        };
        let mut puts = vec![
            (space::seal_config(), json(serde_json::to_vec(&config))?),
            (space::seal_wraps(), json(serde_json::to_vec(&wraps))?),
        ];
        if rest.join.is_empty() {
            puts.extend(kept_for_shares(&welcome.root, &welcome.join, &wraps));
        } else {
            puts.push((space::seal_join(), Bytes::from(rest.join)));
        }
        let (mut wraps, mut adopted) = (None, None);
        let successor = self.successor(&welcome.root)?;
        if matches!(standing, Standing::Secondary { .. }) && successor.is_none() {
            // Its history is the primary's up to some moment: it goes on from there, or fetches what differs. Both shares open
            // the root key meanwhile.
            wraps = Some(puts);
        } else {
            let mut prefix_deletes = vec![space::seal()];
            // What else this cluster alone has was sealed by a keyring that is then gone.
            if successor.is_some() {
                prefix_deletes.extend([space::dr_folder(), space::autopilot_folder(), space::recovery_folder()]);
            }
            let puts = puts.into_iter().chain(successor.map(|sealed| (space::dr_root(), sealed))).collect();
            adopted = Some(Adopted { puts, prefix_deletes });
        }
        let change =
            Change::Follow { id: enrolled.id.clone(), primary: enrolled.primary, reign: enrolled.reign, adopted };
        Ok(Following { wraps, change, cluster_name: rest.cluster.name, id: enrolled.id })
    }

    /// The copy begins. What a cluster had of its own is there until the copy is complete, and then gone.
    pub async fn follow(&self, following: Following, deadline: Instant) -> Result<(), DrError> {
        if let Some(puts) = following.wraps {
            self.replace_wraps(puts, deadline).await?;
        }
        self.change_standing(following.change, deadline).await
    }

    /// Nothing where the root key stays.
    fn successor(&self, root: &RootKey) -> Result<Option<Bytes>, DrError> {
        let sealed = |_| DrError::Unavailable("the server is sealed".to_owned());
        if self.barrier.root_key_id().map_err(sealed)? == root.id() {
            return Ok(None);
        }
        self.barrier.seal_successor(root).map(|bytes| Some(Bytes::from(bytes))).map_err(sealed)
    }

    fn refuse_to_replace(&self) -> Result<(), DrError> {
        let failed = |problem: Access| DrError::Unavailable(problem.to_string());
        let view = self.local_view().map_err(failed)?;
        let mut names = Vec::new();
        for table in [Table::Secret, Table::Auth] {
            let mounts = self.mounts.list(&view, table).map_err(failed)?;
            names.extend(mounts.values().filter(|mount| !mount.is_builtin()).map(crate::mount::Mount::full_path));
        }
        if names.is_empty() {
            return Ok(());
        }
        let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if names.len() > NAMED { ", …" } else { "" };
        Err(DrError::Refused(format!(
            "this cluster has {} mounts of its own ({shown}{more}), and all that it has would be replaced by the primary's: take a \
             backup if it is wanted, and give force=true",
            names.len()
        )))
    }

    fn refuse_another_root(&self, token: &Activation) -> Result<(), DrError> {
        let own = self.barrier.root_key_id().map_err(|_| DrError::Unavailable("the server is sealed".to_owned()))?;
        if own.to_string() == token.root_key_id {
            return Ok(());
        }
        let text = "the token is of a cluster with another root key, whose records share no history with those here: all that this \
                    cluster has would be replaced. If that is meant, give force=true";
        Err(DrError::Refused(text.to_owned()))
    }

    fn kept_key(&self) -> Result<Option<Key32>, DrError> {
        let view = self.local_view().map_err(|problem| DrError::Unavailable(problem.to_string()))?;
        let kept: Option<KeptKey> = match view.elsewhere(space::dr()).get(&key_record()) {
            Ok(kept) => kept,
            // Of a keyring that is gone.
            Err(Access::Broken(_)) => None,
            Err(problem) => return Err(DrError::Unavailable(problem.to_string())),
        };
        Ok(kept.and_then(|KeptKey(text)| Key32::from_slice(&hex::decode(text).ok()?).ok()))
    }
}

fn key_record() -> PathKey {
    PathKey::kind("key")
}
