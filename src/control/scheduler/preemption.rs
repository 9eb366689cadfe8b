//! Preemption: which pods of lower priority give way to one that fits nowhere.
//!
//! Follows pkg/scheduler/framework/preemption/preemption.go (candidates, dry run, choice) and
//! plugins/defaultpreemption/default_preemption.go (victims on a node, eligibility). Left out:
//! extenders, and victims in other node's pods (no rule of upstream has them either).

use std::cmp::Reverse;

use crate::model::ids::PodId;
use crate::units::Time;

use super::fit::{Misfit, fits};
use super::schedule::{Nominated, Request};
use super::snapshot::Snapshot;
use super::spread::limits;

/// Nodes looked at: at least this share of those that may help \[%\]
/// (minCandidateNodesPercentage).
const MIN_CANDIDATES_PERCENT: usize = 10;
/// Nodes looked at, at least (minCandidateNodesAbsolute).
const MIN_CANDIDATES: usize = 100;

/// A pod that runs on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// The pod.
    pub pod: PodId,
    /// Its class.
    pub class: usize,
    /// When it started.
    pub started_at: Time,
    /// Whether it is being deleted.
    pub is_leaving: bool,
    /// Whether it is being deleted because it was preempted.
    pub is_preempted: bool,
}

/// A node and the pods that would have to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: usize,
    /// The victims, the most important first.
    pub victims: Vec<Running>,
    /// Victims that a disruption budget protects.
    pub n_violations: usize,
}

/// Why nobody gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPreemption {
    /// `preemptionPolicy: Never`.
    Never,
    /// Victims of an earlier preemption are still on their way out.
    VictimsAreLeaving,
    /// Removing pods of lower priority helps on no node.
    NoCandidate,
}

/// Whether a pod may push out others (PodEligibleToPreemptOthers): not while pods of lower
/// priority that were preempted are leaving the node that it is nominated for.
///
/// # Errors
/// Why not.
pub fn may_preempt(
    snapshot: &mut Snapshot,
    class: usize,
    nominated: Option<(usize, &[Running])>,
) -> Result<(), NoPreemption> {
    if snapshot.classes[class].never_preempts {
        return Err(NoPreemption::Never);
    }
    let Some((node, pods)) = nominated else { return Ok(()) };
    let limits = limits(snapshot, class);
    let is_hopeless = !snapshot.nodes[node].exists
        || fits(snapshot, class, node, &limits).is_err_and(|m| !m.preemption_may_help());
    let priority = |class: usize| snapshot.classes[class].priority;
    let makes_room = |pod: &Running| pod.is_preempted && priority(pod.class) < priority(class);
    if !is_hopeless && pods.iter().any(makes_room) {
        return Err(NoPreemption::VictimsAreLeaving);
    }
    Ok(())
}

/// What is known of the pods of a cluster beyond the snapshot.
pub struct Pods<'a> {
    /// The pods on a node, in any order.
    pub on_node: &'a dyn Fn(usize) -> Vec<Running>,
    /// Pods of each class that its disruption budget lets go; None: it has no budget.
    pub allowed: &'a [Option<usize>],
}

