//! The decision again, slow and obvious, to compare the fast one with. Written from the README alone: it has its own policies,
//! which the code under test gets as texts, and shares no line with it.

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::{Map, Value};

#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub rules: Vec<Rule>,
    /// The whole policy has ended.
    pub ended: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub path: String,
    pub capabilities: Vec<&'static str>,
    pub allowed: Vec<(&'static str, Vec<Value>)>,
    pub denied: Vec<(&'static str, Vec<Value>)>,
    pub required: Vec<&'static str>,
    pub min_wrapping: Option<u64>,
    pub max_wrapping: Option<u64>,
    pub page: Option<u64>,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub path: String,
    pub body: Map<String, Value>,
    pub wrap: Option<u64>,
}

/// What the rules for one path come to, and where they stand: the number of the policy and the line.
#[derive(Debug)]
pub(crate) struct Deciding<'a> {
    pub path: &'a str,
    pub places: Vec<(usize, u32)>,
    rules: Vec<&'a Rule>,
}

impl Policy {
    /// A rule a line.
    pub(crate) fn text(&self) -> String {
        self.rules.iter().map(Rule::text).collect()
    }
}

impl Rule {
    fn text(&self) -> String {
        let mut text = format!("path {} {{ capabilities = {:?}", Value::from(self.path.as_str()), self.capabilities);
        for (key, parameters) in [("allowed_parameters", &self.allowed), ("denied_parameters", &self.denied)] {
            if !parameters.is_empty() {
                let inside: String = parameters
                    .iter()
                    .map(|(name, values)| format!(" \"{name}\" = {}", Value::from(values.clone())))
                    .collect();
                write!(text, " {key} = {{{inside} }}").unwrap();
            }
        }
        if !self.required.is_empty() {
            write!(text, " required_parameters = {:?}", self.required).unwrap();
        }
        let numbers = [
            ("min_wrapping_ttl", self.min_wrapping),
            ("max_wrapping_ttl", self.max_wrapping),
            ("pagination_limit", self.page),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                write!(text, " {key} = {number}").unwrap();
            }
        }
        let year = if self.ended { 2001 } else { 2999 };
        writeln!(text, " expiration = \"{year}-01-01T00:00:00Z\" }}").unwrap();
        text
    }
}

/// Operations are called by their capability here; those without one of their own are "help", "renew", "revoke" and "rollback".
pub(crate) fn allows(policies: &[Policy], operation: &str, request: &Request) -> bool {
    if operation == "help" {
        return true;
    }
    let listing = operation == "list" || operation == "scan";
    let Some(deciding) = deciding(policies, &request.path, listing) else { return false };
    let granted = |name: &str| deciding.rules.iter().any(|rule| rule.capabilities.contains(&name));
    let needed = if matches!(operation, "renew" | "revoke" | "rollback") { "update" } else { operation };
    granted(needed) && !granted("deny") && deciding.fits(operation, request)
}

/// As answers list them.
pub(crate) fn capabilities(policies: &[Policy], path: &str) -> Vec<&'static str> {
    let rules = deciding(policies, path, true).map(|deciding| deciding.rules).unwrap_or_default();
    let mut names: Vec<&str> = rules.iter().flat_map(|rule| &rule.capabilities).copied().collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names.contains(&"deny") { vec!["deny"] } else { names }
}

/// Whichever rule decides, and all others for the same path.
pub(crate) fn deciding<'a>(policies: &'a [Policy], path: &str, listing: bool) -> Option<Deciding<'a>> {
    let mut rules = Vec::new();
    for (number, policy) in policies.iter().enumerate().filter(|(_, policy)| !policy.ended) {
        for (line, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| !rule.ended) {
            rules.push((filed(rule), (number, line as u32 + 1), rule));
        }
    }
    let mut path = path;
    while let Some(rest) = path.strip_prefix('/') {
        path = rest;
    }
    let folder = match path.strip_suffix('/') {
        Some(folder) if listing => vec![path, folder],
        _ => vec![path],
    };
    let mut chosen = None;
    for asked in &folder {
        chosen = chosen.or_else(|| rules.iter().find(|(filed, ..)| tokens(filed).is_none() && filed == asked));
    }
    for asked in &folder {
        let matching = rules.iter().filter(|(filed, ..)| {
            let characters: Vec<char> = asked.chars().collect();
            tokens(filed).is_some_and(|tokens| matches(&tokens, &characters))
        });
        chosen = chosen.or_else(|| matching.max_by(|a, b| weigh(a.0, b.0)));
    }
    let chosen = chosen?.0;
    let same: Vec<_> = rules.iter().filter(|(filed, ..)| *filed == chosen).collect();
    Some(Deciding {
        path: chosen,
        places: same.iter().map(|(_, place, _)| *place).collect(),
        rules: same.iter().map(|(.., rule)| *rule).collect(),
    })
}

/// One leading slash of a rule does not count.
fn filed(rule: &Rule) -> &str {
    rule.path.strip_prefix('/').unwrap_or(&rule.path)
}

enum Token {
    Is(char),
    Segment,
    Anything,
}

