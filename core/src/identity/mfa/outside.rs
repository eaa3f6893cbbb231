//! Methods that somebody else asks by: Duo, Okta, PingID.
//!
//! A transaction that needs such an answer ends with the question. It is asked with nothing held, which takes as long as
//! somebody needs to find their phone, and the request runs again with what came of it. What an answer is good for is decided
//! then, by the state of then; the answer counts for this question alone, and for this request.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use sdk::{Namespace, NamespaceId, Result};
use serde::Serialize;
use storage::{Access, Read};
use tokio::time::Instant;

use super::method::{Method, Settings};
use crate::identity::Entity;
use crate::identity::group::counted_in;
use crate::identity::rights::values_of;

/// How long somebody may take, if their request may.
const ANSWER_MAX: Duration = Duration::from_secs(75);
/// Left to the request for what comes of it.
const REST: Duration = Duration::from_secs(3);
/// Questions of one request.
const QUESTIONS_MAX: usize = 4;
/// Of one person, and of all: those that wait for an answer.
const WAITING_OF_ONE: usize = 2;
const WAITING_MAX: usize = 1_024;
/// What a service calls somebody.
const USERNAME_MAX: usize = 256;

/// No Debug: it holds what the server proves itself with.
#[derive(Serialize)]
pub struct Question {
    /// The root's, where an operator says what is asked.
    pub in_root: bool,
    pub settings: Settings,
    /// As the service knows them.
    pub username: String,
    pub passcode: Option<String>,
    pub remote: Option<IpAddr>,
    #[serde(skip)]
    namespace: NamespaceId,
    method: String,
}

/// Why somebody is not let in, with a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotLetIn {
    /// By them, or by the service: it counts.
    Denied(String),
    /// Nobody was asked.
    Unavailable(String),
}

/// Who asks services. Filled in by the server, which knows HTTP.
#[async_trait]
pub trait Asks: Send + Sync {
    /// Why it cannot ask by this method, if it cannot.
    fn unfit(&self, in_root: bool, settings: &Settings) -> Option<String>;

    /// Until then at the latest.
    async fn ask(&self, question: &Question, until: Instant) -> Result<(), NotLetIn>;
}

/// Where nobody asks.
pub(crate) struct AsksNobody;

#[async_trait]
impl Asks for AsksNobody {
    fn unfit(&self, _: bool, _: &Settings) -> Option<String> {
        Some("this server asks nobody".into())
    }

    async fn ask(&self, _: &Question, _: Instant) -> Result<(), NotLetIn> {
        Err(NotLetIn::Unavailable("this server asks nobody".into()))
    }
}

/// What one request has been answered.
#[derive(Default)]
pub struct Answered(Vec<([u8; 32], Result<(), NotLetIn>)>);

impl Answered {
    pub(super) fn to(&self, question: &Question) -> Option<&Result<(), NotLetIn>> {
        let digest = question.digest();
        self.0.iter().find(|(known, _)| *known == digest).map(|(_, answer)| answer)
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= QUESTIONS_MAX
    }

    pub(crate) fn note(&mut self, question: &Question, answer: Result<(), NotLetIn>) {
        self.0.push((question.digest(), answer));
    }
}

impl Question {
    fn digest(&self) -> [u8; 32] {
        // What cannot be written is no question, and none equals it by chance.
        let text = serde_json::to_vec(&(self, self.namespace.as_str())).map(zeroize::Zeroizing::new);
        text.map_or_else(|_| crypto::random(), |text| crypto::sha256(&text))
    }
}

/// The question of a method to an entity, or what is wrong.
pub(super) fn question(
    read: &impl Read,
    namespace: &Namespace,
    entity: &Entity,
    method: &Method,
    passcode: Option<&str>,
    remote: Option<IpAddr>,
) -> Result<Result<Question, String>> {
    let format = match &method.settings {
        Settings::Totp(_) => "",
        Settings::Duo(duo) => &duo.username_format,
        Settings::Okta(okta) => &okta.username_format,
        Settings::PingId(pingid) => &pingid.username_format,
    };
    Ok(match username(read, entity, format)? {
        Ok(username) => Ok(Question {
            in_root: namespace.is_root(),
            settings: method.settings.clone(),
            username,
            passcode: passcode.map(str::to_owned),
            remote,
            namespace: namespace.id.clone(),
            method: method.id.clone(),
        }),
        Err(problem) => Err(problem),
    })
}