impl std::fmt::Debug for Pods<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pods").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// Finds the node on which pods of lower priority give way; the snapshot is as before afterwards.
/// `request.draw` chooses where the search starts, uniformly.
///
/// # Errors
/// If it helps on no node.
pub fn preempt(
    snapshot: &mut Snapshot,
    request: &Request<'_>,
    pods: &Pods<'_>,
) -> Result<Candidate, NoPreemption> {
    let limits = limits(snapshot, request.class);
    let mut nodes: Vec<usize> = snapshot.order.iter().map(|&node| node as usize).collect();
    nodes.retain(|&node| {
        let refused = fits(snapshot, request.class, node, &limits);
        // A node that fits is refused for the sake of nominated pods.
        refused.err().is_none_or(Misfit::preemption_may_help)
    });
    let offset = usize::try_from((u128::from(request.draw) * nodes.len() as u128) >> 64);
    let offset = offset.expect("below the number of nodes");
    let wanted = n_candidates(nodes.len());
    let mut found: Vec<Candidate> = Vec::new();
    for step in 0..nodes.len() {
        let node = nodes[(offset + step) % nodes.len()];
        let victims = victims_on(snapshot, request, node, (pods.on_node)(node), pods.allowed);
        found.extend(victims);
        let one_is_free = found.iter().any(|candidate| candidate.n_violations == 0);
        if wanted <= found.len() && one_is_free {
            break;
        }
    }
    let classes = &snapshot.classes;
    let priority = |pod: &Running| classes[pod.class].priority;
    pick_one(found, priority).ok_or(NoPreemption::NoCandidate)
}

/// How many candidates are enough, of so many nodes (calculateNumCandidates).
#[must_use]
pub fn n_candidates(n_nodes: usize) -> usize {
    (n_nodes * MIN_CANDIDATES_PERCENT / 100).max(MIN_CANDIDATES).min(n_nodes)
}

/// The least important pods of lower priority that must leave a node (SelectVictimsOnNode): all
/// are taken off, then as many as possible are put back, those with a budget first, then the
/// most important first. None if that does not help, or if nobody has lower priority.
#[must_use]
pub fn victims_on(
    snapshot: &mut Snapshot,
    request: &Request<'_>,
    node: usize,
    running: Vec<Running>,
    allowed: &[Option<usize>],
) -> Option<Candidate> {
    let priority = |snapshot: &Snapshot, pod: &Running| snapshot.classes[pod.class].priority;
    let own = snapshot.classes[request.class].priority;
    let mut lower: Vec<Running> =
        running.into_iter().filter(|pod| priority(snapshot, pod) < own).collect();
    if lower.is_empty() {
        return None;
    }
    lower.sort_by_key(|pod| (Reverse(priority(snapshot, pod)), pod.started_at, pod.pod));
    for pod in &lower {
        snapshot.release(pod.class, node, !pod.is_leaving);
    }
    let would_fit = |snapshot: &mut Snapshot| fits_with_kept(snapshot, request, node);
    let (mut victims, mut n_violations) = (Vec::new(), 0);
    let helps = would_fit(snapshot);
    let (protected, free) = split_by_budget(&lower, allowed);
    for (pod, is_protected) in
        protected.iter().map(|pod| (pod, true)).chain(free.iter().map(|pod| (pod, false)))
    {
        put_back(snapshot, node, pod);
        if helps && !would_fit(snapshot) {
            snapshot.release(pod.class, node, !pod.is_leaving);
            victims.push(*pod);
            n_violations += usize::from(is_protected);
        }
    }
    for pod in &victims {
        put_back(snapshot, node, pod);
    }
    victims.sort_by_key(|pod| (Reverse(priority(snapshot, pod)), pod.started_at, pod.pod));
    (!victims.is_empty()).then_some(Candidate { node, victims, n_violations })
}

fn put_back(snapshot: &mut Snapshot, node: usize, pod: &Running) {
    snapshot.place(pod.class, node);
    if pod.is_leaving {
        snapshot.stop_counting(pod.class, node);
    }
}

/// Whether the pod fits, with and without the pods that room is kept for.
fn fits_with_kept(snapshot: &mut Snapshot, request: &Request<'_>, node: usize) -> bool {
    let fits_now = |snapshot: &mut Snapshot| {
        let limits = limits(snapshot, request.class);
        fits(snapshot, request.class, node, &limits).is_ok()
    };
    let here: Vec<Nominated> =
        request.kept.iter().filter(|kept| kept.node == node).copied().collect();
    here.iter().for_each(|kept| snapshot.place(kept.class, node));
    let beside = here.is_empty() || fits_now(snapshot);
    here.iter().for_each(|kept| snapshot.release(kept.class, node, true));
    beside && fits_now(snapshot)
}

