//! `tideover size`: the smallest design that meets the objectives, and why one less fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::spec::SourceId;

use crate::scenario::objectives::Objective;
use crate::scenario::sizing::{Knob, Sizing};
use crate::scenario::{Scenario, from_text};

use crate::simulation::Fidelity;

use crate::metrics::outcome::Outcome;

use crate::experiment::monte_carlo::Study;
use crate::experiment::premises::Premises;
use crate::experiment::prices::Prices;
use crate::experiment::run::outcome_of;
use crate::experiment::size::{INDIFFERENCE, SizePlan, Sizes, Trials, size as search, witness};
use crate::experiment::size_outcome::{OneLess, SCHEMA, SizeOutcome, designs, fingerprint, word};

use crate::report::size_folder::{self, SizeManifest};
use crate::report::words::{count, duration};
use crate::report::writer::OutputFolder;
use crate::report::{size_table, stdout, table};

use super::exit::{Exit, Failure};
use super::price_list::folder_of;
use super::size_line::SizeArguments;
use super::talk::say;
use super::{interrupt, price_list, run, scenario_file, stability};

/// Finds the smallest design and says why it is that.
pub(super) fn size(arguments: &SizeArguments) -> Result<(), Failure> {
    let scenario = scenario_file::read_or_say(&arguments.scenario, !arguments.how.quiet)?;
    let sizing = sizing(&scenario, arguments)?;
    let prices = prices(&scenario, arguments, &sizing)?;
    let fidelity = run::fidelity(arguments.how.fidelity, &scenario)?;
    let seed = arguments.how.seed(&scenario);
    let path = result_path(arguments, &scenario);
    let folder = OutputFolder::create(&path).map_err(run::said);
    let folder = folder.context("cannot make the result folder")?;
    interrupt::listen()?;
    let catalogue =
        Catalogue { scenario, arguments, sizing, seed, fidelity, known: RefCell::default() };
    let sizes = searched(&catalogue, arguments)?;
    if sizes.stopped {
        say("interrupted: there is no answer\n");
        return Err(Failure::told(Exit::Interrupted));
    }
    let outcome = outcome(&catalogue, &sizes, prices.as_ref())?;
    let text =
        if arguments.json { size_folder::json(&outcome) } else { size_table::render(&outcome) };
    let written = write(&folder, &catalogue, &sizes, &outcome);
    stdout::print(&text).context("cannot write to the standard output")?;
    written.context("the results are incomplete")?;
    if !arguments.how.quiet {
        say(&format!("results in {}\n", run::shown(&path)));
    }
    match (&outcome.answer, outcome.designs.iter().any(|design| design.verdict == "undecided")) {
        (Some(_), _) => Ok(()),
        (None, true) => Err(Failure::told(Exit::Undecided)),
        (None, false) => Err(Failure::told(Exit::Missed)),
    }
}

fn result_path(arguments: &SizeArguments, scenario: &Scenario) -> PathBuf {
    let name = format!("{}-size", scenario.name());
    arguments.out.clone().unwrap_or_else(|| Path::new("results").join(name))
}

/// Writes the result folder; the grade is that of the answer, if there is one.
fn write(
    folder: &OutputFolder,
    catalogue: &Catalogue<'_>,
    sizes: &Sizes,
    outcome: &SizeOutcome,
) -> Result<(), anyhow::Error> {
    let answer = outcome.answer.as_ref().and_then(|values| catalogue.design(values).ok());
    let graded = answer.and_then(|scenario| {
        let study = Study::new(&scenario, Some(catalogue.seed), catalogue.fidelity);
        let threads = catalogue.arguments.how.threads();
        stability::graded(&scenario, study.options(0), stability::N_TRIALS, threads)
    });
    let premises = Premises::new(&catalogue.scenario, graded.as_ref());
    let manifest = SizeManifest::new(outcome, flags(catalogue, outcome), fingerprint(sizes));
    size_folder::write(folder, outcome, &premises, &manifest).map_err(run::said)
}

