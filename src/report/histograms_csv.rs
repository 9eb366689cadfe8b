//! `histograms.csv`: how many trials fell into each bin of each metric.
//!
//! A bin holds the values from `from` to below `to`; one from `inf` to `inf` those that were not
//! reached by the end of the run.

use crate::experiment::bins::bins;
use crate::experiment::metric::{Metric, Row};

use super::cells::table;
use super::trials_csv::cell;

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "histograms.csv";

/// The histograms of all metrics as CSV.
#[must_use]
pub fn render(rows: &[Row]) -> String {
    let all = Metric::ALL.iter().flat_map(|&metric| {
        let found = bins(rows, metric).into_iter();
        found.map(move |bin| {
            [metric.name().to_owned(), cell(bin.from), cell(bin.to), bin.n.to_string()]
        })
    });
    table(["metric", "from", "to", "trials"], all)
}
