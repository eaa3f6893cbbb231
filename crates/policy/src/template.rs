//! Paths with `{{identity.…}}` in them: what may stand there and how it is filled in.
//!
//! A value that is missing, empty, or that would change the shape of the path (`/`, `*`, `+`) makes the rule drop out:
//! it is never filled in with less than was asked for. A rule that denies stays, and then denies as much as it might.

use std::collections::BTreeMap;

/// Who the policies are evaluated for.
#[derive(Clone, Debug, Default)]
pub struct TemplateValues {
    pub entity: Option<TemplateEntity>,
    /// Direct and inherited.
    pub groups: Vec<TemplateGroup>,
    /// The namespace of the policy: groups are found by name in it alone.
    pub namespace_id: String,
}

#[derive(Clone, Debug, Default)]
pub struct TemplateEntity {
    pub id: String,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub aliases: Vec<TemplateAlias>,
}

#[derive(Clone, Debug, Default)]
pub struct TemplateAlias {
    pub mount_accessor: String,
    pub id: String,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub custom_metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
pub struct TemplateGroup {
    pub id: String,
    pub name: String,
    pub namespace_id: String,
    pub metadata: BTreeMap<String, String>,
}

/// What a policy opts into for the values filled in. Neither, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateRules {
    pub allow_slashes: bool,
    pub allow_wildcards: bool,
}

/// Whether `path` has a template; an error if its braces do not pair up.
pub(crate) fn is_template(path: &str) -> Result<bool, &'static str> {
    let mut pieces = path.split("{{");
    // `split` yields at least one piece.
    let first = pieces.next().unwrap_or_default();
    let balanced = !first.contains("}}") && pieces.clone().all(|piece| piece.matches("}}").count() == 1);
    if balanced { Ok(pieces.next().is_some()) } else { Err("the template braces {{ and }} do not pair up") }
}

/// What stands in a template of `path` and nothing can fill in, whoever asks.
pub(crate) fn unfillable(path: &str) -> Option<&str> {
    let selectors =
        path.split("{{").skip(1).filter_map(|piece| piece.split_once("}}")).map(|(inside, _)| inside.trim());
    selectors.into_iter().find(|selector| !is_known(selector))
}

fn is_known(selector: &str) -> bool {
    let of = |selector: &str, maps: &[&str]| {
        let keyed = |map: &&str| selector.strip_prefix(*map).and_then(|key| key.strip_prefix('.'));
        matches!(selector, "id" | "name") || maps.iter().find_map(keyed).is_some_and(|key| !key.is_empty())
    };
    if let Some(selector) = selector.strip_prefix("identity.entity.") {
        let alias = selector.strip_prefix("aliases.").and_then(|rest| rest.split_once('.'));
        return alias.map_or_else(
            || of(selector, &["metadata"]),
            |(accessor, selector)| !accessor.is_empty() && of(selector, &["metadata", "custom_metadata"]),
        );
    }
    let group = selector.strip_prefix("identity.groups.").and_then(|rest| rest.split_once('.'));
    let Some(("ids" | "names", rest)) = group else { return false };
    rest.split_once('.').is_some_and(|(group, selector)| !group.is_empty() && of(selector, &["metadata"]))
}

/// `path` with every template filled in, if all values are there and fit.
pub(crate) fn render(path: &str, values: &TemplateValues, rules: TemplateRules) -> Option<String> {
    let mut pieces = path.split("{{");
    let mut rendered = pieces.next()?.to_owned();
    for piece in pieces {
        let (selector, literal) = piece.split_once("}}")?;
        let value = look_up(selector.trim(), values)?;
        let forbidden = |c: char| match c {
            '/' => !rules.allow_slashes,
            '*' | '+' => !rules.allow_wildcards,
            _ => false,
        };
        if value.contains(forbidden) {
            return None;
        }
        rendered += value;
        rendered += literal;
    }
    Some(rendered)
}

/// What a rule that denies comes to whatever its values are. A value is filled in as it is, which denies what it names and
/// perhaps more; what is missing is any segment, or anything from there on.
pub(crate) fn widest(path: &str, values: &TemplateValues) -> String {
    let mut pieces = path.split("{{");
    let mut rendered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((selector, literal)) = piece.split_once("}}") else { break };
        let segment =
            (rendered.is_empty() || rendered.ends_with('/')) && (literal.is_empty() || literal.starts_with('/'));
        match look_up(selector.trim(), values) {
            Some(value) => rendered += value,
            None if segment => rendered.push('+'),
            None => return format!("{rendered}*"),
        }
        rendered += literal;
    }
    rendered
}

/// A text that is no path, filled in: whatever its values hold stays what it is. `None` if a value is missing or empty, or if
/// braces do not pair up.
pub fn fill_in(text: &str, values: &TemplateValues) -> Option<String> {
    is_template(text).ok()?;
    render(text, values, TemplateRules { allow_slashes: true, allow_wildcards: true })
}

fn look_up<'a>(selector: &str, values: &'a TemplateValues) -> Option<&'a str> {
    if let Some(selector) = selector.strip_prefix("identity.entity.") {
        return of_entity(selector, values.entity.as_ref()?);
    }
    let selector = selector.strip_prefix("identity.groups.")?;
    let (by, selector) = selector.split_once('.')?;
    let (wanted, selector) = selector.split_once('.')?;
    let group = values.groups.iter().find(|group| match by {
        "ids" => group.id == wanted,
        "names" => group.name == wanted && group.namespace_id == values.namespace_id,
        _ => false,
    })?;
    match selector {
        "id" => filled(&group.id),
        "name" => filled(&group.name),
        _ => filled(group.metadata.get(selector.strip_prefix("metadata.")?)?),
    }
}

fn of_entity<'a>(selector: &str, entity: &'a TemplateEntity) -> Option<&'a str> {
    if let Some(selector) = selector.strip_prefix("aliases.") {
        let (accessor, selector) = selector.split_once('.')?;
        return of_alias(selector, entity.aliases.iter().find(|alias| alias.mount_accessor == accessor)?);
    }
    match selector {
        "id" => filled(&entity.id),
        "name" => filled(&entity.name),
        _ => filled(entity.metadata.get(selector.strip_prefix("metadata.")?)?),
    }
}

fn of_alias<'a>(selector: &str, alias: &'a TemplateAlias) -> Option<&'a str> {
    match selector {
        "id" => filled(&alias.id),
        "name" => filled(&alias.name),
        _ => match selector.strip_prefix("custom_metadata.") {
            Some(key) => filled(alias.custom_metadata.get(key)?),
            None => filled(alias.metadata.get(selector.strip_prefix("metadata.")?)?),
        },
    }
}

fn filled(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}
