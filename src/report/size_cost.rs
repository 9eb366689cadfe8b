//! What is worth its price: the knee of the frontier, which knob to turn next, and what a year
//! costs, as sentences for the terminal and the report.

use crate::experiment::size_next::NextOutcome;
use crate::experiment::size_outcome::{DesignOutcome, SizeOutcome};
use crate::experiment::study::Reported;

use super::size_table::spelled;
use super::study_table::short;
use super::words::{count, printable};

/// The currency of all costs; empty if there are none.
#[must_use]
pub fn currency(size: &SizeOutcome) -> &str {
    let of_loss = size.loss.as_ref().map(|loss| loss.currency.as_str());
    size.currency.as_deref().or(of_loss).unwrap_or_default()
}

fn money(size: &SizeOutcome, amount: f64) -> String {
    format!("{} {}", count(amount.round() as u64), currency(size))
}

/// The knee, which knob to turn next, and the design that costs least in a year.
#[must_use]
pub fn sentences(size: &SizeOutcome) -> Vec<String> {
    let knee = size.knee.as_ref().map(|knee| {
        format!("Knee of the frontier: {}; beyond it more buys less than on average", spelled(knee))
    });
    let next = size.next.iter().map(|next| self::next(size, next));
    knee.into_iter().chain(next).chain(year(size)).collect()
}

fn next(size: &SizeOutcome, next: &NextOutcome) -> String {
    let knob = next.knob.split('=').next().unwrap_or_default();
    let cost = next.monthly_cost.map(|cost| format!(" for {} a month", money(size, cost)));
    let cost = cost.unwrap_or_default();
    let design = spelled(&next.values);
    let Reported { value, low, high } = next.saved_requests;
    if !next.helps() {
        return format!(
            "Next: {design}, one more of {}{cost}, saves nothing that can be told",
            printable(knob)
        );
    }
    let end = |end: Option<f64>| end.map_or_else(|| "-".to_owned(), short);
    format!(
        "Next: {design}, one more of {}{cost}, saves {} failed requests in a trial ({} to {})",
        printable(knob),
        short(value),
        end(low),
        end(high)
    )
}

fn year(size: &SizeOutcome) -> Option<String> {
    let loss = size.loss.as_ref()?;
    let least = size.designs.iter().find(|design| design.values == loss.cheapest)?;
    let cost = least.yearly_cost.as_ref()?;
    let time = if loss.is_random_time { "at random times" } else { "as in the sizing" };
    Some(format!(
        "Least in a year: {}, {} expected, {} of it for failed requests; {} failures a year \
         {time}, {} {} a failed request",
        spelled(&least.values),
        money(size, cost.total()),
        money(size, cost.loss.value),
        short(loss.failures_per_year),
        loss.price,
        loss.currency
    ))
}

/// The sentences for a terminal.
#[must_use]
pub fn render(size: &SizeOutcome) -> String {
    sentences(size).iter().map(|sentence| format!("{sentence}\n")).collect()
}

/// What a design costs in a year, with the interval of its loss; `-` if that is not known.
#[must_use]
pub fn a_year(size: &SizeOutcome, design: &DesignOutcome) -> String {
    let Some(cost) = &design.yearly_cost else { return "-".to_owned() };
    let with = |loss: f64| money(size, cost.nodes.unwrap_or(0.0) + loss);
    match (cost.loss.low, cost.loss.high) {
        (Some(low), Some(high)) => {
            format!("{} ({} to {})", with(cost.loss.value), with(low), with(high))
        }
        _ => with(cost.loss.value),
    }
}
