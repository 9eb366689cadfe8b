//! What can be typed after `gate`.

use std::path::PathBuf;

use clap::Args;

use super::command_line::ScenarioArguments;
use super::study_arguments::StudyArguments;

/// How to decide whether objectives are met.
#[derive(Clone, Debug, Args)]
pub struct GateArguments {
    /// The scenario; its section `objectives` says what is to be met.
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Scenario before the change: what differs from it is named, and how the metrics of the
    /// objectives moved on the same trials
    #[arg(long, value_name = "SCENARIO")]
    pub baseline: Option<PathBuf>,
    /// Trials at most; clear cases end sooner
    #[arg(long, visible_alias = "trials", value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub max_trials: u64,
    /// How sure the verdict must be, e.g. 95% or 0.99
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = confidence)]
    pub confidence: f64,
    /// Write the verdict as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the verdict as Markdown; in GitHub Actions it goes to the summary page besides
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Print the verdict as JSON instead of the table
    #[arg(long)]
    pub json: bool,
    /// How its trials are run.
    #[command(flatten)]
    pub how: StudyArguments,
}

/// `95%` or `0.95`, or what a confidence is.
pub(super) fn confidence(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percentage) => format!("{percentage}e-2").parse(),
        None => text.parse(),
    };
    let share = share.ok().filter(|share: &f64| (0.5..=0.999_999).contains(share));
    share.ok_or_else(|| "write a share from 50% to 99.9999%, e.g. 95% or 0.99".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both spellings of a share, and both ends.
    #[test]
    fn confidences_are_read() {
        for (text, share) in [("95%", 0.95), ("0.99", 0.99), ("50%", 0.5), ("99.9%", 0.999)] {
            assert_eq!(confidence(text), Ok(share), "{text}");
        }
        for wrong in ["", "%", "95", "0.4", "1", "100%", "inf", "nan"] {
            assert!(confidence(wrong).is_err(), "{wrong}");
        }
    }
}