/// The flags that make the same sizing, whatever the scenario's section says by then.
fn flags(catalogue: &Catalogue<'_>, outcome: &SizeOutcome) -> Vec<String> {
    let arguments = catalogue.arguments;
    let mut flags: Vec<String> =
        arguments.scenario.sets.iter().map(|set| format!("--set {set}")).collect();
    flags.extend(outcome.knobs.iter().map(|knob| format!("--vary {knob}")));
    flags.extend(outcome.objectives.iter().map(|it| format!("--objective {it}")));
    flags.push(format!("--confidence {}", outcome.confidence));
    flags.push(format!("--max-trials {}", arguments.max_trials));
    flags.push(format!("--fidelity {}", outcome.fidelity));
    if arguments.untied {
        flags.push("--untied".to_owned());
    }
    let cost = arguments.cost.as_ref().and_then(|path| path.file_name());
    flags.extend(cost.map(|name| format!("--cost {}", name.to_string_lossy())));
    flags
}

/// What is looked for: the scenario's section, overruled by what was typed.
fn sizing(scenario: &Scenario, arguments: &SizeArguments) -> Result<Sizing, Failure> {
    let stated = scenario.sizing().cloned();
    let mut sizing = stated.unwrap_or_else(|| Sizing {
        knobs: Vec::new(),
        objectives: Vec::new(),
        confidence: 0.95,
        prices: None,
    });
    if !arguments.vary.is_empty() {
        sizing.knobs.clone_from(&arguments.vary);
    }
    if !arguments.objective.is_empty() {
        sizing.objectives.clone_from(&arguments.objective);
    } else if sizing.objectives.is_empty() {
        sizing.objectives = scenario.objectives().iter().map(|it| it.value).collect();
    }
    if arguments.untied {
        sizing.knobs.iter_mut().for_each(|knob| knob.ties_replicas = false);
    }
    sizing.confidence = arguments.confidence.unwrap_or(sizing.confidence);
    let (n_knobs, exit) = (sizing.knobs.len(), Exit::InvalidInput);
    let message = if n_knobs == 0 {
        "there is nothing to vary; add a section `sizing`, or \
         --vary 'clusters[secondary].pools[user].minCount=0..40'"
    } else if 2 < n_knobs {
        "--vary can be given twice at most"
    } else if sizing.objectives.is_empty() {
        "there are no objectives; add `sizing.objectives`, `objectives`, or \
         --objective 'p(rto_s<=300) >= 0.99'"
    } else {
        return Ok(sizing);
    };
    Err(Failure { exit, error: Some(anyhow::Error::msg(message)) })
}

fn prices(
    scenario: &Scenario,
    arguments: &SizeArguments,
    sizing: &Sizing,
) -> Result<Option<Prices>, Failure> {
    let beside = || sizing.prices.as_ref().map(|file| folder_of(scenario).join(file));
    let path = arguments.cost.clone().or_else(beside);
    path.map(|path| price_list::read(&path)).transpose().map_err(invalid)
}

fn invalid(message: String) -> Failure {
    Failure { exit: Exit::InvalidInput, error: Some(anyhow::Error::msg(message)) }
}

/// The scenario of a design, or why there is none.
type Design = Result<Arc<Scenario>, String>;

/// The designs of a sizing, each loaded once.
struct Catalogue<'a> {
    scenario: Scenario,
    arguments: &'a SizeArguments,
    sizing: Sizing,
    seed: u64,
    fidelity: Fidelity,
    known: RefCell<BTreeMap<Vec<u32>, Design>>,
}

