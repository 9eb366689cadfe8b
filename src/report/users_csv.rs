//! `users.csv`: one row for every ten seconds of first arrival, over all users.
//!
//! A user request and all its retries are one count, in the window of its first attempt. The
//! attempts of `timeline.csv` are another thing, so they stand in another file.

use crate::metrics::timeline::{Timeline, UserWindow};

use super::cells::{optional, table};

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "users.csv";

const HEADER: [&str; 8] = [
    "t_s",
    "window_s",
    "offered",
    "served",
    "failed",
    "in_flight",
    "latency_ms_p50",
    "latency_ms_p99",
];

/// The windows of users as CSV.
#[must_use]
pub fn render(timeline: &Timeline) -> String {
    table(HEADER, timeline.users.iter().map(row))
}

fn row(window: &UserWindow) -> [String; HEADER.len()] {
    [
        window.at_s.to_string(),
        window.length_s.to_string(),
        window.offered.to_string(),
        window.served.to_string(),
        window.failed.to_string(),
        (window.offered - window.served - window.failed).to_string(),
        optional(window.latency_ms.map(|latency| latency.p50), 3),
        optional(window.latency_ms.map(|latency| latency.p99), 3),
    ]
}
