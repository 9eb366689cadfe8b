//! Reports: one format each, which compute nothing.
//!
//! A renderer turns an outcome, a timeline or facts into text or pixels in memory; [`writer`] is
//! the one place that touches the disk and [`stdout`] the one that prints. Reading order:
//! [`summary_json`], [`timeline_csv`], [`users_csv`], [`events_csv`], [`capacity_plan_csv`],
//! [`premises_json`], [`manifest_json`] (files), [`table`] (the terminal), [`comparison`] (several
//! runs), [`trials_csv`], [`histograms_csv`], [`study_table`] and [`study_folder`] (many trials),
//! [`gate_table`], [`gate_markdown`], [`junit_xml`] and [`annotations`] (a gate, for people and for
//! CI), [`size_table`] and [`size_folder`] (a sizing), [`diff_table`], [`diff_csv`] and
//! [`diff_folder`] (two versions), [`sweep_table`], [`sweep_csv`] and [`sweep_folder`] (many
//! points), [`plots`] (SVG and PNG), [`run_folder`] (all files of a run), [`planning`] (what a
//! folder says, for the one who decides), as a [`document`] that [`markdown`] renders; then
//! [`words`] and [`cells`], which spell numbers and names.

pub mod writer;

pub mod stdout;

pub mod summary_json;

pub mod timeline_csv;

pub mod users_csv;

pub mod events_csv;

pub mod capacity_plan_csv;
pub mod premises_json;

pub mod manifest_json;

pub mod table;
pub mod why_origin;

pub mod comparison;

pub mod trials_csv;

pub mod histograms_csv;

pub mod near_saturation;
pub mod study_table;
pub mod yearly_table;

pub mod annotations;
pub mod gate_markdown;
pub mod gate_table;
pub mod junit_xml;

pub mod size_cost;
pub mod size_demand;
pub mod size_ends;
pub mod size_folder;
pub mod size_table;

pub mod sweep_csv;
pub mod sweep_folder;
pub mod sweep_table;

pub mod diff_csv;
pub mod diff_folder;
pub mod diff_table;

pub mod study_folder;

pub mod plots;

pub mod run_folder;

pub mod document;
pub mod markdown;
pub mod planning;

pub mod words;

pub mod cells;

#[cfg(test)]
mod example;
