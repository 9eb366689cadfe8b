//! Dependencies: their regions, laws and rules, and which of them each deployment needs.

use crate::model::dependency::database::Published;
use crate::model::dependency::spec::{
    CacheDown, CacheSpec, DatabaseSpec, DependencySpec, RegionFailoverSpec, RegistrySpec, WhenDown,
};
use crate::model::dependency::state::{
    Bound, DatabaseRules, Dependency, Failback, FailoverRules, Kind, Limits, Needs, Phase, Place,
    RegionFailover, Settling,
};
use crate::model::duration::DurationSpec;
use crate::model::ids::{DependencyId, DeploymentId, GateId};
use crate::model::reference::{find, find_zone, given};
use crate::model::region::Outages;
use crate::scenario::explain::derived;
use crate::scenario::workload_spec::WorkloadSpec;
use crate::sim::laws::Law;
use crate::spec::{Code, Confidence, Diagnostic, Name, Origin, Set};
use crate::traffic::gate::{GatePlan, Pass, UserPart};
use crate::traffic::ledger::Reason;
use crate::traffic::plan::DeploymentPlan;
use crate::units::{Bytes, Rate, Ratio};

use super::{Resolved, Resolving};

/// Databases with limits: a request passes at most eight gates, those of its cluster included.
const BOUNDED_MAX: usize = 4;

/// Adds all dependencies.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    for (index, spec) in cx.decoded.spec.dependencies.iter().enumerate() {
        let dependency = Adding { cx, made, spec, path: format!("dependencies[{index}]") }.made();
        made.world.dependencies.push(dependency);
    }
}

/// One dependency that is being added.
struct Adding<'a, 'r, 'n> {
    cx: &'a mut Resolving<'r, 'n>,
    made: &'a mut Resolved,
    spec: &'a DependencySpec,
    path: String,
}

