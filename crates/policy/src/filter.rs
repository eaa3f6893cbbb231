//! `list_scan_response_keys_filter_path`: which path stands for a listed key, so that keys the caller may not see can be
//! left out of a listing. A text with `{{ .path }}` (the listed path) and `{{ .key }}` (one key) in it, nothing else.

use crate::Operation;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFilter(Box<[Piece]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Path,
    Key,
}

impl ListFilter {
    pub(crate) fn parse(template: &str) -> Result<ListFilter, String> {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").ok_or("`{{` without `}}`")?;
            pieces.push(Piece::Text(before.into()));
            pieces.push(match inside.trim() {
                ".path" => Piece::Path,
                ".key" => Piece::Key,
                other => return Err(format!("only {{{{ .path }}}} and {{{{ .key }}}} can be used, not {other:?}")),
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.into()));
        if !pieces.contains(&Piece::Key) {
            return Err("every key would be checked at the same path: {{ .key }} is missing".to_owned());
        }
        Ok(ListFilter(pieces.into()))
    }

    /// What the caller must be allowed for `key` of the listing at `path` (both without namespace) to be shown.
    pub fn target(&self, path: &str, key: &str) -> (Operation, String) {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.to_string(),
            Piece::Path => path.to_owned(),
            Piece::Key => key.to_owned(),
        };
        let operation = if key.ends_with('/') { Operation::List } else { Operation::Read };
        (operation, self.0.iter().map(piece).collect())
    }
}
