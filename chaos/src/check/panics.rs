//! No server panics, whatever happens to it.

pub fn check(logs: &[(String, String)]) -> Vec<String> {
    let panics = |(name, log): &(String, String)| {
        let lines: Vec<&str> = log.lines().collect();
        let found = (0..lines.len()).filter(|at| lines[*at].contains("panicked"));
        // What was said is on the line after.
        found.map(|at| format!("{name}: {}", lines[at..lines.len().min(at + 2)].join(" "))).collect::<Vec<_>>()
    };
    logs.iter().flat_map(panics).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_log_is_found() {
        let log = |text: &str| vec![("node1".to_owned(), text.to_owned())];
        assert!(check(&log("INFO all is well\nWARN still\n")).is_empty());
        let found = check(&log("INFO well\nthread 'x' panicked at src/y.rs:1:2:\nno\nmore"));
        assert_eq!(found, ["node1: thread 'x' panicked at src/y.rs:1:2: no"]);
    }
}
