//! Everything else: version 1 paths, mostly, of clients that do not know that the mount is versioned.

use sdk::{Answer, Ctx, Input, Map, Outcome, Path, Value, Verb, View};

pub fn path() -> Path {
    let path = Path::new(":path*").help("Not a path of a versioned mount.", "Answers where to look instead.");
    [
        (Verb::Read, "get", "kv-read-elsewhere"),
        (Verb::Write, "put", "kv-write-elsewhere"),
        (Verb::Patch, "patch", "kv-patch-elsewhere"),
        (Verb::Delete, "delete", "kv-delete-elsewhere"),
        (Verb::List, "list", "kv-list-elsewhere"),
        (Verb::Scan, "scan", "kv-scan-elsewhere"),
    ]
    .into_iter()
    .fold(path, |path, (verb, command, id)| {
        let path = path.ids([(verb, id)]).answers(verb, Outcome::EMPTY.status(404));
        path.view(verb, move |_: &Ctx, at: At, _: &View| Ok(astray(&at, command)))
    })
}

#[derive(Input)]
struct At {
    /// What is not there.
    path: String,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

fn astray(at: &At, command: &str) -> Answer {
    let warning = match at.path.as_str() {
        "data" | "metadata" | "delete" | "undelete" | "destroy" => {
            "Non-listing operations on the root of a K/V v2 mount are not supported.".to_owned()
        }
        _ => format!(
            "Invalid path for a versioned K/V secrets engine. Secrets are read and written below data/, listed below \
             metadata/. On the command line, use 'holdfast kv {command}'."
        ),
    };
    Answer::empty().status(404).warn(warning)
}
