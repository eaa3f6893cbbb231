//! What the operations answer. Of those that take a batch, one input is answered by the first fields, and many by `batch_results`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

#[derive(Default, Serialize, JsonSchema)]
pub struct Encrypted {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ciphertext: Option<String>,
    /// The version that it was encrypted with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_results: Option<Vec<EncryptedItem>>,
}

#[derive(Serialize, JsonSchema)]
pub struct EncryptedItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ciphertext: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// As it was given.
    pub reference: String,
}

#[derive(Default, Serialize, JsonSchema)]
pub struct Decrypted {
    /// In base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_results: Option<Vec<DecryptedItem>>,
}

#[derive(Serialize, JsonSchema)]
pub struct DecryptedItem {
    /// In base64; empty where there is an error.
    pub plaintext: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// As it was given.
    pub reference: String,
}

#[derive(Serialize, JsonSchema)]
pub struct DataKey {
    pub ciphertext: String,
    pub key_version: u64,
    /// In base64, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<String>,
}

#[derive(Default, Serialize, JsonSchema)]
pub struct Signed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version: Option<u64>,
    /// In base64, of a derived key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_results: Option<Vec<SignedItem>>,
}

#[derive(Serialize, JsonSchema)]
pub struct SignedItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// In base64, of a derived key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publickey: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// 0 where there is an error.
    pub key_version: u64,
    /// As it was given.
    pub reference: String,
}

#[derive(Default, Serialize, JsonSchema)]
pub struct Verified {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_results: Option<Vec<VerifiedItem>>,
}

#[derive(Serialize, JsonSchema)]
pub struct VerifiedItem {
    pub valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// As it was given.
    pub reference: String,
}

#[derive(Default, Serialize, JsonSchema)]
pub struct Authenticated {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_results: Option<Vec<AuthenticatedItem>>,
}

#[derive(Serialize, JsonSchema)]
pub struct AuthenticatedItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// As it was given.
    pub reference: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Hashed {
    /// In hex or base64, as it was asked for.
    pub sum: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Exported {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// By their versions.
    pub keys: BTreeMap<String, String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Backup {
    pub backup: String,
}

#[derive(Serialize, JsonSchema)]
pub struct WrappingKey {
    /// In PEM.
    pub public_key: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Csr {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// In PEM.
    pub csr: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Chain {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// In PEM.
    pub certificate_chain: String,
}

#[derive(Serialize, JsonSchema)]
pub struct CacheSize {
    pub size: i64,
}
