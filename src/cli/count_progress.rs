//! The progress bar of work that is only counted: how much is done, how fast, how long it will
//! still take.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error, if that is a terminal; nothing otherwise.
#[derive(Debug)]
pub(super) struct CountProgress {
    bar: ProgressBar,
    n_trials: u64,
    started: Instant,
}

impl CountProgress {
    /// A bar for so many trials.
    pub(super) fn new(n_trials: u64, quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(n_trials), target);
        let style = ProgressStyle::with_template("[{bar:24}] {wide_msg}");
        bar.set_style(style.expect("this template is well formed").progress_chars("=--"));
        Self { bar, n_trials, started: Instant::now() }
    }

    /// So many are done.
    pub(super) fn reached(&self, n_done: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let speed = n_done as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        let left = self.n_trials.saturating_sub(n_done) as f64 / speed.max(1e-6);
        let left = HumanDuration(Duration::from_secs_f64(left.min(1e9)));
        self.bar.set_position(n_done);
        self.bar.set_message(format!(
            "{n_done} of {} trials, {speed:.1}/s, {left:#} left",
            self.n_trials
        ));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
