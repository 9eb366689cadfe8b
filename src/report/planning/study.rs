//! The report of a study of many trials.

use crate::experiment::metric::{Metric, Worse};
use crate::experiment::premises::Premises;
use crate::experiment::study::{Distribution, QuantileReported, StudyOutcome};
use crate::experiment::study_verdict::ObjectiveShown;

use crate::report::document::{Block, Document, Section, Table, Words};
use crate::report::gate_table::percent;
use crate::report::study_table::{near_saturation, short};
use crate::report::words::{count, duration};
use crate::report::{premises_json, summary_json};

use super::reproduction::{self, Source};
use super::result_texts::ResultTexts;
use super::{clusters, premises, yearly};

/// The report of a study's folder.
///
/// # Errors
/// If a file is missing, or is none of this version.
pub fn document(texts: &ResultTexts) -> Result<Document, String> {
    let study: StudyOutcome = texts.json(summary_json::FILE_NAME)?;
    let rests_on: Premises = texts.json(premises_json::FILE_NAME)?;
    let mut sections = vec![
        premises::question(&rests_on, about(&study)),
        verdict(&study),
        yearly::section(&study),
        milestones(&study),
    ];
    let currency = study.identity.prices.as_ref().map(|prices| prices.currency.as_str());
    sections.extend(clusters::sections(&study.breakdown, "over all trials", currency));
    sections.extend([
        others(&study),
        premises::stability(&rests_on),
        premises::assumptions(&rests_on),
        reproduction::section(&source(&study)),
        premises::documented(&rests_on),
    ]);
    sections.retain(|section| !section.blocks.is_empty());
    Ok(Document { title: format!("Capacity report: {}", study.identity.scenario), sections })
}

fn about(study: &StudyOutcome) -> Words {
    let identity = &study.identity;
    let how = if identity.fidelity == "flow" { "as counts" } else { "one by one" };
    let ended = if study.partial { "; PARTIAL: it was stopped before its end" } else { "" };
    format!(
        "{} trials of {} each after the warm-up, requests simulated {how}{ended}. Every statement \
         is conditional on {}.{}",
        count(study.n_trials),
        duration(identity.horizon_s),
        study.condition,
        near_saturation(study).map_or_else(String::new, |note| format!(" {note}"))
    )
    .into()
}

/// The answer with its confidence: by objective where there are some, else what is known of the
/// recovery time.
fn verdict(study: &StudyOutcome) -> Section {
    let confidence = percent(study.confidence);
    let mut blocks = Vec::new();
    if let Some(worst) = worst(&study.objectives) {
        let words = match worst {
            "met" => "All objectives are met",
            "missed" => "An objective is missed",
            _ => "It cannot be told yet whether all objectives are met",
        };
        let words = Words::new().strong(words).plain(format!(
            ", each by itself with confidence {confidence}, over {} trials.",
            count(study.n_trials)
        ));
        blocks.push(Block::Paragraph(words));
        blocks.push(Block::Table(objectives(&study.objectives)));
    }
    blocks.push(Block::Paragraph(recovery(study)));
    let mut table = Table::new(&["what happens", "# in trials", "# interval"]);
    for event in &study.probabilities {
        let happens = format!("{} of {}", count(event.n_happened), count(event.n));
        let interval = format!("{} to {}", percent(event.low), percent(event.high));
        table.add([event.event.clone(), happens, interval]);
    }
    blocks.push(Block::Table(table));
    Section::new("Verdict", blocks)
}

/// The worst answer, if anything was asked.
fn worst(objectives: &[ObjectiveShown]) -> Option<&str> {
    let answers = || objectives.iter().map(|it| it.answer.as_str());
    let found = |answer| answers().find(|it| *it == answer);
    found("missed").or_else(|| found("undecided")).or_else(|| answers().next())
}

fn objectives(shown: &[ObjectiveShown]) -> Table {
    let columns =
        ["objective", "answer", "# kept by", "# interval", "# needed", "first trial without"];
    let mut table = Table::new(&columns);
    for it in shown {
        table.add([
            Words::new().code(it.objective.as_str()),
            it.answer.as_str().into(),
            format!("{} of {}", count(it.n_kept), count(it.n)).into(),
            format!("{} to {}", percent(it.low), percent(it.high)).into(),
            percent(it.needed).into(),
            it.first_failure.map_or_else(|| "-".to_owned(), |trial| trial.to_string()).into(),
        ]);
    }
    table
}

