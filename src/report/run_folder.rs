//! The result folder of a run: every file, rendered in memory and written one by one.
//!
//! `manifest.json` comes last: a folder that has it is complete.

use crate::model::fact::FactLog;
use crate::model::world::World;

use crate::metrics::outcome::Outcome;
use crate::metrics::timeline::Timeline;

use super::manifest_json::Manifest;
use super::plots::figure::Figure;
use super::plots::{capacity, headroom, image, latency, requests};
use super::writer::{OutputFolder, WriteError};
use super::{events_csv, manifest_json, summary_json, timeline_csv, users_csv};

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
    folder.write(summary_json::FILE_NAME, summary_json::render(run.outcome).as_bytes())?;
    folder.write(timeline_csv::FILE_NAME, timeline_csv::render(run.timeline).as_bytes())?;
    folder.write(users_csv::FILE_NAME, users_csv::render(run.timeline).as_bytes())?;
    folder.write(events_csv::FILE_NAME, events_csv::render(run.facts, run.world).as_bytes())?;
    for (name, figure) in figures(run.outcome, run.timeline) {
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
    folder.write(manifest_json::FILE_NAME, manifest_json::render(run.manifest).as_bytes())
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
