//! House rules that a machine can check: sizes, names, headers, and which floor may know which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 800;
const NOT_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];
/// Never ours: built, fetched or made by running.
const NOT_SOURCE: &[&str] = &[".git", "target", ".holdfast-up", "node_modules"];

/// Tests run in the folder of their package. Not where it was built: a built test may serve another clone.
fn root() -> &'static Path {
    Path::new(".")
}

/// Every file with this ending, its path from the root.
fn files(ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if NOT_SOURCE.contains(&name) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) && !is_generated(&path) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} below {}", root().display());
    found
}

/// What a generator wrote is nobody's to read; its own test compares it with its source.
fn is_generated(file: &Path) -> bool {
    fs::read_to_string(file).unwrap().lines().next().is_some_and(|line| line.contains("@generated"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn no_file_is_too_long() {
    let lines = |file: PathBuf| (read(&file).lines().count(), file.display().to_string());
    let long = files(".rs").into_iter().map(lines).filter(|(lines, _)| *lines > LINES_MAX);
    let long: Vec<String> = long.map(|(lines, file)| format!("{file}: {lines} lines")).collect();
    none(&format!("a file has at most {LINES_MAX} lines"), &long);
}

#[test]
fn names_say_something() {
    let says_nothing = |file: &&PathBuf| {
        file.components().any(|part| {
            let name = part.as_os_str().to_str().unwrap();
            NOT_NAMES.contains(&name.trim_end_matches(".rs"))
        })
    };
    let bad: Vec<String> = files(".rs").iter().filter(says_nothing).map(|file| file.display().to_string()).collect();
    none("no drawer for odds and ends", &bad);
}

#[test]
fn every_module_says_what_it_is() {
    // A test's name says what it tests.
    let exempt = |file: &Path| {
        let text = file.to_str().unwrap();
        let in_tests = file.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        in_tests && !text.starts_with("tests/it")
    };
    let mut silent = Vec::new();
    for file in files(".rs").iter().filter(|file| !exempt(file)) {
        let text = read(file);
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        if !first.starts_with("//!") && !first.starts_with("#![doc") {
            silent.push(format!("{}: {first}", file.display()));
        }
    }
    none("a module opens with a `//!` that says what it is", &silent);
}

/// The dependencies that a manifest names, those of tests and build scripts apart.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let (mut names, mut inside) = (BTreeSet::new(), false);
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']') == "dependencies";
            if let Some(name) = section.trim_end_matches(']').strip_prefix("dependencies.") {
                names.insert(name.to_owned());
            }
        } else if inside && !line.starts_with('#') {
            let end = line.find(['.', '=', ' ']).unwrap_or(0);
            names.extend((end > 0).then(|| line[..end].to_owned()));
        }
    }
    names
}

/// Every package of ours by its folder; the root's folder is empty.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let folder = |file: &Path| file.parent().unwrap().to_str().unwrap().to_owned();
    files("Cargo.toml").iter().map(|file| (folder(file), dependencies(&read(file)))).collect()
}

/// What our packages are called where they are depended on, and the floor each stands on.
const FLOORS: &[(&str, u8)] = &[
    ("storage", 1),
    ("crypto", 1),
    ("policy", 1),
    ("hcl", 1),
    ("proto", 1),
    ("barrier", 1),
    ("oidc", 1),
    ("sdk", 1),
    ("sdk-derive", 1),
    ("second-factor", 1),
    ("totp", 1),
    ("holdfast-core", 2),
    ("cluster", 2),
    ("system", 3),
];

fn floor(name: &str) -> Option<u8> {
    let plugin = ["engines-", "auth-", "seals-"].iter().any(|folder| name.starts_with(folder));
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor).or(plugin.then_some(2))
}

fn stands_on(folder: &str) -> u8 {
    match folder.split('/').next().unwrap() {
        "" | "fuzz" => 4,
        "system" => 3,
        "core" | "cluster" | "engines" | "auth" | "seals" => 2,
        _ => 1,
    }
}

#[test]
fn arrows_go_down() {
    let mut up = Vec::new();
    for (folder, names) in packages() {
        for name in &names {
            let Some(below) = floor(name) else { continue };
            let own = stands_on(&folder);
            // The ground floor's own order is cargo's business: it has no circles.
            if below > own || (below == own && own > 1) {
                up.push(format!("{folder}: {name}"));
            }
        }
    }
    none("a package knows only what stands below it", &up);
}