/// What is known of the time until users are served again.
fn recovery(study: &StudyOutcome) -> Words {
    let found = study.distributions.iter().find(|it| it.metric == "rto_s");
    let at = |p: f64| found?.quantiles.iter().find(|quantile| quantile.p == p);
    let time = |secs: f64| match secs.is_finite() {
        true => duration(secs),
        false => "longer than the run".to_owned(),
    };
    let (Some(median), Some(tail)) = (at(0.5), at(0.99)) else {
        return "There are too few trials with a recovery time to speak of it.".into();
    };
    let high = tail.estimate.high.map_or_else(
        || "of which these trials are too few to give a bound".to_owned(),
        |high| format!("at most {} with confidence {}", time(high), percent(study.confidence)),
    );
    Words::from("Users are served again after ")
        .strong(time(median.estimate.value))
        .plain(" in one of two trials, and after ")
        .strong(time(tail.estimate.value))
        .plain(format!(" in all but one of a hundred ({high})."))
}

/// The milestones of a fault, each with its unit and what it means.
const MILESTONES: [(&str, &str); 8] = [
    ("detect_s", "seconds until the first edge location changed its mind"),
    ("reroute_s", "seconds until 95 % of the affected traffic had moved"),
    ("capacity_s", "seconds until ready pods sustained all demand"),
    ("rto_s", "seconds until users were served within the objective again"),
    ("failback_s", "seconds from the repair until the traffic was back"),
    ("below_objective_s", "seconds below the objective in all"),
    ("failed_requests", "requests that failed until users were served again"),
    ("lost_writes", "writes that were acknowledged and are lost"),
];

/// Everything else that says how much room there was and what it took.
const OTHERS: [(&str, &str); 7] = [
    ("failed_fraction", "share of all requests that failed"),
    ("headroom_min_ratio", "least headroom of any cluster; 0 is just enough"),
    ("failover_min_ratio", "the same, were all clusters of higher priority lost"),
    ("latency_ms_p99", "99th percentile of latency of served requests, in milliseconds"),
    ("peak_pods", "most pods at a time, all clusters"),
    ("peak_nodes", "most nodes at a time, all clusters"),
    ("node_hours", "nodes times hours, all clusters"),
];

fn milestones(study: &StudyOutcome) -> Section {
    Section::new(
        "Faults: milestones over all trials",
        distributions(study, "Of each trial the slowest of its faults, or their sum", &MILESTONES),
    )
}

fn others(study: &StudyOutcome) -> Section {
    Section::new(
        "Other figures over all trials",
        distributions(study, "Of each trial as a whole", &OTHERS),
    )
}

/// Figures that apply to a trial at least, and what of it they are; nothing if there are none.
fn distributions(study: &StudyOutcome, of_what: &str, shown: &[(&str, &str)]) -> Vec<Block> {
    let columns = [
        "figure",
        "# median",
        "# 1 in 20 is worse",
        "# 1 in 100 is worse",
        "# interval of that",
        "# never reached",
        "what it means",
    ];
    let mut table = Table::new(&columns);
    for (name, meaning) in shown {
        let found = study.distributions.iter().find(|found| found.metric == *name);
        if let Some(found) = found.filter(|found| 0 < found.n) {
            table.add(row(found, name, meaning));
        }
    }
    if table.rows.is_empty() {
        return Vec::new();
    }
    let words = format!(
        "{of_what}. The interval has the confidence of the study; a question mark stands where \
         there are too few trials for an end."
    );
    vec![Block::Paragraph(words.into()), Block::Table(table)]
}

fn row(found: &Distribution, name: &str, meaning: &str) -> [Words; 7] {
    let is_low_bad = Metric::named(name).is_some_and(|metric| metric.worse() == Worse::Lower);
    let [rare, rarest] = if is_low_bad { [0.05, 0.01] } else { [0.95, 0.99] };
    let at = |p: f64| found.quantiles.iter().find(|quantile| quantile.p == p);
    let value = |p: f64| at(p).map_or_else(|| "-".to_owned(), |it| short(it.estimate.value));
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), short);
    let interval =
        |it: &QuantileReported| format!("{} to {}", end(it.estimate.low), end(it.estimate.high));
    [
        Words::new().code(name),
        value(0.5).into(),
        value(rare).into(),
        value(rarest).into(),
        at(rarest).map_or_else(|| "-".to_owned(), interval).into(),
        count(found.n_never).into(),
        meaning.into(),
    ]
}

fn source(study: &StudyOutcome) -> Source<'_> {
    let identity = &study.identity;
    let mut flags = vec![
        ("--trials", identity.trials.to_string()),
        ("--seed", identity.seed.to_string()),
        ("--fidelity", identity.fidelity.clone()),
    ];
    flags.extend(identity.until.clone().map(|until| ("--until", until)));
    Source {
        verb: "mc",
        scenario: &identity.scenario,
        flags,
        changes: &identity.flags,
        scenario_hash: &identity.scenario_hash,
        version: &identity.version,
        seed: identity.seed,
        fingerprint: &study.fingerprint,
    }
}