/// Pods whose budget does not let them go, and the others (filterPodsWithPDBViolation): each pod
/// in turn uses up one disruption of its budget.
fn split_by_budget(pods: &[Running], allowed: &[Option<usize>]) -> (Vec<Running>, Vec<Running>) {
    let mut left = allowed.to_vec();
    pods.iter().partition(|pod| match left.get_mut(pod.class) {
        Some(Some(0)) => true,
        Some(Some(disruptions)) => {
            *disruptions -= 1;
            false
        }
        _ => false,
    })
}

/// The best candidate (pickOneNodeForPreemption): fewest protected victims, then the lowest
/// highest priority, the smallest sum of priorities, the fewest victims, the latest start of the
/// earliest started among its most important victims, then the first.
#[must_use]
pub fn pick_one(
    candidates: Vec<Candidate>,
    priority: impl Fn(&Running) -> i32,
) -> Option<Candidate> {
    let key = |candidate: &Candidate| {
        let highest = candidate.victims.iter().map(&priority).max();
        // Shifted, so that fewer victims are better even where priorities are negative.
        let shifted = |pod: &Running| i64::from(priority(pod)) + i64::from(i32::MAX) + 1;
        let sum: i64 = candidate.victims.iter().map(shifted).sum();
        let most_important = candidate.victims.iter().filter(|pod| Some(priority(pod)) == highest);
        let started_at = most_important.map(|pod| pod.started_at).min();
        (candidate.n_violations, highest, sum, candidate.victims.len(), Reverse(started_at))
    };
    candidates.into_iter().min_by_key(key)
}

#[cfg(test)]
mod tests {
    use super::super::pod_class::{PodClass, PodRules};
    use super::super::score::FitStrategy;
    use super::super::snapshot::{NewNode, Taints};
    use super::*;
    use crate::model::labels::Labels;
    use crate::model::node_pool::Resources;
    use crate::model::placement::TopologyKey;
    use crate::model::workload::AntiAffinity;
    use crate::units::{Bytes, MilliCpu};

    const LOW: i32 = 0;
    const MID: i32 = 100;
    const HIGH: i32 = 1_000;
    const NEGATIVE: i32 = -100;

    /// Priority and start day of each pod on each machine.
    type Machines = Vec<Vec<(i32, i64)>>;
    /// Class and start day of each pod on a node.
    type Residents = Vec<(usize, i64)>;

    /// Rows of TestPickOneNodeForPreemption (defaultpreemption/default_preemption_test.go) in
    /// which every pod on a machine is a victim: machines as lists of priorities and start days.
    #[test]
    fn pick_one_node_for_preemption() {
        let day = |priorities: &[i32]| priorities.iter().map(|&p| (p, 1)).collect::<Vec<_>>();
        let table: Vec<(&str, Machines, usize)> = vec![
            (
                "machine with min highest priority pod is picked",
                vec![day(&[MID, MID]), day(&[MID, LOW]), day(&[LOW, LOW])],
                3,
            ),
            (
                "when highest priorities are the same, minimum sum of priorities is picked",
                vec![day(&[MID, MID]), day(&[MID, LOW]), day(&[MID, MID])],
                2,
            ),
            (
                "when highest priority and sum are the same, minimum number of pods is picked",
                vec![
                    day(&[MID, NEGATIVE, MID, NEGATIVE]),
                    day(&[MID, NEGATIVE]),
                    day(&[MID, NEGATIVE, LOW]),
                ],
                2,
            ),
            (
                "sum of adjusted priorities is considered",
                vec![
                    day(&[MID, NEGATIVE, NEGATIVE]),
                    day(&[MID, NEGATIVE]),
                    day(&[MID, NEGATIVE, LOW]),
                ],
                2,
            ),
            (
                "non-overlapping lowest high priority, sum priorities, and number of pods",
                vec![
                    day(&[MID, LOW, LOW]),
                    day(&[HIGH]),
                    day(&[MID, LOW, LOW, LOW]),
                    day(&[MID, MID, MID, NEGATIVE]),
                ],
                1,
            ),
            ("all alike: the first", vec![day(&[MID]), day(&[MID])], 1),
        ];
        for (name, machines, expected) in table {
            assert_eq!(picked(&machines), expected, "{name}");
        }
    }

