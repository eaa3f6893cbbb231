//! What a configuration may say: every key is declared once, beside the code that reads it.
//!
//! A section's file has a [`Table`]. From the tables come the warnings about keys that nobody knows or that have no
//! effect here, and `docs/CONFIGURATION.md`. They do not read values: the typed structures do, through
//! [`Section`](super::section::Section), which holds them to the table. In tests, a key that is read and not declared,
//! or declared and not read, is a failure.

/// The keys of one block, or of the top.
pub struct Table {
    /// The first label of the blocks that this describes, `tcp` of `listener "tcp"`. Empty if they have none.
    pub label: &'static str,
    /// One or two sentences for the reference.
    pub about: &'static str,
    /// Lists of keys, so that two tables may share one.
    pub keys: &'static [&'static [Key]],
}

pub struct Key {
    pub name: &'static str,
    pub takes: Takes,
    /// What holds without the key, as one would write it. Empty: nothing.
    pub default: &'static str,
    pub help: &'static str,
    pub effect: Effect,
    /// What else sets it and goes before the file: variables of the environment and flags.
    pub before: &'static str,
}

pub enum Takes {
    Text,
    /// One of a few words, as listed in the help.
    Word,
    Path,
    Address,
    Flag,
    Number,
    Bytes,
    /// A number without a unit counts seconds.
    Duration,
    /// `["a", "b"]` or `"a,b"`.
    List,
    /// Names of the writer's choice, each with a value or a block.
    Map,
    /// `name "label" { … }`, which may come again. One table for each first label.
    Blocks {
        labels: usize,
        kinds: &'static [&'static Table],
    },
    /// Of a key without effect: nobody looks.
    Anything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// When the server starts.
    Start,
    /// When the server starts, and again on SIGHUP.
    Reload,
    /// None, which a warning says. The help says why.
    Ignored(Why),
    /// The server does not start with it: it asks for protection that is not there. The help says what to do.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is about something that later versions of Vault, or this server, no longer have.
    Obsolete,
    /// Only Vault's enterprise edition has it.
    Enterprise,
    /// This server does not do it.
    NotOffered,
}

impl Key {
    pub const fn new(name: &'static str, takes: Takes, default: &'static str, help: &'static str) -> Key {
        Key { name, takes, default, help, effect: Effect::Start, before: "" }
    }

    pub const fn blocks(name: &'static str, labels: usize, kinds: &'static [&'static Table]) -> Key {
        Key::new(name, Takes::Blocks { labels, kinds }, "", "")
    }

    pub const fn ignored(name: &'static str, why: Why, help: &'static str) -> Key {
        Key { effect: Effect::Ignored(why), ..Key::new(name, Takes::Anything, "", help) }
    }

    pub const fn refused(name: &'static str, help: &'static str) -> Key {
        Key { effect: Effect::Refused, ..Key::new(name, Takes::Anything, "", help) }
    }

    pub const fn reloadable(self) -> Key {
        Key { effect: Effect::Reload, ..self }
    }

    pub const fn after(self, before: &'static str) -> Key {
        Key { before, ..self }
    }

    /// Whether the code has to look at it.
    pub fn is_read(&self) -> bool {
        matches!(self.effect, Effect::Start | Effect::Reload)
    }

    pub fn is_block(&self) -> bool {
        matches!(self.takes, Takes::Blocks { .. })
    }
}

impl Table {
    pub fn all(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().copied().flatten()
    }

    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.all().find(|key| key.name == name)
    }
}

impl Why {
    pub fn words(self) -> &'static str {
        match self {
            Why::Obsolete => "obsolete",
            Why::Enterprise => "of Vault's enterprise edition",
            Why::NotOffered => "not offered",
        }
    }
}