impl Catalogue<'_> {
    /// The scenario of a design, or why it is none.
    fn design(&self, values: &[u32]) -> Design {
        if let Some(known) = self.known.borrow().get(values) {
            return known.clone();
        }
        let source = self.scenario.sources().get(SourceId::default());
        let mut sets = self.arguments.scenario.sets.clone();
        sets.extend(self.assignments(values));
        let folder = folder_of(&self.scenario);
        let loaded = from_text(source.name(), source.text(), &folder, &sets);
        let loaded = loaded.map(Arc::new).map_err(|rejected| {
            let mut found = rejected.diagnostics.sorted().into_iter();
            found.next().map_or_else(String::new, |it| format!("{}: {}", it.place.path, it.message))
        });
        self.known.borrow_mut().insert(values.to_vec(), loaded.clone());
        loaded
    }

    /// What makes a design, for `--set`.
    fn assignments(&self, values: &[u32]) -> Vec<String> {
        let knobs = self.sizing.knobs.iter().zip(values);
        knobs.flat_map(|(knob, &value)| knob.assignments(&self.scenario, value)).collect()
    }

    /// One trial of a design as a whole.
    fn trial(&self, values: &[u32], trial: u64) -> Option<Outcome> {
        let scenario = self.design(values).ok()?;
        let study = Study::new(&scenario, Some(self.seed), self.fidelity);
        Some(outcome_of(&scenario, study.options(trial)))
    }

    fn monthly_cost(&self, values: &[u32], prices: Option<&Prices>) -> Result<Option<f64>, String> {
        match (self.design(values), prices) {
            (Ok(scenario), Some(prices)) => prices.monthly(scenario.world()).map(Some),
            _ => Ok(None),
        }
    }
}

