//! The progress of a sizing: which design is tried, with what else changed, and how many trials
//! were run. How many it will take is not known before.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A line on the standard error, if that is a terminal; nothing otherwise. Clones are the same
/// line.
#[derive(Clone, Debug)]
pub(super) struct SizeProgress {
    bar: ProgressBar,
}

impl SizeProgress {
    /// A line without a design yet.
    pub(super) fn new(quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{pos} trials, {speed}, trying {wide_msg}");
        let speed = |state: &ProgressState, text: &mut dyn Write| {
            write!(text, "{:.1}/s", state.per_sec()).expect("text takes all");
        };
        let style = style.expect("this template is well formed").with_key("speed", speed);
        bar.set_style(style);
        Self { bar }
    }

    /// From now on this design is tried, in a scenario with these assignments.
    pub(super) fn trying(&self, design: &str, beside: &[String]) {
        if !self.bar.is_hidden() {
            self.bar.set_message(words(design, beside));
        }
    }

    /// One more trial is done.
    pub(super) fn ran(&self) {
        self.bar.inc(1);
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn words(design: &str, beside: &[String]) -> String {
    if beside.is_empty() {
        design.to_owned()
    } else {
        format!("{design} with {}", beside.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What else is changed stands beside the design, if something is.
    #[test]
    fn what_is_tried_is_named() {
        assert_eq!(words("3", &[]), "3");
        let beside = ["timeout=1s".to_owned(), "queue=9".to_owned()];
        assert_eq!(words("3", &beside), "3 with timeout=1s, queue=9");
    }
}
