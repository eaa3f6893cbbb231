//! The primary's side: inviting a secondary, and giving it what opens the copy.

use std::time::Duration;

use barrier::{Between, SealConfig, SealKind, Wrap};
use sdk::{Map, Value};
use serde::{Deserialize, Serialize};
use storage::Millis;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Activation, Change, DrError, Enrolment, Standing};
use crate::lifecycle::{ClusterInfo, Node};

/// How long an activation token counts if nothing is said.
pub const TTL_DEFAULT: Duration = Duration::from_secs(30 * 60);
const TTL_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
const ID_MAX: usize = 128;
/// How long this node may take to make sure that it still leads.
const READ_MAX: Duration = Duration::from_secs(3);

/// A secondary that is about to be invited.
pub struct Invitation {
    id: String,
    secret_sha256: [u8; 32],
    expires: Millis,
    /// As it is handed out.
    pub token: Zeroizing<String>,
    /// Names the token in logs; tells nothing of it.
    pub accessor: String,
    pub ttl: Duration,
    pub created: Millis,
}

/// What goes with the keys.
#[derive(Serialize, Deserialize)]
pub(super) struct Rest {
    pub cluster: ClusterInfo,
    /// The numbers of its shares, which count for the secondary too.
    pub seal: SealConfig,
    /// The root key, wrapped by what the shares combine to; none where there are no shares.
    pub wrap: Option<Wrap>,
    /// The join key of those shares, as it is kept; empty where it is the keyring's.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "hex::serde")]
    pub join: Vec<u8>,
}

impl Node {
    /// An activation token, which counts once [`invite`](Self::invite) has been carried out.
    pub fn invitation(&self, id: &str, ttl: Duration, public_key: Option<&str>) -> Result<Invitation, DrError> {
        let refused = |text: String| Err(DrError::Refused(text));
        let Standing::Primary { secondaries } = self.standing() else {
            return refused("this cluster is no DR primary: enable it first, by dr/primary/enable".to_owned());
        };
        if id.is_empty() || id.len() > ID_MAX || id.chars().any(|c| c.is_control() || c == '/') {
            return refused(format!(
                "id must name the secondary: 1 to {ID_MAX} bytes, without '/' and control characters"
            ));
        }
        // An invitation that was not followed yet is replaced.
        if secondaries.iter().any(|known| known.id == id && matches!(known.enrolment, Enrolment::Enrolled { .. })) {
            return refused(
                "there is a secondary of that id already: give another one, or revoke that secondary first".to_owned(),
            );
        }
        if ttl < Duration::from_secs(1) || ttl > TTL_MAX {
            return refused(format!("ttl must be between 1 second and {} days", TTL_MAX.as_secs() / 86_400));
        }
        let (config, _) =
            self.stored_seal().map_err(broken)?.ok_or_else(|| broken("the seal configuration is missing"))?;
        let cluster = self.cluster_info().ok_or_else(|| broken("the server is sealed"))?;
        let primary = self.replication.members().into_iter().map(|status| status.member).collect();
        let secret: [u8; 32] = crypto::random();
        let secret_sha256 = crypto::sha256(&secret);
        let root = self.barrier.root_key_id().map_err(|_| broken("the server is sealed"))?;
        let activation = Activation::new(cluster.id, id.to_owned(), primary, secret, config.shares(), root);
        let token = match public_key {
            None => activation.to_text(),
            Some(key) => {
                Zeroizing::new(activation.sealed_to(key).map_err(|problem| DrError::Refused(problem.to_string()))?)
            }
        };
        let created = self.replication.now();
        let accessor = hex::encode(&secret_sha256[..12]);
        Ok(Invitation { id: id.to_owned(), secret_sha256, expires: created.plus(ttl), token, accessor, ttl, created })
    }

    /// From then on the token counts.
    pub async fn invite(&self, invitation: &Invitation, deadline: Instant) -> Result<(), DrError> {
        let Invitation { id, secret_sha256, expires, .. } = invitation;
        let change = Change::Invite { id: id.clone(), secret_sha256: *secret_sha256, expires: *expires };
        self.change_standing(change, deadline).await
    }

    /// What opens the copy, sealed to the question of that secondary's node, which has shown its secret. The error is for
    /// that node to read.
    pub async fn welcome(&self, id: &str, from: u64, question: &[u8]) -> Result<Vec<u8>, String> {
        let text = |problem: &dyn std::fmt::Display| problem.to_string();
        if self.is_sealed() {
            return Err("the primary's active node is sealed".to_owned());
        }
        // One that was replaced, or cut off, does not know who was revoked since.
        let now = self.replication.read_point(Instant::now() + READ_MAX).await.map_err(|e| text(&e))?;
        self.leading().map_err(|e| text(&e))?;
        match self.standing() {
            Standing::Primary { secondaries } if secondaries.iter().any(|known| known.id == id) => {}
            Standing::Primary { .. } => return Err(format!("this primary knows no secondary {id:?}; it was revoked")),
            _ => return Err("this cluster is no DR primary".to_owned()),
        }
        let (seal, wraps) = self.stored_seal().map_err(|e| text(&e))?.ok_or("the primary's seal is not known")?;
        let cluster = self.cluster_info().ok_or("the primary's active node is sealed")?;
        let join = self.kept_for_present_shares().unwrap_or_default();
        let rest = Rest { cluster, seal, wrap: wraps.of(SealKind::Shamir.name()).cloned(), join };
        let rest = serde_json::to_vec(&rest).map_err(|e| text(&e))?;
        let own = self.replication.joining().id;
        let answer = self.barrier.welcome(question, Between { borrower: from, lender: own }, id, &rest);
        let answer = answer.map_err(|e| text(&e))?;
        let snapshot = self.store.snapshot().map_err(|e| text(&e))?;
        let told = async {
            self.audit.refresh(&snapshot).map_err(|e| text(&e))?;
            self.audit.event(now, "dr-secondary-enrolled", facts(id, from)).await.map_err(|e| text(&e))
        };
        told.await.map_err(|problem| format!("the primary could not write its audit entry: {problem}"))?;
        tracing::warn!(secondary = id, "a secondary is given this cluster's root key");
        Ok(answer)
    }
}

fn broken(problem: impl std::fmt::Display) -> DrError {
    DrError::Unavailable(problem.to_string())
}

fn facts(secondary: &str, node: u64) -> Map<String, Value> {
    Map::from_iter([("secondary".to_owned(), secondary.into()), ("raft_id".to_owned(), format!("{node:016x}").into())])
}
