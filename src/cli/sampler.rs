//! How random inputs are drawn, if the scenario can be drawn like that.

use crate::control::sampling::Sampler;

use crate::scenario::Scenario;

use super::command_line::SamplerArgument;
use super::exit::{Exit, Failure};

/// The sampler that was asked for.
///
/// # Errors
/// If there is nothing to stratify, or a kind of failure would have to be a Sobol point.
pub(super) fn checked(asked: SamplerArgument, scenario: &Scenario) -> Result<Sampler, Failure> {
    let has_kinds = scenario.failure_model().is_some();
    match Sampler::from(asked) {
        Sampler::Stratified if !has_kinds => Err(wrong(
            "--sampler stratified takes the kinds of failure in turn, and the scenario has no \
             `failureModel`; allowed: independent, sobol",
        )),
        Sampler::Sobol if has_kinds => Err(wrong(
            "--sampler sobol does not spread kinds of failure, and the scenario has a \
             `failureModel`; allowed: independent, stratified",
        )),
        sampler => Ok(sampler),
    }
}

/// A mistake in what was typed.
pub(super) fn wrong(message: &'static str) -> Failure {
    Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message)) }
}
