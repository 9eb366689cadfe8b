//! Layer `scenario`.

use crate::control::cluster_autoscaler::plan::AutoscalerPlan;
use crate::control::hpa::sync::HpaPlan;
use crate::control::settings::Settings;
use crate::faults::PlannedFault;
use crate::model::world::World;
use crate::traffic::plan::{DemandPlan, DeploymentPlan};
use crate::units::{Ratio, Span};

/// Run settings.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Horizon.
    pub horizon: Span,
    /// Warm-up.
    pub warm_up: Span,
    /// Objective.
    pub objective: Ratio,
    /// Seed.
    pub seed: u64,
}

/// A checked scenario.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) run: RunSettings,
    pub(crate) world: World,
    pub(crate) demands: Vec<DemandPlan>,
    pub(crate) deployments: Vec<DeploymentPlan>,
    pub(crate) settings: Settings,
    pub(crate) hpas: Vec<Option<HpaPlan>>,
    pub(crate) autoscalers: Vec<AutoscalerPlan>,
    pub(crate) faults: Vec<PlannedFault>,
}

impl Scenario {
    /// Run settings.
    pub fn run(&self) -> &RunSettings {
        &self.run
    }
    /// World.
    pub fn world(&self) -> &World {
        &self.world
    }
    /// Demands.
    pub fn demands(&self) -> &[DemandPlan] {
        &self.demands
    }
    /// Deployments.
    pub fn deployments(&self) -> &[DeploymentPlan] {
        &self.deployments
    }
    /// Settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
    /// HPAs.
    pub fn hpas(&self) -> &[Option<HpaPlan>] {
        &self.hpas
    }
    /// Autoscalers.
    pub fn autoscalers(&self) -> &[AutoscalerPlan] {
        &self.autoscalers
    }
    /// Faults.
    pub fn faults(&self) -> &[PlannedFault] {
        &self.faults
    }
}
