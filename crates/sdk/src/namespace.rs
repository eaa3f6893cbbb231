//! Namespaces: the parts of a cluster that know nothing of each other.

use serde::{Deserialize, Serialize};
use storage::{Class, Path, Seg};

/// The namespace that a record, a token or a mount belongs to. The root namespace is the empty id.
///
/// As text it is eight letters and digits; of a namespace whose records have a keyring of their own, `-` and the keyring's
/// name follow, which are the first eight letters of the namespace that brought the keyring. So where a record lies says what
/// it is sealed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamespaceId(String);

const LETTERS: usize = 8;

impl NamespaceId {
    pub fn root() -> Self {
        Self::default()
    }

    /// What a new namespace is called: below another one, and with a keyring of its own or that of its parent.
    pub fn new(letters: &str, parent: &NamespaceId, own_keyring: bool) -> Option<Self> {
        let text = match (own_keyring, parent.keyring()) {
            (true, _) => format!("{letters}-{letters}"),
            (false, "") => letters.to_owned(),
            (false, keyring) => format!("{letters}-{keyring}"),
        };
        Self::parse(&text)
    }

    /// `None`: no namespace can have this id. The root's, which is empty, is none either.
    pub fn parse(text: &str) -> Option<Self> {
        let word = |part: &str| part.len() == LETTERS && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let fits = match text.split_once('-') {
            Some((own, keyring)) => word(own) && word(keyring),
            None => word(text),
        };
        fits.then(|| Self(text.to_owned()))
    }

    /// The one that a path lies in. `None`: it lies in none, as what belongs to the cluster alone.
    pub fn of(path: &Path) -> Option<Self> {
        match (path.class(), path.segs().first()) {
            (Class::Replicated, Some(Seg::Plain(id))) if id.is_empty() => Some(Self::root()),
            (Class::Replicated, Some(Seg::Plain(id))) => Self::parse(std::str::from_utf8(id).ok()?),
            _ => None,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the wire shows it.
    pub fn shown(&self) -> &str {
        if self.is_root() { "root" } else { &self.0 }
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Of which keyring its records are; empty for the cluster's own.
    pub fn keyring(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, keyring)| keyring)
    }

    /// Whether it has brought the keyring of its records.
    pub fn owns_keyring(&self) -> bool {
        !self.keyring().is_empty() && self.keyring_owner() == *self
    }

    /// The namespace that brought the keyring of its records: the root, itself, or one above it.
    pub fn keyring_owner(&self) -> Self {
        Self::owner_of(self.keyring()).unwrap_or_default()
    }

    /// The one that brought the keyring with this name; the server's own has none.
    pub fn owner_of(keyring: &str) -> Option<Self> {
        if keyring.is_empty() { Some(Self::root()) } else { Self::parse(&format!("{keyring}-{keyring}")) }
    }
}

/// A namespace, and where it is. It stays there as long as it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    pub id: NamespaceId,
    /// From the root, as `team/web/`; empty for the root.
    pub path: String,
}

impl Namespace {
    pub fn root() -> Self {
        Self::default()
    }

    pub fn is_root(&self) -> bool {
        self.id.is_root()
    }

    /// The way from this one to another, if that is this one or lies below it.
    pub fn way_to<'p>(&self, other: &'p Namespace) -> Option<&'p str> {
        other.path.strip_prefix(&self.path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_keyring_its_records_have() {
        let root = NamespaceId::root();
        let plain = NamespaceId::new("aaaaAAAA", &root, false).unwrap();
        let own = NamespaceId::new("bbbbBBBB", &plain, true).unwrap();
        let below = NamespaceId::new("ccccCCCC", &own, false).unwrap();
        assert_eq!((plain.as_str(), plain.keyring(), plain.keyring_owner()), ("aaaaAAAA", "", root));
        assert_eq!((own.as_str(), own.keyring_owner()), ("bbbbBBBB-bbbbBBBB", own.clone()));
        assert_eq!((below.as_str(), below.keyring_owner()), ("ccccCCCC-bbbbBBBB", own));
        for no in ["", "short", "eight.22", "aaaaAAAA-", "aaaaAAAA-short", "a-b", "aaaaAAAA-bbbbBBBB-c", "ééééé"] {
            assert_eq!(NamespaceId::parse(no), None, "{no}");
        }
    }

    #[test]
    fn a_way_leads_down_only() {
        let at = |path: &str| Namespace { path: path.to_owned(), ..Namespace::default() };
        assert_eq!(at("").way_to(&at("team/web/")), Some("team/web/"));
        assert_eq!(at("team/").way_to(&at("team/web/")), Some("web/"));
        assert_eq!(at("team/").way_to(&at("team/")), Some(""));
        assert_eq!(at("team/").way_to(&at("teammate/")), None);
        assert_eq!(at("team/web/").way_to(&at("team/")), None);
    }
}