/// What a service calls an entity: never less than the template asks for.
fn username(read: &impl Read, entity: &Entity, format: &str) -> Result<Result<String, String>, Access> {
    let name = if format.is_empty() {
        Some(entity.name.clone())
    } else {
        let groups = counted_in(read, entity)?.groups;
        policy::fill_in(format, &values_of(Some(entity), groups.iter()))
    };
    let fits =
        |name: &String| !name.trim().is_empty() && name.len() <= USERNAME_MAX && !name.chars().any(char::is_control);
    Ok(name.filter(fits).ok_or_else(|| "the method's username_format gives this entity no name".to_owned()))
}

/// Who waits for an answer, on this node: by the namespace, and what the service calls them. An entity that is only just being
/// made is another one with each login.
#[derive(Default)]
pub(crate) struct Asking(Mutex<BTreeMap<(NamespaceId, String), usize>>);

/// While somebody waits.
struct Place<'a> {
    asking: &'a Asking,
    whose: (NamespaceId, String),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.asking.0.lock();
        let left = all.get(&self.whose).map_or(0, |count| count - 1);
        if left == 0 {
            all.remove(&self.whose);
        } else {
            all.insert(self.whose.clone(), left);
        }
    }
}

impl Asking {
    fn place(&self, question: &Question) -> Result<Place<'_>, NotLetIn> {
        let whose = (question.namespace.clone(), question.username.clone());
        let mut all = self.0.lock();
        let waiting: usize = all.values().sum();
        let of_one = all.entry(whose.clone()).or_default();
        if *of_one >= WAITING_OF_ONE || waiting >= WAITING_MAX {
            all.retain(|_, count| *count > 0);
            return Err(NotLetIn::Unavailable("too many second factors are waited for at once; try again".into()));
        }
        *of_one += 1;
        Ok(Place { asking: self, whose })
    }

    pub async fn ask(&self, asks: &dyn Asks, question: &Question, deadline: Instant) -> Result<(), NotLetIn> {
        let _place = self.place(question)?;
        let now = Instant::now();
        let until = deadline.checked_sub(REST).unwrap_or(now).min(now + ANSWER_MAX);
        let answer = asks.ask(question, until).await;
        let kind = question.settings.kind().name();
        match &answer {
            Ok(()) => tracing::debug!(kind, method = question.method, "a second factor was given"),
            Err(NotLetIn::Denied(why)) => {
                tracing::info!(kind, method = question.method, why, "a second factor was refused")
            }
            Err(NotLetIn::Unavailable(problem)) => {
                tracing::warn!(kind, method = question.method, problem, "a second factor could not be asked for");
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::mfa::Duo;

    fn question(username: &str) -> Question {
        let duo = Duo {
            secret_key: "s".into(),
            integration_key: "i".into(),
            api_hostname: "h".into(),
            push_info: String::new(),
            use_passcode: false,
            username_format: String::new(),
        };
        Question {
            in_root: true,
            settings: Settings::Duo(duo),
            username: username.into(),
            passcode: None,
            remote: None,
            namespace: NamespaceId::root(),
            method: "m".into(),
        }
    }

    #[test]
    fn an_answer_counts_for_its_question_alone() {
        let mut answered = Answered::default();
        answered.note(&question("ann"), Ok(()));
        assert_eq!(answered.to(&question("ann")), Some(&Ok(())));
        assert_eq!(answered.to(&question("bob")), None);
        let passcode = Question { passcode: Some("1".into()), ..question("ann") };
        assert_eq!(answered.to(&passcode), None);
        let elsewhere = Question { method: "n".into(), ..question("ann") };
        assert_eq!(answered.to(&elsewhere), None);
        let Settings::Duo(duo) = question("ann").settings else { unreachable!() };
        let settings = Settings::Duo(Duo { api_hostname: "other".into(), ..duo });
        assert_eq!(answered.to(&Question { settings, ..question("ann") }), None, "the method was changed");
    }

    #[test]
    fn places_are_few_and_come_back() {
        let asking = Asking::default();
        let held: Vec<_> = (0..WAITING_OF_ONE).map(|_| asking.place(&question("ann")).ok().unwrap()).collect();
        assert!(asking.place(&question("ann")).is_err());
        assert!(asking.place(&question("bob")).is_ok(), "nobody else's");
        drop(held);
        assert!(asking.0.lock().is_empty());
        let all: Vec<_> = (0..WAITING_MAX).map(|n| asking.place(&question(&n.to_string())).ok().unwrap()).collect();
        assert!(asking.place(&question("one more")).is_err());
        drop(all);
        assert!(asking.0.lock().is_empty());
    }
}
