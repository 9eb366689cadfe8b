//! A scenario that is valid by construction: plain data, names resolved to ids.

use crate::control::cluster_autoscaler::plan::AutoscalerPlan;
use crate::control::hpa::plan::HpaPlan;
use crate::control::operations::PlannedOperation;
use crate::control::settings::Settings;
use crate::faults::PlannedFault;
use crate::model::world::World;
use crate::spec::{Code, Diagnostics, Leaf, Origin, Set, Sources};
use crate::traffic::calls::{CallGraph, Protection};
use crate::traffic::cpu_load::LoadPlan;
use crate::traffic::gate::GatePlan;
use crate::traffic::level::Level;
use crate::traffic::over_dispersion::OverDispersion;
use crate::traffic::plan::{DemandPlan, DeploymentPlan};
use crate::units::{Ratio, Span};

use super::failure_model::FailureModel;
use super::load::Rejected;
use super::objectives::Objective;
use super::sizing::Sizing;

/// A checked scenario. Only [`load()`](super::load()) and [`from_text`](super::from_text) make one.
#[derive(Debug)]
pub struct Scenario {
    pub(super) name: String,
    pub(super) question: String,
    pub(super) hash: u64,
    pub(super) run: RunSettings,
    pub(super) settings: Settings,
    pub(super) world: World,
    pub(super) deployments: Vec<DeploymentPlan>,
    pub(super) calls: CallGraph,
    pub(super) protection: Protection,
    pub(super) over_dispersion: Vec<Option<OverDispersion>>,
    pub(super) levels: Vec<Option<Level>>,
    pub(super) hpas: Vec<HpaPlan>,
    pub(super) autoscalers: Vec<AutoscalerPlan>,
    pub(super) demands: Vec<DemandPlan>,
    pub(super) cpu_loads: Option<Vec<LoadPlan>>,
    pub(super) faults: Vec<PlannedFault>,
    pub(super) failure_model: Option<FailureModel>,
    pub(super) operations: Vec<PlannedOperation>,
    pub(super) gates: Vec<GatePlan>,
    pub(super) objectives: Vec<Set<Objective>>,
    pub(super) sizing: Option<Sizing>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) warnings: Diagnostics,
    pub(super) sources: Sources,
}

/// How long is simulated, and the seed of all draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunSettings {
    /// Simulated time after the warm-up.
    pub horizon: Span,
    /// Simulated time before t = 0.
    pub warm_up: Span,
    /// Share of requests that must be served in time for a service to count as recovered.
    pub objective: Ratio,
    /// Recovery time objective of every fault, if there is one.
    pub recovery_objective: Option<Span>,
    /// Seed of all draws.
    pub seed: u64,
}

impl Scenario {
    /// The scenario, if its manifests hold nothing but what is modelled.
    ///
    /// # Errors
    /// Fields that Kubernetes does not know, and fields that matter and are not modelled.
    pub fn strictly(mut self) -> Result<Self, Box<Rejected>> {
        let diagnostics = std::mem::take(&mut self.warnings);
        let diagnostics = diagnostics.with_errors(&[Code::UnknownManifestField, Code::NotModelled]);
        if diagnostics.has_errors() {
            return Err(Box::new(Rejected { diagnostics, sources: self.sources }));
        }
        Ok(Self { warnings: diagnostics, ..self })
    }

    /// Its name, fit for a folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The question that it answers; empty if none was stated.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }

    /// FNV-1a hash of the scenario's text, its `--set` assignments and its CSV files.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How long is simulated, and the seed.
    #[must_use]
    pub const fn run(&self) -> &RunSettings {
        &self.run
    }

    /// Constants of the controllers.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The world before nodes and pods exist. Probe phases of PoPs are still zero.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// How each deployment serves.
    #[must_use]
    pub fn deployments(&self) -> &[DeploymentPlan] {
        &self.deployments
    }

    /// Which deployments call which.
    #[must_use]
    pub const fn calls(&self) -> &CallGraph {
        &self.calls
    }

    /// How pods are protected from overload.
    #[must_use]
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// The HPAs, in the order of their deployments.
    #[must_use]
    pub fn hpas(&self) -> &[HpaPlan] {
        &self.hpas
    }

    /// The cluster autoscaler of each cluster.
    #[must_use]
    pub fn autoscalers(&self) -> &[AutoscalerPlan] {
        &self.autoscalers
    }

    /// What clients ask for, by demand.
    #[must_use]
    pub fn demands(&self) -> &[DemandPlan] {
        &self.demands
    }

    /// The CPU load of each deployment, if pods have loads instead of requests.
    #[must_use]
    pub fn cpu_loads(&self) -> Option<&[LoadPlan]> {
        self.cpu_loads.as_deref()
    }

    /// Over-dispersion of each demand, which needs draws: see [`OverDispersion::modulate`].
    #[must_use]
    pub fn over_dispersion(&self) -> &[Option<OverDispersion>] {
        &self.over_dispersion
    }

    /// How much of each demand there is, which needs draws: see [`Level::factor`].
    #[must_use]
    pub fn levels(&self) -> &[Option<Level>] {
        &self.levels
    }

    /// What breaks, in the order of the file.
    #[must_use]
    pub fn faults(&self) -> &[PlannedFault] {
        &self.faults
    }

    /// How often which of them happens; without it all strike in every trial.
    #[must_use]
    pub const fn failure_model(&self) -> Option<&FailureModel> {
        self.failure_model.as_ref()
    }

    /// What people do meanwhile, in the order of the file.
    #[must_use]
    pub fn operations(&self) -> &[PlannedOperation] {
        &self.operations
    }

    /// The limits in front of pods, in the order in which requests pass them.
    #[must_use]
    pub fn gates(&self) -> &[GatePlan] {
        &self.gates
    }

    /// What trials must keep to, with their places; empty if nothing was stated.
    #[must_use]
    pub fn objectives(&self) -> &[Set<Objective>] {
        &self.objectives
    }

    /// What may be sized, if anything was stated.
    #[must_use]
    pub const fn sizing(&self) -> Option<&Sizing> {
        self.sizing.as_ref()
    }

    /// Every value with its origin, derived ones included, in the order of the schema.
    #[must_use]
    pub fn explained(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The values that are guesses, because nobody published them and the scenario does not set
    /// them: paths as in `--set`, with the values.
    #[must_use]
    pub fn assumptions(&self) -> Vec<(String, String)> {
        let door = &self.world.front_door;
        let is_used = |path: &str| match path {
            "frontDoor.probe.idleFactor" => door.pops.iter().any(|pop| door.is_idle(pop)),
            _ => true,
        };
        let assumed = |leaf: &&Leaf| {
            matches!(leaf.origin, Origin::Assumed { .. }) && is_used(&leaf.place.path)
        };
        let assumed = self.leaves.iter().filter(assumed);
        let mut found: Vec<(String, String)> =
            assumed.map(|leaf| (leaf.place.path.to_string(), leaf.shown.clone())).collect();
        found.sort();
        found.dedup();
        found
    }

    /// What is allowed, but was probably not meant.
    #[must_use]
    pub const fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// The texts that it comes from, for rendering diagnostics.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }
}
