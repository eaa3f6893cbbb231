//! Path patterns: `config`, `roles/:name`, `data/:path*` (the rest, slashes and all; may be empty with its slash),
//! `:path*`, `:path+` (not empty), `mounts/:path+/tune` (the rest but for a literal end). A trailing `/?` lets a slash follow.

use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(&'static str),
    Name(&'static str),
    Rest(&'static str),
    /// As `Rest`, but not empty.
    SomeRest(&'static str),
}

#[derive(Clone, Debug)]
pub struct Pattern {
    text: &'static str,
    parts: Vec<Part>,
    slash: bool,
}

impl Pattern {
    pub fn new(text: &'static str) -> Self {
        let (body, slash) = match text.strip_suffix("/?") {
            Some(body) => (body, true),
            None => (text, false),
        };
        let parts = body
            .split('/')
            .map(|part| match part.strip_prefix(':') {
                Some(name) => match (name.strip_suffix('*'), name.strip_suffix('+')) {
                    (Some(name), _) => Part::Rest(name),
                    (None, Some(name)) => Part::SomeRest(name),
                    (None, None) => Part::Name(name),
                },
                None => Part::Literal(part),
            })
            .collect();
        Self { text, parts, slash }
    }

    pub fn text(&self) -> &'static str {
        self.text
    }

    /// As API descriptions write it: `roles/{name}`.
    pub fn template(&self) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => (*text).to_owned(),
            Part::Name(name) | Part::Rest(name) | Part::SomeRest(name) => format!("{{{name}}}"),
        };
        self.parts.iter().map(part).collect::<Vec<_>>().join("/")
    }

    /// The names that it captures.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Name(name) | Part::Rest(name) | Part::SomeRest(name) => Some(*name),
        })
    }

    /// The captured names if `path` (relative to the mount) fits.
    pub fn matches(&self, path: &str) -> Option<BTreeMap<&'static str, String>> {
        let path = if self.slash { path.strip_suffix('/').unwrap_or(path) } else { path };
        let mut captures = BTreeMap::new();
        let mut rest = Some(path);
        for (i, part) in self.parts.iter().enumerate() {
            let here = rest?;
            let (head, tail) = match here.split_once('/') {
                Some((head, tail)) => (head, Some(tail)),
                None => (here, None),
            };
            match part {
                Part::Literal(text) if *text == head => rest = tail,
                Part::Literal(_) => return None,
                Part::Name(name) if !head.is_empty() => {
                    captures.insert(*name, head.to_owned());
                    rest = tail;
                }
                Part::Name(_) => return None,
                Part::SomeRest(_) if here.is_empty() => return None,
                Part::Rest(name) | Part::SomeRest(name) => {
                    captures.insert(*name, self.without_end(i + 1, here)?.to_owned());
                    rest = None;
                    break;
                }
            }
        }
        rest.is_none().then_some(captures)
    }

    /// What is left of `here` before the literal parts from `from` on.
    fn without_end<'p>(&self, from: usize, mut here: &'p str) -> Option<&'p str> {
        for part in self.parts[from..].iter().rev() {
            let Part::Literal(text) = part else { return None };
            here = here.strip_suffix(text)?.strip_suffix('/')?;
        }
        Some(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(pattern: &'static str, path: &str) -> Option<Vec<String>> {
        Pattern::new(pattern).matches(path).map(|c| c.into_values().collect())
    }

    #[test]
    fn templates() {
        let pattern = Pattern::new("mounts/:path+/tune");
        assert_eq!(
            (pattern.template(), pattern.names().collect::<Vec<_>>()),
            ("mounts/{path}/tune".into(), vec!["path"])
        );
        assert_eq!(Pattern::new("rekey/init/?").template(), "rekey/init");
    }

    #[test]
    fn patterns() {
        assert_eq!(at("config", "config"), Some(vec![]));
        assert_eq!(at("config", "config/"), None);
        assert_eq!(at("config/?", "config/"), Some(vec![]));
        assert_eq!(at("roles/:name", "roles/a"), Some(vec!["a".into()]));
        assert_eq!(at("roles/:name", "roles/a/b"), None);
        assert_eq!(at("roles/:name", "roles/"), None);
        assert_eq!(at("data/:path*", "data/a/b/"), Some(vec!["a/b/".into()]));
        assert_eq!(at("data/:path*", "data/"), Some(vec![String::new()]));
        assert_eq!(at("data/:path*", "data"), None);
        assert_eq!(at("mounts/:path*/tune", "mounts/a/b/tune"), Some(vec!["a/b".into()]));
        assert_eq!(at("mounts/:path*/tune", "mounts/a/b"), None);
        assert_eq!(at("mounts/:path*/tune", "mounts/tune"), None);
        assert_eq!(at("mounts/:path+", "mounts/"), None);
        assert_eq!(at("mounts/:path+", "mounts/a/"), Some(vec!["a/".into()]));
        assert_eq!(at(":path*", ""), Some(vec![String::new()]));
    }
}
