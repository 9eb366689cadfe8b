//! `tideover mc`: many trials, a short table on the terminal, a result folder on disk.
//!
//! While it runs, each row goes to a journal in the result folder, so that a study that is killed
//! goes on with `--resume`; the journal goes when the study is complete.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt::Write, fs};

use anyhow::Context;

use crate::control::sampling::{N_SCRAMBLES, Sampler};

use crate::scenario::Scenario;

use crate::simulation::Fidelity;

use crate::experiment::metric::{Metric, Row};
use crate::experiment::monte_carlo::{Done, Ended, Plan, Study, memory_of, monte_carlo};
use crate::experiment::premises::Premises;
use crate::experiment::run::run_trial;
use crate::experiment::shard::{self, Head};
use crate::experiment::study::{self, Identity};
use crate::experiment::study_verdict::with_objectives;

use crate::report::run_folder::Plots;
use crate::report::words::quoted;
use crate::report::writer::{Journal, OutputFolder, WriteError};
use crate::report::{stdout, study_folder};

use super::command_line::{Keep, McArguments, SamplerArgument};
use super::exit::{Exit, Failure};
use super::interrupt::{self, Deadline};
use super::merge::{default_folder, print};
use super::study_progress::StudyProgress;
use super::talk::say;
use super::{price_list, run, sampler, scenario_file, stability};

/// Rows that take more memory than this are announced.
const LARGE: u64 = 256 << 20;

/// Trials, if nothing is said.
const N_TRIALS: u64 = 1_000;

/// Trials with Sobol points, if nothing is said: 64 points of each scramble.
const N_TRIALS_SOBOL: u64 = 1_024;

/// The most trials with `--until`, if nothing is said: nine looks.
const N_TRIALS_UNTIL: u64 = 65_536;

/// Runs the trials, prints what they come to, and writes the result folder or the shard.
pub(super) fn mc(arguments: &McArguments) -> Result<(), Failure> {
    let scenario = scenario_file::read_or_say(&arguments.scenario, !arguments.how.quiet)?;
    let n_trials = arguments.trials.unwrap_or_else(|| match arguments.sampler {
        SamplerArgument::Independent | SamplerArgument::Stratified => {
            usual_trials(arguments.until.is_some())
        }
        SamplerArgument::Sobol => N_TRIALS_SOBOL,
    });
    if let Some(n_machines) = arguments.plan {
        return plan(arguments, &scenario, n_trials, n_machines);
    }
    let memory = memory_of(n_trials, scenario.world().clusters.len());
    if LARGE < memory && !arguments.how.quiet {
        say(&format!("note: the rows of {n_trials} trials take up to {} MiB\n", memory >> 20));
    }
    let deadline = Deadline::after(arguments.time.max_wall);
    interrupt::listen()?;
    let fidelity = run::fidelity(arguments.how.fidelity, &scenario)?;
    let sampler = sampler(arguments, &scenario, n_trials)?;
    let prices = price_list::known(&scenario, arguments.how.quiet);
    let study = Study::new(&scenario, arguments.how.seed, fidelity).sampled(sampler);
    let study = study.priced(prices.as_ref());
    let plan = Plan {
        trials: trials(arguments, n_trials)?,
        threads: arguments.how.threads(),
        until: arguments.until,
    };
    let place = Place::new(arguments, &scenario)?;
    let first = study.row(0);
    let flags = run::flags(&arguments.scenario, fidelity, study.sampler);
    let identity = Identity::new(&study, n_trials, plan.until, &first, flags);
    let n_graded = stability::N_TRIALS.min(n_trials);
    let graded = stability::graded(&scenario, study.options(0), n_graded, arguments.how.threads());
    let premises = Premises::new(&scenario, graded.as_ref());
    let head = Head::new(identity, premises, &plan.trials);
    let mut earlier = place.earlier(arguments, &head)?;
    if earlier.is_empty() && plan.trials.start == 0 {
        earlier.push(first);
    }
    let done = trials_with_journal(arguments, &study, &plan, &place, &head, earlier, deadline)?;
    match arguments.shard {
        Some(_) => write_shard(&place, &head, &done)?,
        None => write_study(arguments, &study, &place, head, &done)?,
    }
    end(arguments, &place, done.ended)
}

