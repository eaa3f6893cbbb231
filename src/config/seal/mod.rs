//! What wraps the root key besides key shares.

mod device;
mod fixed;
mod secret;
mod transit;

pub use device::HsmSeal;
pub use fixed::{SealKey, StaticKeys};
pub use secret::Secret;
pub use transit::{TokenAt, TransitSeal, TransitTls, is_segment};

use super::declared::Takes::{Flag, Number, Text};
use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;

/// `seal "…"`. Without such a block the key shares are all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Tells it from the others, also in the stored state.
    pub name: String,
    /// The least goes first.
    pub priority: u32,
    /// It is being left.
    pub disabled: bool,
    pub namespaces: OfferedTo,
    pub by: SealedBy,
}

/// Whose root keys a seal wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferedTo {
    /// The server's own alone.
    Server,
    /// Also those of namespaces that name it.
    Both,
    /// Only those.
    Namespaces,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealedBy {
    Static(StaticKeys),
    Transit(TransitSeal),
    Hsm(HsmSeal),
}

impl SealedBy {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Static(_) => "static",
            Self::Transit(_) => "transit",
            Self::Hsm(_) => "pkcs11",
        }
    }
}

pub const TABLES: &[&Table] = &[&SHAMIR, &fixed::STATIC, &transit::TRANSIT, &device::PKCS11];

const SHAMIR: Table = Table {
    label: "shamir",
    about: "The root key is wrapped by a key that is split into shares, which people keep. What holds without a block.",
    keys: &[&[
        Key::ignored("name", NotOffered, "key shares need no name"),
        Key::ignored("priority", NotOffered, "key shares are given by people, whenever they are"),
        Key::ignored("namespaces", NotOffered, "a namespace's shares are its own"),
        Key::ignored("disabled", NotOffered, "key shares unseal for as long as there are any"),
    ]],
};

/// Of all blocks but Shamir's.
const COMMON: &[Key] = &[
    Key::new(
        "name",
        Text,
        "",
        "Tells this seal from others of its kind, also in what is stored: it is to stay. Without one it is called as its kind.",
    ),
    Key::new("priority", Number, "1", "The seal with the least goes first where the order matters, 1 to 1000."),
    Key::new(
        "namespaces",
        Text,
        "no",
        "Whether namespaces with a seal of their own may name this one: `no`, `also` beside the server, or `only` they and not the \
         server. The same on all nodes.",
    ),
    Key::new(
        "disabled",
        Flag,
        "false",
        "The cluster leaves this seal: nothing is unsealed by it, and a migration takes its wrap away.",
    ),
];

const MOST: usize = 8;
const LAST_PRIORITY: u64 = 1000;

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<Seal>, ConfigError> {
    let blocks = top.blocks("seal")?;
    let of_kind = |kind: &str| blocks.iter().filter(|(labels, _)| labels[0] == kind).count();
    // What the environment says is not said of one of several.
    let alone = |kind: &str| of_kind(kind) == 1;
    let environment = (alone("transit"), alone("pkcs11"));
    let mut found: Vec<Seal> = Vec::new();
    for (labels, section) in blocks {
        let refused = |problem: String| ConfigError::BadBlock { place: section.place(), problem };
        let by = match labels[0].as_str() {
            "shamir" => {
                section.finish(warnings)?;
                continue;
            }
            "static" => SealedBy::Static(fixed::read(&section)?),
            "transit" => SealedBy::Transit(transit::read(&section, environment.0, warnings)?),
            "pkcs11" => SealedBy::Hsm(device::read(&section, environment.1)?),
            other => {
                return Err(refused(format!(
                    "seal {other:?} is not offered by this version: seal \"shamir\", \"static\", \"transit\" and \"pkcs11\" are"
                )));
            }
        };
        let seal = Seal {
            name: name(&section, by.kind())?,
            priority: match section.entry("priority") {
                None => 1,
                Some(entry) => u32::try_from(entry.number_in(1, LAST_PRIORITY)?).unwrap_or(1),
            },
            disabled: section.flag("disabled")?.unwrap_or(false),
            namespaces: offered(&section)?,
            by,
        };
        if found.iter().any(|other| other.name == seal.name) {
            let name = &seal.name;
            return Err(refused(format!("there is another seal {name:?} already: give each a `name` of its own")));
        }
        if found.len() == MOST {
            return Err(refused(format!("there are more than {MOST} seals")));
        }
        section.finish(warnings)?;
        found.push(seal);
    }
    Ok(found)
}

fn offered(section: &Section<'_>) -> Result<OfferedTo, ConfigError> {
    let Some(entry) = section.entry("namespaces") else { return Ok(OfferedTo::Server) };
    match entry.text()?.as_str() {
        "no" => Ok(OfferedTo::Server),
        "also" => Ok(OfferedTo::Both),
        "only" => Ok(OfferedTo::Namespaces),
        _ => Err(entry.bad("it must be \"no\", \"also\" or \"only\"")),
    }
}

fn name(section: &Section<'_>, kind: &str) -> Result<String, ConfigError> {
    let Some(entry) = section.entry("name") else { return Ok(kind.to_owned()) };
    let name = entry.text()?;
    if name.is_empty() {
        return Ok(kind.to_owned());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.len() > 64 || !name.chars().all(plain) {
        return Err(entry.bad("it must be a name of at most 64 letters, digits, dashes, underscores and dots"));
    }
    let of_other = ["shamir", "static", "transit", "pkcs11"].iter().any(|other| *other == name && *other != kind);
    if of_other { Err(entry.bad("it is the name of another kind of seal")) } else { Ok(name) }
}