    /// The rows of the same table that differ in start times.
    #[test]
    fn pick_one_node_for_preemption_by_start_time() {
        let table: Vec<(&str, Machines, usize)> = vec![
            (
                "same priority, same number of victims, different start time for each machine's \
                 pod",
                vec![vec![(MID, 3), (MID, 3)], vec![(MID, 4), (MID, 4)], vec![(MID, 2), (MID, 2)]],
                2,
            ),
            (
                "same priority, same number of victims, different start time for all pods",
                vec![vec![(MID, 5), (MID, 3)], vec![(MID, 6), (MID, 2)], vec![(MID, 4), (MID, 7)]],
                3,
            ),
            (
                "different priority, same number of victims, different start time for all pods",
                vec![vec![(LOW, 5), (MID, 3)], vec![(MID, 7), (LOW, 2)], vec![(LOW, 4), (MID, 6)]],
                2,
            ),
        ];
        for (name, machines, expected) in table {
            assert_eq!(picked(&machines), expected, "{name}");
        }
    }

    /// The number of the machine that is picked, counted from 1.
    fn picked(machines: &[Vec<(i32, i64)>]) -> usize {
        let priorities: Vec<i32> =
            machines.iter().flatten().map(|(priority, _)| *priority).collect();
        let mut next = 0;
        let mut victim = |&(_, day): &(i32, i64)| {
            next += 1;
            running(next - 1, next - 1, day)
        };
        let candidate = |(node, pods): (usize, &Vec<(i32, i64)>)| Candidate {
            node: node + 1,
            victims: pods.iter().map(&mut victim).collect(),
            n_violations: 0,
        };
        let candidates = machines.iter().enumerate().map(candidate).collect();
        pick_one(candidates, |pod| priorities[pod.class]).expect("there are candidates").node
    }

    /// Fewest violated budgets goes before everything else.
    #[test]
    fn budgets_go_before_priorities() {
        let candidate = |node, class, n_violations| Candidate {
            node,
            victims: vec![running(0, class, 1)],
            n_violations,
        };
        let candidates = vec![candidate(0, 0, 1), candidate(1, 1, 0)];
        let picked = pick_one(candidates, |pod| [LOW, HIGH][pod.class]).unwrap();
        assert_eq!(picked.node, 1);
        assert_eq!(pick_one(Vec::new(), |_| 0), None);
    }

    fn running(pod: usize, class: usize, day: i64) -> Running {
        Running {
            pod: PodId::new(pod),
            class,
            started_at: Time::from_secs(86_400 * day),
            is_leaving: false,
            is_preempted: false,
        }
    }

    /// Classes of these priorities and CPUs, and `n` nodes of 5 CPU.
    fn cluster(classes: &[(i32, i64)], n: usize) -> Snapshot {
        let rules = |&(priority, cpu): &(i32, i64)| PodRules {
            requests: Resources { cpu: MilliCpu::new(cpu), memory: Bytes::ZERO, pods: 1 },
            priority,
            ..PodRules::default()
        };
        let rules: Vec<PodRules> = classes.iter().map(rules).collect();
        with_nodes(&rules, n)
    }

    fn with_nodes(rules: &[PodRules], n: usize) -> Snapshot {
        let classes = PodClass::all(rules, &[]);
        let mut snapshot = Snapshot::new(classes, FitStrategy::LeastAllocated);
        let labels = Labels::default();
        let allocatable =
            Resources { cpu: MilliCpu::new(5_000), memory: Bytes::from_mib(1_000), pods: 32 };
        snapshot.add_nodes((0..n).map(|_| NewNode {
            zone: 0,
            taints: Taints::NONE,
            allocatable,
            labels: &labels,
            pool_taints: &[],
        }));
        snapshot
    }

