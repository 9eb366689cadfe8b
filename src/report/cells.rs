//! Cells of CSV files: guarded against spreadsheets, and written into memory.

use std::borrow::Cow;

/// A text that no spreadsheet takes for a formula: one that begins with `=`, `+`, `-`, `@`, a tab,
/// a carriage return or NUL gets an apostrophe in front (OWASP, CSV injection). Only for cells
/// with words from a scenario; numbers stay numbers.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\0') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

/// A figure that may not apply: an empty cell when it does not.
#[must_use]
pub fn optional(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

/// Writes a header and rows as CSV into memory.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    table_of(&header.map(str::to_owned), rows.into_iter().map(Vec::from))
}

/// The same for a number of columns that a scenario or command line decides.
pub(super) fn table_of(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let sure = "memory takes every row, and rows have as many cells as the header";
    writer.write_record(header).expect(sure);
    for row in rows {
        writer.write_record(&row).expect(sure);
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("cells are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each start that a spreadsheet acts on is quoted; other texts, also with such a sign inside,
    /// are left alone.
    #[test]
    fn formulas_are_quoted() {
        for text in ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "\0x"] {
            assert_eq!(guarded(text), format!("'{text}"));
        }
        for text in ["", "web", "a=b", "1-2", "'x"] {
            assert_eq!(guarded(text), text);
        }
    }

    /// Commas, quotes and line breaks in a cell read back as they were.
    #[test]
    fn cells_read_back() {
        let cell = "a, \"b\"\nc".to_owned();
        let text = table(["x", "y"], [[cell.clone(), "1".to_owned()]]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(&row[0], cell);
    }
}
