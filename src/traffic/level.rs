//! How much of a demand there is in a trial: a factor that is drawn anew each time, since nobody
//! knows on how busy a day a region is lost.

use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::spec::{Code, Decoder, Diagnostic, one_of, section};

one_of! {
    /// A law of factors.
    pub enum LevelSpec {
        /// Evenly spread between two factors.
        "uniform" => Uniform(UniformLevelSpec),
        /// Right-skewed with median 1.
        "lognormal" => LogNormal(LogNormalLevelSpec),
    }
}

section! {
    /// Evenly spread between two factors.
    pub struct UniformLevelSpec {
        /// Least factor.
        "min" min: f64 = required, range 0.001..=1000.0;
        /// Largest factor.
        "max" max: f64 = required, range 0.001..=1000.0;
    }
    check UniformLevelSpec::check_order;
}

section! {
    /// Right-skewed with median 1.
    pub struct LogNormalLevelSpec {
        /// 95th percentile of the factor.
        "p95" p95: f64 = required, range 1.001..=1000.0;
    }
}

impl UniformLevelSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if *self.max < *self.min {
            let message = format!("`max` {} is below `min` {}", *self.max, *self.min);
            let wrong = Diagnostic::error(Code::Contradiction, self.max.place.clone(), message);
            cx.report(wrong.allowed(format!("at least {}", *self.min)).help("swap the two"));
        }
    }
}

impl LevelSpec {
    /// The law of the factor.
    #[must_use]
    pub fn law(&self) -> Law {
        match self {
            Self::Uniform(law) => Law::uniform(*law.min, *law.max),
            Self::LogNormal(law) => Law::lognormal_p50_p95(1.0, *law.p95),
        }
    }
}

/// How much of a demand there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// The law of the factor.
    pub law: Law,
    /// The demand, which names the stream of the draw; its places share it.
    pub demand: String,
    /// Its place in the scenario's list.
    pub number: usize,
}

impl Level {
    /// The factor that belongs to 64 random bits.
    #[must_use]
    pub fn factor(&self, draw: u64) -> f64 {
        self.law.quantile(unit(draw))
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::decode_text;

    use super::*;

    /// Both laws have the bounds and percentiles that were written; other draws are other factors;
    /// what makes no law is refused.
    #[test]
    fn levels_follow_their_law() {
        let level = |text: &str| {
            let law = decode_text::<LevelSpec>(text).unwrap().law();
            Level { law, demand: "web".to_owned(), number: 0 }
        };
        let even = level("uniform: {min: 0.8, max: 1.2}");
        let ends = [0, 1 << 63, u64::MAX].map(|draw| even.factor(draw));
        let off = [ends[0] - 0.8, ends[1] - 1.0, ends[2] - 1.2];
        assert!(off.iter().all(|off| off.abs() < 1e-12), "{ends:?}");
        let skewed = level("lognormal: {p95: 1.5}").law;
        assert!((skewed.quantile(0.5) - 1.0).abs() < 1e-12);
        assert!((skewed.quantile(0.95) - 1.5).abs() < 1e-12);
        for wrong in ["uniform: {min: 2, max: 1}", "lognormal: {p95: 1}", "uniform: {min: 0}"] {
            assert!(decode_text::<LevelSpec>(wrong).is_err(), "{wrong}");
        }
    }
}
