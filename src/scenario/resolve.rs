//! From sections to runtime data: names become ids, laws and rates are built, the world is laid
//! out. An unknown name is reported and the rest goes on, so that all mistakes show at once.

use crate::control::cluster_autoscaler::plan::AutoscalerPlan;
use crate::control::hpa::plan::HpaPlan;
use crate::control::node_lifecycle::auto_repair_spec::RepairPlan;
use crate::control::operations::PlannedOperation;
use crate::control::settings::Settings;
use crate::faults::{FaultLaws, PlannedFault};
use crate::model::duration::{DurationSpec, EmpiricalSpec};
use crate::model::ids::{ClusterId, DeploymentId, GeographyId, RegionId, WorkloadId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::spec::{Diagnostics, Leaf};
use crate::traffic::calls::{CallGraph, Protection};
use crate::traffic::cpu_load::LoadPlan;
use crate::traffic::gate::GatePlan;
use crate::traffic::level::Level;
use crate::traffic::over_dispersion::OverDispersion;
use crate::traffic::plan::{DemandPlan, DeploymentPlan};
use crate::units::Span;

use super::checked::{RunSettings, Scenario};
use super::draft::ScenarioSpec;
use super::failure_model::FailureModel;
use super::load::Decoded;
use super::objectives::ObjectivesSpec;
use super::sizing::SizingSpec;
use super::table::Tables;
use super::trace::Window;
use super::{checks, explain};

mod calls;
mod capacity;
mod clusters;
mod cpu_loads;
mod demands;
mod dependencies;
mod failure_model;
mod front_door;
mod hpas;
mod metric_sources;
mod network;
mod operations;
mod pairs;
mod placement;
mod places;
mod traffic_manager;
mod workloads;

/// What resolution has made so far.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) world: World,
    pub(super) deployments: Vec<DeploymentPlan>,
    /// By deployment, names not resolved.
    callers: Vec<calls::Caller>,
    pub(super) calls: CallGraph,
    protection: Protection,
    /// Latency objective of each deployment.
    pub(super) objectives: Vec<Span>,
    pub(super) hpas: Vec<HpaPlan>,
    pub(super) autoscalers: Vec<AutoscalerPlan>,
    pub(super) auto_repair: Vec<Option<RepairPlan>>,
    pub(super) demands: Vec<DemandPlan>,
    /// By deployment, if pods have CPU loads instead of requests.
    pub(super) cpu_loads: Option<Vec<LoadPlan>>,
    pub(super) over_dispersion: Vec<Option<OverDispersion>>,
    pub(super) levels: Vec<Option<Level>>,
    pub(super) faults: Vec<PlannedFault>,
    pub(super) failure_model: Option<FailureModel>,
    pub(super) operations: Vec<PlannedOperation>,
    /// Limits in front of pods, in the order in which requests pass them.
    pub(super) gates: Vec<GatePlan>,
    /// Values that were derived or overridden, for `check --explain`.
    pub(super) derived: Vec<Leaf>,
}

impl Resolved {
    /// The regions, and nothing in them yet.
    fn nothing_but(world: World) -> Self {
        Self {
            world,
            deployments: Vec::new(),
            callers: Vec::new(),
            calls: CallGraph::default(),
            protection: Protection::default(),
            objectives: Vec::new(),
            hpas: Vec::new(),
            autoscalers: Vec::new(),
            auto_repair: Vec::new(),
            demands: Vec::new(),
            cpu_loads: None,
            over_dispersion: Vec::new(),
            levels: Vec::new(),
            faults: Vec::new(),
            failure_model: None,
            operations: Vec::new(),
            gates: Vec::new(),
            derived: Vec::new(),
        }
    }
}

/// What resolution reads and writes to beside its result.
pub(super) struct Resolving<'r, 'n> {
    pub(super) decoded: &'r Decoded<'n>,
    pub(super) tables: &'r mut Tables,
    pub(super) diagnostics: &'r mut Diagnostics,
}