#[test]
fn plugins_know_the_sdk_and_the_primitives() {
    let mut nosy = Vec::new();
    for (folder, names) in packages() {
        if folder.starts_with("engines/") || folder.starts_with("auth/") {
            let may = ["sdk", "crypto", "totp"];
            let ours = names.iter().filter(|name| floor(name).is_some() && !may.contains(&name.as_str()));
            nosy.extend(ours.map(|name| format!("{folder}: {name}")));
        }
    }
    none("of ours a plugin knows `sdk`, `crypto` and `totp` alone", &nosy);
}

#[test]
fn seals_know_the_barrier_and_the_primitives() {
    let mut nosy = Vec::new();
    for (folder, names) in packages() {
        if folder.starts_with("seals/") {
            let ours =
                names.iter().filter(|name| floor(name).is_some() && !["barrier", "crypto"].contains(&name.as_str()));
            nosy.extend(ours.map(|name| format!("{folder}: {name}")));
        }
    }
    none("of ours a seal knows `barrier` and `crypto` alone", &nosy);
}

#[test]
fn the_store_sees_ciphertext_only() {
    let names = &packages()["cluster"];
    for plaintext in ["barrier", "policy", "sdk"] {
        assert!(!names.contains(plaintext), "cluster depends on {plaintext}");
    }
    assert!(names.contains("openraft"), "the reader of manifests finds nothing");
}

#[test]
fn faces_to_the_world_are_at_the_top() {
    let mut faces = Vec::new();
    for (folder, names) in packages() {
        let known =
            ["axum", "hyper", "reqwest", "clap", "tracing-subscriber"].iter().filter(|name| names.contains(**name));
        // What puts load on servers, or breaks them, is a client of its own, and no part of the server.
        let is_client = ["bench", "chaos"].contains(&folder.as_str());
        // A seal asks another server, and a second factor its service, by the client that it is given.
        let asks = ["seals/transit", "crates/second-factor"].contains(&folder.as_str());
        let known = known.filter(|name| !asks || **name != "reqwest");
        faces.extend(known.filter(|_| !folder.is_empty() && !is_client).map(|name| format!("{folder}: {name}")));
    }
    none("only the server itself knows HTTP and the command line", &faces);
}

/// Blocks that name a file, as ```` ```rust src/catalog.rs ````, and their lines.
fn quotations(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(head) if !open => {
                open = true;
                found.push((head.split_once(' ').map_or("", |(_, file)| file), Vec::new()));
            }
            Some(_) => open = false,
            None if open => found.last_mut().unwrap().1.push(line),
            None => {}
        }
    }
    found.retain(|(file, _)| !file.is_empty());
    found
}

#[test]
fn what_the_documents_quote_is_there() {
    let mut wrong = Vec::new();
    let mut quoted = 0;
    for document in files(".md") {
        let text = read(&document);
        for (file, lines) in quotations(&text) {
            quoted += 1;
            let source = fs::read_to_string(root().join(file)).unwrap_or_default();
            let source: Vec<&str> = source.lines().collect();
            if !source.windows(lines.len()).any(|window| window == lines) {
                wrong.push(format!("{}, of {file}: {}", document.display(), lines.join(" / ")));
            }
        }
    }
    none("a document quotes a file as it is", &wrong);
    assert!(quoted > 10, "the reader of documents finds nothing");
}

/// What keeps a promise has to be there.
#[test]
fn tests_named_in_the_documents_exist() {
    let all: String = files(".rs").iter().map(|file| read(file)).collect();
    let text = read(Path::new("docs/SECURITY.md"));
    let rows = text.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.rsplit('|').nth(1));
    let named: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let is_test = |name: &&str| !name.contains(['/', '.']);
    assert!(named.iter().copied().filter(is_test).count() > 20, "the last column names tests: {named:?}");
    let (tests, paths): (Vec<&str>, Vec<&str>) = named.into_iter().partition(is_test);
    let lost = tests.into_iter().filter(|name| !all.contains(&format!("fn {name}(")));
    let lost = lost.chain(paths.into_iter().filter(|path| !root().join(path).exists()));
    none("docs/SECURITY.md names what does not exist", &lost.map(|name| (*name).to_owned()).collect::<Vec<_>>());
}
