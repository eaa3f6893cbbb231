//! `identity/mfa/login-enforcement`, `mfa/login-enforcement/:name`: which logins need a second factor.

use std::sync::Arc;

use holdfast_core::identity::mfa::{self, Enforcement, EnforcementChange};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Keys, Map, Name, Page, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Named {
    /// The enforcement's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The enforcement's name.
    name: Name,
    /// The ids of methods, any one of which will do.
    mfa_method_ids: Option<CommaList>,
    /// Binds the logins at auth mounts with these accessors.
    auth_method_accessors: Option<CommaList>,
    /// Binds the logins at auth mounts of these types.
    auth_method_types: Option<CommaList>,
    /// Binds the logins of entities in these groups, directly or not.
    identity_group_ids: Option<CommaList>,
    /// Binds the logins of these entities.
    identity_entity_ids: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    auth_method_accessors: Vec<String>,
    auth_method_types: Vec<String>,
    id: String,
    identity_entity_ids: Vec<String>,
    identity_group_ids: Vec<String>,
    mfa_method_ids: Vec<String>,
    name: String,
    namespace_id: String,
    namespace_path: String,
}

pub fn paths(node: &Arc<Node>) -> [Path; 2] {
    let node = Arc::clone(node);
    [
        Path::new("mfa/login-enforcement/?")
            .ids([(Verb::List, "mfa-list-login-enforcements")])
            .help("Lists what binds logins to a second factor.", "By name, with whom it binds.")
            .view(Verb::List, list),
        Path::new("mfa/login-enforcement/:name")
            .ids([
                (Verb::Read, "mfa-read-login-enforcement"),
                (Verb::Write, "mfa-write-login-enforcement"),
                (Verb::Delete, "mfa-delete-login-enforcement"),
            ])
            .help(
                "Binds logins to a second factor.",
                "A login that any of its lists selects needs one of its methods. It counts from the next login on.",
            )
            .view(Verb::Read, |ctx: &Ctx, named: Named, view: &View| -> Result<Reply<Shown>> {
                let found = mfa::enforcement(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?;
                Reply::data(shown(ctx, found))
            })
            .txn(Verb::Write, move |_: &Ctx, write: Write, txn: &mut Txn| {
                let list = |list: Option<CommaList>| list.map(|list| list.0);
                let change = EnforcementChange {
                    method_ids: list(write.mfa_method_ids).unwrap_or_default(),
                    accessors: list(write.auth_method_accessors),
                    types: list(write.auth_method_types),
                    group_ids: list(write.identity_group_ids),
                    entity_ids: list(write.identity_entity_ids),
                };
                mfa::write_enforcement(txn, &node.mounts, &write.name.checked()?, change)?;
                Ok(Answer::empty())
            })
            .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
                mfa::delete_enforcement(txn, &named.name.checked()?)?;
                Ok(Answer::empty())
            }),
    ]
}

fn list(ctx: &Ctx, page: Page, view: &View) -> Result<Reply<Keys>> {
    let keys = mfa::enforcement_names(view, page.after(), page.limit())?;
    let mut info = Map::new();
    for name in &keys {
        let Some(found) = mfa::enforcement(view, name)? else { continue };
        info.insert(name.clone(), serde_json::to_value(shown(ctx, found)).map_err(Failure::internal)?);
    }
    super::super::listing(keys, info)
}

fn shown(ctx: &Ctx, of: Enforcement) -> Shown {
    Shown {
        auth_method_accessors: of.accessors,
        auth_method_types: of.types,
        id: of.id,
        identity_entity_ids: of.entity_ids,
        identity_group_ids: of.group_ids,
        mfa_method_ids: of.method_ids,
        name: of.name,
        namespace_id: ctx.namespace.id.shown().to_owned(),
        namespace_path: ctx.namespace.path.clone(),
    }
}
