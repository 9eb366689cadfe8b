//! The progress bar of many trials: how many are done, how fast, how long it will still take, and
//! what is known so far.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::sim::intervals::Tails;

use crate::experiment::metric::{Metric, Row};
use crate::experiment::precision::{Precision, Statistic};

/// How often the interval is computed anew.
const LOOK: Duration = Duration::from_secs(1);

/// A bar on the standard error, if that is a terminal; nothing otherwise.
#[derive(Debug)]
pub(super) struct StudyProgress {
    bar: ProgressBar,
    n_earlier: usize,
    n_trials: u64,
    started: Instant,
    looked: Instant,
    shown: (Metric, Statistic),
    tails: Tails,
    interval: String,
}

impl StudyProgress {
    /// A bar for so many trials, of which `n_earlier` are done.
    pub(super) fn new(
        n_trials: u64,
        n_earlier: usize,
        until: Option<Precision>,
        tails: Tails,
        quiet: bool,
    ) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(n_trials), target);
        let style = ProgressStyle::with_template("[{bar:24}] {wide_msg}");
        bar.set_style(style.expect("this template is well formed").progress_chars("=--"));
        let usual = (Metric::RecoveryTime, Statistic::Quantile(0.95));
        let now = Instant::now();
        Self {
            bar,
            n_earlier,
            n_trials,
            started: now,
            looked: now,
            shown: until.map_or(usual, |until| (until.metric, until.statistic)),
            tails,
            interval: String::new(),
        }
    }

    /// These rows are done.
    pub(super) fn reached(&mut self, rows: &[Row]) {
        if self.bar.is_hidden() {
            return;
        }
        if LOOK <= self.looked.elapsed() {
            self.looked = Instant::now();
            self.interval = self.interval_of(rows);
        }
        let n_new = (rows.len() - self.n_earlier) as f64;
        let speed = n_new / self.started.elapsed().as_secs_f64().max(1e-3);
        let left = (self.n_trials.saturating_sub(rows.len() as u64)) as f64 / speed.max(1e-6);
        let left = HumanDuration(Duration::from_secs_f64(left.min(1e9)));
        self.bar.set_position(rows.len() as u64);
        self.bar.set_message(format!(
            "{} of {} trials, {speed:.1}/s, {left:#} left{}",
            rows.len(),
            self.n_trials,
            self.interval
        ));
    }

    fn interval_of(&self, rows: &[Row]) -> String {
        let (metric, statistic) = self.shown;
        let Some(found) = statistic.estimate(rows, metric, self.tails) else {
            return String::new();
        };
        let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), |end| format!("{end:.1}"));
        let ends = [end(found.low), end(found.high)];
        let name = metric.name();
        format!(", {name} {statistic} {:.1} ({} to {})", found.value, ends[0], ends[1])
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
