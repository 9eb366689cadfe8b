//! Deciding while the sample grows: is a limit kept often enough?
//!
//! The question is whether the probability that a trial keeps a limit is at least a share. The
//! answer is given at looks, which lie at numbers of trials that depend on nothing that was seen:
//! it is *met* as soon as so few failures would be too unlikely if the probability were below the
//! share, and *missed* as soon as so many would be if it were at least the share. Both are exact
//! binomial tests (Clopper and Pearson, Biometrika 26, 1934); how often each may be wrong is
//! shared out between its looks (Bonferroni), so that looking often does not make it wrong more
//! often than it says, whatever the truth is.

use crate::sim::beta::binomial_cdf;
use crate::sim::intervals::{self, Interval, Tails};
use crate::sim::maths;

/// The fewest trials after which something can be missed.
const FEWEST: u64 = 16;

/// What is asked about a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// The probability must be at least this.
    pub share: f64,
    /// Answers may be either way where the probability lies this little below the share.
    pub indifference: f64,
}

impl Question {
    /// Whether the probability is at least `share`.
    #[must_use]
    pub const fn at_least(share: f64) -> Self {
        Self { share, indifference: 0.0 }
    }

    /// The probability that *met* excludes.
    fn too_low(self) -> f64 {
        self.share - self.indifference
    }

    /// The fewest trials that show it, if none fails, when it may be wrong this often.
    fn fewest(self, wrong: f64) -> u64 {
        let n = maths::ln(wrong) / maths::ln(self.too_low());
        n.ceil().max(1.0) as u64
    }
}

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The limit is kept often enough.
    Met,
    /// It is not.
    Missed,
    /// More trials are needed.
    Open,
}

/// A number of trials at which an answer may be given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Trials.
    pub n: u64,
    /// How often *met* may be wrong at this look; 0 where it cannot be given.
    pub met_wrong: f64,
    /// How often *missed* may be wrong at this look.
    pub missed_wrong: f64,
}

impl Look {
    /// The answer when `failures` of the trials so far did not keep the limit.
    #[must_use]
    pub fn answer(&self, question: Question, failures: u64) -> Answer {
        assert!(failures <= self.n, "{failures} of {} trials cannot fail", self.n);
        let so_few = binomial_cdf(self.n, 1.0 - question.too_low(), failures);
        if so_few <= self.met_wrong {
            return Answer::Met;
        }
        let fewer = failures.checked_sub(1);
        let so_many =
            fewer.map_or(1.0, |fewer| 1.0 - binomial_cdf(self.n, 1.0 - question.share, fewer));
        if so_many <= self.missed_wrong { Answer::Missed } else { Answer::Open }
    }

    /// Where the probability lies, with the confidence of this look on each side.
    #[must_use]
    pub fn interval(&self, failures: u64) -> Interval {
        let tails = Tails { below: self.met_wrong, above: self.missed_wrong };
        intervals::proportion(self.n - failures, self.n, tails)
    }
}

