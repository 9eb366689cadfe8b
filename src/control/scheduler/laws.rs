//! Laws of scheduling on random clusters whose nodes and pods come, change and go. The rules of
//! upstream have their tables beside them; these hold whatever the rules decide.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::ids::WorkloadId;
use crate::model::labels::Labels;
use crate::model::node_pool::Resources;
use crate::model::placement::{PodTerm, SpreadConstraint, TopologyKey, WhenUnsatisfiable};
use crate::model::workload::AntiAffinity;
use crate::units::{Bytes, MilliCpu};

use super::pod_class::{PodClass, PodRules};
use super::schedule::{Nominated, Request, Scheduler, schedule_one};
use super::score::FitStrategy;
use super::snapshot::{NewNode, Snapshot, Taints};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A pod of a class is to be placed, perhaps beside room kept on some node for a class.
    Schedule { class: usize, draw: u64, kept: Option<(usize, usize)> },
    /// The n-th pod is gone.
    Gone(usize),
    /// The deletion of the n-th pod begins.
    Deleted(usize),
    /// A node's conditions change.
    Conditions(usize, u32),
    /// A node joins.
    Joins { zone: u32, cpu: i64, pods: u32 },
    /// A node is removed.
    Removed(usize),
}

/// A pod that was placed.
#[derive(Clone, Copy, Debug)]
struct Placed {
    class: usize,
    node: usize,
    is_staying: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let kept = proptest::option::weighted(0.2, (0_usize..8, 0_usize..3));
    prop_oneof![
        8 => (0_usize..3, any::<u64>(), kept)
            .prop_map(|(class, draw, kept)| Step::Schedule { class, draw, kept }),
        2 => any::<usize>().prop_map(Step::Gone),
        1 => any::<usize>().prop_map(Step::Deleted),
        1 => (any::<usize>(), 0_u32..16).prop_map(|(node, bits)| Step::Conditions(node, bits)),
        2 => (0_u32..3, 1_i64..8, 1_u32..9)
            .prop_map(|(zone, cpu, pods)| Step::Joins { zone, cpu: 1_000 * cpu, pods }),
        1 => any::<usize>().prop_map(Step::Removed),
    ]
}

fn spread() -> impl Strategy<Value = Vec<SpreadConstraint>> {
    let constraint = (any::<bool>(), any::<bool>(), 1_u32..3, 1_u32..4);
    let constraint = constraint.prop_map(|(by_zone, is_hard, max_skew, min_domains)| {
        use WhenUnsatisfiable::{DoNotSchedule, ScheduleAnyway};
        SpreadConstraint {
            key: if by_zone { TopologyKey::Zone } else { TopologyKey::Hostname },
            max_skew,
            when: if is_hard { DoNotSchedule } else { ScheduleAnyway },
            min_domains: if is_hard { min_domains } else { 1 },
        }
    });
    vec(constraint, 0..3)
}

fn terms() -> impl Strategy<Value = Vec<PodTerm>> {
    let term = (any::<bool>(), 0_usize..3).prop_map(|(by_zone, class)| PodTerm {
        key: if by_zone { TopologyKey::Zone } else { TopologyKey::Hostname },
        workloads: vec![WorkloadId::new(class)],
    });
    vec(term, 0..2)
}

fn rules() -> impl Strategy<Value = PodRules> {
    let weighted = vec((1_u32..100, terms()), 0..2);
    let terms = (terms(), terms(), weighted);
    (0_i64..30, 0_i64..4, spread(), terms).prop_map(|(cpu, memory, spread, terms)| {
        let (near, apart, preferred) = terms;
        let mut rules = PodRules {
            requests: Resources {
                cpu: MilliCpu::new(100 * cpu),
                memory: Bytes::from_mib(1_000 * memory),
                pods: 1,
            },
            anti_affinity: AntiAffinity::None,
            image: Bytes::from_mib(400),
            ..PodRules::default()
        };
        rules.placement.spread = spread;
        rules.placement.affinity.required = near;
        rules.placement.anti_affinity.required = apart;
        let weighted = preferred
            .into_iter()
            .flat_map(|(weight, terms)| terms.into_iter().map(move |term| (weight, term)));
        rules.placement.affinity.preferred = weighted.collect();
        rules
    })
}

/// A cluster on its way, with the pods that are placed.
struct Play {
    snapshot: Snapshot,
    scheduler: Scheduler,
    pods: Vec<Placed>,
}

