//! The report of a sizing.

use crate::experiment::premises::Premises;
use crate::experiment::size_outcome::{DesignOutcome, OneLess, SizeOutcome};

use crate::report::document::{Block, Document, Section, Table, Words};
use crate::report::gate_table::percent;
use crate::report::premises_json;
use crate::report::size_folder::{self, SizeManifest};
use crate::report::size_table::{spelled, violation};
use crate::report::study_table::short;
use crate::report::words::count;
use crate::report::{size_cost, size_ends};

use super::premises;
use super::reproduction::{self, Source};
use super::result_texts::ResultTexts;
use super::{clusters, demand};

/// The report of a sizing's folder.
///
/// # Errors
/// If a file is missing, or is none of this version.
pub fn document(texts: &ResultTexts) -> Result<Document, String> {
    let manifest: SizeManifest = texts.json(crate::report::manifest_json::FILE_NAME)?;
    let size: SizeOutcome = texts.json(size_folder::SIZE)?;
    let rests_on: Premises = texts.json(premises_json::FILE_NAME)?;
    let mut sections = vec![premises::question(&rests_on, about(&size)), verdict(&size)];
    if !size.is_fixed() {
        sections.extend([less(&size), measure(&size), frontier(&size)]);
    }
    let fared = size.answer_trials.iter();
    let currency = size.currency.as_deref();
    let fared = fared.flat_map(|found| clusters::sections(found, "with the answer", currency));
    sections.extend(fared);
    sections.extend(size.max_demand.iter().map(|found| demand::section(&size, found)));
    sections.extend([
        premises::stability(&rests_on),
        premises::assumptions(&rests_on),
        reproduction::section(&source(&manifest)),
        premises::documented(&rests_on),
    ]);
    Ok(Document { title: format!("Capacity report: {}", size.scenario), sections })
}

fn about(size: &SizeOutcome) -> Words {
    if size.is_fixed() {
        let met = size.objectives.join(" and ");
        return format!("The largest demand with which {met}, in steps of 1 %.").into();
    }
    let mut words = Words::from("A sizing: the least of ");
    for (index, knob) in size.knobs.iter().enumerate() {
        words = if index == 0 { words } else { words.plain(" and ") }.code(knob.as_str());
    }
    words = words.plain(" with which ");
    for (index, objective) in size.objectives.iter().enumerate() {
        words = if index == 0 { words } else { words.plain(" and ") }.code(objective.as_str());
    }
    words.plain(". All designs run the same trials with the same draws.")
}

fn verdict(size: &SizeOutcome) -> Section {
    let mut blocks = Vec::new();
    blocks.extend(size.max_demand.iter().map(demand::answer));
    let sized = match &size.answer {
        Some(answer) => {
            Words::new().strong(format!("{} is enough", spelled(answer))).plain(format!(
                "{}, with confidence {}; a probability up to {} below what is asked may pass{}.",
                size_ends::range(size).map_or_else(String::new, |range| format!(" ({range})")),
                percent(size.confidence),
                percent(size.indifference),
                price(size, answer)
            ))
        }
        None => Words::new().strong("Nothing in range suffices.").plain(" What binds:"),
    };
    if !size.is_fixed() {
        blocks.push(Block::Paragraph(sized));
    }
    if !size.binds.is_empty() {
        blocks.push(Block::List(size.binds.iter().map(|it| it.as_str().into()).collect()));
    }
    let relief = size_ends::relief(size).map(|words| words + ".");
    blocks.extend(relief.map(|words| Block::Paragraph(words.into())));
    if 1 < size.smallest.len() {
        let all = size.smallest.iter().map(|values| spelled(values)).collect::<Vec<_>>();
        let words = format!("Designs of which no knob can be less: {}.", all.join(", "));
        blocks.push(Block::Paragraph(words.into()));
    }
    let time = size.fault_time.iter().map(|time| size_ends::fault_time(size, time) + ".");
    blocks.extend(time.map(|words| Block::Paragraph(words.into())));
    Section::new("Verdict", blocks)
}

fn price(size: &SizeOutcome, answer: &[u32]) -> String {
    let design = size.designs.iter().find(|design| design.values == answer);
    let cost = design.and_then(|design| design.monthly_cost);
    cost.map_or_else(String::new, |cost| format!("; its nodes cost {} a month", money(size, cost)))
}

fn money(size: &SizeOutcome, amount: f64) -> String {
    format!("{} {}", count(amount.round() as u64), size.currency.as_deref().unwrap_or(""))
}

fn less(size: &SizeOutcome) -> Section {
    let words = match &size.one_less {
        None => "No smaller design was in range, or nothing suffices.".into(),
        Some(less) => {
            let name = format!("{} is {}", spelled(&less.values), less.verdict);
            Words::new().strong(name).plain(format!(": {}.", less.words))
        }
    };
    let mut blocks = vec![Block::Paragraph(words)];
    if let Some(less) = &size.one_less {
        blocks.extend(replay(size, less));
    }
    Section::new("Why one less fails", blocks)
}

