//! What became of all requests of a run, and why those failed that did.

use crate::metrics::outcome::Requests;

use crate::experiment::study_breakdown::ReasonOutcome;

use crate::report::document::{Block, Section, Table, Words};
use crate::report::gate_table::percent;
use crate::report::study_table::short;
use crate::report::words::{count, share};

/// Failed requests by the reason of their last attempt.
#[must_use]
pub fn section(requests: &Requests) -> Section {
    let summary = format!(
        "Of {} requests {} were served ({}), {} failed ({}) and {} had no outcome yet when the \
         run ended. {} retries came on top. A request is what a user wants once, with all its \
         retries.",
        count(requests.offered),
        count(requests.served),
        share(requests.served, requests.offered),
        count(requests.failed),
        share(requests.failed, requests.offered),
        count(requests.in_flight),
        count(requests.retries)
    );
    let mut blocks = vec![Block::Paragraph(summary.into())];
    if 0 < requests.failed {
        let mut table = Table::new(&["reason", "# requests", "# of all", "what happened last"]);
        let mut reasons: Vec<(&String, &u64)> = requests.failed_by_reason.iter().collect();
        reasons.sort_by_key(|&(_, failed)| std::cmp::Reverse(*failed));
        for (reason, &failed) in reasons {
            table.add([
                Words::new().code(reason.as_str()),
                count(failed).into(),
                share(failed, requests.offered).into(),
                meaning(reason).into(),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Section::new("Failed requests by reason", blocks)
}

/// Why requests failed over trials, of which `which` says which they are.
#[must_use]
pub fn over_trials(reasons: &[ReasonOutcome], which: &str) -> Section {
    let title = format!("Failed requests by reason {which}");
    if reasons.is_empty() {
        return Section::new(&title, vec![Block::Paragraph("No request failed.".into())]);
    }
    let columns = ["reason", "# mean of a trial", "# share", "# in trials", "# most in a trial"];
    let mut table = Table::new(&[&columns[..], &["what happened last"]].concat());
    for it in reasons {
        table.add([
            Words::new().code(it.reason.as_str()),
            short(it.mean).into(),
            percent(it.share).into(),
            count(it.n_trials).into(),
            count(it.most).into(),
            meaning(&it.reason).into(),
        ]);
    }
    let words = "Of whole trials, whether a fault was the cause or not; a request is what a user \
                 wants once, with all its retries.";
    Section::new(&title, vec![Block::Paragraph(words.into()), Block::Table(table)])
}

/// What a reason means.
fn meaning(reason: &str) -> &'static str {
    match reason {
        "no-origin" => "the edge location had no origin to send to",
        "origin-refused" => "the origin refused the connection, or answered 5xx",
        "origin-timeout" => "the origin did not answer within Front Door's time-out",
        "gateway-full" => "the gateway was out of capacity",
        "no-ready-pod" => "the service had no endpoint",
        "queue-full" => "the pod's queue was full",
        "pod-lost" => "the pod's process or node went away with it",
        "timeout" => "the client gave up",
        "dependency" => "a dependency failed: a database, or a service that was called",
        "shed" => "an overloaded server turned it away",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use crate::traffic::ledger::Reason;

    use super::*;

    /// Whatever a request can fail of has words.
    #[test]
    fn every_reason_has_words() {
        for reason in Reason::ALL {
            assert!(!meaning(reason.name()).is_empty(), "{}", reason.name());
        }
    }
}