/// How structural inputs are drawn, if that goes with the rest.
fn sampler(
    arguments: &McArguments,
    scenario: &Scenario,
    n_trials: u64,
) -> Result<Sampler, Failure> {
    let sampler = sampler::checked(arguments.sampler, scenario)?;
    if sampler != Sampler::Independent && arguments.until.is_some() {
        return Err(sampler::wrong("--until needs independent trials: leave --sampler out"));
    }
    let is_round =
        (n_trials / N_SCRAMBLES).is_power_of_two() && n_trials.is_multiple_of(N_SCRAMBLES);
    if sampler == Sampler::Sobol && !is_round && !arguments.how.quiet {
        say(&format!(
            "note: {n_trials} trials do not spread as evenly as {N_SCRAMBLES} times a power of \
             two, such as {N_TRIALS_SOBOL}\n"
        ));
    }
    Ok(sampler)
}

/// Trials, if nothing is said.
pub(super) const fn usual_trials(has_until: bool) -> u64 {
    if has_until { N_TRIALS_UNTIL } else { N_TRIALS }
}

/// How it went, for the shell and for people.
fn end(arguments: &McArguments, place: &Place, ended: Ended) -> Result<(), Failure> {
    if ended == Ended::Stopped {
        if !arguments.how.quiet {
            interrupt::say_partial("; --resume goes on with it");
        }
    } else {
        place.folder.remove(&place.journal).map_err(run::said)?;
    }
    if !arguments.how.quiet {
        say(&format!("results in {}\n", place.shown));
    }
    interrupt::told(ended == Ended::Stopped)
}

/// The trials that this process runs.
fn trials(arguments: &McArguments, n_trials: u64) -> Result<Range<u64>, Failure> {
    let Some(shard) = arguments.shard else { return Ok(0..n_trials) };
    if n_trials < shard.end {
        let message = format!(
            "--shard: read {}..{}, allowed: up to {n_trials}, the number of --trials",
            shard.first, shard.end
        );
        return Err(Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message)) });
    }
    Ok(shard.first..shard.end)
}

/// Runs the trials that are not done yet; each goes to the journal.
fn trials_with_journal(
    arguments: &McArguments,
    study: &Study<'_>,
    plan: &Plan,
    place: &Place,
    head: &Head,
    earlier: Vec<Row>,
    deadline: Deadline,
) -> Result<Done, Failure> {
    let known = shard::render(head, &earlier);
    let mut journal = Journal::create(&place.folder, &place.journal, known.as_bytes())
        .map_err(run::said)
        .context("cannot keep a journal of the trials")?;
    let failed = AtomicBool::new(false);
    let mut failure = None;
    let n = plan.trials.end - plan.trials.start;
    let tails = head.identity.tails();
    let mut progress = StudyProgress::new(n, earlier.len(), plan.until, tails, arguments.how.quiet);
    let is_stopped = || deadline.stops(true) || failed.load(Ordering::Relaxed);
    let done = monte_carlo(study, plan, earlier, &is_stopped, |rows| {
        let newest = rows.last().expect("a row is new");
        if let Err(error) = journal.append(&shard::row_line(newest)) {
            failed.store(true, Ordering::Relaxed);
            failure.get_or_insert(error);
        }
        progress.reached(rows);
    });
    progress.finish();
    match failure {
        Some(error) => Err(run::said(error).into()),
        None => Ok(done),
    }
}

fn write_shard(place: &Place, head: &Head, done: &Done) -> Result<(), Failure> {
    let text = shard::render(head, &done.rows);
    place.folder.write(&place.file, text.as_bytes()).map_err(run::said)?;
    Ok(())
}

fn write_study(
    arguments: &McArguments,
    study: &Study<'_>,
    place: &Place,
    head: Head,
    done: &Done,
) -> Result<(), Failure> {
    let Head { identity, premises, .. } = head;
    let outcome = study::outcome(identity, &done.rows, done.ended);
    let outcome = with_objectives(outcome, &premises, &done.rows);
    let written = study_folder::write(&place.folder, &outcome, &premises, &done.rows);
    print(&outcome, arguments.json)?;
    if let Some(grade) = premises.stability.filter(|_| !arguments.json) {
        stdout::print(&stability::line(Some(&grade)))
            .context("cannot write to the standard output")?;
    }
    written.map_err(run::said).context("the results are incomplete")?;
    for &keep in &arguments.keep {
        write_trial(arguments, study, place, &done.rows, keep)?;
    }
    Ok(())
}

