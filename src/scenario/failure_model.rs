//! How often which fault happens, and what comes along: the section `failureModel`.
//!
//! Without it every fault of the scenario strikes in every trial, and all that a study says is
//! conditional on them. With it a trial is one failure: one of the kinds, drawn in proportion to
//! their rates, with the companions that happen to come along. An hour without a failure needs no
//! trial; what the failures of a year cost is the sum over kinds of rate times mean.
//!
//! Kinds strike independently of each other (Poisson). Two of them within one run are neglected;
//! reports bound how often that happens.

use crate::control::Chance;
use crate::control::sampling::Sampler;
use crate::faults::PlannedFault;
use crate::model::duration::DurationSpec;
use crate::model::ids::FaultId;
use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::spec::{Name, section};
use crate::units::{Ratio, Span, Time};

use super::checked::Scenario;

section! {
    /// A kind of failure: a fault that happens by itself, and what comes along.
    pub struct FailureKindSpec {
        /// The fault, by its name among `faults`.
        "fault" fault: Name = required;
        /// How often it happens, in a year on average.
        "ratePerYear" rate_per_year: f64 = required, range 0.000001..=100000;
        /// Faults that may come along with it.
        "with" companions: Vec<CompanionSpec> = list 0..=100;
    }
}

section! {
    /// A fault that may come along with another one.
    pub struct CompanionSpec {
        /// The fault, by its name among `faults`; its `at` and `delay` do not count then.
        "fault" fault: Name = required;
        /// How likely it comes along.
        "probability" probability: Ratio = required, range "0%"..="100%";
        /// How much later it strikes: a law, drawn anew in each trial; left out, at once.
        "after" after: Option<DurationSpec> = optional, range "0s"..="30d";
    }
}

/// How often which fault happens, and what comes along.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureModel {
    /// At least one kind.
    pub kinds: Vec<FailureKind>,
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureKind {
    /// The fault that happens by itself.
    pub fault: FaultId,
    /// Its name.
    pub name: String,
    /// How often it happens, in a year on average; above zero.
    pub rate_per_year: f64,
    /// What may come along.
    pub companions: Vec<Companion>,
}

/// A fault that may come along with another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Companion {
    /// The fault.
    pub fault: FaultId,
    /// Its name.
    pub name: String,
    /// How likely it comes along.
    pub probability: Ratio,
    /// How much later it strikes \[s\]; at once without a law.
    pub after: Option<Law>,
}

/// That a fault strikes in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When.
    pub at: Time,
    /// Whether it comes along with another one, whose recovery is then its own.
    pub is_companion: bool,
}

impl FailureModel {
    /// The rates of its kinds \[1/year\], in their order.
    #[must_use]
    pub fn rates_per_year(&self) -> Vec<f64> {
        self.kinds.iter().map(|kind| kind.rate_per_year).collect()
    }

    /// The kind of failure that happens in a trial.
    #[must_use]
    pub fn kind(&self, chance: Chance) -> &FailureKind {
        &self.kinds[kind_of_trial(&self.rates_per_year(), chance)]
    }

    /// When a companion of a kind strikes that strikes at `at`, if it comes along.
    fn joins(kind: &FailureKind, companion: &Companion, at: Time, chance: Chance) -> Option<Time> {
        let name = format!("{}/{}", kind.name, companion.name);
        let comes = unit(chance.draw("failure-companion", &name, 0)) < companion.probability.get();
        let later = companion.after.as_ref().map_or(Span::ZERO, |law| {
            Span::from_secs_f64(law.quantile(unit(chance.draw("failure-companion", &name, 1))))
        });
        comes.then(|| at + later)
    }
}

/// The place in the list of the kind of failure that happens in a trial.
///
/// Independent trials draw it in proportion to the rates. Stratified ones take the kinds in turn:
/// each has as many trials as the others, give or take one, however rare it is.
#[must_use]
pub fn kind_of_trial(rates_per_year: &[f64], chance: Chance) -> usize {
    if chance.sampler == Sampler::Stratified {
        return (chance.trial % rates_per_year.len() as u64) as usize;
    }
    let mut left = unit(chance.draw("failure-kind", "", 0)) * rates_per_year.iter().sum::<f64>();
    let past = rates_per_year.iter().position(|rate| {
        left -= rate;
        left < 0.0
    });
    past.unwrap_or(rates_per_year.len() - 1)
}

impl Scenario {
    /// When each fault strikes in a trial, in the order of the scenario; `None` if it does not,
    /// because another kind of failure was drawn.
    #[must_use]
    pub fn strikes(&self, chance: Chance) -> Vec<Option<Strike>> {
        let faults = self.faults();
        let alone =
            |fault: &PlannedFault| Strike { at: fault.strikes_at(chance), is_companion: false };
        let Some(model) = self.failure_model() else {
            return faults.iter().map(|fault| Some(alone(fault))).collect();
        };
        let kind = model.kind(chance);
        let first = alone(&faults[kind.fault.index()]);
        let mut strikes = vec![None; faults.len()];
        strikes[kind.fault.index()] = Some(first);
        for companion in &kind.companions {
            let at = FailureModel::joins(kind, companion, first.at, chance);
            strikes[companion.fault.index()] = at.map(|at| Strike { at, is_companion: true });
        }
        strikes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(sampler: Sampler, trial: u64) -> Chance {
        Chance { seed: 3, trial, sampler }
    }

    /// Of 6,000 independent trials each kind has its share of the rates, within four standard
    /// errors of a binomial count; stratified ones take turns exactly; one kind is always that one.
    #[test]
    fn kinds_come_by_their_rates() {
        let rates = [0.5, 0.02, 2.0];
        let mut counts = [0_u32; 3];
        for trial in 0..6_000 {
            counts[kind_of_trial(&rates, chance(Sampler::Independent, trial))] += 1;
            let turn = kind_of_trial(&rates, chance(Sampler::Stratified, trial));
            assert_eq!(turn as u64, trial % 3);
            assert_eq!(kind_of_trial(&[0.1], chance(Sampler::Independent, trial)), 0);
        }
        for (count, rate) in counts.iter().zip(rates) {
            let (n, p) = (6_000.0, rate / 2.52);
            let error = (n * p * (1.0 - p)).sqrt();
            assert!((f64::from(*count) - n * p).abs() < 4.0 * error, "{counts:?}");
        }
    }
}