/// `None`: without a wildcard.
fn tokens(rule: &str) -> Option<Vec<Token>> {
    let (body, star) = match rule.strip_suffix('*') {
        Some(body) => (body, true),
        None => (rule, false),
    };
    let mut tokens = Vec::new();
    let mut wild = star;
    for (index, segment) in body.split('/').enumerate() {
        if index > 0 {
            tokens.push(Token::Is('/'));
        }
        match segment {
            "+" => {
                tokens.push(Token::Segment);
                wild = true;
            }
            text => tokens.extend(text.chars().map(Token::Is)),
        }
    }
    if star {
        tokens.push(Token::Anything);
    }
    wild.then_some(tokens)
}

/// Tries everything.
fn matches(tokens: &[Token], path: &[char]) -> bool {
    let Some((token, tokens)) = tokens.split_first() else { return path.is_empty() };
    match token {
        Token::Anything => true,
        Token::Is(wanted) => path.first() == Some(wanted) && matches(tokens, &path[1..]),
        Token::Segment => {
            (0..=path.len()).any(|taken| !path[..taken].contains(&'/') && matches(tokens, &path[taken..]))
        }
    }
}

/// The greater one decides: its first wildcard stands later; it does not end in a star; it has fewer `+`; it is longer.
fn weigh(a: &str, b: &str) -> Ordering {
    let weight = |rule: &str| {
        let star = rule.ends_with('*');
        let body = if star { &rule[..rule.len() - 1] } else { rule };
        let first_plus = (0..body.len()).find(|at| {
            body[*at..].starts_with('+')
                && (*at == 0 || body.as_bytes()[at - 1] == b'/')
                && matches!(body.as_bytes().get(at + 1), None | Some(b'/'))
        });
        let pluses = body.split('/').filter(|segment| *segment == "+").count() as i64;
        (first_plus.unwrap_or(body.len()), !star, -pluses, body.len())
    };
    weight(a).cmp(&weight(b)).then_with(|| a.cmp(b))
}

impl Deciding<'_> {
    fn fits(&self, operation: &str, request: &Request) -> bool {
        let shortest = |of: fn(&Rule) -> Option<u64>| self.rules.iter().filter_map(|rule| of(rule)).min();
        let (min, max) = (shortest(|rule| rule.min_wrapping), shortest(|rule| rule.max_wrapping));
        let wrapped = match request.wrap {
            None => min.is_none() && max.is_none(),
            Some(ttl) => ttl >= min.unwrap_or(0) && ttl <= max.unwrap_or(u64::MAX),
        };
        wrapped
            && match operation {
                "create" | "read" | "update" | "patch" => self.parameters(&request.body),
                "list" | "scan" => shortest(|rule| rule.page).is_none_or(|page| self.page(page, &request.body)),
                _ => true,
            }
    }

    fn requires(&self) -> impl Iterator<Item = String> {
        self.rules.iter().flat_map(|rule| &rule.required).map(|name| name.to_lowercase())
    }

    fn page(&self, largest: u64, body: &Map<String, Value>) -> bool {
        match body.get("limit") {
            None => !self.requires().any(|name| name == "limit"),
            Some(Value::String(text)) => text == "max" || text.parse::<u64>().is_ok_and(|limit| limit <= largest),
            Some(limit) => limit.as_u64().is_some_and(|limit| limit <= largest),
        }
    }

    fn parameters(&self, body: &Map<String, Value>) -> bool {
        if !self.requires().all(|name| body.contains_key(&name)) {
            return false;
        }
        if body.is_empty() {
            return true;
        }
        // Every list that is given for a name.
        let lists = |of: fn(&Rule) -> &Vec<(&'static str, Vec<Value>)>, name: &str| -> Vec<&Vec<Value>> {
            let entries = self.rules.iter().flat_map(|rule| of(rule));
            entries.filter(|(given, _)| given.to_lowercase() == name.to_lowercase()).map(|(_, values)| values).collect()
        };
        let holds = |lists: &[&Vec<Value>], value: &Value| {
            lists.iter().any(|list| list.is_empty() || list.iter().any(|listed| is(listed, value)))
        };
        let says_allowed = self.rules.iter().any(|rule| !rule.allowed.is_empty());
        if !lists(|rule| &rule.denied, "*").is_empty() {
            return false;
        }
        body.iter().all(|(name, value)| {
            let among = lists(|rule| &rule.allowed, name);
            let fine = match (says_allowed, among.is_empty()) {
                (false, _) => true,
                (true, true) => !lists(|rule| &rule.allowed, "*").is_empty(),
                (true, false) => holds(&among, value),
            };
            fine && !holds(&lists(|rule| &rule.denied, name), value)
        })
    }
}

/// A text may begin or end with a star; a star alone is itself.
fn is(listed: &Value, value: &Value) -> bool {
    match (listed, value) {
        (Value::String(pattern), Value::String(text)) if pattern.chars().count() > 1 && pattern.contains('*') => {
            let inner = pattern.strip_prefix('*').unwrap_or(pattern);
            let inner = if pattern.ends_with('*') { &inner[..inner.len() - 1] } else { inner };
            match (pattern.starts_with('*'), pattern.ends_with('*')) {
                (true, true) => text.contains(inner),
                (true, false) => text.ends_with(inner),
                (false, true) => text.starts_with(inner),
                (false, false) => text == pattern,
            }
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => listed == value,
    }
}