impl Adding<'_, '_, '_> {
    fn made(mut self) -> Dependency {
        let region = self.cx.region(&self.spec.region, &self.made.world);
        let secondary = given(&self.spec.secondary);
        let secondary = secondary.map(|name| self.cx.region(&name, &self.made.world));
        let place = |region| Place { region, outages: Outages::default(), redirected: false };
        let zone = self.spec.database.as_ref().and_then(|database| given(&database.zone));
        let zone =
            zone.and_then(|zone| find_zone(&zone, region, &self.made.world, self.cx.diagnostics));
        let (kind, rules) = self.kind();
        Dependency {
            name: self.spec.name.as_str().to_owned(),
            kind,
            places: [Some(region), secondary].into_iter().flatten().map(place).collect(),
            serving: 0,
            zone,
            rules,
            phase: Phase::Serving,
            slower: 1.0,
            n_losses: 0,
            fault: None,
            at_risk: 0,
            failing_back: false,
        }
    }

    fn kind(&mut self) -> (Kind, FailoverRules) {
        let spec = self.spec;
        let at_once = RegionFailover::Automatic { grace: Law::constant(0.0) };
        let by_itself = |switch| {
            let region = at_once.clone();
            FailoverRules { zone: None, region, switch, failback: None }
        };
        if let Some(database) = &*spec.database {
            return self.database(database);
        }
        if let Some(cache) = &*spec.cache {
            let switch = self.law("cache.failover", &cache.failover, || {
                Published::guess(
                    Law::constant(0.0),
                    "constant 0s",
                    "left out: assumed; clients use the cache of their region",
                )
            });
            return (cache_kind(cache), by_itself(switch));
        }
        if let Some(registry) = &*spec.registry {
            let switch = self.law("registry.failover", &registry.failover, || {
                Published::new(
                    Law::uniform(60.0, 120.0),
                    "uniform, 1m to 2m",
                    "left out: reliability-container-registry.md 2025",
                )
            });
            let lag = &registry.replication_lag;
            let replication_lag = self.law("registry.replicationLag", lag, || {
                Published::new(
                    Law::uniform(60.0, 900.0),
                    "uniform, 1m to 15m",
                    "left out: \"minutes\", loss under 15 min: reliability-container-registry",
                )
            });
            let (bandwidth, reads_per_min) = self.registry_limits(registry);
            let reads_per_pull = *registry.layers + 1;
            let kind = Kind::Registry { replication_lag, bandwidth, reads_per_min, reads_per_pull };
            return (kind, by_itself(switch));
        }
        if let Some(vault) = &*spec.key_vault {
            let switch = self.law("keyVault.failover", &vault.failover, || {
                Published::guess(
                    Law::uniform(120.0, 300.0),
                    "uniform, 2m to 5m",
                    "left out: \"a few minutes\" (Key Vault DR page)",
                )
            });
            let (secrets_per_pod, reads_per_10s) = (*vault.secrets_per_pod, *vault.reads_per_10s);
            return (Kind::KeyVault { secrets_per_pod, reads_per_10s }, by_itself(switch));
        }
        let logs = spec.log_analytics.as_ref().expect("checked when it was decoded");
        let alert_lag = self.law("logAnalytics.alertLag", &logs.alert_lag, || {
            Published::new(
                Law::uniform(20.0, 180.0),
                "uniform, 20s to 3m",
                "left out: azure-monitor data-ingestion-time.md 2022",
            )
        });
        (Kind::LogAnalytics { alert_lag }, by_itself(Law::constant(0.0)))
    }

    fn database(&mut self, spec: &DatabaseSpec) -> (Kind, FailoverRules) {
        let kind = *spec.kind;
        let zone = match spec.zone_failover.as_ref() {
            Some(law) => Some(self.cx.law(law)),
            // Without a zone that could be lost it does not matter.
            None if spec.zone.is_none() => None,
            None => self.published("database.zoneFailover", kind.zone_failover()),
        };
        let region = match &*spec.region_failover {
            Some(failover) => self.region_failover(failover),
            None if self.spec.secondary.is_none() => RegionFailover::Never,
            None => self.published("database.regionFailover", kind.region_failover()),
        };
        let switch = self.law("database.switchTime", &spec.switch_time, || kind.switch_time());
        let lag = &spec.replication_lag;
        let lag = self.law("database.replicationLag", lag, || kind.replication_lag());
        let storm = |storm: &crate::model::dependency::spec::StormSpec| Settling {
            slower: *storm.slower,
            duration: *storm.duration,
            fades: false,
        };
        let rules = DatabaseRules {
            hangs: (*spec.when_down == WhenDown::Hang).then_some(*spec.call_timeout),
            read_replica: *spec.read_replica,
            remote_delay: *spec.remote_delay,
            replication_lag: lag,
            storm: spec.storm.as_ref().map(storm),
            bound: bound(spec),
        };
        let failback = spec.failback.as_ref().map(|failback| Failback {
            after: *failback.after,
            interruption: *failback.interruption,
        });
        (Kind::Database(rules), FailoverRules { zone, region, switch, failback })
    }

    /// Bytes a second and read operations a minute: those stated, or of the tier.
    fn registry_limits(&mut self, registry: &RegistrySpec) -> (Bytes, u32) {
        let (bandwidth, reads) = registry.sku.limits();
        let source = "left out: container-registry-limits.md, by tier, units as printed";
        let mut derive = |key: &str, shown: String| {
            let (path, span) = (format!("{}.registry.{key}", self.path), self.spec.name.span());
            self.made.derived.push(derived(span, path, shown, source));
        };
        if registry.bandwidth.is_none() {
            derive("bandwidth", bandwidth.to_string());
        }
        if registry.reads_per_min.is_none() {
            derive("readOpsPerMinute", reads.to_string());
        }
        (registry.bandwidth.unwrap_or(bandwidth), registry.reads_per_min.unwrap_or(reads))
    }

    fn region_failover(&mut self, spec: &RegionFailoverSpec) -> RegionFailover {
        let seconds = |span: crate::units::Span| Law::constant(span.as_secs_f64());
        match spec {
            RegionFailoverSpec::Never => RegionFailover::Never,
            RegionFailoverSpec::Automatic(automatic) => {
                RegionFailover::Automatic { grace: seconds(*automatic.grace) }
            }
            RegionFailoverSpec::Scripted(scripted) => {
                RegionFailover::Scripted { after: seconds(*scripted.after) }
            }
            RegionFailoverSpec::Approval(approval) => {
                RegionFailover::Approval { decision: self.cx.law(&approval.decision) }
            }
        }
    }

    /// The law that the scenario states, or the published one.
    fn law(
        &mut self,
        key: &str,
        stated: &Set<Option<DurationSpec>>,
        published: impl FnOnce() -> Published<Law>,
    ) -> Law {
        match &**stated {
            Some(law) => self.cx.law(law),
            // What concerns a copy does not matter without one.
            None if self.spec.secondary.is_none() && self.spec.log_analytics.is_none() => {
                Law::constant(0.0)
            }
            None => self.published(key, published()),
        }
    }

    /// A published value, told to `check --explain`.
    fn published<T>(&mut self, key: &str, published: Published<T>) -> T {
        let (path, span) = (format!("{}.{key}", self.path), self.spec.name.span());
        let Published { value, shown, source, confidence } = published;
        let mut leaf = derived(span, path, shown.to_owned(), source);
        if confidence == Confidence::Low {
            leaf.origin = Origin::Assumed { source, plausible: None };
        }
        self.made.derived.push(leaf);
        value
    }
}

