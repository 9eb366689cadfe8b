//! The result folder of a run: every file, rendered in memory and written one by one.
//!
//! `manifest.json` comes last: a folder that has it is complete.

use crate::model::fact::FactLog;
use crate::model::world::World;

use crate::metrics::capacity_plan::ClusterPhase;
use crate::metrics::outcome::Outcome;
use crate::metrics::timeline::Timeline;

use crate::experiment::premises::Premises;

use super::manifest_json::Manifest;
use super::planning::result_texts::{REPORT, ResultTexts};
use super::plots::figure::Figure;
use super::plots::{capacity, headroom, image, latency, requests};
use super::writer::{OutputFolder, WriteError};
use super::{
    capacity_plan_csv, events_csv, manifest_json, premises_json, summary_json, timeline_csv,
    users_csv,
};

/// What a run left behind.
#[derive(Clone, Copy, Debug)]
pub struct RunResult<'a> {
    /// Its figures.
    pub outcome: &'a Outcome,
    /// Its series.
    pub timeline: &'a Timeline,
    /// What happened.
    pub facts: &'a FactLog,
    /// The world at its end, for names.
    pub world: &'a World,
    /// What its clusters took.
    pub capacity_plan: &'a [ClusterPhase],
    /// What it rests on.
    pub premises: &'a Premises,
    /// What it was made from.
    pub manifest: &'a Manifest,
    /// Whether to draw it.
    pub plots: Plots,
}

/// Whether plots are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plots {
    /// As SVG and PNG.
    Drawn,
    /// Not at all; those of an earlier run are removed, since they would show another run.
    LeftOut,
}

/// Writes every file of a run.
///
/// # Errors
/// At the first file that cannot be written whole; those before it stay, without a manifest of
/// this run.
pub fn write(folder: &OutputFolder, run: &RunResult<'_>) -> Result<(), WriteError> {
    folder.remove(manifest_json::FILE_NAME)?;
    let (summary, manifest) =
        (summary_json::render(run.outcome), manifest_json::render(run.manifest));
    let plan = capacity_plan_csv::render(run.capacity_plan);
    let premises = premises_json::render(run.premises);
    folder.write(summary_json::FILE_NAME, summary.as_bytes())?;
    folder.write(capacity_plan_csv::FILE_NAME, plan.as_bytes())?;
    folder.write(premises_json::FILE_NAME, premises.as_bytes())?;
    folder.write(timeline_csv::FILE_NAME, timeline_csv::render(run.timeline).as_bytes())?;
    folder.write(users_csv::FILE_NAME, users_csv::render(run.timeline).as_bytes())?;
    folder.write(events_csv::FILE_NAME, events_csv::render(run.facts, run.world).as_bytes())?;
    let figures = figures(run.outcome, run.timeline);
    let plots = figures.each_ref().map(|(name, _)| *name);
    for (name, figure) in figures {
        let (svg, png) = (format!("{name}.svg"), format!("{name}.png"));
        match run.plots {
            Plots::Drawn => {
                folder.write(&svg, image::svg(&figure).as_bytes())?;
                folder.write(&png, &image::png(&figure))?;
            }
            Plots::LeftOut => {
                folder.remove(&svg)?;
                folder.remove(&png)?;
            }
        }
    }
    let texts = [
        (summary_json::FILE_NAME, summary.as_str()),
        (capacity_plan_csv::FILE_NAME, plan.as_str()),
        (premises_json::FILE_NAME, premises.as_str()),
        (manifest_json::FILE_NAME, manifest.as_str()),
    ];
    let drawn = if run.plots == Plots::Drawn { &plots[..] } else { &[] };
    let report = ResultTexts::new(texts, drawn).markdown();
    folder.write(REPORT, report.as_bytes())?;
    folder.write(manifest_json::FILE_NAME, manifest.as_bytes())
}

/// The plots of a run with the names of their files.
#[must_use]
pub fn figures(outcome: &Outcome, timeline: &Timeline) -> [(&'static str, Figure); 4] {
    [
        ("requests", requests::figure(outcome, timeline)),
        ("capacity", capacity::figure(outcome, timeline)),
        ("headroom", headroom::figure(outcome, timeline)),
        ("latency", latency::figure(outcome, timeline)),
    ]
}
