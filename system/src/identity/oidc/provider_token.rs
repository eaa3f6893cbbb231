//! `oidc/provider/:name/token`: a client redeems a code, or gets a token for itself.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::mount::TtlLimits;
use holdfast_core::token::{NewToken, Purpose, TokenKind};
use oidc::{Client, ClientKind, NamedKey, OPENID, Provider, Signer, hash_claim};
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Map, Name, Path, Result, Txn, Value, Verb, json};
use serde::Serialize;

use super::oauth::{OAuth, Refusal, Stop};
use super::person::{Person, claims_of};
use super::{Oidc, issuer};

#[derive(Input)]
struct Asked {
    /// The provider's name.
    name: Name,
    /// `authorization_code` or `client_credentials`.
    grant_type: String,
    /// The code that the client was sent.
    code: String,
    /// Where it was sent.
    redirect_uri: String,
    /// What the code's challenge was made of.
    code_verifier: String,
    /// What a client that gets a token for itself asks for, with spaces between; `openid` must be among it.
    scope: String,
    /// Who asks, unless the header `Authorization` says it.
    client_id: String,
    /// Its secret, unless the header `Authorization` says it.
    client_secret: String,
}

#[derive(Serialize, JsonSchema)]
struct Tokens {
    /// Reads the claims at the userinfo endpoint, or is the client's own.
    access_token: String,
    /// In seconds.
    expires_in: u64,
    /// Who has logged in: a signed JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    token_type: &'static str,
}

pub fn path(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/provider/:name/token")
        .open()
        .ids([(Verb::Write, "oidc-provider-token")])
        .help(
            "Redeems a code.",
            "The client that a code was given for gets an ID token and an access token for it, once.",
        )
        .txn(Verb::Write, move |ctx: &Ctx, asked: Asked, txn: &mut Txn| {
            let answer = match tokens(&oidc, ctx, &asked, txn) {
                Ok(tokens) => OAuth::answer(tokens)?,
                Err(Stop::Refused(refusal)) => {
                    let unknown = refusal.status == 401;
                    let answer = OAuth::refused(refusal);
                    if unknown { answer.with(|answer| answer.header("www-authenticate", "Basic")) } else { answer }
                }
                Err(Stop::Failed(failure)) => return Err(failure),
            };
            // What is shown once is not kept for whoever asks what came of the request.
            Ok(answer
                .with(|answer| answer.header("cache-control", "no-store").header("pragma", "no-cache").shown_once()))
        })
}

fn invalid(description: &str) -> Stop {
    Refusal::invalid_request(description).into()
}

fn no_grant(description: &str) -> Stop {
    Refusal::invalid_grant(description).into()
}

/// A client whose word counts, and what it asks with.
struct Asker<'a> {
    oidc: &'a Oidc,
    ctx: &'a Ctx<'a>,
    asked: &'a Asked,
    provider: Provider,
    client: Client,
    signer: Arc<Signer>,
}

fn tokens(oidc: &Oidc, ctx: &Ctx, asked: &Asked, txn: &mut Txn) -> std::result::Result<Tokens, Stop> {
    let provider = Provider::get(txn, asked.name.as_str())?.ok_or_else(|| invalid("provider not found"))?;
    let (id, secret) = match &ctx.authorization.basic {
        Some((id, _)) if !asked.client_id.is_empty() && asked.client_id != *id => {
            return Err(invalid("the client_id is another one than the header Authorization names"));
        }
        Some((id, secret)) => (id, secret),
        None if asked.client_id.is_empty() => return Err(invalid("client_id parameter is required")),
        None => (&asked.client_id, &asked.client_secret),
    };
    let unknown = |why: &str| Stop::from(Refusal::new(401, "invalid_client", why));
    let client = Client::by_id(txn, id)?.filter(|client| client.is_proved_by(secret));
    let client = client.ok_or_else(|| unknown("client failed to authenticate"))?;
    if !provider.allows(&client.id) {
        return Err(unknown("client is not authorized to use the provider"));
    }
    let missing = || Failure::internal(format!("the key {:?} of a client is not there", client.key));
    let key = NamedKey::get(txn, &client.key)?.ok_or_else(missing)?;
    if !key.allows(&client.id) {
        return Err(unknown("client is not authorized to use the key"));
    }
    // The batch relies on the named key, which changes with what signs.
    let signer = oidc.signers.get(&txn.as_view(), &client.key, &key)?;
    let signer = signer.ok_or_else(|| Failure::internal("the key of a client has no key pair"))?;
    let asker = Asker { oidc, ctx, asked, provider, client, signer };
    match asked.grant_type.as_str() {
        "authorization_code" if asker.client.authorization_code => asker.redeem(txn),
        "client_credentials" if asker.client.has_tokens_for_itself() => asker.for_itself(txn),
        "authorization_code" | "client_credentials" => {
            Err(no_grant("client is not authorized to use given credentials flow"))
        }
        _ => {
            let text = "unsupported grant_type or parameter is empty value";
            Err(Refusal::new(400, "unsupported_grant_type", text).into())
        }
    }
}

