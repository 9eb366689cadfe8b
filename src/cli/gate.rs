//! `tideover gate`: are the objectives met? The exit code says so: 0 met, 99 missed, 98 undecided.
//!
//! The verdict goes to the standard output as a table or JSON, to files as JUnit XML and Markdown,
//! to the summary page of GitHub Actions, and to the log as annotations of GitHub Actions or Azure
//! Pipelines where these are found.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::scenario::Scenario;
use crate::scenario::objectives::Objective;

use crate::experiment::diff_outcome::Difference;
use crate::experiment::gate::{GatePlan, Judgement, Verdict, judge};
use crate::experiment::gate_baseline::{self, BaselinePlan};
use crate::experiment::gate_outcome::{Asked, GateOutcome, outcome};
use crate::experiment::monte_carlo::Study;
use crate::experiment::sequential::{Look, Question, looks};

use crate::report::annotations::{self, System};
use crate::report::writer::OutputFolder;
use crate::report::{gate_markdown, gate_table, junit_xml, stdout};

use super::command_line::ScenarioArguments;
use super::exit::{Exit, Failure};
use super::gate_line::GateArguments;
use super::study_progress::StudyProgress;
use super::talk::say;
use super::{interrupt, run, scenario_file, stability};

/// Decides, and says so everywhere it is wanted.
pub(super) fn gate(arguments: &GateArguments) -> Result<(), Failure> {
    let scenario = scenario_file::read_or_say(&arguments.scenario, !arguments.how.quiet)?;
    let baseline = arguments.baseline.as_ref().map(|path| baseline(arguments, path)).transpose()?;
    let objectives = objectives(&scenario)?;
    let looks = planned_looks(&objectives, arguments)?;
    let fidelity = run::fidelity(arguments.how.fidelity, &scenario)?;
    if let Some(baseline) = &baseline {
        run::fidelity(arguments.how.fidelity, baseline)?;
    }
    let study = Study::new(&scenario, arguments.how.seed, fidelity);
    interrupt::listen()?;
    let judgement = judged(&objectives, &looks, &study, arguments);
    if judgement.verdict == Verdict::Stopped {
        say("interrupted: there is no verdict\n");
        return Err(Failure::told(Exit::Interrupted));
    }
    let asked = Asked {
        scenario: &scenario,
        baseline: baseline.as_ref(),
        seed: study.seed,
        fidelity: fidelity.name(),
        confidence: arguments.confidence,
        max_trials: arguments.max_trials,
    };
    let graded = stability::graded(
        &scenario,
        study.options(0),
        stability::N_TRIALS,
        arguments.how.threads(),
    );
    let moved =
        baseline.as_ref().and_then(|baseline| moved(arguments, &study, baseline, &judgement));
    let outcome = outcome(asked, &judgement, graded.map(|graded| graded.to_string()), moved);
    publish(arguments, &outcome)?;
    match judgement.verdict {
        Verdict::Met => Ok(()),
        Verdict::Missed => Err(Failure::told(Exit::Missed)),
        Verdict::Undecided | Verdict::Stopped => Err(Failure::told(Exit::Undecided)),
    }
}

fn baseline(arguments: &GateArguments, path: &Path) -> Result<Scenario, Failure> {
    let (scenario, strict) = (path.to_owned(), arguments.scenario.strict);
    scenario_file::read_or_say(&ScenarioArguments { scenario, sets: Vec::new(), strict }, false)
}

/// How the metrics moved from the baseline, unless it was interrupted.
fn moved(
    arguments: &GateArguments,
    study: &Study<'_>,
    baseline: &Scenario,
    judgement: &Judgement,
) -> Option<Vec<Difference>> {
    let horizon = study.scenario.run().horizon.max(baseline.run().horizon);
    let plan = BaselinePlan {
        study: Study::new(baseline, Some(study.seed), study.fidelity),
        confidence: arguments.confidence,
        horizon_s: horizon.as_secs_f64(),
        threads: arguments.how.threads(),
    };
    let objectives: Vec<Objective> = judgement.judged.iter().map(|it| it.objective).collect();
    let found = gate_baseline::moved(&plan, &objectives, &judgement.rows, &interrupt::is_asked);
    if found.is_none() {
        say("interrupted: the verdict stands, the baseline was not compared\n");
    }
    found
}

/// What the scenario wants to be met.
fn objectives(scenario: &Scenario) -> Result<Vec<Objective>, Failure> {
    let objectives: Vec<Objective> = scenario.objectives().iter().map(|it| it.value).collect();
    if objectives.is_empty() {
        let message = "the scenario has no objectives; add for example\n  \
                       objectives: {rto_s: [\"p(99)<300\"], failed_fraction: [\"p(95)<0.001\"]}";
        return Err(Failure { exit: Exit::InvalidInput, error: Some(anyhow::Error::msg(message)) });
    }
    Ok(objectives)
}

fn planned_looks(
    objectives: &[Objective],
    arguments: &GateArguments,
) -> Result<Vec<Look>, Failure> {
    let questions: Vec<Question> =
        objectives.iter().map(|it| Question::at_least(it.statement.share)).collect();
    looks(&questions, arguments.max_trials, arguments.confidence).map_err(|needed| {
        let message = format!(
            "--max-trials: read {}; allowed: at least {needed}, for fewer cannot show these \
             objectives with that confidence",
            arguments.max_trials
        );
        Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message)) }
    })
}

fn judged(
    objectives: &[Objective],
    looks: &[Look],
    study: &Study<'_>,
    arguments: &GateArguments,
) -> Judgement {
    let plan = GatePlan { looks, threads: arguments.how.threads(), indifference: 0.0 };
    let tails = crate::sim::intervals::Tails::both(arguments.confidence);
    let mut progress =
        StudyProgress::new(arguments.max_trials, 0, None, tails, arguments.how.quiet);
    let judgement = judge(
        objectives,
        plan,
        &interrupt::is_asked,
        |trial| study.row(trial),
        |rows| progress.reached(rows),
    );
    progress.finish();
    judgement
}

/// The verdict on the standard output, in files, and where CI systems look for it.
fn publish(arguments: &GateArguments, outcome: &GateOutcome) -> Result<(), Failure> {
    let text = if arguments.json {
        serde_json::to_string_pretty(outcome).expect("a gate has string keys only") + "\n"
    } else {
        gate_table::render(outcome)
    };
    let printed = stdout::print(&text).context("cannot write to the standard output");
    if let Some(path) = &arguments.junit {
        write(path, &junit_xml::render(outcome))?;
    }
    if let Some(path) = &arguments.summary {
        write(path, &gate_markdown::render(outcome))?;
    }
    if let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        append(&PathBuf::from(path), &gate_markdown::render(outcome))?;
    }
    let is_set = |name: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    for (name, system) in [("GITHUB_ACTIONS", System::GitHub), ("TF_BUILD", System::Azure)] {
        if is_set(name) {
            say(&annotations::render(outcome, system));
        }
    }
    Ok(printed?)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        let message = format!("{} is no name of a file", path.display());
        return Err(Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message)) });
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let said = |error: crate::report::writer::WriteError| anyhow::Error::msg(error.to_string());
    let folder = OutputFolder::create(folder).map_err(said)?;
    Ok(folder.write(&name, text.as_bytes()).map_err(said)?)
}

/// Adds to a file that other steps of the job may have written to.
fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let mut open = OpenOptions::new();
    let opened = open.append(true).create(true).open(path);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    Ok(written.with_context(|| format!("cannot write {}", path.display()))?)
}
