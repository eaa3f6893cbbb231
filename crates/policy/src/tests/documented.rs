//! The decision against the oracle, over random policies, requests and ways to write their paths.
//!
//! `HOLDFAST_CASES` says over how many, `HOLDFAST_SEED` where they begin. A case that fails names its seed: with it and
//! `HOLDFAST_CASES=1` it comes again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::now;
use crate::oracle::{self, Policy, Request, Rule};
use crate::{Acl, Operation, Question, Reason};

/// By what the oracle calls them.
const OPERATIONS: [(Operation, &str); 11] = [
    (Operation::Create, "create"),
    (Operation::Read, "read"),
    (Operation::Update, "update"),
    (Operation::Patch, "patch"),
    (Operation::Delete, "delete"),
    (Operation::List, "list"),
    (Operation::Scan, "scan"),
    (Operation::Help, "help"),
    (Operation::Renew, "renew"),
    (Operation::Revoke, "revoke"),
    (Operation::Rollback, "rollback"),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is set by the environment alone")]
fn the_decision_is_the_documented_one() {
    let set = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (cases, first) = (set("HOLDFAST_CASES", 20_000), set("HOLDFAST_SEED", 1));
    let mut seen = Seen::default();
    for seed in first..first + cases {
        case(&mut Dice(seed), seed, &mut seen);
    }
    // Cases that never meet a rule, or never a limit, would tell nothing.
    let enough = |what: &str, count: u64| assert!(count * 200 >= cases, "only {count} of {cases} cases {what}");
    if cases >= 1000 {
        enough("were allowed something", seen.allowed);
        enough("were refused by a deny", seen.denied);
        enough("were refused by a limit", seen.limited);
        enough("met a rule with a mutated path", seen.mutated);
        enough("met no rule", seen.unruled);
    }
}

/// How many cases came to what.
#[derive(Default)]
struct Seen {
    allowed: u64,
    denied: u64,
    limited: u64,
    mutated: u64,
    unruled: u64,
}

fn case(dice: &mut Dice, seed: u64, seen: &mut Seen) {
    let policies = policies(dice);
    let (path, mutated) = path(dice, &policies);
    let request = Request { path, body: body(dice), wrap: dice.one_in(4).then(|| dice.below(5)) };
    let parsed: Vec<_> = policies.iter().enumerate().map(|(number, policy)| parsed(number, policy)).collect();
    let acl = Acl::new(&parsed, now());
    let told =
        || format!("seed {seed}: {request:?}\n{}", policies.iter().map(Policy::text).collect::<Vec<_>>().join("--\n"));

    assert_eq!(acl.capabilities(&request.path), oracle::capabilities(&policies, &request.path), "{}", told());
    let (mut allowed, mut denied, mut limited, mut ruled) = (false, false, false, false);
    for (operation, name) in OPERATIONS {
        let question = Question {
            operation,
            path: &request.path,
            parameters: Some(&request.body),
            wrap_ttl: request.wrap.map(Duration::from_secs),
        };
        let decision = acl.decide(&question);
        let expected = oracle::allows(&policies, name, &request);
        assert_eq!(decision.allowed, expected, "{operation:?} ({:?}), {}", decision.reason, told());
        assert_eq!(decision.granted_by().count() > 0, decision.reason == Reason::Granted, "{operation:?}, {}", told());
        if name == "help" {
            continue;
        }
        let listing = matches!(operation, Operation::List | Operation::Scan);
        let deciding = oracle::deciding(&policies, &request.path, listing);
        let ruling = decision.explain().ruling;
        let said = ruling.as_ref().map(|ruling| {
            let place = |rule: &crate::GrantedBy| (rule.policy[1..].parse::<usize>().unwrap(), rule.line);
            (&*ruling.path, ruling.rules.iter().map(place).collect::<Vec<_>>())
        });
        let expected = deciding.map(|deciding| (deciding.path, deciding.places));
        assert_eq!(said, expected, "what is explained, {operation:?}, {}", told());
        allowed |= decision.allowed;
        denied |= decision.reason == Reason::Denied;
        ruled |= ruling.is_some();
        limited |=
            !decision.allowed && !matches!(decision.reason, Reason::Denied | Reason::NoRule | Reason::Missing(_));
    }
    seen.allowed += u64::from(allowed);
    seen.denied += u64::from(denied);
    seen.limited += u64::from(limited);
    seen.mutated += u64::from(mutated && ruled);
    seen.unruled += u64::from(!ruled);
}

/// Named by their number.
fn parsed(number: usize, written: &Policy) -> Arc<crate::Policy> {
    let policy = crate::Policy::parse(&format!("p{number}"), &written.text()).unwrap();
    let ends = if written.ended { now() } else { Timestamp::MAX };
    Arc::new(policy.expiring(Some(ends)))
}

fn policies(dice: &mut Dice) -> Vec<Policy> {
    // In some cases rules crowd on few paths, so that they have to be put together.
    let crowded = dice.one_in(3);
    (0..1 + dice.below(3))
        .map(|_| Policy { rules: (0..dice.below(7)).map(|_| rule(dice, crowded)).collect(), ended: dice.one_in(20) })
        .collect()
}

fn rule(dice: &mut Dice, crowded: bool) -> Rule {
    const NAMES: [&str; 11] =
        ["create", "read", "update", "patch", "delete", "list", "scan", "sudo", "recover", "subscribe", "deny"];
    let path = if crowded { dice.pick(&["a", "a/*", "a/+/b", "/a"]).to_owned() } else { rule_path(dice) };
    let mut capabilities: Vec<&str> = NAMES[..10].iter().copied().filter(|_| dice.one_in(2)).collect();
    if dice.one_in(12) {
        capabilities.push("deny");
    }
    // A deny leaves no limits either.
    let limits = !capabilities.contains(&"deny");
    let mut rule = Rule { path, capabilities, ended: dice.one_in(15), ..Rule::default() };
    if limits && dice.one_in(2) {
        rule.allowed = if dice.one_in(2) { parameters(dice) } else { Vec::new() };
        rule.denied = if dice.one_in(3) { parameters(dice) } else { Vec::new() };
        rule.required = if dice.one_in(4) { vec![dice.pick(&["x", "Y", "Limit"])] } else { Vec::new() };
        rule.min_wrapping = dice.one_in(6).then(|| 1 + dice.below(2));
        rule.max_wrapping = dice.one_in(6).then(|| 2 + dice.below(3));
        rule.page = dice.one_in(4).then(|| 1 + dice.below(5));
    }
    rule
}

fn parameters(dice: &mut Dice) -> Vec<(&'static str, Vec<Value>)> {
    let mut names: Vec<&str> = ["x", "Y", "limit", "*"].into_iter().filter(|_| dice.one_in(2)).collect();
    if names.len() == 4 {
        names.pop();
    }
    let values = [json!(1), json!(2.0), json!("t"), json!("T"), json!("t*"), json!("*t"), json!("*"), json!(true)];
    names.into_iter().map(|name| (name, values.iter().filter(|_| dice.one_in(5)).cloned().collect())).collect()
}

/// Few segments, so that rules and requests meet often.
fn rule_path(dice: &mut Dice) -> String {
    let segments: Vec<&str> =
        (0..1 + dice.below(4)).map(|_| dice.pick(&["a", "b", "ab", "+", "+", "", "a+", "*", "é"])).collect();
    let leading = dice.pick(&["", "", "", "/"]);
    let end = dice.pick(&["", "", "", "*", "/", "/*", "a*", "/+", "/+/*", "**"]);
    let path = format!("{leading}{}{end}", segments.join("/"));
    // The grammar refuses it.
    path.replace("+*", "+/*")
}

/// Whether it was changed after it had been made to fit a rule.
fn path(dice: &mut Dice, policies: &[Policy]) -> (String, bool) {
    let rules: Vec<&Rule> = policies.iter().flat_map(|policy| &policy.rules).collect();
    let mut path = match rules.is_empty() || dice.one_in(5) {
        true => rule_path(dice),
        false => {
            let rule = rules[dice.below(rules.len() as u64) as usize];
            fitting(dice, &rule.path)
        }
    };
    let mutated = dice.one_in(2);
    if mutated {
        for _ in 0..1 + dice.below(2) {
            path = mutation(dice, &path);
        }
    }
    (path, mutated)
}

fn fitting(dice: &mut Dice, rule: &str) -> String {
    let (body, star) = rule.strip_suffix('*').map_or((rule, false), |body| (body, true));
    let segment = |segment: &str, dice: &mut Dice| match segment {
        "+" => dice.pick(&["a", "zz", "", "é", "+"]).to_owned(),
        text => text.to_owned(),
    };
    let segments: Vec<String> = body.split('/').map(|text| segment(text, dice)).collect();
    let rest = if star { dice.pick(&["", "a", "/", "b/a", "/x/y/"]) } else { "" };
    let path = segments.join("/");
    format!("{}{rest}", path.strip_prefix('/').unwrap_or(&path))
}

/// Case, encoding, slashes, and characters that mean something in rules.
fn mutation(dice: &mut Dice, path: &str) -> String {
    let mut characters: Vec<char> = path.chars().collect();
    let at = dice.below(characters.len() as u64 + 1) as usize;
    let insert = |text: &str, characters: &mut Vec<char>| {
        characters.splice(at..at, text.chars());
    };
    match dice.below(12) {
        0 => insert("/", &mut characters),
        1 => insert(dice.pick(&["%2f", "%2F", "%", "%00", "%2a", "%2b", "%252f"]), &mut characters),
        2 => insert(dice.pick(&["*", "+", "{{identity.entity.id}}"]), &mut characters),
        3 => insert(dice.pick(&["..", ".", "\\", ";", "?", "#", " ", "\u{200b}", "\u{301}", "／"]), &mut characters),
        4 => return format!("{}{path}", dice.pick(&["/", "//", "./"])),
        5 => return format!("{path}{}", dice.pick(&["/", "//", "/.", "%2f", "\u{0}"])),
        6 => return path.strip_suffix('/').unwrap_or(path).to_owned(),
        7 => return path.to_uppercase(),
        8 => return path.replacen('/', "//", 1),
        _ if at < characters.len() => {
            let c = characters[at];
            match dice.below(3) {
                0 if c.is_lowercase() => characters.splice(at..=at, c.to_uppercase()).for_each(drop),
                0 => characters.splice(at..=at, c.to_lowercase()).for_each(drop),
                1 => {
                    let encoded: String = c.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
                    characters.splice(at..=at, encoded.chars()).for_each(drop);
                }
                _ => {
                    characters.remove(at);
                }
            }
        }
        _ => {}
    }
    characters.into_iter().collect()
}

fn body(dice: &mut Dice) -> Map<String, Value> {
    let values = [
        json!(1),
        json!(2),
        json!(1.0),
        json!(-1),
        json!("t"),
        json!("tt"),
        json!("3"),
        json!("*"),
        json!("max"),
        json!(true),
        json!(null),
        json!([1]),
    ];
    let mut body = Map::new();
    for name in ["x", "X", "y", "limit", "z"] {
        if dice.one_in(4) {
            body.insert(name.to_owned(), values[dice.below(values.len() as u64) as usize].clone());
        }
    }
    body
}

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len() as u64) as usize]
    }
}