/// The command that replays the trial which shows why a design fails.
pub(super) fn replay(size: &SizeOutcome, less: &OneLess) -> Vec<Block> {
    let Some(trial) = less.trial else { return Vec::new() };
    let source = Source {
        verb: "run",
        scenario: &size.scenario,
        flags: vec![
            ("--trial", trial.to_string()),
            ("--seed", size.seed.to_string()),
            ("--fidelity", size.fidelity.to_string()),
        ],
        changes: &less.sets.iter().map(|set| format!("--set {set}")).collect::<Vec<_>>(),
        scenario_hash: "",
        version: "",
        seed: size.seed,
        fingerprint: "",
    };
    let command = Block::Command(reproduction::command(&source));
    vec![Block::Paragraph("This replays the trial that shows it:".into()), command]
}

/// What the answer depends on.
fn measure(size: &SizeOutcome) -> Section {
    let heading = "Measure this first";
    let Some(ends) = &size.ends else {
        let words = "The answer was not looked for again at the ends of what nobody knows well: \
                     there is no such input, or it was not wanted.";
        return Section::new(heading, vec![Block::Paragraph(words.into())]);
    };
    let words = format!(
        "These inputs may be other ones where the system runs. The answer was looked for again \
         with each at either end, all else being equal, with the same draws: what moves it most \
         is worth measuring first. Each answer holds at confidence {} by itself, as long as no \
         trial fares worse with more.",
        percent(size.confidence)
    );
    let mut table = Table::new(&size_ends::COLUMNS);
    for row in size_ends::rows(size, ends) {
        let [path, rest @ ..] = row;
        let rest = rest.into_iter().map(Words::from);
        table.add(std::iter::once(Words::new().code(path)).chain(rest));
    }
    let mut blocks = vec![Block::Paragraph(words.into()), Block::Table(table)];
    let worst = ends.worst.iter().map(|worst| size_ends::worst(size, worst) + ".");
    blocks.extend(worst.map(|words| Block::Paragraph(words.into())));
    let findings: Vec<Words> = size_ends::findings(ends).map(|it| (it + ".").into()).collect();
    if !findings.is_empty() {
        blocks.push(Block::List(findings));
    }
    if !ends.skipped.is_empty() {
        let skipped = ends.skipped.iter().map(|why| format!("Not tried: {why}.").into());
        blocks.push(Block::List(skipped.collect()));
    }
    Section::new(heading, blocks)
}

fn frontier(size: &SizeOutcome) -> Section {
    let mut columns = vec!["design", "verdict", "# trials"];
    let kept: Vec<String> = size.objectives.iter().map(|it| format!("# keep {it}")).collect();
    columns.extend(kept.iter().map(String::as_str));
    columns.extend(["# rto_s p95", "# failed_requests p95"]);
    columns.extend(size.currency.as_ref().map(|_| "# a month"));
    columns.extend(size.loss.as_ref().map(|_| "# a year"));
    columns.push("frontier");
    let mut table = Table::new(&columns);
    for design in &size.designs {
        table.add(cells(size, design));
    }
    let words = "The designs that were tried. A design is off the frontier if another one is no \
                 dearer, recovers as fast and loses as little, and is better in one of these; \
                 without prices fewer counts as cheaper. Clear cases end after few trials, so \
                 their figures are rough.";
    let mut blocks = vec![Block::Paragraph(words.into()), Block::Table(table)];
    let worth = size_cost::sentences(size);
    if !worth.is_empty() {
        let points = worth.into_iter().map(|it| Words::from(it + "."));
        blocks.push(Block::List(points.collect()));
    }
    let findings = size.violations.iter();
    let findings =
        findings.map(|it| format!("{}: more does not always help.", violation(it)).into());
    let findings: Vec<Words> = findings.collect();
    if !findings.is_empty() {
        blocks.push(Block::List(findings));
    }
    Section::new("Sizing frontier", blocks)
}

fn cells(size: &SizeOutcome, design: &DesignOutcome) -> Vec<Words> {
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
    let mut cells: Vec<Words> = vec![
        spelled(&design.values).into(),
        design.verdict.as_ref().into(),
        count(design.n_trials).into(),
    ];
    cells.extend(design.kept.iter().map(|&share| Words::from(percent(share))));
    cells.push(figure(design.rto_s_p95).into());
    cells.push(figure(design.failed_requests_p95).into());
    cells.extend(size.currency.as_ref().map(|_| {
        let cost = design.monthly_cost.map(|cost| money(size, cost));
        Words::from(cost.unwrap_or_else(|| "-".to_owned()))
    }));
    cells.extend(size.loss.as_ref().map(|_| Words::from(size_cost::a_year(size, design))));
    let on_it = if size.knee.as_ref() == Some(&design.values) { "its knee" } else { "on it" };
    cells.push(design.dominated_by.as_ref().map_or_else(
        || Words::new().strong(on_it),
        |better| format!("off it, {} is better", spelled(better)).into(),
    ));
    cells
}

fn source(manifest: &SizeManifest) -> Source<'_> {
    Source {
        verb: "size",
        scenario: &manifest.scenario,
        flags: vec![("--seed", manifest.seed.to_string())],
        changes: &manifest.flags,
        scenario_hash: &manifest.scenario_hash,
        version: &manifest.version,
        seed: manifest.seed,
        fingerprint: &manifest.fingerprint,
    }
}