/// The scenario of a decoded file, or `None` after reports. The hash is still missing.
pub(super) fn resolve(
    decoded: &Decoded<'_>,
    tables: &mut Tables,
    diagnostics: &mut Diagnostics,
) -> Option<Scenario> {
    let spec = &decoded.spec;
    let mut cx = Resolving { decoded, tables, diagnostics };
    let mut made = Resolved::nothing_but(places::world(spec));
    clusters::add(&mut cx, &mut made);
    capacity::add(&mut cx, &mut made);
    metric_sources::check(&mut cx);
    dependencies::add(&mut cx, &mut made);
    workloads::add(&mut cx, &mut made);
    calls::add(&mut cx, &mut made);
    dependencies::apply(&mut made);
    front_door::add(&mut cx, &mut made);
    traffic_manager::add(&mut cx, &mut made);
    demands::add(&mut cx, &mut made);
    calls::mark_internal(&mut made);
    dependencies::add_gates(&mut cx, &mut made);
    cpu_loads::add(&mut cx, &mut made);
    add_faults(&mut cx, &mut made);
    operations::add(&mut cx, &mut made);
    checks::check_all(&mut cx, &made);
    if cx.diagnostics.has_errors() {
        return None;
    }
    calls::set_askers(&mut made);
    workloads::set_sustainable(&mut made);
    explain::derive(spec, &mut made);
    let mut leaves = decoded.leaves.clone();
    leaves.append(&mut made.derived);
    Some(Scenario {
        name: spec.name.as_str().to_owned(),
        question: spec.question.as_ref().map_or_else(String::new, |text| text.to_string()),
        hash: 0,
        run: run_settings(spec),
        settings: Settings { auto_repair: made.auto_repair, ..spec.kubernetes.settings() },
        world: made.world,
        deployments: made.deployments,
        calls: made.calls,
        protection: made.protection,
        hpas: made.hpas,
        autoscalers: made.autoscalers,
        demands: made.demands,
        cpu_loads: made.cpu_loads,
        over_dispersion: made.over_dispersion,
        levels: made.levels,
        faults: made.faults,
        failure_model: made.failure_model,
        operations: made.operations,
        gates: made.gates,
        objectives: spec.objectives.as_ref().map_or_else(Vec::new, ObjectivesSpec::objectives),
        sizing: spec.sizing.as_ref().map(SizingSpec::sizing),
        leaves,
        warnings: Diagnostics::new(),
        sources: crate::spec::Sources::default(),
    })
}

fn run_settings(spec: &ScenarioSpec) -> RunSettings {
    RunSettings {
        horizon: *spec.run.horizon,
        warm_up: *spec.run.warm_up,
        objective: *spec.run.objective,
        recovery_objective: *spec.run.recovery_objective,
        seed: *spec.run.seed,
    }
}

/// Adds all faults, with the names by which facts call them.
fn add_faults(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    for (number, fault) in cx.decoded.spec.faults.iter().enumerate() {
        let laws = FaultLaws {
            delay: fault.delay.as_ref().map(|law| cx.law(law)),
            repair_time: fault.repair_time.as_ref().map(|law| cx.law(law)),
        };
        made.faults.extend(fault.resolve(number, &made.world, laws, cx.diagnostics));
    }
    pairs::order_recovery(cx, made);
    made.world.fault_names = made.faults.iter().map(|fault| fault.name.clone()).collect();
    made.failure_model = failure_model::model(cx, made);
}

impl Resolving<'_, '_> {
    /// The stretch of simulated time that rates must cover.
    pub(super) fn window(&self) -> Window {
        let run = &self.decoded.spec.run;
        Window { start_s: -run.warm_up.as_secs_f64(), end_s: run.horizon.as_secs_f64() }
    }

    /// The law that a section states; a stand-in after a reported mistake.
    pub(super) fn law(&mut self, spec: &DurationSpec) -> Law {
        let (tables, diagnostics) = (&mut *self.tables, &mut *self.diagnostics);
        let mut read = |law: &EmpiricalSpec| tables.durations(law, diagnostics);
        spec.law(&mut read).unwrap_or_else(|| Law::constant(1.0))
    }

    /// The region called so; the first one after a report.
    pub(super) fn region(&mut self, name: &Named, world: &World) -> RegionId {
        let known = world.regions.iter().map(|region| region.name.as_str());
        RegionId::new(find("region", name, known, self.diagnostics).unwrap_or(0))
    }

    /// The cluster called so, or `None` after a report.
    pub(super) fn cluster(&mut self, name: &Named, world: &World) -> Option<ClusterId> {
        let known = world.clusters.iter().map(|cluster| cluster.name.as_str());
        find("cluster", name, known, self.diagnostics).map(ClusterId::new)
    }

    /// The workload called so, or `None` after a report.
    pub(super) fn workload(&mut self, name: &Named, world: &World) -> Option<WorkloadId> {
        let known = world.workloads.iter().map(|workload| workload.name.as_str());
        find("workload", name, known, self.diagnostics).map(WorkloadId::new)
    }

    /// The geography called so, or `None` after a report.
    pub(super) fn geography(&mut self, name: &Named, world: &World) -> Option<GeographyId> {
        let known = world.geographies.iter().map(|place| place.name.as_str());
        find("geography", name, known, self.diagnostics).map(GeographyId::new)
    }
}

/// A name with its place.
pub(super) type Named = crate::spec::Set<crate::spec::Name>;

/// The ids of all deployments.
pub(super) fn deployments(world: &World) -> impl Iterator<Item = DeploymentId> + use<> {
    (0..world.deployments.len()).map(DeploymentId::new)
}
