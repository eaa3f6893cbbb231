//! The wraps of the root key by request: listed, made, taken away.

use std::collections::BTreeSet;

use barrier::SealKind;
use storage::StoreError;
use tokio::time::Instant;

use super::ceremony::CeremonyError;
use super::rewrap::Rewrap;
use super::seals::SealHealth;
use super::{ChangeError, Node};

/// A seal that has a wrap of the root key, or is configured at this node, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealEntry {
    pub name: String,
    pub kind: SealKind,
    /// Of the key that the wrap is by.
    pub key_id: Option<String>,
    pub wrapped: bool,
    pub configured: bool,
    pub disabled: bool,
    pub priority: Option<u32>,
    /// Of one that this node asks.
    pub health: Option<SealHealth>,
}

type Result<T> = std::result::Result<T, CeremonyError>;

impl Node {
    /// In the order in which this node would use them; what it is not configured for comes last.
    pub fn seal_entries(&self) -> std::result::Result<Vec<SealEntry>, StoreError> {
        let wraps = self.stored_seal()?.map(|(_, wraps)| wraps);
        let wrap = |name: &str| wraps.as_ref().and_then(|wraps| wraps.of(name));
        let mut entries: Vec<SealEntry> = Vec::new();
        for seal in self.seals.all() {
            let wrap = wrap(&seal.name).filter(|wrap| wrap.kind == seal.seal.kind());
            entries.push(SealEntry {
                name: seal.name.clone(),
                kind: seal.seal.kind(),
                key_id: wrap.map(|wrap| wrap.key_id.clone()),
                wrapped: wrap.is_some(),
                configured: true,
                disabled: seal.disabled,
                priority: Some(seal.priority),
                health: self.seals.health(&seal.name),
            });
        }
        for wrap in wraps.iter().flat_map(|wraps| &wraps.wraps) {
            if entries.iter().any(|entry| entry.name == wrap.seal() && entry.kind == wrap.kind) {
                continue;
            }
            entries.push(SealEntry {
                name: wrap.seal().to_owned(),
                kind: wrap.kind,
                key_id: Some(wrap.key_id.clone()),
                wrapped: true,
                // Shares need no configuration.
                configured: !wrap.kind.is_automatic(),
                disabled: false,
                priority: None,
                health: None,
            });
        }
        Ok(entries)
    }

    /// Wraps the root key by a seal of the active node's configuration.
    pub async fn add_seal(&self, name: &str, deadline: Instant) -> Result<()> {
        self.leading()?;
        if self.seals.disabled().any(|seal| seal.name == name) {
            return Err(CeremonyError::refused(format!(
                "the seal {name:?} is `disabled` in the active node's configuration: it is being left. Take `disabled` out of its block \
                 in the configuration of all nodes and start them anew, the active one last"
            )));
        }
        if self.seals.get(name).is_none() {
            let names: Vec<String> = self.seals.enabled().map(|seal| format!("{:?}", seal.name)).collect();
            let known =
                if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            return Err(CeremonyError::refused(format!(
                "the active node's configuration has no seal {name:?}: {known}. First write a `seal` block of that name into the \
                 configuration of all nodes and start them anew, the active one last"
            )));
        }
        let failed = self.rewrap(&Rewrap { make: [name.to_owned()].into(), ..Rewrap::default() }, deadline).await?;
        if failed.is_empty() { Ok(()) } else { Err(ChangeError::Unavailable(failed.join("; ")).into()) }
    }

    /// Takes a seal's wrap away, if what remains was seen to open.
    pub async fn remove_seal(&self, name: &str, deadline: Instant) -> Result<()> {
        self.leading()?;
        let (_, wraps) = self.stored_seal()?.ok_or(ChangeError::Broken("the root key's wraps are missing".into()))?;
        let wrap = wraps.of(name);
        if wrap.is_none() && self.seals.get(name).is_none() {
            let names: Vec<String> = wraps.wraps.iter().map(|wrap| format!("{:?}", wrap.seal())).collect();
            let text = format!("no seal {name:?} wraps the root key; there are {}", names.join(", "));
            return Err(CeremonyError::refused(text));
        }
        if wrap.is_some_and(|wrap| !wrap.kind.is_automatic()) {
            let text = "the key shares are not taken away; new ones are made with `operator rekey`";
            return Err(CeremonyError::refused(text));
        }
        let names: BTreeSet<String> = [name.to_owned()].into();
        self.rewrap(&Rewrap { take: names.clone(), without: names, ..Rewrap::default() }, deadline).await?;
        Ok(())
    }
}
