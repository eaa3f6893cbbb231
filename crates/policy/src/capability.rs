//! What a rule may grant, and sets of it.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Capability {
    Create = 1 << 0,
    Delete = 1 << 1,
    /// Stands alone: with it a rule grants nothing, whatever else it or another policy says for the same path.
    Deny = 1 << 2,
    List = 1 << 3,
    Patch = 1 << 4,
    Read = 1 << 5,
    /// Read and reported for policies written elsewhere; no operation asks for it.
    Recover = 1 << 6,
    Scan = 1 << 7,
    /// Read and reported for policies written elsewhere; no operation asks for it.
    Subscribe = 1 << 8,
    Sudo = 1 << 9,
    Update = 1 << 10,
}

impl Capability {
    /// In the order answers list them.
    pub const ALL: [Capability; 11] = [
        Capability::Create,
        Capability::Delete,
        Capability::Deny,
        Capability::List,
        Capability::Patch,
        Capability::Read,
        Capability::Recover,
        Capability::Scan,
        Capability::Subscribe,
        Capability::Sudo,
        Capability::Update,
    ];

    pub fn named(name: &str) -> Option<Capability> {
        Capability::ALL.into_iter().find(|capability| capability.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Capability::Create => "create",
            Capability::Delete => "delete",
            Capability::Deny => "deny",
            Capability::List => "list",
            Capability::Patch => "patch",
            Capability::Read => "read",
            Capability::Recover => "recover",
            Capability::Scan => "scan",
            Capability::Subscribe => "subscribe",
            Capability::Sudo => "sudo",
            Capability::Update => "update",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CapabilitySet(u16);

impl CapabilitySet {
    pub const EMPTY: CapabilitySet = CapabilitySet(0);
    pub const DENY: CapabilitySet = CapabilitySet(Capability::Deny as u16);

    pub fn contains(self, capability: Capability) -> bool {
        self.0 & capability as u16 != 0
    }

    pub fn insert(&mut self, capability: Capability) {
        self.0 |= capability as u16;
    }

    pub fn union(self, other: CapabilitySet) -> CapabilitySet {
        CapabilitySet(self.0 | other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn denies(self) -> bool {
        self.contains(Capability::Deny)
    }

    /// Whether anything is granted: not empty, not denied.
    pub fn grants_anything(self) -> bool {
        !self.is_empty() && !self.denies()
    }

    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }

    /// The names as answers list them: `["deny"]` when denied or empty.
    pub fn names(self) -> Vec<&'static str> {
        if self.grants_anything() { self.iter().map(Capability::name).collect() } else { vec!["deny"] }
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> CapabilitySet {
        let mut set = CapabilitySet::EMPTY;
        capabilities.into_iter().for_each(|capability| set.insert(capability));
        set
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
