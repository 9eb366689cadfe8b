//! The designs of a sizing, each loaded once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::spec::SourceId;

use crate::scenario::sizing::Sizing;
use crate::scenario::{Scenario, from_text};

use crate::simulation::Fidelity;

use crate::metrics::outcome::Outcome;

use crate::experiment::in_order::in_order;
use crate::experiment::metric::Row;
use crate::experiment::monte_carlo::Study;
use crate::experiment::prices::Prices;
use crate::experiment::run::outcome_of;
use crate::experiment::size::Trials;
use crate::experiment::size_demand::percent_at;

use super::interrupt;
use super::price_list::folder_of;
use super::size_progress::SizeProgress;

/// The scenario of a design, or why there is none.
type Design = Result<Arc<Scenario>, String>;

/// The designs of a scenario as it was loaded, each loaded once.
pub(super) struct Catalogue {
    /// The scenario without a design.
    pub(super) scenario: Scenario,
    /// The assignments that it was loaded with.
    sets: Vec<String>,
    /// Those of them that are not the user's.
    extra: Vec<String>,
    /// What is looked for.
    pub(super) sizing: Sizing,
    /// Seed of all draws.
    pub(super) seed: u64,
    /// How requests are simulated.
    pub(super) fidelity: Fidelity,
    /// Whether a design is a demand instead of values of the knobs.
    is_by_demand: bool,
    /// What nodes cost, if that is known.
    prices: Option<Arc<Prices>>,
    /// What people see of its trials.
    progress: SizeProgress,
    known: RefCell<BTreeMap<Vec<u32>, Design>>,
}

impl Catalogue {
    /// The designs of a scenario that was loaded with the assignments `sets`.
    pub(super) fn new(
        scenario: Scenario,
        sets: Vec<String>,
        sizing: Sizing,
        seed: u64,
        fidelity: Fidelity,
        prices: Option<Prices>,
        progress: SizeProgress,
    ) -> Self {
        let (extra, known) = (Vec::new(), RefCell::default());
        let (is_by_demand, prices) = (false, prices.map(Arc::new));
        Self {
            scenario,
            sets,
            extra,
            sizing,
            seed,
            fidelity,
            is_by_demand,
            prices,
            progress,
            known,
        }
    }

    /// The same designs of the scenario with more assignments, or why there is no such scenario.
    pub(super) fn with(&self, more: &[String]) -> Result<Self, String> {
        let scenario = self.loaded(more)?;
        let and_more = |sets: &[String]| sets.iter().chain(more).cloned().collect();
        let (sets, extra) = (and_more(&self.sets), and_more(&self.extra));
        let (sizing, known) = (self.sizing.clone(), RefCell::default());
        let (prices, progress) = (self.prices.clone(), self.progress.clone());
        Ok(Self { scenario, sets, extra, sizing, known, prices, progress, ..*self })
    }

    /// The demands of one design, or of the scenario as it is written: each is a value of the
    /// knob that takes demand away.
    pub(super) fn by_demand(&self, design: &[u32]) -> Result<Self, String> {
        Ok(Self { is_by_demand: true, ..self.with(&self.assignments(design))? })
    }

    /// What is said of the next larger design, which fails less.
    pub(super) const fn with_more(&self) -> &'static str {
        if self.is_by_demand { "with 1 % less" } else { "with one more" }
    }

    /// The scenario with more assignments, or why there is none.
    pub(super) fn loaded(&self, more: &[String]) -> Result<Scenario, String> {
        let source = self.scenario.sources().get(SourceId::default());
        let sets: Vec<String> = self.sets.iter().chain(more).cloned().collect();
        let folder = folder_of(&self.scenario);
        from_text(source.name(), source.text(), &folder, &sets).map_err(|rejected| {
            let mut found = rejected.diagnostics.sorted().into_iter();
            found.next().map_or_else(String::new, |it| format!("{}: {}", it.place.path, it.message))
        })
    }

    /// The scenario of a design, or why it is none.
    pub(super) fn design(&self, values: &[u32]) -> Design {
        if let Some(known) = self.known.borrow().get(values) {
            return known.clone();
        }
        let loaded = self.loaded(&self.assignments(values)).map(Arc::new);
        self.known.borrow_mut().insert(values.to_vec(), loaded.clone());
        loaded
    }

    /// What makes a design, for `--set`.
    pub(super) fn assignments(&self, values: &[u32]) -> Vec<String> {
        if self.is_by_demand {
            let factor = f64::from(percent_at(values)) / 100.0;
            return vec![format!("run.demandFactor={factor}")];
        }
        let knobs = self.sizing.knobs.iter().zip(values);
        knobs.flat_map(|(knob, &value)| knob.assignments(&self.scenario, value)).collect()
    }

    /// What makes a design of the user's scenario, for `--set`.
    pub(super) fn all_assignments(&self, values: &[u32]) -> Vec<String> {
        self.extra.iter().cloned().chain(self.assignments(values)).collect()
    }

    /// The trials of a design, or why there is none.
    pub(super) fn trials(&self, values: &[u32]) -> Result<Trials<'static>, String> {
        let (scenario, seed, fidelity) = (self.design(values)?, self.seed, self.fidelity);
        let design = if self.is_by_demand {
            self.assignments(values).join(", ")
        } else {
            values.iter().map(u32::to_string).collect::<Vec<_>>().join(" x ")
        };
        self.progress.trying(&design, &self.extra);
        let (prices, progress) = (self.prices.clone(), self.progress.clone());
        Ok(Box::new(move |trial| {
            let study = Study::new(&scenario, Some(seed), fidelity).priced(prices.as_deref());
            let row = study.row(trial);
            progress.ran();
            row
        }))
    }

    /// The first `n` trials of a design, of which some may be `known`; `None` if it was told to
    /// stop.
    pub(super) fn rows(
        &self,
        values: &[u32],
        n: u64,
        known: &[Row],
        threads: NonZeroUsize,
    ) -> Result<Option<Vec<Row>>, String> {
        let trials = self.trials(values)?;
        let mut rows: Vec<Row> = known.iter().take(n as usize).cloned().collect();
        let open = rows.len() as u64..n;
        in_order(open, threads, &interrupt::is_asked, trials, |_, row| {
            rows.push(row);
            ControlFlow::Continue(())
        });
        Ok((rows.len() as u64 == n).then_some(rows))
    }

    /// One trial of a design as a whole.
    pub(super) fn trial(&self, values: &[u32], trial: u64) -> Option<Outcome> {
        let scenario = self.design(values).ok()?;
        let study = Study::new(&scenario, Some(self.seed), self.fidelity);
        Some(outcome_of(&scenario, study.options(trial)))
    }

    /// What the nodes of a design cost a month, if that is known.
    ///
    /// # Errors
    /// If a price is missing.
    pub(super) fn monthly_cost(
        &self,
        values: &[u32],
        prices: Option<&Prices>,
    ) -> Result<Option<f64>, String> {
        match (self.design(values), prices) {
            (Ok(scenario), Some(prices)) => prices.monthly(scenario.world()).map(Some),
            _ => Ok(None),
        }
    }
}