    /// The victims on a node that holds these pods (class, start day), for a pod of class 0.
    fn victims(
        snapshot: &mut Snapshot,
        pods: &[(usize, i64)],
        allowed: &[Option<usize>],
    ) -> Option<(Vec<usize>, usize)> {
        let before = snapshot.clone();
        let running: Vec<Running> = pods
            .iter()
            .enumerate()
            .map(|(index, &(class, day))| running(index, class, day))
            .collect();
        running.iter().for_each(|pod| snapshot.place(pod.class, 0));
        let found = victims_on(snapshot, &Request::default(), 0, running.clone(), allowed);
        running.iter().for_each(|pod| snapshot.release(pod.class, 0, true));
        assert_eq!(snapshot.node(0), before.node(0), "a dry run leaves nothing behind");
        let victims = |found: Candidate| {
            let pods = found.victims.iter().map(|victim| victim.pod.index()).collect();
            (pods, found.n_violations)
        };
        found.map(victims)
    }

    /// Rows in the manner of TestDryRunPreemption: which of the pods on a node of 5 CPU give way
    /// to one of priority 1,000 and 3 CPU.
    #[test]
    fn as_few_as_possible_give_way() {
        let classes = [(HIGH, 3_000), (MID, 2_000), (LOW, 1_000), (HIGH, 2_000), (LOW, 4_000)];
        let table: Vec<(&str, Residents, Option<Vec<usize>>)> = vec![
            ("nobody of lower priority", vec![(3, 1), (3, 1)], None),
            ("the same priority does not give way", vec![(0, 1)], None),
            ("not enough even without them", vec![(3, 1), (3, 1), (2, 1)], None),
            ("the lower priority gives way", vec![(1, 1), (2, 1), (2, 1)], Some(vec![1, 2])),
            ("one large is enough", vec![(4, 1), (2, 2)], Some(vec![0])),
            (
                "of equal ones those that started last",
                vec![(2, 4), (2, 2), (2, 1), (2, 3)],
                Some(vec![3, 0]),
            ),
        ];
        for (rule, pods, expected) in table {
            let mut snapshot = cluster(&classes, 1);
            let found = victims(&mut snapshot, &pods, &[None; 5]);
            assert_eq!(found.map(|(pods, _)| pods), expected, "{rule}");
        }
    }

    /// Pods whose budget is used up are put back first, so that the others give way; if it does
    /// not help, they go and count as violations. Each pod uses up one allowed disruption.
    #[test]
    fn budgets_are_spared_if_possible() {
        let classes = [(HIGH, 3_000), (LOW, 2_000), (MID, 2_000)];
        for (rule, pods, allowed, expected) in [
            ("no budget: the lower goes", vec![(1, 1), (2, 1)], None, (vec![0], 0)),
            ("a budget of nothing spares it", vec![(1, 1), (2, 1)], Some(0), (vec![1], 0)),
            ("one disruption is allowed", vec![(1, 1), (2, 1)], Some(1), (vec![0], 0)),
            ("both are protected, the later goes", vec![(1, 1), (1, 2)], Some(0), (vec![1], 1)),
            ("the first uses up the budget and goes", vec![(1, 1), (1, 2)], Some(1), (vec![0], 0)),
        ] {
            let mut snapshot = cluster(&classes, 1);
            let found = victims(&mut snapshot, &pods, &[None, allowed, None]);
            assert_eq!(found, Some(expected), "{rule}");
        }
    }

