//! What belongs to a sealed namespace, asked for from above and from beside.

use std::sync::Arc;
use std::time::Duration;

use barrier::Share;
use holdfast_core::lifecycle::{Node, Settings};
use holdfast_core::mount::TtlLimits;
use sdk::{Value, Verb, json};

use super::Server;

const SEALED: &str = "namespace is sealed";

/// `vip`, with a seal of its own and what it has given out; `beside` it another one.
struct Vip {
    server: Server,
    share: Value,
    token: String,
    accessor: String,
    lease: String,
    wrapped: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Vip {
    async fn new() -> Self {
        let server = Server::new().await;
        server.write("sys/namespaces/beside", json!({})).await.ok();
        let seal = json!({"seal": "seal \"shamir\" { shares = 1 threshold = 1 }"});
        let made = server.write("sys/namespaces/vip", seal).await.ok();
        let share = made["data"]["key_shares"][0].clone();
        server.write("sys/namespaces/vip/unseal", json!({"key": share})).await.ok();
        server.write_in("vip", "sys/auth/up", json!({"type": "userpass"})).await.ok();
        server.write_in("vip", "sys/mounts/box", json!({"type": "box"})).await.ok();
        let made = server.write_in("vip", "auth/token/create", json!({"ttl": "1h"})).await.ok()["auth"].clone();
        let leases = server.list("vip/sys/leases/lookup/auth/token/create").await.ok();
        let lease = format!("auth/token/create/{}", text(&leases["data"]["keys"][0]));
        let wrapped = server.wrapped("vip/auth/up/login/ann", Value::Null).await.ok();
        let wrapped = text(&wrapped["wrap_info"]["token"]);
        Self { share, token: text(&made["client_token"]), accessor: text(&made["accessor"]), lease, wrapped, server }
    }

    /// As after all nodes were down.
    fn lose_keys(&self) {
        let barrier = &self.server.node().barrier;
        for (keyring, seen) in barrier.open_tenants() {
            barrier.close_tenant(&keyring, seen);
        }
    }

    /// Every call that takes a thing of another namespace, with this one's.
    fn calls(&self) -> Vec<(&'static str, Value)> {
        let (token, accessor) = (json!({"token": self.token}), json!({"accessor": self.accessor}));
        let (lease, wrapped) = (json!({"lease_id": self.lease}), json!({"token": self.wrapped}));
        let paths = |name: &str, value: &str| json!({name: value, "paths": ["box/x"]});
        let asks = |name: &str, value: &str| json!({name: value, "path": "box/x", "operation": "read"});
        vec![
            ("auth/token/lookup", token.clone()),
            ("auth/token/renew", token.clone()),
            ("auth/token/lookup-accessor", accessor.clone()),
            ("auth/token/renew-accessor", accessor.clone()),
            ("sys/capabilities", paths("token", &self.token)),
            ("sys/capabilities-accessor", paths("accessor", &self.accessor)),
            ("sys/policy/explain", asks("token", &self.token)),
            ("sys/policy/explain", asks("accessor", &self.accessor)),
            ("sys/leases/lookup", lease.clone()),
            ("sys/wrapping/lookup", wrapped.clone()),
            // These end it.
            ("sys/wrapping/unwrap", wrapped.clone()),
            ("sys/wrapping/rewrap", wrapped),
            ("sys/leases/renew", lease.clone()),
            ("sys/leases/revoke", lease),
            ("auth/token/revoke-accessor", accessor),
            ("auth/token/revoke-orphan", token.clone()),
            ("auth/token/revoke", token),
        ]
    }
}

#[tokio::test]
async fn who_asks_from_above_for_what_is_a_sealed_namespace_s_is_told_one_thing() {
    let vip = Vip::new().await;
    let server = &vip.server;
    server.write("sys/namespaces/vip/seal", json!({})).await.ok();
    for (path, body) in vip.calls() {
        let got = server.write(path, body).await;
        assert_eq!((got.status, got.error()), (503, SEALED), "{path}");
    }
    // From beside it is like one that is not there, but for wrapping tokens, which count for whoever has them.
    for (path, body) in vip.calls().into_iter().filter(|(path, _)| !path.starts_with("sys/wrapping/")) {
        let got = server.write_in("beside", path, body).await;
        assert_ne!(got.status, 503, "{path}: {}", got.body);
    }
    server.write("sys/namespaces/vip/unseal", json!({"key": vip.share})).await.ok();
    assert!(server.lives(&vip.token).await, "nothing was ended");
    for (path, body) in vip.calls().into_iter().take(11) {
        server.write(path, body).await.ok();
    }
}

#[tokio::test]
async fn a_batch_that_meets_a_sealed_namespace_says_which_operation_it_was() {
    let vip = Vip::new().await;
    let server = &vip.server;
    server.write("sys/mounts/box", json!({"type": "box"})).await.ok();
    server.write("sys/namespaces/vip/seal", json!({})).await.ok();
    let operations = json!([{"operation": "read", "path": "box/x"}, {"operation": "read", "path": "vip/box/x"}]);
    let got = server.write("sys/batch", json!({"operations": operations})).await;
    let told = "operation 2 of the batch (read \"vip/box/x\"): namespace is sealed";
    assert_eq!((got.status, got.error()), (503, told));
}

/// As `kv` commands find the mount that a path lies in.
#[tokio::test]
async fn a_mount_of_a_namespace_below_is_found_by_its_path() {
    let vip = Vip::new().await;
    let server = &vip.server;
    let find = async |token: &str, path: &str| {
        server.send(Verb::Read, &format!("sys/internal/ui/mounts/{path}"), token, Value::Null).await
    };
    server.write_in("vip", "sys/namespaces/in", json!({})).await.ok();
    server.write_in("vip/in", "sys/mounts/deep", json!({"type": "box"})).await.ok();
    for (path, mount) in
        [("vip/box/app/x", "vip/box/"), ("vip/in/deep", "vip/in/deep/"), ("vip/auth/up/x", "vip/auth/up/")]
    {
        let found = find(&server.root, path).await.ok();
        assert_eq!(found["data"]["path"], mount, "{path}");
    }
    // From the namespace of the request on.
    let found = find(&server.root, "in/deep/x").await;
    found.refused(403, "nothing is mounted at \"in/deep/x\"");
    let found = server.send(Verb::Read, "vip/sys/internal/ui/mounts/in/deep/x", &server.root, Value::Null).await.ok();
    assert_eq!(found["data"]["path"], "in/deep/");

    server.policy("boxer", "path \"vip/box/app/*\" { capabilities = [\"read\"] }").await;
    let (boxer, _) = server.token(json!({"policies": ["boxer"]})).await;
    assert_eq!(find(&boxer, "vip/box/app/x").await.ok()["data"]["path"], "vip/box/");
    // Whoever may use nothing there is told the same of what is there, of what is not, and of what is sealed.
    let denied = ["vip/in/deep/x", "vip/none/x", "beside/none", "nowhere/x", "none"];
    for path in denied {
        find(&boxer, path).await.refused(403, "preflight capability check returned 403");
    }
    server.write("sys/namespaces/vip/seal", json!({})).await.ok();
    let (poor, _) = server.token(json!({"policies": ["nothing"], "no_default_policy": true})).await;
    for path in denied.into_iter().chain(["vip/box/app/x"]) {
        find(&poor, path).await.refused(403, "preflight capability check returned 403");
    }
    find(&server.root, "vip/box/app/x").await.refused(503, SEALED);
    find(&boxer, "vip/box/app/x").await.refused(503, SEALED);
}

#[tokio::test]
async fn one_that_nobody_has_keys_for_is_removed_as_a_sealed_one_is() {
    let vip = Vip::new().await;
    let server = &vip.server;
    vip.lose_keys();
    assert_eq!(server.read("sys/namespaces/vip/seal-status").await.ok()["data"]["sealed"], true);
    server.policy("deleter", "path \"sys/namespaces/*\" { capabilities = [\"delete\"] }").await;
    let (deleter, _) = server.token(json!({"policies": ["deleter"]})).await;
    let delete = async |path: &str| server.send(Verb::Delete, path, &deleter, Value::Null).await;
    delete("sys/namespaces/vip").await.refused(503, SEALED);
    delete("sys/namespaces/vip/delete-sealed").await.refused(403, "permission denied");
    // Whoever has its shares still has it.
    server.write("sys/namespaces/vip/unseal", json!({"key": vip.share})).await.ok();
    assert!(server.lives(&vip.token).await);
    server.delete("sys/namespaces/vip/delete-sealed").await.refused(400, "not sealed");
    server.write_in("vip", "sys/namespaces/inner", json!({})).await.ok();
    vip.lose_keys();
    server.delete("sys/namespaces/vip").await.refused(503, SEALED);
    let removing = json!({"status": "in-progress"});
    assert_eq!(server.delete("sys/namespaces/vip/delete-sealed").await.ok()["data"], removing);
    assert_eq!(server.delete("sys/namespaces/vip").await.ok()["data"], removing, "it goes on");
    server.write("sys/namespaces/vip/unseal", json!({"key": vip.share})).await.refused(400, "does not exist");
}

#[tokio::test]
async fn one_that_another_member_has_keys_for_is_no_sealed_one() {
    let vip = Vip::new().await;
    let (server, node) = (&vip.server, vip.server.node());
    let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
    let other = Node::new(Arc::clone(&server.alone) as _, Settings::new(limits));
    other.unseal(Share::from_slice(&server.shares[0])).await.unwrap();
    let id = node.namespaces.get(&node.local_view().unwrap(), "vip").unwrap().unwrap().id;
    server.alone.has_another(node);
    other.bring_tenant(&id).await;
    server.alone.has_another(&other);
    vip.lose_keys();
    server.delete("sys/namespaces/vip/delete-sealed").await.refused(400, "not sealed");
    vip.lose_keys();
    server.delete("sys/namespaces/vip").await.ok();
}

#[tokio::test]
async fn what_was_wrapped_in_a_locked_namespace_stays_there() {
    let server = Server::new().await;
    server.write("sys/namespaces/team", json!({})).await.ok();
    server.write_in("team", "sys/auth/up", json!({"type": "userpass"})).await.ok();
    let wrapped = server.wrapped("team/auth/up/login/ann", Value::Null).await.ok();
    let wrapped = text(&wrapped["wrap_info"]["token"]);
    let key = server.write("sys/namespaces/api-lock/lock/team", json!({})).await.ok()["data"]["unlock_key"].clone();
    for path in ["sys/wrapping/lookup", "sys/wrapping/unwrap", "sys/wrapping/rewrap"] {
        server.write(path, json!({"token": wrapped})).await.refused(503, "locked by an administrator");
    }
    let own = server.send(Verb::Write, "sys/wrapping/unwrap", &wrapped, Value::Null).await;
    own.refused(503, "locked by an administrator");
    server.write("sys/namespaces/api-lock/unlock/team", json!({"unlock_key": key})).await.ok();
    // Whoever has tried has not used it up.
    let held = server.send(Verb::Write, "sys/wrapping/unwrap", &wrapped, Value::Null).await.ok();
    assert!(held["auth"]["client_token"].is_string(), "{held}");
}
