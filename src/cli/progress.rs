//! The progress bar of a run: simulated time, the faults on its way, and how fast it goes.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::units::{Span, Time};

use crate::control::Chance;

use crate::scenario::Scenario;

/// Characters of the bar.
const WIDTH: usize = 32;

/// A bar on the standard error, if that is a terminal; nothing otherwise.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
    warm_up: Span,
    horizon: Span,
    faults: Vec<Time>,
}

impl Progress {
    /// A bar for a trial of `scenario`.
    pub(super) fn new(scenario: &Scenario, chance: Chance, quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{msg}").expect("this template is well formed"));
        let run = scenario.run();
        Self {
            bar,
            started: Instant::now(),
            warm_up: run.warm_up,
            horizon: run.horizon,
            faults: scenario.strikes(chance).iter().flatten().map(|strike| strike.at).collect(),
        }
    }

    /// The run has come to `now`.
    pub(super) fn reached(&self, now: Time) {
        let simulated = now - (Time::ZERO - self.warm_up);
        let speed = simulated.as_secs_f64() / self.started.elapsed().as_secs_f64().max(1e-3);
        let faults: Vec<f64> = self.faults.iter().map(|&at| self.share(at)).collect();
        let stage = if now < Time::ZERO {
            "warm-up".to_owned()
        } else {
            let (minute, last) = (now.as_secs_f64() / 60.0, self.horizon.as_secs_f64() / 60.0);
            format!("{minute:.0} of {last:.0} min")
        };
        let bar = drawn(self.share(now), &faults);
        self.bar.set_message(format!("{bar} {stage}, {speed:.0} times real time"));
    }

    /// Shows words instead of the bar.
    pub(super) fn say(&self, words: &'static str) {
        self.bar.set_message(words);
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Which share of the run, warm-up included, lies before `at`.
    fn share(&self, at: Time) -> f64 {
        let whole = (self.warm_up.as_secs_f64() + self.horizon.as_secs_f64()).max(1e-9);
        (self.warm_up.as_secs_f64() + at.as_secs_f64()) / whole
    }
}

/// A bar of which `done` is filled; faults stand on it as `!`.
fn drawn(done: f64, faults: &[f64]) -> String {
    let cell = |share: f64| (share.clamp(0.0, 1.0) * WIDTH as f64) as usize;
    let mut cells: Vec<char> =
        (0..WIDTH).map(|at| if at < cell(done) { '=' } else { '-' }).collect();
    for &fault in faults {
        cells[cell(fault).min(WIDTH - 1)] = '!';
    }
    format!("[{}]", String::from_iter(cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bar fills from left to right; faults show before and after they strike, also one at
    /// the very end.
    #[test]
    fn the_bar_shows_faults() {
        assert_eq!(drawn(0.0, &[]), format!("[{}]", "-".repeat(WIDTH)));
        assert_eq!(drawn(2.0, &[1.0]), format!("[{}!]", "=".repeat(WIDTH - 1)));
        let half = drawn(0.5, &[0.25, 0.75]);
        assert_eq!(half, "[========!=======--------!-------]");
    }
}
