//! `identity/lookup/entity`, `lookup/group`: by whatever is known of them.

use std::sync::Arc;

use holdfast_core::identity;
use holdfast_core::lifecycle::Node;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View};

use super::shown::{self, ShownEntity, ShownGroup};

#[derive(Input)]
struct Asked {
    /// Its id.
    id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// The id of one of its aliases.
    alias_id: Option<String>,
    /// What a mount calls it. Together with `alias_mount_accessor`.
    alias_name: Option<String>,
    /// The accessor of that mount.
    alias_mount_accessor: Option<String>,
}

enum By {
    Id(String),
    Name(String),
    AliasId(String),
    Alias { mount_accessor: String, name: String },
}

impl Asked {
    fn by(self) -> Result<By> {
        let conflict = "query parameter conflict; please supply distinct set of query parameters";
        match (self.id, self.name, self.alias_id, self.alias_name, self.alias_mount_accessor) {
            (None, None, None, None, None) => Err(Failure::invalid("query parameter not supplied")),
            (Some(id), None, None, None, None) => Ok(By::Id(id)),
            (None, Some(name), None, None, None) => Ok(By::Name(name)),
            (None, None, Some(id), None, None) => Ok(By::AliasId(id)),
            (None, None, None, Some(name), Some(mount_accessor)) if !name.is_empty() && !mount_accessor.is_empty() => {
                Ok(By::Alias { mount_accessor, name })
            }
            (None, None, None, Some(_), None) | (None, None, None, None, Some(_)) => {
                Err(Failure::invalid("both 'alias_name' and 'alias_mount_accessor' needs to be set"))
            }
            _ => Err(Failure::invalid(conflict)),
        }
    }
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (entities, groups) = (Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("lookup/entity")
            .ids([(Verb::Write, "entity-look-up")])
            .help("Finds an entity.", "By its id, its name, or one of its aliases. Answers nothing if there is none.")
            .view(Verb::Write, move |ctx: &Ctx, asked: Asked, view: &View| entity(&entities, ctx, asked, view)),
        Path::new("lookup/group")
            .ids([(Verb::Write, "group-look-up")])
            .help("Finds a group.", "By its id, its name, or its alias. Answers nothing if there is none.")
            .view(Verb::Write, move |ctx: &Ctx, asked: Asked, view: &View| group(&groups, ctx, asked, view)),
    ]
}

fn entity(node: &Node, ctx: &Ctx, asked: Asked, view: &View) -> Result<Option<Reply<ShownEntity>>> {
    let found = match asked.by()? {
        By::Id(id) => identity::entity(view, &id)?,
        By::Name(name) => identity::entity_by_name(view, &name)?,
        other => {
            let alias = match other {
                By::AliasId(id) => identity::alias_by_id(view, &id)?,
                By::Alias { mount_accessor, name } => identity::alias(view, &mount_accessor, &name)?,
                By::Id(_) | By::Name(_) => None,
            };
            alias.map(|alias| identity::entity(view, &alias.canonical_id)).transpose()?.flatten()
        }
    };
    found.map(|found| Reply::data(shown::entity(node, ctx, view, found)?)).transpose()
}

fn group(node: &Node, ctx: &Ctx, asked: Asked, view: &View) -> Result<Option<Reply<ShownGroup>>> {
    let found = match asked.by()? {
        By::Id(id) => identity::group(view, &id)?,
        By::Name(name) => identity::group_by_name(view, &name)?,
        By::AliasId(id) => identity::group_by_alias_id(view, &id)?,
        By::Alias { mount_accessor, name } => identity::group_by_alias(view, &mount_accessor, &name)?,
    };
    found.map(|found| Reply::data(shown::group(node, ctx, view, found)?)).transpose()
}