    /// Required anti-affinity is undone by removing the pods; required affinity never is.
    #[test]
    fn pods_kept_apart_give_way() {
        let balloon = PodRules { priority: LOW, ..PodRules::default() };
        let mut shy = PodRules { priority: HIGH, ..PodRules::default() };
        let workloads = vec![crate::model::ids::WorkloadId::new(1)];
        let term = crate::model::placement::PodTerm { key: TopologyKey::Hostname, workloads };
        shy.placement.anti_affinity.required.push(term.clone());
        shy.anti_affinity = AntiAffinity::None;
        let mut snapshot = with_nodes(&[shy.clone(), balloon.clone()], 1);
        assert_eq!(victims(&mut snapshot, &[(1, 1)], &[None; 2]), Some((vec![0], 0)));
        shy.placement.anti_affinity.required.clear();
        shy.placement.affinity.required.push(term);
        let mut snapshot = with_nodes(&[shy, balloon], 1);
        assert_eq!(victims(&mut snapshot, &[(1, 1)], &[None; 2]), None, "it fits with it there");
    }

    /// Room kept for a pod of the same or higher priority is not taken by preemption either.
    #[test]
    fn kept_room_is_respected() {
        let mut snapshot = cluster(&[(HIGH, 3_000), (LOW, 4_000)], 1);
        snapshot.place(1, 0);
        let balloon = running(0, 1, 1);
        let kept = [Nominated { node: 0, class: 0 }];
        let request = Request { kept: &kept, ..Request::default() };
        let found = victims_on(&mut snapshot, &request, 0, vec![balloon], &[None; 2]);
        assert_eq!(found, None, "two of 3 CPU do not fit on 5");
        let found = victims_on(&mut snapshot, &Request::default(), 0, vec![balloon], &[None; 2]);
        assert_eq!(found.unwrap().victims, [balloon]);
    }

    /// The search looks at nodes where removing pods may help, from a drawn start, and stops when
    /// there are enough candidates.
    #[test]
    fn candidates_are_searched_from_a_drawn_start() {
        assert_eq!([5, 100, 150, 1_000, 5_000].map(n_candidates), [5, 100, 100, 100, 500]);
        let mut snapshot = cluster(&[(HIGH, 3_000), (LOW, 4_000)], 3);
        (0..3).for_each(|node| snapshot.place(1, node));
        snapshot.set_taints(1, Taints::NOT_READY);
        let on_node = |node: usize| vec![running(node, 1, 1)];
        let pods = Pods { on_node: &on_node, allowed: &[None; 2] };
        for (draw, expected) in [(0, 0), (u64::MAX, 2)] {
            let request = Request { draw, ..Request::default() };
            let found = preempt(&mut snapshot, &request, &pods).unwrap();
            assert_eq!(found.node, expected, "the unready node 1 is no candidate");
        }
    }

    /// Nobody preempts again while its victims are leaving, unless the node became hopeless.
    #[test]
    fn preemptors_wait_for_their_victims() {
        let mut snapshot = cluster(&[(HIGH, 3_000), (LOW, 4_000)], 1);
        snapshot.place(1, 0);
        let leaving = |is_preempted| Running { is_leaving: true, is_preempted, ..running(0, 1, 1) };
        let asked = |snapshot: &mut Snapshot, pod| may_preempt(snapshot, 0, Some((0, &[pod])));
        let waits = Err(NoPreemption::VictimsAreLeaving);
        assert_eq!(asked(&mut snapshot, leaving(true)), waits);
        assert_eq!(asked(&mut snapshot, leaving(false)), Ok(()), "it leaves for another reason");
        assert_eq!(may_preempt(&mut snapshot, 0, None), Ok(()));
        snapshot.set_taints(0, Taints::UNREACHABLE);
        assert_eq!(asked(&mut snapshot, leaving(true)), Ok(()));
        let never = PodRules {
            placement: crate::model::placement::Placement {
                never_preempts: true,
                ..Default::default()
            },
            ..PodRules::default()
        };
        let mut snapshot = with_nodes(&[never], 1);
        assert_eq!(may_preempt(&mut snapshot, 0, None), Err(NoPreemption::Never));
    }
}
