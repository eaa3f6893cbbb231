//! The form of an entry: one line of JSON, as Vault's devices write it. `docs/AUDIT.md` describes it to readers of logs.

use std::sync::Arc;

use barrier::Barrier;
use sdk::{Answer, AuthBlock, Body, Failure, Map, Namespace, Step, Value, WrapInfo};
use storage::Millis;

use super::hash::{Hasher, Shared};
use super::headers::AuditedHeaders;
use super::line::{Line, Style};
use crate::identity::Rights;
use crate::mount::{Mount, Table};
use crate::request::Request;
use crate::token::{TokenRecord, joined};

/// The caller, if known.
#[derive(Clone)]
pub struct Who {
    pub token: Arc<TokenRecord>,
    pub rights: Arc<Rights>,
    /// What is left of a use limit, this request not counted.
    pub uses_left: Option<i64>,
    /// What the policies said, if they were asked.
    pub decided: Option<Decided>,
}

#[derive(Clone)]
pub struct Decided {
    pub allowed: bool,
    pub granted_by: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Request,
    Response,
    /// This node sends the request on to the active one, where it is audited in full under the same id.
    Forward,
    /// No request: the server tells of something that it did or found.
    Event,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Forward => "forward",
            Self::Event => "event",
        }
    }
}

/// What both entries of a request are about.
pub struct Subject<'a> {
    pub request: &'a Request,
    /// Where it goes, as far as that is known.
    pub namespace: Option<&'a Namespace>,
    /// In the namespace.
    pub path: &'a str,
    pub operation: &'a str,
    pub mount: Option<&'a Mount>,
    pub who: Option<&'a Who>,
    /// The operations of a batch.
    pub steps: &'a [Step],
    hashed: Shared,
}

impl<'a> Subject<'a> {
    pub fn new(request: &'a Request, operation: &'a str, mount: Option<&'a Mount>, who: Option<&'a Who>) -> Self {
        Self {
            request,
            namespace: None,
            path: &request.path,
            operation,
            mount,
            who,
            steps: &[],
            hashed: Shared::default(),
        }
    }

    pub fn at(self, namespace: &'a Namespace, path: &'a str) -> Self {
        Self { namespace: Some(namespace), path, ..self }
    }

    pub fn with_steps(self, steps: &'a [Step]) -> Self {
        Self { steps, ..self }
    }

    pub fn mount_point(&self) -> String {
        self.mount.map(Mount::full_path).unwrap_or_default()
    }
}

/// One entry before it is written down.
pub struct Entry<'a> {
    pub phase: Phase,
    pub at: Millis,
    pub subject: &'a Subject<'a>,
    pub outcome: Option<Result<&'a Answer, &'a Failure>>,
    pub headers: &'a AuditedHeaders,
}

/// There is no key to hash with any more.
#[derive(Debug)]
pub struct Sealed;

