mod accepted;
mod keys;
mod reference;
mod refused;
mod sources;
mod warned;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{ConfigError, Environment, Flags, ServerConfig, Sources, Warning};

/// A configuration that needs nothing more; `more` is added at its end.
fn minimal(more: &str) -> String {
    format!(
        "storage \"raft\" {{ path = \"/data\" node_id = \"n1\" }}\nlistener \"tcp\" {{ tls_disable = true }}\n{more}"
    )
}

fn load_in(paths: &[PathBuf], environment: &Environment) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    let sources = Sources { paths: paths.to_owned(), environment: environment.clone(), flags: Flags::default() };
    sources.load().map(|loaded| (loaded.config, loaded.warnings))
}

/// Loads one file with this text and this name.
fn load_named(name: &str, text: &str) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    load_in(&[file], &Environment::default())
}

fn load(text: &str) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
    load_named("server.hcl", text)
}

/// The configuration of a text that must be good and cause no warning.
fn clean(text: &str) -> ServerConfig {
    let (config, warnings) = load(text).unwrap();
    assert_eq!(warnings, []);
    config
}

/// The error's text without the folder.
fn refusal(text: &str) -> String {
    let message = load(text).unwrap_err().to_string();
    let at = message.find("server.hcl").unwrap_or(0);
    message[at..].to_owned()
}

/// Files, by name and text, in one folder.
fn folder(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}
