//! `tideover diff`: what a change does, on the same trials, and which edit does what of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::scenario::Scenario;
use crate::scenario::edits::{Edits, Version, edits};

use crate::experiment::diff::{Compared, DiffPlan, compare, versions};
use crate::experiment::diff_outcome::{VersionOutcome, outcome};

use crate::report::writer::OutputFolder;
use crate::report::{diff_folder, diff_table, stdout};

use super::command_line::ScenarioArguments;
use super::diff_line::DiffArguments;
use super::exit::{Exit, Failure};
use super::interrupt::{self, Deadline};
use super::study_progress::StudyProgress;
use super::talk::say;
use super::{mc, run, scenario_file};

/// Edits at most that are run one by one.
const MOST_EDITS: usize = 20;

/// Runs both versions and each edit by itself, prints what differs, and writes the result folder.
pub(super) fn diff(arguments: &DiffArguments) -> Result<(), Failure> {
    let deadline = Deadline::after(arguments.time.max_wall);
    let before_sets = arguments.sets.clone();
    let after_sets = [before_sets.clone(), arguments.edit.clone()].concat();
    let after_path = arguments.after.as_ref().unwrap_or(&arguments.before);
    let before = read(arguments, &arguments.before, &before_sets)?;
    let after = read(arguments, after_path, &after_sets)?;
    let fidelity = run::fidelity(arguments.how.fidelity, &before)?;
    run::fidelity(arguments.how.fidelity, &after)?;
    let edits = found_edits(
        arguments,
        Version { scenario: &before, sets: &before_sets },
        Version { scenario: &after, sets: &after_sets },
    );
    let versions = versions(&before, &after, edits.as_ref());
    let plan = DiffPlan {
        versions: &versions,
        seed: arguments.how.seed(&before),
        fidelity,
        trials: arguments.trials.unwrap_or_else(|| mc::usual_trials(arguments.until.is_some())),
        until: arguments.until,
        threads: arguments.how.threads(),
    };
    let path = arguments.out.clone().unwrap_or_else(|| default_folder(&before));
    let folder =
        OutputFolder::create(&path).map_err(run::said).context("cannot make the result folder")?;
    interrupt::listen()?;
    let compared = compared(&plan, deadline, arguments.how.quiet);
    if compared.rows[0].is_empty() {
        say("interrupted: no trial was finished\n");
        return Err(Failure::told(Exit::Interrupted));
    }
    let outcomes =
        [VersionOutcome::new(&before, &before_sets), VersionOutcome::new(&after, &after_sets)];
    let outcome = outcome(&plan, outcomes, edits.as_ref(), &compared);
    let written = diff_folder::write(&folder, &outcome, &compared);
    let text =
        if arguments.json { diff_folder::summary(&outcome) } else { diff_table::render(&outcome) };
    stdout::print(&text).context("cannot write to the standard output")?;
    written.map_err(run::said).context("the results are incomplete")?;
    if !arguments.how.quiet {
        if outcome.partial {
            interrupt::say_partial("");
        }
        say(&format!("results in {}\n", run::shown(&path)));
    }
    interrupt::told(outcome.partial)
}

fn read(arguments: &DiffArguments, path: &Path, sets: &[String]) -> Result<Scenario, Failure> {
    let one = ScenarioArguments { scenario: path.to_owned(), sets: sets.to_vec(), strict: false };
    scenario_file::read_or_say(&one, !arguments.how.quiet)
}

/// The edits that are run one by one, if they are wanted and not too many.
fn found_edits(
    arguments: &DiffArguments,
    before: Version<'_>,
    after: Version<'_>,
) -> Option<Edits> {
    if arguments.no_attribution {
        return None;
    }
    let found = edits(before, after, MOST_EDITS);
    if let (Err(n_edits), false) = (&found, arguments.how.quiet) {
        say(&format!(
            "note: {n_edits} edits are too many to run each by itself, at most {MOST_EDITS} are\n"
        ));
    }
    found.ok()
}

fn default_folder(before: &Scenario) -> PathBuf {
    Path::new("results").join(format!("{}-diff", before.name()))
}

/// The trials of all versions; the first one at least, unless the user asks to stop.
fn compared(plan: &DiffPlan<'_>, deadline: Deadline, quiet: bool) -> Compared {
    let mut progress = StudyProgress::new(plan.trials, 0, plan.until, plan.tails(), quiet);
    let has_first = AtomicBool::new(false);
    let is_stopped = || deadline.stops(has_first.load(Ordering::Relaxed));
    let compared = compare(plan, &is_stopped, |rows| {
        has_first.store(true, Ordering::Relaxed);
        progress.reached(rows);
    });
    progress.finish();
    compared
}
