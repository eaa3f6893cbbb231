//! `sys/quotas/config`: what holds for all rate limits.

use holdfast_core::quota::{EXEMPT_LENGTH_MAX, EXEMPT_MAX, QuotaConfig, QuotaTable};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, StringList, Txn, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

/// What is left out is as if it were empty, as clients of this path are used to.
#[derive(Input)]
struct Config {
    /// Paths that no rate limit holds for, with all that begin so.
    rate_limit_exempt_paths: StringList,
    /// Whether requests that a rate limit has refused are audited.
    enable_rate_limit_audit_logging: bool,
    /// Whether answers say how many requests are left.
    enable_rate_limit_response_headers: bool,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    enable_rate_limit_audit_logging: bool,
    enable_rate_limit_response_headers: bool,
    rate_limit_exempt_paths: Vec<String>,
}

pub fn path() -> Path {
    Path::new("quotas/config")
        .help("Shows and sets what holds for all rate limits.", "Which paths are exempt, and who is told of what.")
        .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let config = QuotaTable::read(view)?.config;
            Reply::data(Shown {
                enable_rate_limit_audit_logging: config.audit,
                enable_rate_limit_response_headers: config.headers,
                rate_limit_exempt_paths: config.exempt,
            })
        })
        .txn(Verb::Write, |_: &Ctx, given: Config, txn: &mut Txn| {
            let exempt: Vec<String> =
                given.rate_limit_exempt_paths.0.into_iter().filter(|path| !path.is_empty()).collect();
            if exempt.len() > EXEMPT_MAX || exempt.iter().any(|path| path.len() > EXEMPT_LENGTH_MAX) {
                let text = format!(
                    "rate_limit_exempt_paths takes at most {EXEMPT_MAX} paths of at most {EXEMPT_LENGTH_MAX} bytes"
                );
                return Err(Failure::Invalid(text));
            }
            let mut table = QuotaTable::change(txn)?;
            table.config = QuotaConfig {
                exempt,
                headers: given.enable_rate_limit_response_headers,
                audit: given.enable_rate_limit_audit_logging,
            };
            table.write(txn)?;
            Ok(Answer::empty())
        })
}
