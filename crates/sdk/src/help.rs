//! `?help=1`: what the declarations say about a path.

use std::fmt::Write;

use serde_json::Value;

use crate::{Backend, Document, MountInfo, Path, Place};

pub struct Help {
    pub text: String,
    pub openapi: Value,
}

impl Help {
    /// Help for a path of a mounted backend, or for the whole backend at its root.
    /// Paths are described as they are below the mount.
    pub fn at(backend: &Backend, mount: &MountInfo, path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(Self::overview(backend, mount));
        }
        let found = backend.find(path)?.path;
        let mut text = format!("Request:        {path}\nMatching Route: {}\n\n{}\n", found.pattern.text(), found.help);
        let fields: std::collections::BTreeMap<_, _> =
            found.operations.values().flat_map(|o| &o.fields).map(|f| (f.name, f)).collect();
        if !fields.is_empty() {
            text.push_str("\n## PARAMETERS\n");
        }
        for field in fields.values() {
            let note = if field.deprecated { " (deprecated)" } else { "" };
            let _ = write!(text, "\n    {} ({}){note}\n        {}\n", field.name, field.kind, field.help);
        }
        let _ = write!(text, "\n## DESCRIPTION\n\n{}\n", found.description);
        Some(Self { text, openapi: describe(mount, [found.as_ref()]) })
    }

    fn overview(backend: &Backend, mount: &MountInfo) -> Self {
        let mut text = format!("## DESCRIPTION\n\n{}\n\n## PATHS\n\nThe paths below {}:\n", backend.help, mount.path);
        for path in &backend.paths {
            let _ = write!(text, "\n    {}\n        {}\n", path.pattern.text(), path.help);
        }
        Self { text, openapi: describe(mount, backend.paths.iter().map(AsRef::as_ref)) }
    }
}

fn describe<'a>(mount: &MountInfo, paths: impl IntoIterator<Item = &'a Path>) -> Value {
    let mut document = Document::default();
    let place = Place { prefix: "/".into(), parameter: None, kind: mount.kind.clone(), tag: mount.tag() };
    paths.into_iter().for_each(|path| document.add(&place, path));
    document.into_value()
}
