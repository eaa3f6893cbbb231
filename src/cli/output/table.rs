//! Columns.

use serde_json::Value;

use super::cell::named;

/// Rows under a header, columns four spaces apart, `n/a` where there is nothing.
pub fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let shown = |cell: &str| if cell.is_empty() { "n/a".to_owned() } else { cell.to_owned() };
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| shown(cell))).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let dashes = header.map(|title| "-".repeat(title.len()));
    let titles = header.map(str::to_owned);
    let mut out = String::new();
    for row in [&titles, &dashes].into_iter().chain(&rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}    "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Keys and values.
pub fn pairs(rows: &[[String; 2]]) -> String {
    table(["Key", "Value"], rows)
}

/// The members of an object, one a row.
pub fn object_rows(object: &Value) -> Vec<[String; 2]> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(key, value)| [key.clone(), named(key, value)]).collect()
}

/// Keys, one a row, in order.
pub fn listing(keys: &Value) -> String {
    let mut rows: Vec<[String; 1]> = keys.as_array().into_iter().flatten().map(|key| [super::cell(key)]).collect();
    rows.sort();
    table(["Keys"], &rows)
}

/// A title in the middle of a line of equal signs as wide as what stands below it.
pub fn titled(title: &str, below: &str) -> String {
    let width = below.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let signs = "=".repeat(width.saturating_sub(title.len() + 2).div_ceil(2).max(2));
    format!("{signs} {title} {signs}\n{below}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), String::new()], ["longer".to_owned(), "22".to_owned()]];
        assert_eq!(pairs(&rows), "Key       Value\n---       -----\na         n/a\nlonger    22\n");
    }

    #[test]
    fn a_title_is_never_without_its_signs() {
        assert_eq!(titled("Data", "Key    Value\n"), "=== Data ===\nKey    Value\n");
        assert_eq!(titled("Secret Path", "x"), "== Secret Path ==\nx");
    }
}
