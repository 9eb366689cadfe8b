//! The exact engine against closed forms of queueing theory, and against its own promises.
//!
//! Every estimate must lie within 4 standard errors of the exact value, and the standard error is
//! the theoretical one of the model, never one that the sample suggests. Run lengths make it at
//! most 0.25 % of the value. Rows of more than 60 million requests run only if `TIDEOVER_DEEP=1`.

use std::io::Write;

mod birth_death;
mod calls;
mod cancelled;
mod capacity;
mod cuts;
mod endings;
mod failover;
mod flow;
mod flow_calls;
mod flow_calls_agreement;
mod gates;
mod general;
mod losses;
mod networks;
mod overload;
mod queues;
mod random;
mod storms;
mod system;

/// Whether a row of so many customers runs: the longest do only in deep runs. Says which do and
/// which do not, on the terminal itself, because the output of tests that pass is not shown.
fn runs(row: &str, customers: f64) -> bool {
    let deep = std::env::var("TIDEOVER_DEEP").is_ok_and(|value| value == "1");
    let long = 60e6 < customers;
    if long {
        let what = if deep { "deep row" } else { "skipped without TIDEOVER_DEEP=1" };
        let millions = customers / 1e6;
        writeln!(std::io::stderr(), "{what}: {row}, {millions:.0} million customers")
            .expect("a terminal or a file takes the notice");
    }
    deep || !long
}
