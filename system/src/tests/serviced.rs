//! What the key service of a namespace is asked for by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use barrier::{Seal, SealFailure, SealKind, StaticSeal};
use holdfast_core::namespace::{KeyService, KeyServices};
use sdk::json;
use tokio::sync::watch;
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::Server;

/// Counts who keeps its token alive.
#[derive(Clone, Default)]
struct Service(Arc<AtomicUsize>);

struct AtIt(Arc<AtomicUsize>);

impl Drop for AtIt {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Service {
    fn key() -> StaticSeal {
        StaticSeal::new(("k".to_owned(), crypto::Key32::from_slice(&[7; 32]).unwrap()), None)
    }

    async fn is_kept_by(&self, count: usize, when: &str) {
        for _ in 0..100 {
            if self.0.load(Ordering::SeqCst) == count {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(self.0.load(Ordering::SeqCst), count, "{when}");
    }
}

#[async_trait]
impl Seal for Service {
    fn kind(&self) -> SealKind {
        SealKind::Transit
    }
    fn key_id(&self) -> String {
        Self::key().key_id()
    }
    async fn keep(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        let _at_it = AtIt(Arc::clone(&self.0));
        std::future::pending().await
    }
    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        Self::key().encrypt(purpose, plain).await
    }
    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        Self::key().decrypt(key_id, purpose, sealed).await
    }
}

impl KeyServices for Service {
    fn seal(&self, _by_root: bool, _service: &KeyService) -> Result<Arc<dyn Seal>, String> {
        Ok(Arc::new(self.clone()))
    }
}

/// It lies in the records of the namespace above.
#[tokio::test(start_paused = true)]
async fn a_services_token_is_not_used_while_what_it_lies_in_is_sealed() {
    let service = Service::default();
    let services = Arc::new(service.clone());
    let server = Server::with(|settings| settings.key_services = services).await;
    let seal = json!({"seal": "seal \"shamir\" { shares = 1 threshold = 1 }"});
    let made = server.write("sys/namespaces/vip", seal).await.ok();
    let share = json!({"key": made["data"]["key_shares"][0]});
    server.write("sys/namespaces/vip/unseal", share.clone()).await.ok();
    let seal = "seal \"transit\" { address = \"https://kms\" token = \"t\" key_name = \"k\" mount_path = \"transit\" }";
    server.write_in("vip", "sys/namespaces/kms", json!({"seal": seal})).await.ok();
    let (_go_on, stop) = watch::channel(false);
    tokio::spawn(Arc::clone(server.node()).keep_services(stop));
    service.is_kept_by(1, "both are open").await;
    server.write("sys/namespaces/vip/seal", json!({})).await.ok();
    service.is_kept_by(0, "sealed").await;
    server.write("sys/namespaces/vip/unseal", share).await.ok();
    service.is_kept_by(1, "unsealed").await;
    server.write_in("vip", "sys/namespaces/kms/seal", json!({})).await.ok();
    sleep(Duration::from_secs(5)).await;
    service.is_kept_by(1, "it is sealed itself, and its service opens it again one day").await;
}
