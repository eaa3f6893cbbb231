//! `sys/internal/specs/openapi`: the API description of everything that the caller can use.

use std::sync::{Arc, OnceLock};

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table};
use sdk::{Answer, Ctx, Document, Failure, Input, Outcome, Path, Place, Result, Verb, View};

#[derive(Input)]
struct Ask {
    /// Names mounts by a parameter, `/{kv_mount_path}/…`, as those who generate code want it.
    generic_mount_paths: bool,
    /// Put behind each operation ID.
    context: String,
}

/// `catalog` is every plugin, this one among them, so it is there only once all are made.
pub fn path(node: &Arc<Node>, catalog: &Arc<OnceLock<Catalog>>) -> Path {
    let (node, catalog) = (Arc::clone(node), Arc::clone(catalog));
    let describe = move |ctx: &Ctx, ask: Ask, view: &View| describe(&node, &catalog, ctx, &ask, view);
    let again = describe.clone();
    let outcome = Outcome::body::<sdk::Map<String, sdk::Value>>();
    Path::new("internal/specs/openapi")
        .help(
            "Describes the API in OpenAPI's form.",
            "The mounts are those that the caller's policies reach; without a token, those that are listed for everybody.",
        )
        .open()
        .ids([
            (Verb::Read, "internal-generate-open-api-document"),
            (Verb::Write, "internal-generate-open-api-document-with-parameters"),
        ])
        .answers(Verb::Read, outcome)
        .answers(Verb::Write, outcome)
        .view(Verb::Read, describe)
        .view(Verb::Write, again)
}

fn describe(node: &Node, catalog: &OnceLock<Catalog>, ctx: &Ctx, ask: &Ask, view: &View) -> Result<Answer> {
    let catalog = catalog.get().ok_or_else(|| Failure::internal("the plugins are not all there yet"))?;
    let acl = match ctx.caller {
        Some(caller) => {
            let (names, entity) = (&caller.policies, &caller.entity_id);
            Some((caller, node.policies.rules_of(view, &caller.home, names, entity, ctx.now)?.acl))
        }
        None => None,
    };
    let mut document = Document::new(&ask.context);
    for table in [Table::Secret, Table::Auth] {
        for (_, mount) in node.mounts.list(view, table)? {
            let listed = mount.config.listing_visibility.as_deref() == Some("unauth");
            let shown = listed
                || acl.as_ref().is_some_and(|(caller, acl)| {
                    caller.sees(&mount.full_path()).is_some_and(|path| acl.reaches(&path))
                });
            let plugin = catalog.find(table.plugins(), &mount.type_name).filter(|_| shown);
            let Some(plugin) = plugin else { continue };
            let info = node.mounts.info(&mount);
            let place = place(&mount, info.tag(), ask.generic_mount_paths);
            plugin.backend(&info).paths.iter().for_each(|path| document.add(&place, path));
        }
    }
    Ok(Answer::bare(document.into_value()))
}

fn place(mount: &Mount, tag: &'static str, generic: bool) -> Place {
    let below = mount.path.trim_matches('/');
    let parameter = format!("{}_mount_path", below.replace(['-', '/'], "_"));
    let (segment, parameter) = match generic && !mount.is_builtin() {
        true => (format!("{{{parameter}}}"), Some((parameter, below.to_owned()))),
        false => (below.to_owned(), None),
    };
    let folder = match mount.table {
        Table::Secret => "/",
        Table::Auth => "/auth/",
    };
    // What only one mount is, has its name in its operations' IDs.
    let kind = if mount.is_builtin() && mount.type_name == "system" { "" } else { mount.type_name.as_str() };
    Place { prefix: format!("{folder}{segment}/"), parameter, kind: kind.to_owned(), tag }
}