fn bound(spec: &DatabaseSpec) -> Option<Bound> {
    let limits = |rate: Option<Rate>, connections: Option<u32>| Limits {
        per_s: rate.map_or(f64::INFINITY, Rate::per_s),
        connections,
    };
    let (rate, connections) = (*spec.request_rate, *spec.connections);
    let of_copy = (spec.secondary_rate.or(rate), spec.secondary_connections.or(connections));
    let first = limits(rate, connections);
    let copy = limits(of_copy.0, of_copy.1);
    (of_copy.0.is_some() || of_copy.1.is_some()).then_some(Bound {
        first,
        copy,
        gate: None,
        shares: Vec::new(),
    })
}

/// Bounded databases are gates that the requests pass which need them.
pub(super) fn add_gates(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    for index in 0..made.world.dependencies.len() {
        let id = DependencyId::new(index);
        let Kind::Database(rules) = &made.world[id].kind else { continue };
        let Some(mut bound) = rules.bound.clone() else { continue };
        let n_bounded = made.gates.iter().filter(|gate| gate.reason == Reason::Dependency).count();
        if BOUNDED_MAX <= n_bounded {
            let place = cx.decoded.spec.dependencies[index].name.place.clone();
            let message = "too many databases have a `requestRate` or `connections`";
            let wrong = Diagnostic::error(Code::TooCostly, place, message);
            cx.diagnostics.push(wrong.allowed(format!("at most {BOUNDED_MAX}")));
            break;
        }
        let mut passes = Vec::new();
        for deployment in super::deployments(&made.world) {
            let needs = &made.world[deployment].needs;
            let (share, users) = match (needs.reads.contains(&id), needs.writes.contains(&id)) {
                (false, false) => continue,
                (true, true) => (1.0, UserPart::ALL),
                (_, true) => {
                    let writes = writes_of(cx, made, deployment);
                    (writes.get(), UserPart::share(writes))
                }
                (_, false) => {
                    let writes = writes_of(cx, made, deployment);
                    (1.0 - writes.get(), UserPart::all_but(writes))
                }
            };
            bound.shares.push((deployment, share));
            passes.push(Pass { deployment, cost: 1.0, places: 1, lasts: None, users });
        }
        let gate = GateId::new(made.gates.len());
        let counts_in_progress =
            [bound.first, bound.copy].iter().any(|limits| limits.connections.is_some());
        made.gates.push(GatePlan { reason: Reason::Dependency, counts_in_progress, passes });
        if let Kind::Database(rules) = &mut made.world[id].kind {
            bound.gate = Some(gate);
            rules.bound = Some(bound);
        }
    }
}