impl Asker<'_> {
    fn redeem(&self, txn: &mut Txn) -> std::result::Result<Tokens, Stop> {
        let Self { ctx, asked, client, .. } = self;
        if asked.code.is_empty() {
            return Err(invalid("code parameter is required"));
        }
        let grant = oidc::redeem(txn, &asked.code, ctx.now)?;
        let grant = grant.ok_or_else(|| no_grant("authorization grant is invalid or expired"))?;
        if grant.client_id != client.id {
            return Err(no_grant("authorization code was not issued to the client"));
        }
        if grant.provider != asked.name.as_str() {
            return Err(no_grant("authorization code was not issued by the provider"));
        }
        if asked.redirect_uri.is_empty() {
            return Err(invalid("redirect_uri parameter is required"));
        }
        if grant.redirect_uri != asked.redirect_uri {
            return Err(no_grant("redirect_uri does not match the redirect_uri used in the authorization request"));
        }
        let person = Person::find(txn, &grant.entity_id)?;
        let person = person.ok_or_else(|| invalid("identity entity associated with the request not found"))?;
        if !person.may_use(txn, client)? {
            return Err(invalid("identity entity not authorized by client assignment"));
        }
        match &grant.challenge {
            None if client.kind == ClientKind::Public => return Err(invalid("PKCE is required for public clients")),
            None if !asked.code_verifier.is_empty() => {
                return Err(invalid("unexpected code_verifier for token exchange"));
            }
            Some(_) if asked.code_verifier.is_empty() => {
                return Err(invalid("expected code_verifier for token exchange"));
            }
            Some(challenge) if !challenge.is_met(&asked.code_verifier) => {
                return Err(no_grant("invalid code_verifier for token exchange"));
            }
            _ => {}
        }
        let claims = claims_of(txn, &grant.scopes, Some(&person.values()), ctx.now)?;
        let mut claims = claims.map_err(|conflict| invalid(&conflict))?;
        let access_token = self.access_token(txn, &person.entity.id, &grant.scopes)?;
        let algorithm = self.signer.algorithm;
        self.own_claims(&mut claims, &person.entity.id)?;
        for (claim, value) in [
            ("at_hash", json!(hash_claim(algorithm, &access_token))),
            ("c_hash", json!(hash_claim(algorithm, &asked.code))),
            ("nonce", if grant.nonce.is_empty() { Value::Null } else { json!(grant.nonce) }),
            ("auth_time", grant.auth_time.map_or(Value::Null, |at| json!(at.0 / 1000))),
        ] {
            if !value.is_null() {
                claims.insert(claim.to_owned(), value);
            }
        }
        let id_token = oidc::sign(&self.signer, oidc::ID_TOKEN, &claims)?;
        let expires_in = self.access_ttl().as_secs();
        Ok(Tokens { access_token, expires_in, id_token: Some(id_token), token_type: "Bearer" })
    }

    fn for_itself(&self, txn: &Txn) -> std::result::Result<Tokens, Stop> {
        let scopes = self.provider.scopes(&self.asked.scope);
        let scopes = scopes.ok_or_else(|| invalid(&format!("scope parameter must contain the {OPENID:?} value")))?;
        let claims = claims_of(txn, &scopes, None, self.ctx.now)?;
        let mut claims = claims.map_err(|conflict| invalid(&conflict))?;
        self.own_claims(&mut claims, &self.client.id)?;
        claims.insert("client_id".to_owned(), json!(self.client.id));
        claims.insert("jti".to_owned(), json!(hex::encode(crypto::random::<16>())));
        // Not to be taken for an ID token, which is of a person.
        let access_token = oidc::sign(&self.signer, oidc::ACCESS_TOKEN, &claims)?;
        let expires_in = self.client.id_token_ttl;
        Ok(Tokens { access_token, expires_in, id_token: None, token_type: "Bearer" })
    }

    /// What no template says.
    fn own_claims(&self, claims: &mut Map<String, Value>, subject: &str) -> Result<()> {
        let Self { oidc, ctx, asked, provider, client, .. } = self;
        let end = ctx.now.plus(Duration::from_secs(client.id_token_ttl));
        for (claim, value) in [
            ("iss", json!(issuer::of_provider(&oidc.node, ctx, provider, asked.name.as_str())?)),
            ("namespace", json!(ctx.namespace.id.shown())),
            ("sub", json!(subject)),
            ("aud", json!(client.id)),
            ("iat", json!(ctx.now.0 / 1000)),
            ("exp", json!(end.0 / 1000)),
        ] {
            claims.insert(claim.to_owned(), value);
        }
        Ok(())
    }

    /// How long an access token counts: no longer than any token of the mount.
    fn access_ttl(&self) -> Duration {
        Duration::from_secs(self.client.access_token_ttl).min(self.ctx.mount.max_lease_ttl)
    }

    /// A token that reads the claims once more, and does nothing else.
    fn access_token(&self, txn: &mut Txn, entity_id: &str, scopes: &[String]) -> Result<String> {
        let name = self.asked.name.as_str();
        let ttl = self.access_ttl();
        let purpose = Purpose {
            policy: format!(
                "path \"identity/oidc/provider/{name}/userinfo\" {{ capabilities = [\"read\", \"update\"] }}"
            ),
            internal: json!({ "client_id": self.client.id, "scopes": scopes }),
        };
        let new = NewToken {
            kind: TokenKind::Batch,
            home: self.ctx.namespace.clone(),
            path: format!("identity/oidc/provider/{name}/token"),
            meta: Some([("oidc_token_type".to_owned(), "access token".to_owned())].into()),
            ttl,
            limits: Some(TtlLimits { default: ttl, max: ttl }),
            entity_id: entity_id.to_owned(),
            purpose: Some(purpose),
            ..NewToken::default()
        };
        let created = self.oidc.node.tokens.create(txn, self.ctx.now, new).map_err(|refused| match refused {
            holdfast_core::token::NotCreated::Access(access) => access.into(),
            refused => Failure::internal(refused),
        })?;
        Ok(created.token.expose().to_owned())
    }
}
