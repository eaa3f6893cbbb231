//! Listings of whole trees.

use sdk::Result;

use crate::name::Folder;

/// Every secret below a folder, by its path from there. A folder's own secrets come before those of its folders.
///
/// As long as the tree is large: that is what was asked for.
pub fn scan(root: &Folder, list: impl Fn(&Folder) -> Result<Vec<String>>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut pending = vec![(String::new(), root.clone())];
    while let Some((path, folder)) = pending.pop() {
        for entry in list(&folder)? {
            let path = format!("{path}{entry}");
            if entry.ends_with('/') {
                pending.push((path, folder.subfolder(&entry)));
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}
