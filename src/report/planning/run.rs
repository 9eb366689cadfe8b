//! The report of one run.

use crate::metrics::capacity_plan::ClusterPhase;
use crate::metrics::outcome::Outcome;

use crate::experiment::premises::Premises;

use crate::report::document::{Block, Document, Section, Words};
use crate::report::manifest_json::{self, Manifest};
use crate::report::words::{count, duration};
use crate::report::{capacity_plan_csv, near_saturation, premises_json, summary_json};

use super::reproduction::{self, Source};
use super::result_texts::ResultTexts;
use super::{capacity, faults, premises, requests};

/// The plots of a run, with what they show.
const PLOTS: [(&str, &str); 4] = [
    ("requests", "Requests of users by what became of them"),
    ("capacity", "Pods and nodes of each cluster"),
    ("headroom", "Headroom of each cluster"),
    ("latency", "Latency of served users"),
];

/// The report of a run's folder.
///
/// # Errors
/// If a file is missing, or is none of this version.
pub fn document(texts: &ResultTexts) -> Result<Document, String> {
    let manifest: Manifest = texts.json(manifest_json::FILE_NAME)?;
    let outcome: Outcome = texts.json(summary_json::FILE_NAME)?;
    let rests_on: Premises = texts.json(premises_json::FILE_NAME)?;
    let plan: Vec<ClusterPhase> = texts.rows(capacity_plan_csv::FILE_NAME)?;
    let mut sections = vec![
        premises::question(&rests_on, about(&outcome)),
        verdict(&outcome, &rests_on),
        faults::section(&outcome.faults),
        requests::section(&outcome.requests),
        capacity::headroom(&outcome.headroom),
        capacity::plan(&plan),
        premises::stability(&rests_on),
    ];
    sections.extend(plots(texts));
    sections.push(premises::assumptions(&rests_on));
    sections.push(reproduction::section(&source(&manifest)));
    sections.push(premises::documented(&rests_on));
    Ok(Document { title: format!("Capacity report: {}", manifest.scenario), sections })
}

fn about(outcome: &Outcome) -> Words {
    let how = if outcome.fidelity == "flow" { "as counts" } else { "one by one" };
    let drawn = outcome.failure_kind.as_ref().map_or_else(String::new, |kind| {
        format!(" Its failure was drawn from the scenario's failure model: {kind}.")
    });
    let near = near_saturation::note(outcome.near_saturation_s, "of the run");
    format!(
        "One trial: {} after the warm-up, {} requests, simulated {how}.{drawn}{}",
        duration(outcome.horizon_s),
        count(outcome.requests.offered),
        near.map_or_else(String::new, |note| format!(" {note}"))
    )
    .into()
}

fn verdict(outcome: &Outcome, premises: &Premises) -> Section {
    let confidence = Words::from("One trial is one draw of chance (trial ")
        .plain(format!("{} of seed {}", outcome.trial, outcome.seed))
        .plain("): it shows what can happen, and carries no confidence. ")
        .code("tideover mc")
        .plain(" says how likely it is, ")
        .code("tideover gate")
        .plain(" whether objectives are met, ")
        .code("tideover size")
        .plain(" how many nodes that takes.");
    let mut blocks = vec![Block::Paragraph(faults::verdict(outcome)), Block::Paragraph(confidence)];
    if !premises.objectives.is_empty() {
        let mut words = Words::from("The scenario's objectives, which ")
            .code("tideover gate")
            .plain(" decides: ");
        for (index, objective) in premises.objectives.iter().enumerate() {
            words = if index == 0 { words } else { words.plain(", ") }.code(objective.as_str());
        }
        blocks.push(Block::Paragraph(words.plain(".")));
    }
    Section::new("Verdict", blocks)
}

/// The plots that lie in the folder.
fn plots(texts: &ResultTexts) -> Option<Section> {
    let there = PLOTS.iter().filter(|(name, _)| texts.has_plot(name));
    let blocks: Vec<Block> = there
        .map(|(name, caption)| Block::Figure {
            file: format!("{name}.svg"),
            caption: (*caption).to_owned(),
        })
        .collect();
    (!blocks.is_empty()).then(|| Section::new("Plots", blocks))
}

fn source(manifest: &Manifest) -> Source<'_> {
    Source {
        verb: "run",
        scenario: &manifest.scenario,
        flags: vec![("--seed", manifest.seed.to_string()), ("--trial", manifest.trial.to_string())],
        changes: &manifest.flags,
        scenario_hash: &manifest.scenario_hash,
        version: &manifest.version,
        seed: manifest.seed,
        fingerprint: &manifest.fingerprint,
    }
}