/// The looks at a sample that grows to at most `most` trials, first one first.
///
/// Several questions are asked of the same trials: each *met* and all *missed* together are wrong
/// with probability 1 - `confidence` at most. So the whole is wrong that seldom, for it is met if
/// all are and missed if one is.
///
/// # Errors
/// If even a sample without failures is too small: the number of trials that is needed.
pub fn looks(questions: &[Question], most: u64, confidence: f64) -> Result<Vec<Look>, u64> {
    let wrong = 1.0 - confidence;
    let fewest = |wrong: f64| questions.iter().map(|it| it.fewest(wrong)).max().unwrap_or(1);
    if most < fewest(wrong) {
        return Err(fewest(wrong));
    }
    // Half of what may be wrong is for the first look at which *met* can be said.
    let first = fewest(0.5 * wrong);
    let later: Vec<u64> = if first < most {
        let doubled = std::iter::successors(Some(2 * first), |n| n.checked_mul(2));
        doubled.take_while(|&n| n < most).chain([most]).collect()
    } else {
        Vec::new()
    };
    let first = first.min(most);
    let mut early: Vec<u64> =
        (1..=6).map(|halvings| first >> halvings).filter(|&n| FEWEST <= n).collect();
    early.reverse();
    let n_looks = (early.len() + 1 + later.len()) as f64;
    let missed_wrong = wrong / questions.len().max(1) as f64 / n_looks;
    let look = |n: u64, met_wrong: f64| Look { n, met_wrong, missed_wrong };
    let mut looks: Vec<Look> = early.iter().map(|&n| look(n, 0.0)).collect();
    looks.push(look(first, if later.is_empty() { wrong } else { 0.5 * wrong }));
    looks.extend(later.iter().map(|&n| look(n, 0.5 * wrong / later.len() as f64)));
    Ok(looks)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sim::streams::{Cursor, Stream};

    const CONFIDENCE: f64 = 0.95;

    /// Looks halve and double around the first one that can say *met*; what may be wrong adds up
    /// to what was asked for on both sides.
    #[test]
    fn what_may_be_wrong_is_shared_out() {
        // ln 0.025 / ln 0.99 = 367.04, ln 0.05 / ln 0.99 = 298.07.
        for (most, ns) in [
            (10_000, &[23, 46, 92, 184, 368, 736, 1_472, 2_944, 5_888, 10_000][..]),
            (400, &[23, 46, 92, 184, 368, 400][..]),
            (368, &[23, 46, 92, 184, 368][..]),
            (299, &[18, 37, 74, 149, 299][..]),
        ] {
            let looks = looks(&[Question::at_least(0.99)], most, CONFIDENCE).unwrap();
            assert_eq!(looks.iter().map(|look| look.n).collect::<Vec<_>>(), ns);
            for wrong in [
                looks.iter().map(|look| look.met_wrong).sum::<f64>(),
                looks.iter().map(|look| look.missed_wrong).sum::<f64>(),
            ] {
                assert!((wrong - 0.05).abs() < 1e-12, "{most}: {wrong}");
            }
        }
        assert_eq!(looks(&[Question::at_least(0.99)], 298, CONFIDENCE), Err(299));
        let two = [Question::at_least(0.99), Question::at_least(0.5)];
        let looks = looks(&two, 1_000, CONFIDENCE).unwrap();
        let missed: f64 = looks.iter().map(|look| look.missed_wrong).sum();
        assert!((missed - 0.025).abs() < 1e-12, "{missed}");
    }

    /// Both answers turn where the exact binomial tail does: 299 trials without a failure show
    /// 99 % and 298 do not, nor do 299 with one; 3 of 3 failures have probability 1/8 at one half.
    #[test]
    fn answers_turn_at_the_tails() {
        let look = |n, met_wrong, missed_wrong| Look { n, met_wrong, missed_wrong };
        let often = Question::at_least(0.99);
        assert_eq!(look(299, 0.05, 0.0).answer(often, 0), Answer::Met);
        assert_eq!(look(298, 0.05, 0.0).answer(often, 0), Answer::Open);
        assert_eq!(look(299, 0.05, 0.0).answer(often, 1), Answer::Open);
        let half = Question::at_least(0.5);
        assert_eq!(look(3, 0.0, 0.125).answer(half, 3), Answer::Missed);
        assert_eq!(look(3, 0.0, 0.124).answer(half, 3), Answer::Open);
        assert_eq!(look(3, 0.0, 0.125).answer(half, 2), Answer::Open);
        let indifferent = Question { share: 0.99, indifference: 0.003 };
        assert_eq!(look(230, 0.05, 0.0).answer(indifferent, 0), Answer::Met);
    }

    /// How often 1,000 samples are answered met, missed and not at all, if a trial fails with
    /// probability `failing`.
    fn answers(failing: f64, share: f64, most: u64) -> [u32; 3] {
        let question = Question::at_least(share);
        let looks = looks(&[question], most, CONFIDENCE).unwrap();
        let mut counts = [0; 3];
        for repeat in 0..1_000 {
            let mut draws = Cursor::new(Stream::new(20_261_121, repeat, "sequential", "test"));
            let (mut n, mut failures) = (0, 0);
            let answer = looks.iter().find_map(|look| {
                while n < look.n {
                    failures += u64::from(draws.next_unit() < failing);
                    n += 1;
                }
                Some(look.answer(question, failures)).filter(|&answer| answer != Answer::Open)
            });
            counts[answer.unwrap_or(Answer::Open) as usize] += 1;
        }
        counts
    }

    /// Half and twice as many failures as allowed: the wrong answer comes in less than 5 % of
    /// 1,000 samples, and the right one nearly always.
    #[test]
    fn far_from_the_limit_answers_are_right() {
        for share in [0.9, 0.99] {
            let allowed = 1.0 - share;
            let [met, missed, _] = answers(0.5 * allowed, share, 10_000);
            assert!(missed < 50 && 990 <= met, "half of {allowed}: {met} {missed}");
            let [met, missed, _] = answers(2.0 * allowed, share, 10_000);
            assert!(met < 50 && 990 <= missed, "twice {allowed}: {met} {missed}");
        }
    }

    /// At the limit itself, where looking often would tempt most, neither answer comes in more
    /// than 5 % of samples and 4 standard errors (2.8 points); most stay open.
    #[test]
    fn at_the_limit_most_samples_stay_open() {
        for share in [0.9, 0.99] {
            let [met, missed, open] = answers(1.0 - share, share, 5_000);
            assert!(met <= 78 && missed <= 78 && 844 <= open, "{met} {missed} {open}");
        }
    }
}
