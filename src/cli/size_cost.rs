//! What designs cost in a year, and which knob to turn next.

use crate::sim::intervals::Tails;

use crate::experiment::kinds::{KindRate, rates};
use crate::experiment::prices::Prices;
use crate::experiment::size::Sizes;
use crate::experiment::size_cost::{self, LossOutcome, cheapest, yearly_cost};
use crate::experiment::size_next::{self, NextOutcome, rank, saved};
use crate::experiment::size_outcome::SizeOutcome;

use super::size_catalogue::Catalogue;
use super::size_study::How;

/// What a failure costs, and how often there is one.
pub(super) struct Losses {
    rates: Vec<KindRate>,
    price: f64,
    currency: String,
}

/// What a failure costs, if the scenario says so.
///
/// # Errors
/// If it does not say how often, or says it twice, or counts in two currencies.
pub(super) fn losses(
    catalogue: &Catalogue,
    prices: Option<&Prices>,
) -> Result<Option<Losses>, String> {
    let Some(loss) = &catalogue.sizing.loss else { return Ok(None) };
    let known = rates(&catalogue.scenario);
    let rates = match (catalogue.sizing.faults_per_year, known.is_empty()) {
        (None, true) => {
            return Err("sizing.lossPerFailedRequest: how often do faults happen? Add \
                        `failureModel`, or `sizing.faultsPerYear`"
                .to_owned());
        }
        (Some(_), false) => {
            return Err("sizing.faultsPerYear: `failureModel` says how often each fault happens; \
                        remove one of the two"
                .to_owned());
        }
        (Some(rate_per_year), true) => vec![KindRate { name: "faults".to_owned(), rate_per_year }],
        (None, false) => known,
    };
    if let Some(prices) = prices.filter(|prices| prices.currency != loss.currency) {
        return Err(format!(
            "sizing.lossPerFailedRequest: read currency `{}`; allowed: {}, as the prices",
            loss.currency, prices.currency
        ));
    }
    Ok(Some(Losses { rates, price: loss.price, currency: loss.currency.clone() }))
}

/// Adds what each design that was tried costs in a year, with faults as in `there`; whether it
/// went to its end.
///
/// # Errors
/// If there is no such scenario.
pub(super) fn add_costs(
    outcome: &mut SizeOutcome,
    losses: &Losses,
    (there, is_random_time): (&Catalogue, bool),
    how: How,
) -> Result<bool, String> {
    let tails = Tails::both(outcome.confidence);
    for design in &mut outcome.designs {
        let rows = there.rows(&design.values, size_cost::N_TRIALS, &[], how.threads)?;
        let Some(rows) = rows else { return Ok(false) };
        let rates = (&losses.rates[..], there.seed);
        design.yearly_cost = yearly_cost(&rows, rates, losses.price, design.monthly_cost, tails);
    }
    let failures_per_year = losses.rates.iter().map(|kind| kind.rate_per_year).sum();
    outcome.loss = cheapest(&outcome.designs).map(|cheapest| LossOutcome {
        price: losses.price,
        currency: losses.currency.clone(),
        failures_per_year,
        n_trials: size_cost::N_TRIALS,
        is_random_time,
        cheapest,
    });
    Ok(true)
}

/// What one more of each knob than the answer would buy, what is worth most first; `None` if it
/// was told to stop.
///
/// # Errors
/// If a price is missing.
pub(super) fn next(
    catalogue: &Catalogue,
    sizes: &Sizes,
    answer: &[u32],
    prices: Option<&Prices>,
    how: How,
) -> Result<Option<Vec<NextOutcome>>, String> {
    let known = |values: &[u32]| sizes.tried(values).map_or(&[][..], |it| &it.judgement.rows);
    let rows_of =
        |values: &[u32]| catalogue.rows(values, size_next::N_TRIALS, known(values), how.threads);
    let Some(rows) = rows_of(answer)? else { return Ok(None) };
    let mut found = Vec::new();
    for (number, knob) in catalogue.sizing.knobs.iter().enumerate() {
        let mut more = answer.to_vec();
        more[number] += 1;
        if knob.max < more[number] || catalogue.design(&more).is_err() {
            continue;
        }
        let Some(rows_of_more) = rows_of(&more)? else { return Ok(None) };
        let tails = Tails::both(catalogue.sizing.confidence);
        let Some(saved_requests) = saved(&rows, &rows_of_more, tails) else { continue };
        let cost = |values: &[u32]| catalogue.monthly_cost(values, prices);
        let monthly_cost = cost(&more)?.zip(cost(answer)?).map(|(more, answer)| more - answer);
        found.push(NextOutcome {
            knob: format!("{}={}..{}", knob.path, knob.min, knob.max),
            values: more,
            saved_requests,
            monthly_cost,
        });
    }
    rank(&mut found);
    Ok(Some(found))
}
