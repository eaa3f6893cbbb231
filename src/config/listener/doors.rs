//! What needs no token at a listener that otherwise does: changing key shares, making a root token.

use super::super::declared::Key;
use super::super::declared::Takes::Flag;
use super::super::problem::ConfigError;
use super::super::section::Section;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// `disable_unauthed_rekey_endpoints = false`
    pub rekey: bool,
    /// `disable_unauthed_generate_root_endpoints = false`
    pub generate_root: bool,
}

impl Doors {
    /// As requests carry them.
    pub fn names(self) -> Vec<String> {
        let doors = [(self.rekey, system::REKEY), (self.generate_root, system::GENERATE_ROOT)];
        doors.into_iter().filter(|(open, _)| *open).map(|(_, name)| name.to_owned()).collect()
    }
}

pub const KEYS: &[Key] = &[
    Key::new(
        "disable_unauthed_rekey_endpoints",
        Flag,
        "true",
        "Whether new key shares need a token besides the present ones. With `false` whoever reaches this listener may \
         start and cancel attempts.",
    )
    .reloadable(),
    Key::new(
        "disable_unauthed_generate_root_endpoints",
        Flag,
        "true",
        "Whether generating a root token needs a token besides the key shares.",
    )
    .reloadable(),
];

/// `enable_unauthenticated_access`: open at every listener.
pub(super) fn everywhere(top: &Section<'_>) -> Result<Doors, ConfigError> {
    let mut doors = Doors::default();
    let Some(entry) = top.entry("enable_unauthenticated_access") else { return Ok(doors) };
    for name in entry.list()? {
        match name.as_str() {
            "rekey" => doors.rekey = true,
            "generate-root" => doors.generate_root = true,
            // There are no such endpoints to open.
            "generate-operation-token" => {}
            _ => return Err(entry.bad(format!("{name:?} is none of \"rekey\" and \"generate-root\""))),
        }
    }
    Ok(doors)
}

pub(super) fn read(section: &Section<'_>, everywhere: Doors) -> Result<Doors, ConfigError> {
    let open = |disable| Ok::<_, ConfigError>(section.flag(disable)? == Some(false));
    Ok(Doors {
        rekey: open("disable_unauthed_rekey_endpoints")? || everywhere.rekey,
        generate_root: open("disable_unauthed_generate_root_endpoints")? || everywhere.generate_root,
    })
}
