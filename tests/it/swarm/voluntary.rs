//! What people do on purpose stays within its bounds (I17): a rollout never plans more pods than
//! its surge allows, never gives up available pods below its least availability, and an eviction
//! never goes below its budget; whatever breaks meanwhile.

use tideover::control::deployment::fenceposts::Fenceposts;
use tideover::control::disruption::status;
use tideover::model::fact::{Fact, What};
use tideover::model::ids::{DeploymentId, PodId};
use tideover::model::rollout::Strategy;
use tideover::model::world::World;
use tideover::simulation::Finished;
use tideover::units::{Span, Time};

/// How late a budget's status may be: what changed within this may not be counted yet.
const STATUS_LAG: Span = Span::from_millis(15);

/// One deployment as the facts tell it.
#[derive(Default)]
struct Seen {
    replicas: u32,
    /// Sizes by revision; the only one until the first rollout is the deployment's own.
    sizes: Vec<u32>,
    /// Its pods that exist: which, whether they are ready, whether they are being deleted.
    pods: Vec<(PodId, bool, bool)>,
    /// When a pod was last lost by something else than an eviction, newest last.
    losses: Vec<Time>,
}

impl Seen {
    fn pod(&mut self, pod: PodId) -> Option<&mut (PodId, bool, bool)> {
        self.pods.iter_mut().find(|(other, ..)| *other == pod)
    }

    fn available(&self, world: &World, revision: usize) -> u32 {
        let its = |&&(pod, ready, deleting): &&(PodId, bool, bool)| {
            ready && !deleting && world[pod].revision as usize == revision
        };
        u32::try_from(self.pods.iter().filter(its).count()).unwrap()
    }

    /// Available pods that the sizes leave, those that are not available going first.
    fn left(&self, world: &World) -> u32 {
        let sizes = self.sizes.iter().enumerate();
        sizes.map(|(revision, &size)| self.available(world, revision).min(size)).sum()
    }
}

/// Asserts I17 over all facts of a run.
pub(super) fn keeps_its_bounds(case: u64, finished: &Finished) {
    let world = &finished.world;
    let facts = finished.facts.facts();
    let Some(start) = facts.first().map(|fact| fact.at) else { return };
    let mut seen: Vec<Seen> = (0..world.deployments.len())
        .map(|index| {
            let replicas = replicas_at_start(facts, world, DeploymentId::new(index));
            Seen { replicas, sizes: vec![replicas], ..Seen::default() }
        })
        .collect();
    for fact in facts {
        let place = format!("case {case}, {}: {}", fact.at, fact.words(world));
        match fact.what {
            What::Scaled { deployment, to, .. } => {
                let seen = &mut seen[deployment.index()];
                seen.replicas = to;
                if seen.sizes.len() == 1 {
                    seen.sizes[0] = to;
                }
            }
            What::ReplicaSetScaled { .. } => resized(&place, fact, world, &mut seen),
            What::RolloutStarted { deployment, revision } => {
                let seen = &mut seen[deployment.index()];
                if seen.sizes.iter().filter(|&&size| 0 < size).count() <= 1 {
                    // Before the first rollout, or since the last, the newest had them all.
                    let newest = seen.sizes.len() - 1;
                    seen.sizes[newest] = seen.replicas;
                }
                seen.sizes.resize(revision as usize + 1, 0);
            }
            _ => pod_changed(&place, fact, start, world, &mut seen),
        }
    }
}

fn replicas_at_start(facts: &[Fact], world: &World, id: DeploymentId) -> u32 {
    let scaled = facts.iter().find_map(|fact| match fact.what {
        What::Scaled { deployment, from, .. } if deployment == id => Some(from),
        _ => None,
    });
    scaled.unwrap_or(world[id].replicas)
}

/// A ReplicaSet was resized: the plan stays between its fenceposts.
fn resized(place: &str, fact: &Fact, world: &World, all: &mut [Seen]) {
    let What::ReplicaSetScaled { deployment, revision, from, to, why } = fact.what else { return };
    let strategy = world[deployment].rules.strategy;
    let seen = &mut all[deployment.index()];
    let fence = Fenceposts::resolve(strategy, seen.replicas);
    let before = seen.left(world);
    seen.sizes[revision as usize] = to;
    if why.0 == "room up to the surge" && from < to {
        let total: u32 = seen.sizes.iter().sum();
        assert!(total <= seen.replicas + fence.surge, "{place}: {total} pods are planned");
    }
    if why.0 == "enough pods are available" {
        let least = seen.replicas.saturating_sub(fence.unavailable);
        let left = seen.left(world);
        assert!(before.min(least) <= left, "{place}: {left} available pods are left");
    }
    if strategy == Strategy::Recreate && from == 0 && 0 < to {
        let newest = revision;
        let old = seen.pods.iter().filter(|(pod, ..)| world[*pod].revision != newest).count();
        assert_eq!(old, 0, "{place}: old pods are left");
    }
}

/// A pod changed; if it was evicted, its budget must have allowed it.
fn pod_changed(place: &str, fact: &Fact, start: Time, world: &World, all: &mut [Seen]) {
    let (What::PodCreated { pod }
    | What::PodReady { pod }
    | What::PodNotReady { pod, .. }
    | What::PodDeleted { pod, .. }
    | What::PodGone { pod }) = fact.what
    else {
        return;
    };
    let deployment = &world[world[pod].deployment];
    let seen = &mut all[world[pod].deployment.index()];
    match fact.what {
        What::PodCreated { .. } => {
            // Those of the start have been ready for long.
            seen.pods.push((pod, world[pod].created_at < start, false));
        }
        What::PodReady { .. } => seen.pod(pod).expect("it was created").1 = true,
        What::PodNotReady { .. } => {
            seen.losses.push(fact.at);
            seen.pod(pod).expect("it was created").1 = false;
        }
        What::PodGone { .. } => seen.pods.retain(|(other, ..)| *other != pod),
        What::PodDeleted { why, .. } => {
            let known = seen.pod(pod).expect("it was created");
            known.2 = true;
            let was_ready = known.1;
            if why.0 != "evicted: its node is drained" {
                seen.losses.push(fact.at);
            } else if let (Some(budget), true) = (deployment.disruption_budget, was_ready) {
                let healthy = seen.pods.iter().filter(|(_, ready, deleting)| *ready && !deleting);
                let unseen = seen.losses.iter().rev().take_while(|&&at| fact.at < at + STATUS_LAG);
                let healthy = healthy.count() + unseen.count();
                let (n_pods, scale) = (seen.pods.len(), seen.replicas as usize);
                let desired = status(budget.limit, n_pods, scale, healthy).desired_healthy;
                assert!(desired <= healthy, "{place}: {healthy} of {desired} are left");
            }
        }
        _ => {}
    }
}
