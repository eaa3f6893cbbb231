//! Thinning out a listing: keys whose paths the caller could not read are not shown, where a rule asks for that.

use std::collections::BTreeSet;

use policy::Question;
use sdk::{Answer, Body, Failure, Map, Value};
use storage::View;

use super::authorize::{KeyFilter, Permit, refusal};
use super::locate::is_protected;
use crate::catalog::Catalog;
use crate::lifecycle::Node;

/// What is not a listing is refused: its keys could stand anywhere. `view` is anywhere.
pub(super) fn thinned_out(
    node: &Node,
    catalog: &Catalog,
    view: &View,
    permit: &Permit,
    mut answer: Answer,
) -> Result<Answer, Failure> {
    let Some(rule) = permit.filter() else { return Ok(answer) };
    let data = match &mut answer.body {
        Body::Data(data) | Body::Mirrored(data) => data,
        Body::Empty | Body::Null => return Ok(answer),
        Body::Bare(_) | Body::Raw { .. } | Body::Stream { .. } => {
            return Err(Failure::internal("a rule filters keys of an answer that is no listing"));
        }
    };
    let Some(Value::Array(keys)) = data.remove("keys") else {
        return Err(Failure::internal("a rule filters keys of an answer that has none"));
    };
    let infos = data.remove("key_info");
    let mut kept = BTreeSet::new();
    for key in keys.iter().filter_map(Value::as_str) {
        if may_see(node, catalog, view, rule, key)? {
            kept.insert(key);
        }
    }
    // Nothing else goes out: what it says of which key is not known here.
    let mut out = Map::new();
    if let Some(Value::Object(mut infos)) = infos {
        infos.retain(|name, _| kept.contains(name.as_str()));
        out.insert("key_info".into(), Value::Object(infos));
    }
    let shown = keys.iter().filter(|key| key.as_str().is_some_and(|key| kept.contains(key)));
    out.insert("keys".into(), shown.cloned().collect());
    *data = out;
    Ok(answer)
}

fn may_see(node: &Node, catalog: &Catalog, view: &View, rule: &KeyFilter, key: &str) -> Result<bool, Failure> {
    let (operation, path) = rule.filter.target(&rule.path, key);
    let question = Question { operation, path: &path, parameters: None, wrap_ttl: None };
    let decision = rule.acl.decide(&question);
    if !decision.allowed {
        return Ok(false);
    }
    Ok(refusal(&decision, is_protected(node, catalog, view, &rule.home, &path)?).is_none())
}
