//! Names of secrets and of the folders they lie in, made once from the rest of a request's path.

use sdk::{Failure, FromField, Result, Value};

/// The rest of a request's path as it came: it may name a secret, a folder, or nothing.
#[derive(Default)]
pub struct Location(String);

/// A secret's name: one part or more between slashes, none of them empty.
#[derive(PartialEq)]
pub struct Name(String);

/// A folder of names. The root is the empty text; the others have no slash behind.
#[derive(Clone)]
pub struct Folder(String);

impl FromField for Location {
    const KIND: &'static str = "string";

    fn from_field(value: &Value) -> Result<Self, String> {
        String::from_field(value).map(Self)
    }
}

impl Location {
    /// The name; nothing can be found where there is none.
    pub fn name(&self) -> Result<Name> {
        if has_whole_parts(&self.0) { Ok(Name(self.0.clone())) } else { Err(Failure::NotFound) }
    }

    /// The name that is going to be written.
    pub fn name_to_write(&self) -> Result<Name> {
        match self.0.as_str() {
            "" => Err(Failure::invalid("missing path")),
            path if has_whole_parts(path) => Ok(Name(self.0.clone())),
            path if path.ends_with('/') => Err(Failure::invalid("cannot write to a path ending in '/'")),
            _ => Err(Failure::invalid("cannot write to a path with an empty part")),
        }
    }

    /// The name, or none where the path names a folder or nothing.
    pub fn as_name(&self) -> Option<Name> {
        has_whole_parts(&self.0).then(|| Name(self.0.clone()))
    }

    pub fn folder(&self) -> Result<Folder> {
        let path = self.0.strip_suffix('/').unwrap_or(&self.0);
        if self.0.is_empty() || has_whole_parts(path) { Ok(Folder(path.to_owned())) } else { Err(Failure::NotFound) }
    }
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that would have this name.
    pub fn as_folder(&self) -> Folder {
        Folder(self.0.clone())
    }
}

impl Folder {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The secret or folder below this one that a listing calls `entry`.
    pub fn join(&self, entry: &str) -> String {
        if self.0.is_empty() { entry.to_owned() } else { format!("{}/{entry}", self.0) }
    }

    pub fn secret(&self, entry: &str) -> Name {
        Name(self.join(entry))
    }

    pub fn subfolder(&self, entry: &str) -> Self {
        Self(self.join(entry.strip_suffix('/').unwrap_or(entry)))
    }
}

fn has_whole_parts(path: &str) -> bool {
    path.split('/').all(|part| !part.is_empty())
}