impl Entry<'_> {
    pub fn is_long(&self) -> bool {
        matches!(self.outcome, Some(Ok(answer)) if answer.is_long())
    }

    /// The line, with its end. `style` is what a device asks for.
    pub fn render(&self, style: Style, barrier: &Barrier) -> Result<Vec<u8>, Sealed> {
        let hasher = Hasher::new(barrier);
        let mut line = Line::new(&hasher, style);
        line.text("time", &sdk::timestamp(self.at));
        line.text("type", self.phase.name());
        self.auth(&mut line);
        self.request(&mut line);
        match self.outcome {
            Some(Ok(answer)) => self.response(&mut line, Some(answer)),
            Some(Err(failure)) => {
                self.response(&mut line, None);
                line.text("error", &failure.to_string());
            }
            None => {}
        }
        let line = line.finish();
        if hasher.sealed() { Err(Sealed) } else { Ok(line) }
    }

    fn auth(&self, line: &mut Line<'_>) {
        let subject = self.subject;
        line.open("auth");
        if let Some(who) = subject.who {
            let token = who.token.as_ref();
            self.client_token(line, "client_token");
            self.accessor(line, "accessor", &token.accessor);
            line.text("display_name", &token.display_name);
            let more = &who.rights.policies;
            match more.is_empty() {
                true => line.list("policies", &token.policies),
                false => line.list("policies", &joined(&token.policies, more)),
            }
            line.list("token_policies", &token.policies);
            line.list("identity_policies", more);
            if let Some(decided) = &who.decided {
                line.open("policy_results");
                line.truth("allowed", decided.allowed);
                if !decided.granted_by.is_empty() {
                    line.objects("granting_policies", &decided.granted_by, |line, name| {
                        line.text("name", name);
                        line.text("namespace_id", token.home.id.shown());
                        line.text("type", "acl");
                    });
                }
                line.close();
            }
            if let Some(meta) = token.meta.as_ref().filter(|meta| !meta.is_empty()) {
                line.secrets("metadata", meta);
            }
            line.text("entity_id", &token.entity_id);
            line.number("remaining_uses", who.uses_left.unwrap_or(0));
            line.number("token_ttl", seconds(token.creation_ttl));
            line.text("token_issue_time", &sdk::timestamp(Millis(token.created.0 / 1000 * 1000)));
        }
        line.text("token_type", subject.who.map_or("default", |who| who.token.kind.name()));
        line.close();
    }

    fn request(&self, line: &mut Line<'_>) {
        let (subject, request) = (self.subject, self.subject.request);
        line.open("request");
        line.text("id", &request.id.to_string());
        line.text("operation", subject.operation);
        mount(line, subject.mount);
        self.client_token(line, "client_token");
        if let Some(who) = subject.who {
            self.accessor(line, "client_token_accessor", &who.token.accessor);
        }
        line.open("namespace");
        line.text("id", subject.namespace.map_or("root", |namespace| namespace.id.shown()));
        if let Some(namespace) = subject.namespace.filter(|namespace| !namespace.is_root()) {
            line.text("path", &namespace.path);
        }
        line.close();
        line.text("path", subject.path);
        match self.phase {
            // The server's own words, which hold no secret.
            Phase::Event => line.plain("data", &request.body),
            _ => line.data("data", &request.body, plain(subject.mount, |config| &config.audit_non_hmac_request_keys)),
        }
        if !subject.steps.is_empty() {
            line.objects("operations", subject.steps, |line, step| {
                line.text("operation", step.name);
                line.text("path", &step.path);
            });
        }
        if let Some(remote) = request.remote {
            line.text("remote_address", &remote.ip().to_string());
            line.number("remote_port", i64::from(remote.port()));
        }
        if let Some(ttl) = request.wrap_ttl {
            line.number("wrap_ttl", seconds(ttl.as_secs()));
        }
        self.headers(line);
        line.close();
    }

    fn headers(&self, line: &mut Line<'_>) {
        let headers = &self.subject.request.audit_headers;
        if headers.is_empty() {
            return;
        }
        line.open("headers");
        for (name, values) in headers {
            // One that was taken off the list meanwhile is shown as if it were a secret.
            line.header(name, values, self.headers.hmac(name).unwrap_or(true));
        }
        line.close();
    }

    fn response(&self, line: &mut Line<'_>, answer: Option<&Answer>) {
        let subject = self.subject;
        line.open("response");
        mount(line, subject.mount);
        if let Some(answer) = answer {
            if let Some(wrapped) = &answer.wrapped {
                // The rest of the answer is inside, and does not go out.
                wrap_info(line, wrapped);
                line.list("warnings", &answer.warnings);
                return line.close();
            }
            if let Some(auth) = &answer.auth {
                made(line, auth);
            }
            let plain = plain(subject.mount, |config| &config.audit_non_hmac_response_keys);
            match &answer.body {
                Body::Data(data) | Body::Mirrored(data) | Body::Bare(data) => {
                    if line.style.elide_lists && subject.operation == "list" {
                        line.counted("data", data, plain);
                    } else {
                        line.data("data", data, plain);
                    }
                }
                Body::Raw { content_type, bytes } => line.data("data", &raw(content_type, bytes), plain),
                Body::Empty | Body::Null | Body::Stream { .. } => {}
            }
            line.list("warnings", &answer.warnings);
        }
        line.close();
    }

    fn client_token(&self, line: &mut Line<'_>, key: &str) {
        if let Some(token) = &self.subject.request.token {
            line.shared(key, token.expose(), true, &self.subject.hashed.token);
        }
    }

    fn accessor(&self, line: &mut Line<'_>, key: &str, accessor: &str) {
        line.shared(key, accessor, line.style.hmac_accessor, &self.subject.hashed.accessor);
    }
}

fn made(line: &mut Line<'_>, auth: &AuthBlock) {
    line.open("auth");
    line.secret("client_token", &auth.client_token);
    line.accessor("accessor", &auth.accessor);
    line.list("policies", &auth.policies);
    line.list("token_policies", &auth.token_policies);
    line.list("identity_policies", &auth.identity_policies);
    if let Some(metadata) = auth.metadata.as_ref().filter(|metadata| !metadata.is_empty()) {
        line.secrets("metadata", metadata);
    }
    line.number("num_uses", auth.num_uses);
    line.text("entity_id", &auth.entity_id);
    line.text("token_type", &auth.token_type);
    line.number("token_ttl", seconds(auth.lease_duration));
    line.close();
}

fn wrap_info(line: &mut Line<'_>, wrapped: &WrapInfo) {
    line.open("wrap_info");
    line.number("ttl", seconds(wrapped.ttl));
    line.secret("token", &wrapped.token);
    line.accessor("accessor", &wrapped.accessor);
    line.text("creation_time", &wrapped.creation_time);
    line.text("creation_path", &wrapped.creation_path);
    line.accessor("wrapped_accessor", wrapped.wrapped_accessor.as_deref().unwrap_or_default());
    line.close();
}

fn mount(line: &mut Line<'_>, mount: Option<&Mount>) {
    let Some(mount) = mount else { return };
    line.text("mount_point", &mount.full_path());
    line.text("mount_type", &mount.type_name);
    line.text("mount_accessor", &mount.accessor);
    line.text("mount_class", if mount.table == Table::Auth { "auth" } else { "secret" });
}

/// An answer that is no JSON object, as Vault shows one.
fn raw(content_type: &str, bytes: &[u8]) -> Map<String, Value> {
    let body = String::from_utf8_lossy(bytes).into_owned();
    Map::from_iter([
        ("http_content_type".to_owned(), Value::String(content_type.to_owned())),
        ("http_raw_body".to_owned(), Value::String(body)),
    ])
}

fn plain<'m>(
    mount: Option<&'m Mount>,
    keys: impl FnOnce(&'m crate::mount::MountConfig) -> &'m Option<Vec<String>>,
) -> &'m [String] {
    mount.and_then(|mount| keys(&mount.config).as_deref()).unwrap_or_default()
}

fn seconds(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
