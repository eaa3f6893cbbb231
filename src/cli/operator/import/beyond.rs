//! What a source may have that this does not carry over: looked for, so that the report says so where it is there.

use super::Import;
use super::report::Lost;
use crate::cli::client::Ask;
use reqwest::Method;

const PLACES: &[(&str, &str, &str)] = &[
    ("LIST", "sys/namespaces", "namespaces: carry each over by itself, with -from-namespace and -namespace"),
    ("LIST", "identity/entity/id", "entities and their aliases"),
    ("LIST", "identity/group/id", "groups"),
    ("LIST", "identity/mfa/method", "methods of multi-factor authentication"),
    ("LIST", "sys/policies/password", "password policies"),
    ("LIST", "sys/quotas/rate-limit", "rate limits"),
    ("LIST", "sys/quotas/lease-count", "limits of the number of leases"),
    ("LIST", "auth/token/roles", "roles of tokens"),
    ("GET", "sys/audit", "audit devices"),
];

/// A place that the source refuses to show is named too: nobody knows what is there. One that it does not have is empty.
pub async fn look(import: &Import) {
    for (method, path, what) in PLACES {
        let ask = if *method == "LIST" { Ask::list(path) } else { Ask::new(Method::GET, path) };
        match import.from.send(ask.query([("limit".to_owned(), "1".to_owned())])).await {
            Ok(reply) if reply.status == 403 => import.report().lost(Lost::Unknown(what), 0),
            Ok(reply) if reply.status == 200 => {
                let data = &reply.body["data"];
                let members = data["keys"].as_array().map(Vec::len).or_else(|| Some(data.as_object()?.len()));
                if members.unwrap_or(0) > 0 {
                    import.report().lost(Lost::Beyond(what), 0);
                }
            }
            _ => {}
        }
    }
}
