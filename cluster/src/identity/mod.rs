//! Who a node is on the cluster port: an Ed25519 key, pinned by the others.
//!
//! There is no authority and no date. Each node makes a key at its first start ([`NodeKey`]), shows it inside a self-signed
//! certificate, and is known by its raw public key, which the membership carries ([`Pins`]). TLS checks that the peer
//! holds the private half and that the key is pinned; what the certificate says beside the key is ignored.
//!
//! A key whose member was removed still completes the handshake, so that the node can be told; it gets nothing else.
//! An unknown key is refused before it can send a request. Pins are looked at again for each request, for a connection
//! outlives a removal.

mod key;
mod pins;
mod removed;
mod tls;

pub use key::{KeyFileError, NodeKey};
pub use pins::{Known, Pins};
pub use removed::RemovedKeys;
pub use tls::{ALPN, client_config, peer_key, server_config};

/// An Ed25519 public key, raw.
pub type PublicKey = [u8; 32];

/// A node's id is the beginning of its public key: random, and as little reused as the key itself.
pub fn node_id(key: &PublicKey) -> u64 {
    let mut id = [0; 8];
    id.copy_from_slice(&key[..8]);
    u64::from_be_bytes(id)
}

#[cfg(test)]
mod tests;
