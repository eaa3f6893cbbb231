//! The flags that every command has, before its name or after it.

use std::path::PathBuf;

use clap::Args;

use super::client::{Client, Instead, Manner};
use super::connection;
use super::environment;
use super::failure::Failure;
use super::output::{Format, Output};

#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// The server's URL; else HOLDFAST_ADDR or VAULT_ADDR (each setting of the environment has both names)
    #[arg(long, global = true, value_name = "URL")]
    pub address: Option<String>,
    /// File with the certificates of who may have issued the server's; else VAULT_CACERT
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// Folder of such files; else VAULT_CAPATH
    #[arg(long, global = true, value_name = "FOLDER")]
    pub ca_path: Option<PathBuf>,
    /// This client's certificate; else VAULT_CLIENT_CERT
    #[arg(long, global = true, value_name = "FILE")]
    pub client_cert: Option<PathBuf>,
    /// The key of this client's certificate; else VAULT_CLIENT_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// The name that the server's certificate must have; else VAULT_TLS_SERVER_NAME
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Trust any certificate; else VAULT_SKIP_VERIFY
    #[arg(long, global = true)]
    pub tls_skip_verify: bool,
    /// The namespace; else VAULT_NAMESPACE
    #[arg(long, global = true, visible_alias = "ns", value_name = "PATH")]
    pub namespace: Option<String>,
    /// Wrap the answer in a token that lives so long, such as 5m; else VAULT_WRAP_TTL
    #[arg(long, global = true, value_name = "DURATION")]
    pub wrap_ttl: Option<String>,
    /// How to print the answer; else VAULT_FORMAT
    #[arg(long, global = true, value_enum, ignore_case = true)]
    pub format: Option<Format>,
    /// Print this field of the answer alone; without a line's end where no terminal reads it
    #[arg(long, global = true, value_name = "NAME")]
    pub field: Option<String>,
    /// A header of each request; may be given again
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub header: Vec<String>,
    /// Credentials of multi-factor authentication, METHOD:CODE; may be given again; else VAULT_MFA
    #[arg(long, global = true, value_name = "TEXT")]
    pub mfa: Vec<String>,
    /// Ask to override a policy that allows to be overridden
    #[arg(long, global = true)]
    pub policy_override: bool,
    /// Do not follow the server's word that another node is to be asked; else VAULT_DISABLE_REDIRECTS
    #[arg(long, global = true)]
    pub disable_redirects: bool,
    /// Show the request as a curl command and do not send it
    #[arg(long, global = true, conflicts_with = "output_policy")]
    pub output_curl_string: bool,
    /// Show the policy that the request needs and do not send it
    #[arg(long, global = true)]
    pub output_policy: bool,
    /// Never ask on the terminal
    #[arg(long, global = true)]
    pub non_interactive: bool,
}

impl Globals {
    /// A client that holds the caller's token.
    pub fn client(&self) -> Result<Client, Failure> {
        connection::client(self)
    }

    pub fn output(&self) -> Result<Output, Failure> {
        let format = match (self.format, environment::setting("FORMAT")) {
            (Some(format), _) => format,
            (None, Some(name)) => Format::named(&name)?,
            (None, None) => Format::default(),
        };
        Ok(Output { format, field: self.field.clone() })
    }

    pub fn manner(&self) -> Result<Manner, Failure> {
        let mut manner = Manner::of_environment()?;
        manner.namespace = self.namespace.clone().or(manner.namespace);
        manner.wrap_ttl = self.wrap_ttl.clone().or(manner.wrap_ttl);
        manner.follow = !self.disable_redirects && manner.follow;
        manner.instead = match (self.output_curl_string, self.output_policy) {
            (true, _) => Some(Instead::Curl),
            (_, true) => Some(Instead::Policy),
            _ => None,
        };
        for header in &self.header {
            let (name, value) = header
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("-header={header}: it must be NAME=VALUE")))?;
            if name.to_ascii_lowercase().starts_with("x-vault-") {
                return Err(Failure::usage(format!("-header={header}: headers that begin with X-Vault- have flags")));
            }
            manner.add_header(name, value)?;
        }
        let from_environment = || environment::setting("MFA").into_iter().collect();
        let mfa: Vec<String> = if self.mfa.is_empty() { from_environment() } else { self.mfa.clone() };
        for credentials in mfa {
            manner.add_header("X-Vault-MFA", &credentials)?;
        }
        if self.policy_override {
            manner.add_header("X-Vault-Policy-Override", "true")?;
        }
        Ok(manner)
    }
}
