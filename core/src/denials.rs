//! The last requests that were refused as "permission denied", and why: what a client is not told, and whoever may ask
//! for it by the request's id is.
//!
//! In memory of the node that refused, and bounded: of refusals of callers whose token counts so many, of others fewer.
//! So nobody without a token can push out what is known of those with one. Nothing here is secret: of parameters there
//! are names, of tokens accessors.

use std::collections::VecDeque;

use parking_lot::Mutex;
use policy::Explanation;
use sdk::Namespace;
use storage::{Millis, RequestId};

/// How many refusals of callers with a token are remembered.
const KNOWN_MAX: usize = 1024;
/// And of others.
const UNKNOWN_MAX: usize = 128;
/// Longer texts, in bytes, are cut.
const TEXT_MAX: usize = 1024;
/// Further policies of a caller, and rules of a ruling, are left out.
const LISTED_MAX: usize = 64;

#[derive(Clone, Debug)]
pub struct Denial {
    pub id: RequestId,
    pub at: Millis,
    pub namespace: Namespace,
    pub operation: &'static str,
    /// In the namespace.
    pub path: String,
    /// Whose token it was; `None` if there was none that counts.
    pub token: Option<DeniedToken>,
    /// What the policies said; `None` where they were not asked.
    pub decided: Option<Explanation>,
    pub why: String,
}

#[derive(Clone, Debug)]
pub struct DeniedToken {
    pub accessor: String,
    pub display_name: String,
    pub entity_id: String,
    pub policies: Vec<String>,
    /// What gives the policies of the rules that decided, in their order.
    pub sources: Vec<String>,
}

#[derive(Default)]
pub struct Denials {
    known: Mutex<VecDeque<Denial>>,
    unknown: Mutex<VecDeque<Denial>>,
}

impl Denials {
    pub(crate) fn note(&self, mut denial: Denial) {
        cut(&mut denial.path);
        // They may name a parameter, which is as long as the client wanted.
        cut(&mut denial.why);
        if let Some(decided) = &mut denial.decided {
            cut(&mut decided.text);
        }
        if let Some(token) = &mut denial.token {
            token.policies.truncate(LISTED_MAX);
            token.sources.truncate(LISTED_MAX);
            token.sources.iter_mut().for_each(cut);
        }
        if let Some(ruling) = denial.decided.as_mut().and_then(|decided| decided.ruling.as_mut()) {
            ruling.rules.truncate(LISTED_MAX);
        }
        let (ring, most) = match denial.token {
            Some(_) => (&self.known, KNOWN_MAX),
            None => (&self.unknown, UNKNOWN_MAX),
        };
        let mut ring = ring.lock();
        if ring.len() >= most {
            ring.pop_front();
        }
        ring.push_back(denial);
    }

    /// By the id as the wire has it.
    pub fn find(&self, id: &str) -> Option<Denial> {
        let of = |ring: &Mutex<VecDeque<Denial>>| ring.lock().iter().rev().find(|d| d.id.to_string() == id).cloned();
        of(&self.known).or_else(|| of(&self.unknown))
    }

    pub fn forget(&self) {
        self.known.lock().clear();
        self.unknown.lock().clear();
    }
}

fn cut(text: &mut String) {
    if text.len() > TEXT_MAX {
        let end = (0..=TEXT_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(n: u64, token: bool) -> Denial {
        let mut random = [0; 16];
        random[..8].copy_from_slice(&n.to_be_bytes());
        let token = token.then(|| DeniedToken {
            accessor: String::new(),
            display_name: String::new(),
            entity_id: String::new(),
            policies: vec!["p".into(); LISTED_MAX + 1],
            sources: vec!["é".repeat(TEXT_MAX); LISTED_MAX + 1],
        });
        Denial {
            namespace: Namespace::root(),
            id: RequestId { applied: 0, random },
            at: Millis(n),
            operation: "read",
            path: "é".repeat(TEXT_MAX),
            token,
            decided: None,
            why: "é".repeat(TEXT_MAX),
        }
    }

    #[test]
    fn strangers_push_out_strangers_alone() {
        let denials = Denials::default();
        let first = denial(0, true);
        denials.note(first.clone());
        for n in 1..=5000 {
            denials.note(denial(n, false));
        }
        let kept = denials.find(&first.id.to_string()).unwrap();
        assert!([&kept.path, &kept.why].into_iter().all(|text| text.len() <= TEXT_MAX + '…'.len_utf8()));
        assert_eq!(kept.token.unwrap().policies.len(), LISTED_MAX);
        assert_eq!(denials.unknown.lock().len(), UNKNOWN_MAX);
        assert!(denials.find(&denial(5000, false).id.to_string()).is_some());
        for n in 6000..8000 {
            denials.note(denial(n, true));
        }
        assert_eq!(denials.known.lock().len(), KNOWN_MAX);
        assert!(denials.find(&first.id.to_string()).is_none());
    }
}
