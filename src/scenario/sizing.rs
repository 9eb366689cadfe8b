//! What may be sized, and what the size must keep to: the section `sizing`.

use std::cmp::Ordering;

use crate::model::ids::{ClusterId, DeploymentId, PoolId};
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Refusal, Scalar, Shape, Text, Word, section};
use crate::units::Ratio;

use super::checked::Scenario;
use super::fault_time::FaultTimeSpec;
use super::growth::{Growth, GrowthSpec};
use super::objectives::Objective;
use super::uncertain::{Assumption, AssumptionSpec};
use super::variation::{Domain, Range, Variation};

section! {
    /// What `size` looks for: the smallest value of a knob with which objectives are met.
    pub struct SizingSpec {
        /// What may change.
        "knobs" knobs: Vec<KnobSpec> = list 1..=2;
        /// What must be met, such as `p(rto_s<=300) >= 0.99` or `failed_requests p95 <= 5000`;
        /// left out, the scenario's `objectives`.
        "objectives" objectives: Vec<Objective> = list 0..=20;
        /// How sure the answer must be.
        "confidence" confidence: Ratio = default "95%", source "assumed", range "50%"..="99.9999%";
        /// A CSV file of prices, relative to the scenario's folder: item, region, unit, price,
        /// currency, term, source, date.
        "prices" prices: Option<Text> = optional;
        /// When faults strike.
        "faultTime" fault_time: FaultTimeSpec = default "busiest",
            source "assumed: a size must do at the worst time";
        /// How demand grows; `size --max-demand` says until when a design is enough.
        "growth" growth: Option<GrowthSpec> = optional;
        /// What a failed request costs; with rates of faults, `size` says what a design costs in a
        /// year.
        "lossPerFailedRequest" loss: Option<LossSpec> = optional;
        /// How often the faults happen in a year on average, if no `failureModel` says it.
        "faultsPerYear" faults_per_year: Option<f64> = optional, range 0.000001..=100000;
        /// Inputs that nobody knows well; `size` solves again at both ends of each. Guesses among
        /// the defaults, whose ends are documented, come by themselves.
        "assumptions" assumptions: Vec<AssumptionSpec> = list 0..=20;
    }
}

section! {
    /// What a failed request costs.
    pub struct LossSpec {
        /// How much.
        "price" price: f64 = required, range 0.0..=1000000000.0;
        /// In which currency, such as USD: that of the prices, if there are some.
        "currency" currency: Text = required;
    }
}

section! {
    /// A whole number of the scenario that may change.
    pub struct KnobSpec {
        /// Where it stands, as for `--set`: `clusters[secondary].pools[user].minCount`.
        "path" path: Text = required;
        /// Smallest value.
        "min" min: u32 = required, range 0..=100000;
        /// Largest value.
        "max" max: u32 = required, range 0..=100000;
        /// Whether `minReplicas` of the HPAs whose pods go to the pool follow it: nodes without
        /// pods help nobody. Only for `minCount` and `count` of a pool.
        "tieReplicas" tie_replicas: bool = default "true", source "empty nodes serve nothing";
    }
    check KnobSpec::check_order;
}

impl KnobSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if *self.max < *self.min {
            let message = format!("`max` {} is below `min` {}", *self.max, *self.min);
            let place = self.max.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("{} or more", *self.min)));
        }
    }
}

impl Scalar for Objective {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        Self::parse(word.text).map_err(|wrong| Refusal::new(Code::WrongType).because(wrong))
    }

    fn form() -> Shape {
        Shape::Text("an objective such as p(rto_s<=300) >= 0.99 or failed_requests p95 <= 5000")
    }

    fn shown(&self) -> String {
        self.to_string()
    }

    fn order(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

/// What `size` looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizing {
    /// What may change, first one first.
    pub knobs: Vec<Knob>,
    /// What must be met.
    pub objectives: Vec<Objective>,
    /// How sure the answer must be.
    pub confidence: f64,
    /// A CSV file of prices.
    pub prices: Option<String>,
    /// When faults strike.
    pub fault_time: FaultTimeSpec,
    /// How demand grows.
    pub growth: Option<Growth>,
    /// What a failed request costs.
    pub loss: Option<Loss>,
    /// How often the faults happen in a year on average.
    pub faults_per_year: Option<f64>,
    /// Inputs that nobody knows well.
    pub assumptions: Vec<Assumption>,
}

/// What a failed request costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// How much.
    pub price: f64,
    /// In which currency.
    pub currency: String,
}

/// A whole number of the scenario that may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Where it stands, as for `--set`.
    pub path: String,
    /// Smallest value.
    pub min: u32,
    /// Largest value.
    pub max: u32,
    /// Whether HPAs follow the size of a pool.
    pub ties_replicas: bool,
}

