//! The path of a rule: exact, a prefix (`…*`), or one with `+` standing for a whole segment.
//!
//! A star elsewhere than at the end, and a `+` that is only part of a segment, are ordinary characters.

use std::cmp::Reverse;

/// A rule's path within one namespace. The namespace is literal, whatever characters its name has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pattern {
    Exact(Box<str>),
    /// Without the star.
    Prefix(Box<str>),
    Segments(Segments),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Segments {
    namespace: Box<str>,
    parts: Box<[Part]>,
    /// Ends in a star: the last part is a prefix and more segments may follow.
    open: bool,
    /// The whole path without the star.
    text: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Any,
    Literal(Box<str>),
}

/// Which of several patterns that match a path decides: the greatest. In this order: the first wildcard stands later;
/// it does not end in a star; fewer `+`; longer; and the text, so that there is always one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority<'a> {
    first_wildcard: usize,
    closed: bool,
    wildcards: Reverse<usize>,
    length: usize,
    text: &'a str,
}

impl<'a> Priority<'a> {
    pub(crate) fn of_prefix(prefix: &'a str) -> Priority<'a> {
        let length = prefix.len();
        Priority { first_wildcard: length, closed: false, wildcards: Reverse(0), length, text: prefix }
    }
}

impl Pattern {
    /// `path` as rules store it: no leading slash, with its star.
    pub(crate) fn new(namespace: &str, path: &str) -> Pattern {
        let (body, open) = match path.strip_suffix('*') {
            Some(body) => (body, true),
            None => (path, false),
        };
        let text = format!("{namespace}{body}").into_boxed_str();
        if has_wildcard_segment(path) {
            let part = |part: &str| if part == "+" { Part::Any } else { Part::Literal(part.into()) };
            let parts = body.split('/').map(part).collect();
            return Pattern::Segments(Segments { namespace: namespace.into(), parts, open, text });
        }
        if open { Pattern::Prefix(text) } else { Pattern::Exact(text) }
    }
}

pub(crate) fn has_wildcard_segment(path: &str) -> bool {
    path.split('/').any(|part| part == "+")
}

impl Segments {
    pub(crate) fn matches(&self, path: &str) -> bool {
        let Some(inside) = path.strip_prefix(&*self.namespace) else { return false };
        let mut given = inside.split('/');
        let last = self.parts.len() - 1;
        for (index, part) in self.parts.iter().enumerate() {
            let Some(segment) = given.next() else { return false };
            if !part.matches(segment, self.open && index == last) {
                return false;
            }
        }
        self.open || given.next().is_none()
    }

    /// Whether some path below the mount (which ends in a slash) could match.
    pub(crate) fn reaches(&self, mount: &str) -> bool {
        let Some(inside) = mount.strip_prefix(&*self.namespace) else { return false };
        let mut parts = self.parts.iter().enumerate();
        let last = self.parts.len() - 1;
        for segment in inside.trim_end_matches('/').split('/') {
            match parts.next() {
                None => return self.open,
                Some((index, part)) if part.matches(segment, self.open && index == last) => {}
                Some(_) => return false,
            }
        }
        self.open || parts.next().is_some()
    }

    pub(crate) fn priority(&self) -> Priority<'_> {
        let wildcard = |part: &Part| matches!(part, Part::Any);
        let before: usize = self.parts.iter().take_while(|part| !wildcard(part)).map(|part| part.len() + 1).sum();
        Priority {
            first_wildcard: self.namespace.len() + before,
            closed: !self.open,
            wildcards: Reverse(self.parts.iter().filter(|part| wildcard(part)).count()),
            length: self.text.len(),
            text: &self.text,
        }
    }

    /// The pattern as written, namespace included.
    pub(crate) fn written(&self) -> String {
        format!("{}{}", self.text, if self.open { "*" } else { "" })
    }
}

impl Part {
    fn matches(&self, segment: &str, as_prefix: bool) -> bool {
        match self {
            Part::Any => true,
            Part::Literal(text) if as_prefix => segment.starts_with(&**text),
            Part::Literal(text) => segment == &**text,
        }
    }

    fn len(&self) -> usize {
        match self {
            Part::Any => 1,
            Part::Literal(text) => text.len(),
        }
    }
}
