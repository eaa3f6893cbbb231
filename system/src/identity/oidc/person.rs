//! Who a token is of: an entity with its groups, and whether it may log in to a client.

use holdfast_core::identity::{self, Entity, Group};
use oidc::{ALLOW_ALL, Assignment, Client, Scope, Template};
use policy::TemplateValues;
use sdk::{Map, Millis, Read, Result, Value};

pub struct Person {
    pub entity: Entity,
    /// Direct and inherited.
    groups: Vec<Group>,
}

impl Person {
    /// The entity that a token names, if it is there still.
    pub fn find(read: &impl Read, entity_id: &str) -> Result<Option<Self>> {
        let Some(entity) = identity::present(read, entity_id)? else { return Ok(None) };
        let groups = identity::groups_of(read, &entity.id)?;
        Ok(Some(Self { entity, groups: groups.direct.into_iter().chain(groups.inherited).collect() }))
    }

    /// Whether one of the client's assignments is theirs.
    pub fn may_use(&self, read: &impl Read, client: &Client) -> Result<bool> {
        if self.entity.disabled {
            return Ok(false);
        }
        if client.assignments.iter().any(|name| name == ALLOW_ALL) {
            return Ok(true);
        }
        for name in &client.assignments {
            let Some(assignment) = Assignment::get(read, name)? else { continue };
            if assignment.entity_ids.contains(&self.entity.id)
                || self.groups.iter().any(|group| assignment.group_ids.contains(&group.id))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What templates are filled in with.
    pub fn values(&self) -> TemplateValues {
        identity::values_of(Some(&self.entity), self.groups.iter())
    }
}

/// The claims of all scopes together; or why they do not go together. Scopes that are not there count for nothing.
pub fn claims_of(
    read: &impl Read,
    scopes: &[String],
    values: Option<&TemplateValues>,
    now: Millis,
) -> Result<std::result::Result<Map<String, Value>, String>> {
    let mut all: Map<String, Value> = Map::new();
    let mut of: Vec<(String, &str)> = Vec::new();
    for name in scopes {
        let Some(scope) = Scope::get(read, name)?.filter(|scope| !scope.template.is_empty()) else { continue };
        let claims = match Template::new(&scope.template).and_then(|template| template.fill(values, now)) {
            Ok(claims) => claims,
            Err(problem) => {
                tracing::debug!(scope = name, problem, "a scope's template gives no claims");
                continue;
            }
        };
        for (claim, value) in claims {
            if let Some((_, other)) = of.iter().find(|(known, _)| *known == claim) {
                return Ok(Err(format!(
                    "found scopes with conflicting top-level claim: claim {claim:?} in scopes {name:?}, {other:?}"
                )));
            }
            of.push((claim.clone(), name));
            all.insert(claim, value);
        }
    }
    Ok(Ok(all))
}
