//! What is counted and timed of a request, under Vault's names.

use std::time::Instant;

use super::Located;
use crate::response::Response;

/// A request under way on the node that runs it.
pub(super) struct Measured(Instant);

impl Measured {
    pub fn begin() -> Self {
        metrics::gauge!("vault.core.in_flight_requests").increment(1.0);
        Self(Instant::now())
    }

    pub fn millis(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1000.0
    }

    /// By status class, of which there are few.
    pub fn answered(&self, response: &Response) {
        metrics::histogram!("vault.core.handle_request").record(self.millis());
        let class = match response.status {
            0..400 => "ok",
            400..500 => "refused",
            _ => "failed",
        };
        metrics::counter!("holdfast.core.answers", "outcome" => class).increment(1);
    }
}

impl Drop for Measured {
    /// Also where the request was dropped on its way.
    fn drop(&mut self) {
        metrics::gauge!("vault.core.in_flight_requests").decrement(1.0);
    }
}

/// `vault.route.<operation>.<mount>`, the mount's slashes as dashes. Their number is bounded by the registry.
pub(super) fn routed(operation: &str, located: &Located, since: Instant) {
    let mount = located.info.path.replace('/', "-");
    metrics::histogram!(format!("vault.route.{operation}.{mount}")).record(since.elapsed().as_secs_f64() * 1000.0);
}

/// A token was made and is handed out. The lifetime is told by the next larger of a few.
pub(super) fn token_made(located: &Located, auth: &sdk::AuthBlock) {
    const HOUR: u64 = 3600;
    const LIFETIMES: [(u64, &str); 6] =
        [(60, "1m"), (600, "10m"), (HOUR, "1h"), (24 * HOUR, "1d"), (7 * 24 * HOUR, "7d"), (30 * 24 * HOUR, "30d")];
    let ttl = match auth.lease_duration {
        0 => "+Inf",
        ttl => LIFETIMES.iter().find(|(most, _)| ttl <= *most).map_or("+Inf", |(_, name)| name),
    };
    metrics::counter!(
        "vault.token.creation",
        "auth_method" => located.mount.type_name.clone(),
        "mount_point" => located.info.path.clone(),
        "namespace" => match located.namespace.path.as_str() {
            "" => "root".to_owned(),
            path => path.to_owned(),
        },
        "token_type" => auth.token_type.clone(),
        "creation_ttl" => ttl,
    )
    .increment(1);
}
