//! From paths to parsed documents.
//!
//! A folder stands for its files ending in `.hcl` or `.json`, by name, without those that editors leave behind.

use std::fs;
use std::path::{Path, PathBuf};

use super::problem::{ConfigError, Place};

/// One file, parsed.
pub(super) struct Document {
    pub file: PathBuf,
    pub body: hcl::Body,
}

/// At least one document, or an error.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Document>, ConfigError> {
    if paths.is_empty() {
        return Err(ConfigError::NothingNamed);
    }
    let mut documents: Vec<Document> = Vec::new();
    for path in paths {
        for file in files(path)? {
            // A folder and one of its files may both be named; the file counts once.
            if documents.iter().all(|known| known.file != file) {
                documents.push(parse(file)?);
            }
        }
    }
    Ok(documents)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if is_configuration(&file) && file.is_file() {
            found.push(file);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(ConfigError::EmptyFolder { path: path.to_owned() });
    }
    Ok(found)
}

fn is_configuration(file: &Path) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else { return false };
    let hidden = name.starts_with('.') || name.starts_with('#');
    !hidden && (name.ends_with(".hcl") || name.ends_with(".json"))
}

fn parse(file: PathBuf) -> Result<Document, ConfigError> {
    let bytes = fs::read(&file).map_err(|error| ConfigError::Unreadable { path: file.clone(), error })?;
    let syntax = |at, problem| ConfigError::Syntax { place: Place::new(&file, at), problem };
    let text =
        String::from_utf8(bytes).map_err(|_| syntax(hcl::Position::START, "the file is not UTF-8 text".to_owned()))?;
    let body = hcl::parse(&text).map_err(|error| syntax(error.at, error.problem))?;
    Ok(Document { file, body })
}