fn searched(catalogue: &Catalogue<'_>, arguments: &SizeArguments) -> Result<Sizes, Failure> {
    let sizing = &catalogue.sizing;
    let ranges: Vec<(u32, u32)> = sizing.knobs.iter().map(|knob| (knob.min, knob.max)).collect();
    let plan = SizePlan {
        ranges: &ranges,
        objectives: &sizing.objectives,
        confidence: sizing.confidence,
        max_trials: arguments.max_trials,
        threads: arguments.how.threads(),
    };
    let (seed, fidelity) = (catalogue.seed, catalogue.fidelity);
    let trials = |values: &[u32]| {
        let scenario = catalogue.design(values)?;
        let row = move |trial| Study::new(&scenario, Some(seed), fidelity).row(trial);
        Ok(Box::new(row) as Trials<'_>)
    };
    search(&plan, &interrupt::is_asked, trials).map_err(invalid)
}

fn outcome(
    catalogue: &Catalogue<'_>,
    sizes: &Sizes,
    prices: Option<&Prices>,
) -> Result<SizeOutcome, Failure> {
    let sizing = &catalogue.sizing;
    let mut costs = BTreeMap::new();
    for tried in &sizes.tried {
        let cost = catalogue.monthly_cost(&tried.values, prices).map_err(invalid)?;
        costs.insert(tried.values.clone(), cost);
    }
    let answer = cheapest(&sizes.smallest, &costs);
    let binds = if answer.is_none() { binds(catalogue, sizes) } else { Vec::new() };
    let knob = |knob: &Knob| format!("{}={}..{}", knob.path, knob.min, knob.max);
    Ok(SizeOutcome {
        schema: SCHEMA.into(),
        scenario: catalogue.scenario.name().to_owned(),
        scenario_hash: format!("{:016x}", catalogue.scenario.hash()),
        version: env!("CARGO_PKG_VERSION").into(),
        seed: catalogue.seed,
        fidelity: catalogue.fidelity.name().into(),
        confidence: sizing.confidence,
        indifference: INDIFFERENCE,
        objectives: sizing.objectives.iter().map(ToString::to_string).collect(),
        knobs: sizing.knobs.iter().map(knob).collect(),
        one_less: answer.as_ref().and_then(|answer| one_less(catalogue, sizes, answer)),
        answer,
        smallest: sizes.smallest.clone(),
        binds,
        designs: designs(sizes, |values| costs.get(values).copied().flatten()),
        currency: prices.map(|prices| prices.currency.clone()),
        violations: sizes.violations(&sizing.objectives).into_iter().map(Into::into).collect(),
    })
}

/// The cheapest of some designs; without prices the one with the least sum of its knobs.
fn cheapest(smallest: &[Vec<u32>], costs: &BTreeMap<Vec<u32>, Option<f64>>) -> Option<Vec<u32>> {
    let cost = |values: &Vec<u32>| {
        let sum = values.iter().map(|&value| f64::from(value)).sum();
        costs.get(values).copied().flatten().unwrap_or(sum)
    };
    smallest.iter().min_by(|left, right| cost(left).total_cmp(&cost(right))).cloned()
}

fn one_less(catalogue: &Catalogue<'_>, sizes: &Sizes, answer: &[u32]) -> Option<OneLess> {
    let less = sizes.one_less(answer)?;
    let found = witness(&catalogue.sizing.objectives, less, sizes.tried(answer));
    let words = match found {
        None => "not shown to suffice".to_owned(),
        Some((objective, trial)) => why(catalogue, &less.values, Some(answer), &objective, trial),
    };
    Some(OneLess {
        values: less.values.clone(),
        verdict: word(less.judgement.verdict).into(),
        trial: found.map(|(_, trial)| trial),
        words,
        sets: catalogue.assignments(&less.values),
    })
}

/// What happens in a trial that does not keep a limit, beside the same trial of a larger design.
fn why(
    catalogue: &Catalogue<'_>,
    values: &[u32],
    larger: Option<&[u32]>,
    objective: &Objective,
    trial: u64,
) -> String {
    let Some(outcome) = catalogue.trial(values, trial) else { return String::new() };
    let mut words = format!("in trial {trial} not {}: {}", objective.event(), fate(&outcome));
    if let Some(other) = larger.and_then(|larger| catalogue.trial(larger, trial)) {
        words += &format!(" (with one more: {})", fate(&other));
    }
    words
}

/// What became of the users in one trial, and what bound.
fn fate(outcome: &Outcome) -> String {
    let slowest =
        |fault: &crate::metrics::outcome::FaultOutcome| match (fault.recovered, fault.rto_s) {
            (Some(true), Some(rto_s)) => format!("served again after {}", duration(rto_s)),
            (Some(false), _) => "not served again by the end of the run".to_owned(),
            _ => "not scored".to_owned(),
        };
    let mut words = outcome.faults.iter().map(slowest).collect::<Vec<_>>().join(", ");
    let failed: u64 = outcome.faults.iter().filter_map(|fault| fault.failed_requests).sum();
    words += &format!(", {} requests failed", count(failed));
    let reasons = outcome.requests.failed_by_reason.iter();
    if let Some((reason, _)) = reasons.max_by_key(|(_, n)| **n).filter(|_| 0 < failed) {
        words += &format!(", mostly {reason}");
    }
    words
}

/// What binds when nothing in range suffices.
fn binds(catalogue: &Catalogue<'_>, sizes: &Sizes) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((value, reason)) = &sizes.invalid {
        found.push(format!("binds: {value} and more make no valid scenario ({reason})"));
    }
    let Some(largest) = sizes.tried.iter().max_by_key(|tried| tried.values.clone()) else {
        return found;
    };
    if let Some((objective, trial)) = witness(&catalogue.sizing.objectives, largest, None) {
        let largest = &largest.values;
        found.push(format!("largest: {}", why(catalogue, largest, None, &objective, trial)));
        let outcome = catalogue.trial(largest, trial);
        let headroom = outcome.iter().flat_map(|outcome| &outcome.headroom);
        let short = headroom.filter(|it| it.failover_min_ratio.is_some_and(|ratio| ratio < 0.0));
        for cluster in short {
            let what = cluster.binding.map_or("-", table::binding);
            found.push(format!("binds: in cluster {} it is {what}", cluster.cluster));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cheapest design wins over the one with fewer nodes; without prices the least sum does.
    #[test]
    fn the_cheapest_design_is_the_answer() {
        let smallest = [vec![1, 9], vec![3, 4], vec![8, 1]];
        let costs = |prices: [Option<f64>; 3]| smallest.iter().cloned().zip(prices).collect();
        let dear = costs([Some(50.0), Some(80.0), Some(60.0)]);
        assert_eq!(cheapest(&smallest, &dear), Some(vec![1, 9]));
        assert_eq!(cheapest(&smallest, &costs([None; 3])), Some(vec![3, 4]));
        assert_eq!(cheapest(&[], &costs([None; 3])), None);
    }
}
