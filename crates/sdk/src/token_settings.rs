//! The `token_…` fields that every auth method's users and roles have: read, kept, shown, and followed at login.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cidr, CommaList, Failure, Input, Map, Result, Seconds, TokenType, Value, json};

/// The fields of a request. What is absent leaves what was there.
#[derive(Input, Default)]
pub struct TokenFields {
    /// Addresses and networks that the token may be used from; any if there are none.
    pub token_bound_cidrs: Option<CommaList>,
    /// How long the token can live however often it is renewed.
    pub token_explicit_max_ttl: Option<Seconds>,
    /// How long the token can be prolonged by renewing it.
    pub token_max_ttl: Option<Seconds>,
    /// Leaves the policy `default` out.
    pub token_no_default_policy: Option<bool>,
    /// How many requests the token may make; zero for no limit.
    pub token_num_uses: Option<i64>,
    /// Each renewal prolongs by this, without an end.
    pub token_period: Option<Seconds>,
    /// The token's policies.
    pub token_policies: Option<CommaList>,
    /// Binds the token to the address that logged in.
    pub token_strictly_bind_ip: Option<bool>,
    /// How long the token lives unless it is renewed.
    pub token_ttl: Option<Seconds>,
    /// `service`, `batch`, or `default`: as the mount says.
    pub token_type: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenSettings {
    pub bound_cidrs: Vec<Cidr>,
    pub explicit_max_ttl: Duration,
    pub max_ttl: Duration,
    pub no_default_policy: bool,
    pub num_uses: i64,
    pub period: Duration,
    pub policies: Vec<String>,
    pub strictly_bind_ip: bool,
    pub ttl: Duration,
    pub token_type: TokenType,
}

/// The fields as the wire shows them. Spans are in seconds.
#[derive(Serialize, JsonSchema)]
pub struct ShownToken {
    pub token_bound_cidrs: Vec<String>,
    pub token_explicit_max_ttl: u64,
    pub token_max_ttl: u64,
    pub token_no_default_policy: bool,
    pub token_num_uses: i64,
    pub token_period: u64,
    pub token_policies: Vec<String>,
    pub token_strictly_bind_ip: bool,
    pub token_ttl: u64,
    pub token_type: &'static str,
}

impl TokenSettings {
    /// Takes over what a request gives, and refuses what does not fit together. Nothing is changed then.
    pub fn update(&mut self, fields: TokenFields) -> Result<()> {
        let mut new = self.clone();
        if let Some(list) = fields.token_bound_cidrs {
            new.bound_cidrs = list.0.iter().map(|text| cidr(text)).collect::<Result<_>>()?;
        }
        let whole = |span: Seconds| Duration::from_secs(span.0.as_secs());
        for (field, kept) in [
            (fields.token_explicit_max_ttl, &mut new.explicit_max_ttl),
            (fields.token_max_ttl, &mut new.max_ttl),
            (fields.token_period, &mut new.period),
            (fields.token_ttl, &mut new.ttl),
        ] {
            *kept = field.map_or(*kept, whole);
        }
        new.no_default_policy = fields.token_no_default_policy.unwrap_or(new.no_default_policy);
        new.strictly_bind_ip = fields.token_strictly_bind_ip.unwrap_or(new.strictly_bind_ip);
        new.num_uses = fields.token_num_uses.unwrap_or(new.num_uses);
        if let Some(list) = fields.token_policies {
            new.policies = list.0;
        }
        if let Some(text) = fields.token_type {
            new.token_type = token_type(&text)?;
        }
        new.check()?;
        *self = new;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.num_uses < 0 {
            return Err(Failure::invalid("'token_num_uses' cannot be negative"));
        }
        if !self.max_ttl.is_zero() && self.ttl > self.max_ttl {
            return Err(Failure::invalid("'token_ttl' cannot be greater than 'token_max_ttl'"));
        }
        if self.token_type == TokenType::Batch && (self.num_uses > 0 || !self.period.is_zero()) {
            return Err(Failure::invalid(
                "'token_type' cannot be 'batch' when 'token_num_uses' or 'token_period' is set: a batch token keeps no count and cannot be renewed",
            ));
        }
        Ok(())
    }

    /// The fields as the wire shows them.
    pub fn shown(&self) -> ShownToken {
        ShownToken {
            token_bound_cidrs: self.bound_cidrs.iter().map(ToString::to_string).collect(),
            token_explicit_max_ttl: self.explicit_max_ttl.as_secs(),
            token_max_ttl: self.max_ttl.as_secs(),
            token_no_default_policy: self.no_default_policy,
            token_num_uses: self.num_uses,
            token_period: self.period.as_secs(),
            token_policies: self.policies.clone(),
            token_strictly_bind_ip: self.strictly_bind_ip,
            token_ttl: self.ttl.as_secs(),
            token_type: self.token_type.name(),
        }
    }

    /// The same as a map.
    pub fn show(&self) -> Map<String, Value> {
        match json!(self.shown()) {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

pub fn cidr(text: &str) -> Result<Cidr> {
    Cidr::parse(text).ok_or_else(|| {
        Failure::invalid(format!(
            "error parsing address {text:?}: it must be an IP address, or a network as 10.0.0.0/8"
        ))
    })
}

fn token_type(text: &str) -> Result<TokenType> {
    match text {
        "" | "default" => Ok(TokenType::Default),
        "service" => Ok(TokenType::Service),
        "batch" => Ok(TokenType::Batch),
        _ => {
            Err(Failure::invalid(format!("invalid 'token_type' value {text:?}: it must be service, batch or default")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;

    fn fields(body: Value) -> TokenFields {
        let Value::Object(body) = body else { panic!("fields are an object") };
        TokenFields::parse(&Params::new(Default::default(), body)).unwrap()
    }

    #[test]
    fn what_is_absent_stays_and_what_is_refused_changes_nothing() {
        let mut settings = TokenSettings::default();
        settings.update(fields(json!({"token_ttl": "10m", "token_bound_cidrs": "127.0.0.1/32,10.1.2.3/8"}))).unwrap();
        settings.update(fields(json!({"token_max_ttl": 3600}))).unwrap();
        assert_eq!(settings.ttl, Duration::from_secs(600));
        assert_eq!(settings.show()["token_bound_cidrs"], json!(["127.0.0.1", "10.0.0.0/8"]));
        let before = settings.clone();
        for bad in [
            json!({"token_ttl": "2h", "token_policies": "x"}),
            json!({"token_num_uses": -1}),
            json!({"token_type": "odd"}),
            json!({"token_type": "batch", "token_period": 60}),
            json!({"token_bound_cidrs": "junk"}),
        ] {
            assert!(settings.update(fields(bad.clone())).is_err(), "{bad}");
            assert_eq!(settings, before);
        }
    }

    #[test]
    fn an_address_is_in_its_network_in_either_form() {
        let bounds = [cidr("10.0.0.0/8").unwrap(), cidr("fd00::/16").unwrap()];
        for (address, inside) in [("10.9.9.9", true), ("::ffff:10.9.9.9", true), ("fd00::1", true), ("11.0.0.1", false)]
        {
            assert_eq!(crate::within(&bounds, Some(address.parse().unwrap())), inside, "{address}");
        }
        assert!(!crate::within(&bounds, None), "bound, and nobody knows where it comes from");
        assert!(crate::within(&[], None));
    }
}