/// The share of writes in the demands for a deployment, which must be one if a bounded database
/// is to tell reads from writes.
fn writes_of(cx: &mut Resolving<'_, '_>, made: &Resolved, deployment: DeploymentId) -> Ratio {
    let workload = &made.world[made.world[deployment].workload].name;
    let demands = &cx.decoded.spec.demands;
    let asking = made.calls.asking(deployment);
    let asks = |name: &str| {
        asking.iter().any(|&asking| made.world[made.world[asking].workload].name == name)
    };
    let mut mine = demands.iter().filter(|demand| asks(demand.workload.as_str()));
    let Some(first) = mine.next() else { return Ratio::new(0.0) };
    if let Some(other) = mine.find(|other| *other.writes != *first.writes) {
        let message = format!("the demands for `{workload}` differ in their share of writes");
        let wrong = Diagnostic::error(Code::Contradiction, other.writes.place.clone(), message);
        cx.diagnostics.push(wrong.allowed(format!(
            "{}, for a bounded database that only reads or only writes need",
            *first.writes
        )));
    }
    *first.writes
}

fn cache_kind(spec: &CacheSpec) -> Kind {
    let cold = Settling { slower: *spec.cold_slower, duration: *spec.warm_up, fades: true };
    Kind::Cache { bypass: *spec.when_down == CacheDown::Bypass, cold }
}

/// What the deployments of a workload need.
pub(super) fn needs(cx: &mut Resolving<'_, '_>, made: &Resolved, spec: &WorkloadSpec) -> Needs {
    let of_requests = |kind: &Kind| {
        matches!(kind, Kind::Database(_) | Kind::Cache { .. } | Kind::KeyVault { .. })
    };
    let of_starts = |kind: &Kind| matches!(kind, Kind::Registry { .. } | Kind::KeyVault { .. });
    let requests = "a database, a cache or a keyVault";
    let (reads, writes) = (&spec.needs.reads, &spec.needs.writes);
    Needs {
        reads: needed(cx, made, reads, of_requests, requests),
        writes: needed(cx, made, writes, of_requests, requests),
        start: needed(cx, made, &spec.start_needs, of_starts, "a registry or a keyVault"),
    }
}

fn needed(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    names: &Set<Vec<Name>>,
    fits: impl Fn(&Kind) -> bool,
    allowed: &str,
) -> Vec<DependencyId> {
    let mut ids = Vec::new();
    for name in names.iter() {
        let name = names.same_place(name.clone());
        let known = made.world.dependencies.iter().map(|dependency| dependency.name.as_str());
        let Some(index) = find("dependency", &name, known, cx.diagnostics) else { continue };
        let id = DependencyId::new(index);
        if !fits(&made.world[id].kind) {
            let message = format!("`{}` cannot be needed here", name.as_str());
            let wrong = Diagnostic::error(Code::Contradiction, name.place.clone(), message);
            cx.diagnostics.push(wrong.allowed(allowed.to_owned()));
        } else if ids.contains(&id) {
            let message = format!("`{}` is needed twice", name.as_str());
            let wrong = Diagnostic::error(Code::DuplicateName, name.place.clone(), message);
            cx.diagnostics.push(wrong.allowed("each dependency once"));
        } else {
            ids.push(id);
        }
    }
    ids
}

/// What follows for clusters and pods from what they need: the bandwidth of their registry, and
/// whether a database could lose their writes.
pub(super) fn apply(made: &mut Resolved) {
    for index in 0..made.world.deployments.len() {
        let deployment = DeploymentId::new(index);
        let needs = made.world[deployment].needs.clone();
        let is_database = |&id: &DependencyId| matches!(made.world[id].kind, Kind::Database(_));
        let counts_writes = needs.writes.iter().any(is_database);
        made.deployments[index] =
            DeploymentPlan { counts_writes, ..made.deployments[index].clone() };
        let cluster = made.world[deployment].cluster;
        for id in needs.start {
            if let Kind::Registry { bandwidth, .. } = made.world[id].kind {
                made.world[cluster].registry_bandwidth.get_or_insert(bandwidth);
            }
        }
    }
}