impl SizingSpec {
    /// What the section says.
    #[must_use]
    pub fn sizing(&self) -> Sizing {
        let knob = |spec: &KnobSpec| Knob {
            path: spec.path.to_string(),
            min: *spec.min,
            max: *spec.max,
            ties_replicas: *spec.tie_replicas,
        };
        Sizing {
            knobs: self.knobs.iter().map(knob).collect(),
            objectives: self.objectives.to_vec(),
            confidence: self.confidence.get(),
            prices: self.prices.as_ref().map(ToString::to_string),
            fault_time: *self.fault_time,
            growth: self.growth.as_ref().map(GrowthSpec::growth),
            loss: self
                .loss
                .as_ref()
                .map(|loss| Loss { price: *loss.price, currency: loss.currency.to_string() }),
            faults_per_year: *self.faults_per_year,
            assumptions: self.assumptions.iter().map(AssumptionSpec::assumption).collect(),
        }
    }
}

impl Knob {
    /// Reads `path=a..b`.
    ///
    /// # Errors
    /// Says what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = 0.0..=f64::from(u32::MAX);
        let whole = |range: &Range| {
            let ends = [range.low, range.high];
            range.is_whole && range.unit.is_empty() && ends.iter().all(|end| allowed.contains(end))
        };
        let parsed = Variation::parse(text).ok().and_then(|variation| match variation.domain {
            Domain::Range(range) if whole(&range) && range.n_points.is_none() => Some(Self {
                path: variation.path,
                min: range.low as u32,
                max: range.high as u32,
                ties_replicas: true,
            }),
            _ => None,
        });
        parsed.ok_or_else(|| {
            "write the path of a whole number and its range, e.g. \
             clusters[secondary].pools[user].minCount=0..40"
                .to_owned()
        })
    }

    /// The assignments that give the knob this value in `scenario`, which was loaded without them.
    #[must_use]
    pub fn assignments(&self, scenario: &Scenario, value: u32) -> Vec<String> {
        let mut assignments = vec![format!("{}={value}", self.path)];
        if let Some(pool) = self.pool(scenario.world()).filter(|_| self.ties_replicas) {
            assignments.extend(tied(scenario, pool, value));
        }
        assignments
    }

    /// The pool whose size the knob is.
    fn pool(&self, world: &World) -> Option<PoolId> {
        let rest = self.path.strip_prefix("clusters[")?;
        let (cluster, rest) = rest.split_once("].pools[")?;
        let (pool, key) = rest.split_once("].")?;
        if key != "minCount" && key != "count" {
            return None;
        }
        let named = |name: &str, index: usize, known: &str| {
            name == known || name.parse::<usize>().is_ok_and(|number| number == index)
        };
        let cluster = (0..world.clusters.len())
            .find(|&index| named(cluster, index, &world.clusters[index].name))?;
        let pools = &world[ClusterId::new(cluster)].pools;
        let found = pools.iter().enumerate().find(|(i, id)| named(pool, *i, &world[**id].name));
        found.map(|(_, &id)| id)
    }
}

/// `minReplicas` of each HPA whose pods go to the pool, such that its nodes are full of them.
///
/// Several deployments share a node by the CPU that their own `minReplicas` request.
fn tied(scenario: &Scenario, pool: PoolId, n_nodes: u32) -> Vec<String> {
    let world = scenario.world();
    let goes_there = |id: DeploymentId| {
        let name = world[id].template.pool.as_ref();
        world[id].cluster == world[pool].cluster && name.is_none_or(|it| *it == world[pool].name)
    };
    let there: Vec<_> = scenario.hpas().iter().filter(|hpa| goes_there(hpa.deployment)).collect();
    let weight = |id: DeploymentId, least: i32| {
        f64::from(least.max(1)) * world[id].template.requests.cpu.milli().max(1) as f64
    };
    let bounds = |hpa: &crate::control::hpa::plan::HpaPlan| hpa.autoscaler.bounds;
    let whole: f64 = there.iter().map(|hpa| weight(hpa.deployment, bounds(hpa).min)).sum();
    let assignment = |hpa: &&crate::control::hpa::plan::HpaPlan| {
        let id = hpa.deployment;
        let share = weight(id, bounds(hpa).min) / whole;
        let per_node = world[pool].allocatable.times(&world[id].template.requests);
        let full = (f64::from(n_nodes) * f64::from(per_node) * share).floor();
        let replicas = full.max(1.0).min(f64::from(bounds(hpa).max));
        let workload = &world.workloads[world[id].workload.index()].name;
        let cluster = &world[world[id].cluster].name;
        format!("workloads[{workload}].clusters[{cluster}].hpa.minReplicas={replicas}")
    };
    there.iter().map(assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A knob of the command line, and what is said of anything else.
    #[test]
    fn knobs_are_read() {
        let knob = Knob::parse("clusters[b].pools[user].minCount=0..40").unwrap();
        assert_eq!(
            (knob.path.as_str(), knob.min, knob.max),
            ("clusters[b].pools[user].minCount", 0, 40)
        );
        for wrong in ["", "a", "a=1", "a=1..", "a=2..1", "=1..2", "a=x..y", "a=-1..2"] {
            assert!(Knob::parse(wrong).unwrap_err().starts_with("write the path"), "{wrong}");
        }
    }
}