impl Play {
    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let n_nodes = self.snapshot.nodes.len();
        match *step {
            Step::Schedule { class, draw, kept } => return self.schedule(class, draw, kept),
            Step::Gone(nth) if !self.pods.is_empty() => {
                let pod = self.pods.swap_remove(nth % self.pods.len());
                self.snapshot.release(pod.class, pod.node, pod.is_staying);
            }
            Step::Deleted(nth) if !self.pods.is_empty() => {
                let nth = nth % self.pods.len();
                let pod = &mut self.pods[nth];
                if std::mem::take(&mut pod.is_staying) {
                    self.snapshot.stop_counting(pod.class, pod.node);
                }
            }
            Step::Conditions(node, bits) if 0 < n_nodes => {
                self.snapshot.set_taints(node % n_nodes, Taints(bits));
            }
            Step::Joins { zone, cpu, pods } => {
                let memory = Bytes::from_mib(8_000);
                self.snapshot.add_nodes([NewNode {
                    zone,
                    taints: Taints::NONE,
                    allocatable: Resources { cpu: MilliCpu::new(cpu), memory, pods },
                    labels: &Labels::default(),
                    pool_taints: &[],
                }]);
            }
            Step::Removed(node) if 0 < n_nodes && self.snapshot.nodes[node % n_nodes].exists => {
                self.snapshot.remove_node(node % n_nodes);
                self.pods.retain(|pod| pod.node != node % n_nodes);
            }
            _ => {}
        }
        Ok(())
    }

    fn schedule(
        &mut self,
        class: usize,
        draw: u64,
        kept: Option<(usize, usize)>,
    ) -> Result<(), TestCaseError> {
        let kept: Vec<Nominated> = kept
            .into_iter()
            .filter(|&(node, _)| node < self.snapshot.nodes.len())
            .filter(|&(node, _)| self.snapshot.nodes[node].exists)
            .map(|(node, class)| Nominated { node, class })
            .collect();
        let request = Request { class, draw, kept: &kept, nominated: None };
        let mut fresh = (self.scheduler.clone(), self.snapshot.clone());
        fresh.1.forget_worth();
        let anew = schedule_one(&mut fresh.0, &mut fresh.1, &request);
        let placed = schedule_one(&mut self.scheduler, &mut self.snapshot, &request);
        prop_assert_eq!(placed, anew, "kept worth decides as fresh worth does");
        match placed {
            Ok(placed) => {
                self.snapshot.place(class, placed.node);
                self.pods.push(Placed { class, node: placed.node, is_staying: true });
                self.check_placed(class, placed.node, &kept)
            }
            Err(why) => {
                let refused: u32 = why.refused.iter().sum();
                prop_assert_eq!(refused as usize, self.snapshot.n_nodes(), "each has a reason");
                Ok(())
            }
        }
    }

    /// I14, I18 and I19 after a placement.
    fn check_placed(
        &self,
        class: usize,
        node: usize,
        kept: &[Nominated],
    ) -> Result<(), TestCaseError> {
        let state = &self.snapshot.nodes[node];
        prop_assert!(state.exists && state.taints == Taints::NONE, "an unavailable node");
        let mut used = Resources::default();
        self.pods
            .iter()
            .filter(|pod| pod.node == node)
            .map(|pod| self.snapshot.classes[pod.class].requests)
            .chain(
                kept.iter()
                    .filter(|kept| kept.node == node)
                    .map(|kept| self.snapshot.classes[kept.class].requests),
            )
            .for_each(|requests| used += requests);
        prop_assert!(used.pods <= state.allocatable.pods, "{:?} on {:?}", used, state);
        // What requests nothing of a resource goes on a node that others have overbooked, so only
        // what this pod requests is bound to fit; nobody overbooks here, so everything does.
        prop_assert!(state.allocatable.fits(&state.requested), "{:?}", state);
        for constraint in &self.snapshot.classes[class].spread {
            if constraint.when == WhenUnsatisfiable::DoNotSchedule {
                self.check_skew(class, node, constraint)?;
            }
        }
        Ok(())
    }

    /// The domain of the node has at most `maxSkew` pods more than the least full one, counted
    /// pod by pod.
    fn check_skew(
        &self,
        class: usize,
        node: usize,
        constraint: &SpreadConstraint,
    ) -> Result<(), TestCaseError> {
        let domain = |node: usize| match constraint.key {
            TopologyKey::Hostname => node,
            TopologyKey::Zone => self.snapshot.nodes[node].zone as usize,
        };
        let nodes = 0..self.snapshot.nodes.len();
        let mut domains: Vec<usize> =
            nodes.filter(|&node| self.snapshot.nodes[node].exists).map(domain).collect();
        domains.sort_unstable();
        domains.dedup();
        let count = |of: usize| {
            let counts =
                |pod: &&Placed| pod.class == class && pod.is_staying && domain(pod.node) == of;
            self.pods.iter().filter(counts).count()
        };
        // The least before this pod came.
        let before = |of: usize| count(of) - usize::from(of == domain(node));
        let fewest = domains.iter().map(|&of| before(of)).min().unwrap_or(0);
        let is_few = domains.len() < constraint.min_domains as usize;
        let least = if is_few { 0 } else { fewest };
        let here = count(domain(node));
        prop_assert!(here <= least + constraint.max_skew as usize, "{here} against {least}");
        Ok(())
    }
}

proptest! {
    /// Whatever comes and goes: no node is overbooked (I14), hard spread holds at placement (I18),
    /// nothing is placed on cordoned, silent or full nodes (I19), room kept for a nominated pod
    /// stays free, every refused node has a reason, and decisions do not depend on what was kept
    /// from earlier ones.
    #[test]
    fn placements_obey_the_rules(
        rules in vec(rules(), 3),
        zones in vec(0_u32..3, 1..6),
        steps in vec(step(), 1..60),
    ) {
        let classes = PodClass::all(&rules, &[]);
        let snapshot = Snapshot::new(classes, FitStrategy::LeastAllocated);
        let mut play = Play { snapshot, scheduler: Scheduler::default(), pods: Vec::new() };
        for zone in zones {
            play.take(&Step::Joins { zone, cpu: 4_000, pods: 8 })?;
        }
        for step in &steps {
            play.take(step)?;
        }
        for pod in play.pods.drain(..) {
            play.snapshot.release(pod.class, pod.node, pod.is_staying);
        }
        for node in &play.snapshot.nodes {
            let empty = Resources::default();
            prop_assert!(!node.exists || node.requested == empty, "something was left behind");
        }
    }
}
