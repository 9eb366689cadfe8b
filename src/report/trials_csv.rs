//! `trials.csv`: one row a trial, in their order, with units in the names of the columns.
//!
//! An empty cell means that the figure does not apply, `inf` that it was not reached by the end of
//! the run. Numbers are exact to the millionth and stand without trailing zeros.

use crate::experiment::kinds::Kinds;
use crate::experiment::metric::{Figure, Metric, N_METRICS, Row};

use super::cells::{guarded, table, table_of};

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "trials.csv";

/// The rows as CSV.
#[must_use]
pub fn render(rows: &[Row]) -> String {
    table(header(), rows.iter().map(cells))
}

/// The same with the kind of failure that each trial had, after its number.
#[must_use]
pub fn render_kinds(rows: &[Row], kinds: &Kinds<'_>) -> String {
    let mut columns = header().map(str::to_owned).to_vec();
    columns.insert(1, "failure_kind".to_owned());
    let cells = rows.iter().map(|row| {
        let mut cells = cells(row).to_vec();
        cells.insert(1, guarded(&kinds.rates[kinds.of(row.trial)].name).into_owned());
        cells
    });
    table_of(&columns, cells)
}

/// The names of the columns.
pub(super) fn header() -> [&'static str; N_METRICS + 2] {
    let mut header = [""; N_METRICS + 2];
    header[0] = "trial";
    for (cell, metric) in header[1..].iter_mut().zip(Metric::ALL) {
        *cell = metric.name();
    }
    header[N_METRICS + 1] = "fingerprint";
    header
}

/// The cells of a trial.
pub(super) fn cells(row: &Row) -> [String; N_METRICS + 2] {
    std::array::from_fn(|column| match column {
        0 => row.trial.to_string(),
        column if column <= N_METRICS => cell(row.figures[column - 1]),
        _ => format!("{:016x}", row.fingerprint),
    })
}

/// A figure as a cell.
#[must_use]
pub fn cell(figure: Figure) -> String {
    match figure {
        Figure::ABSENT => String::new(),
        Figure::NEVER => "inf".to_owned(),
        figure => decimal(figure.millionths()),
    }
}

/// Millionths as a decimal number, exactly.
fn decimal(millionths: i64) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, part) =
        (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    let digits = format!("{part:06}");
    match digits.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells are exact and short; what does not apply is empty, what was not reached `inf`.
    #[test]
    fn cells_are_exact() {
        for (millionths, text) in [
            (0, "0"),
            (1, "0.000001"),
            (-1, "-0.000001"),
            (1_500_000, "1.5"),
            (-20_000_000, "-20"),
            (123_456_789_000_001, "123456789.000001"),
            (i64::MIN, ""),
            (i64::MAX, "inf"),
        ] {
            assert_eq!(cell(Figure::from_millionths(millionths)), text);
        }
    }

    /// One row a trial under a header with every metric.
    #[test]
    fn one_row_a_trial() {
        let row =
            |trial| Row { fingerprint: 255, ..Row::bare(trial, [Figure::count(3); N_METRICS]) };
        let text = render(&[row(4), row(5)]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        assert_eq!((header.len(), &header[0], &header[1]), (N_METRICS + 2, "trial", "rto_s"));
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((&rows[1][0], &rows[1][1], rows.len()), ("5", "3", 2));
        assert_eq!(&rows[0][N_METRICS + 1], "00000000000000ff");
    }
}