/// Replays a trial and writes its whole result folder.
fn write_trial(
    arguments: &McArguments,
    study: &Study<'_>,
    place: &Place,
    rows: &[Row],
    keep: Keep,
) -> Result<(), Failure> {
    let trial = match keep {
        Keep::Worst => study::worst(rows, Metric::RecoveryTime, 1).first().copied(),
        Keep::Median => study::median(rows, Metric::RecoveryTime),
        Keep::Trial(trial) => Some(trial),
    };
    let Some(trial) = trial else {
        say("warning: no trial has a recovery time, so none is worst or median\n");
        return Ok(());
    };
    let options = study.options(trial);
    let replayed = run_trial(study.scenario, options, |_| {});
    let path = place.folder.path().join(format!("trial-{trial}"));
    let folder = OutputFolder::create(&path).map_err(run::said)?;
    let graded = stability::graded(study.scenario, options, 1, NonZeroUsize::MIN);
    let beside = run::Beside {
        flags: run::flags(&arguments.scenario, study.fidelity, study.sampler),
        plots: Plots::Drawn,
        stability: graded.as_ref(),
        prices: study.prices,
    };
    run::write(&folder, study.scenario, &replayed, beside)
        .with_context(|| format!("the results of trial {trial} are incomplete"))?;
    Ok(())
}

/// Where the results go.
#[derive(Debug)]
struct Place {
    folder: OutputFolder,
    /// The file in it, if that is a shard.
    file: String,
    /// The journal in it.
    journal: String,
    /// How words call it.
    shown: String,
}

impl Place {
    fn new(arguments: &McArguments, scenario: &Scenario) -> Result<Self, Failure> {
        let path = arguments.out.clone().unwrap_or_else(|| default_folder(scenario.name()));
        let (folder, file) = if arguments.shard.is_some() {
            (folder_of(&path), path.file_name().map(|name| name.to_string_lossy().into_owned()))
        } else {
            (path.clone(), Some("trials".to_owned()))
        };
        let Some(file) = file else {
            let message = format!("--out: {} is no name of a file", path.display());
            return Err(Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message)) });
        };
        let opened: Result<OutputFolder, WriteError> = OutputFolder::create(&folder);
        let folder = opened.map_err(run::said).context("cannot make the result folder")?;
        let shown =
            if arguments.shard.is_some() { path.display().to_string() } else { run::shown(&path) };
        Ok(Self { folder, journal: format!("{file}.journal"), file, shown })
    }

    /// The rows of the study that is to be gone on with.
    fn earlier(&self, arguments: &McArguments, head: &Head) -> Result<Vec<Row>, Failure> {
        let path = self.folder.path().join(&self.journal);
        let found = fs::read_to_string(&path).ok().and_then(|text| shard::parse(&text).ok());
        let quiet = arguments.how.quiet;
        match found {
            None => {
                if arguments.resume && !quiet {
                    say(&format!("nothing to resume in {}: starting anew\n", self.shown));
                }
                Ok(Vec::new())
            }
            Some(found) if !arguments.resume => {
                if 1 < found.rows.len() && !quiet {
                    let n = found.rows.len();
                    say(&format!(
                        "note: discarding {n} trials of a study that was stopped in {}\n  \
                         = help: --resume goes on with them\n",
                        self.shown
                    ));
                }
                Ok(Vec::new())
            }
            Some(found) if found.head == *head => Ok(found.rows),
            Some(found) => {
                let differs = shard::difference(&found.head.identity, &head.identity);
                let message = format!(
                    "cannot go on with another study in {}: {differs}; leave --resume out",
                    self.shown
                );
                Err(Failure { exit: Exit::Usage, error: Some(anyhow::Error::msg(message)) })
            }
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Prints the commands that run the study on several machines, and the one that merges.
fn plan(
    arguments: &McArguments,
    scenario: &Scenario,
    n_trials: u64,
    n_machines: NonZeroUsize,
) -> Result<(), Failure> {
    let n = n_machines.get() as u64;
    let mut same =
        format!("tideover mc {}", quoted(&arguments.scenario.scenario.to_string_lossy()));
    for set in &arguments.scenario.sets {
        write!(same, " --set {}", quoted(set)).expect("a String takes all");
    }
    let seed = arguments.how.seed(scenario);
    let fidelity = Fidelity::from(arguments.how.fidelity).name();
    write!(same, " --trials {n_trials} --seed {seed} --fidelity {fidelity}")
        .expect("a String takes all");
    let sampler = Sampler::from(arguments.sampler);
    if sampler != Sampler::default() {
        write!(same, " --sampler {}", sampler.name()).expect("a String takes all");
    }
    let mut text = String::new();
    let mut shards = String::new();
    for machine in 0..n {
        let (first, end) = (n_trials * machine / n, n_trials * (machine + 1) / n);
        if first < end {
            let file = format!("shard-{first}-{end}");
            writeln!(text, "{same} --shard {first}..{end} --out {file}").expect("as above");
            write!(shards, " {file}").expect("as above");
        }
    }
    text += &format!("tideover merge{shards}\n");
    stdout::print(&text).context("cannot write to the standard output")?;
    Ok(())
}
