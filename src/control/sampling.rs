//! How the structural random inputs of a trial are drawn: those that the scenario declares.
//!
//! Independent trials draw everything anew. With scrambled Sobol points trial i takes point
//! ⌊i / 16⌋ of scramble i mod 16: the inputs of successive trials spread evenly, while each
//! scramble is independent of the others. Everything else (phases, requests, machines) is drawn
//! independently in both. Stratified trials are independent ones but for the kind of failure,
//! which goes round instead of being drawn.

use crate::sim::sobol::{N_DIMENSIONS, scrambled};
use crate::sim::streams::Stream;

use super::Chance;

/// Independent scrambles, whose figures make an interval.
pub const N_SCRAMBLES: u64 = 16;

/// How structural inputs are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sampler {
    /// Each trial by itself.
    #[default]
    Independent,
    /// Scrambled Sobol points.
    Sobol,
    /// The kinds of failure in turn, everything else as by independent trials.
    Stratified,
}

impl Sampler {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Independent, Self::Sobol, Self::Stratified];

    /// The word of command line and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Sobol => "sobol",
            Self::Stratified => "stratified",
        }
    }
}

/// The list: variant, purpose that names its stream.
macro_rules! inputs {
    ($($(#[doc = $doc:literal])* $variant:ident $purpose:literal;)+) => {
        /// A kind of structural input.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Input {
            $($(#[doc = $doc])* $variant,)+
        }

        impl Input {
            const fn purpose(self) -> &'static str {
                match self { $(Self::$variant => $purpose),+ }
            }
        }

        /// Kinds that there are.
        const N_KINDS: usize = [$(Input::$variant),+].len();
    };
}

inputs! {
    /// How much later than stated a fault strikes.
    FaultDelay "fault-delay";
    /// How long until a fault is repaired.
    FaultRepair "fault-repair";
    /// Which zone or region a fault hits.
    FaultPlace "fault-zone";
    /// How much of a demand there is.
    DemandLevel "demand-level";
    /// How long people take to decide on an operation.
    Decision "decision";
}

impl Chance {
    /// The draw for a structural input of a named entity, the `index`th of its kind in the order
    /// of the scenario.
    ///
    /// The first fault, demand and operation have the first dimensions, then the second ones; what
    /// is beyond the last dimension is drawn independently.
    #[must_use]
    pub fn structural(self, input: Input, index: usize, entity: &str) -> u64 {
        let dimension = index.saturating_mul(N_KINDS).saturating_add(input as usize);
        match self.sampler {
            Sampler::Sobol if dimension < N_DIMENSIONS => {
                let name = format!("{}/{entity}", input.purpose());
                let scramble = Stream::new(self.seed, self.trial % N_SCRAMBLES, "scramble", &name);
                scrambled(self.trial / N_SCRAMBLES, dimension, &scramble)
            }
            _ => self.draw(input.purpose(), entity, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Independent trials draw from the entity's own stream. Of 16 times 64 Sobol trials each
    /// scramble has one in every 64th of an input's range, in another order; inputs beyond the last
    /// dimension are those of independent trials.
    #[test]
    fn sobol_trials_spread_evenly() {
        let draw = |sampler, number, index| {
            Chance { seed: 1, trial: number, sampler }.structural(Input::DemandLevel, index, "web")
        };
        for number in 0..100 {
            let plain = Stream::new(1, number, "demand-level", "web").at(0);
            assert_eq!(draw(Sampler::Independent, number, 1), plain);
            assert_eq!(draw(Sampler::Sobol, number, 6), plain);
            assert_ne!(draw(Sampler::Sobol, number, 5), plain);
        }
        for scramble in 0..N_SCRAMBLES {
            let trials = (0..64).map(|point| N_SCRAMBLES * point + scramble);
            let mut cells: Vec<u64> =
                trials.map(|number| draw(Sampler::Sobol, number, 0) >> 58).collect();
            assert!(!cells.is_sorted());
            cells.sort_unstable();
            assert!(cells.into_iter().eq(0..64), "{scramble}");
        }
    }
}
