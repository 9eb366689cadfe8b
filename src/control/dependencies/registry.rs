//! A geo-replicated container registry: where a cluster pulls from, and which tags are there.
//!
//! Follows azure-docs reliability-container-registry.md: a cluster pulls from the copy in its own
//! region, if there is one; the loss of a copy is noticed by the data plane in a minute or two,
//! then its pulls go to the other; pulls under way fail. Replication is asynchronous: a tag that
//! was pushed shortly before the loss of the first place is not in the copy until that place is
//! back. A tag is pushed when its rollout begins. Read operations a minute are limited by tier
//! (container-registry-limits.md): a pull is its manifest and each layer, counted when a node asks
//! for the image; one too many fails, and the kubelet backs off.

use crate::control::Cx;
use crate::control::kubelet::pulling;
use crate::model::dependency::state::Kind;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, DependencyId, DeploymentId, FaultId, PodId};
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::units::{Span, Time};

use super::shell::{drawn, is_up};

/// Read operations are limited by stretches of this length.
const MINUTE: Span = Span::from_secs(60);

/// What becomes of the places of a registry, after one may have changed.
pub(super) fn changed(cx: &mut Cx, id: DependencyId, fault: FaultId) {
    for index in 0..cx.world[id].places.len() {
        let known_lost = cx.memory.dependencies.lost_places.contains(&(id, index));
        let up = is_up(cx, id, index);
        let region = cx.world[id].places[index].region;
        if !up && !known_lost {
            cx.memory.dependencies.lost_places.insert((id, index));
            if index == 0 {
                cx.memory.dependencies.home_lost.insert(id, cx.now);
            }
            cx.world[id].n_losses += 1;
            cx.world[id].fault = Some(fault);
            let why = Why("pulls fail until they go to its copy");
            cx.say(What::DependencyLost { dependency: id, region, fault, why });
            let wait = drawn(cx, id, "registry-failover", &cx.world[id].rules.switch.clone());
            cx.clock.arm(Event::DependencyStep(id), cx.now + wait);
            fail_pulls(cx, id, index);
        } else if up && known_lost {
            cx.memory.dependencies.lost_places.remove(&(id, index));
            cx.world[id].places[index].redirected = false;
            if index == 0 {
                cx.memory.dependencies.copying_resumed.insert(id, cx.now);
            }
            let why = Why("pulls of its region go there again");
            cx.say(What::DependencyBack { dependency: id, region, why });
        }
    }
}

/// Pulls under way from a place fail.
fn fail_pulls(cx: &mut Cx, id: DependencyId, place: usize) {
    for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
        let mut deployments = cx.world[cluster].deployments.iter();
        let pulls = deployments.any(|&d| of_deployment(&cx.world, d) == Some(id));
        if pulls && nearest(cx, id, cluster) == place {
            pulling::registry_lost(cx, cluster, Some(id));
        }
    }
}

/// The data plane has noticed: pulls of places that are lost go to the other.
pub(super) fn redirect(cx: &mut Cx, id: DependencyId) {
    for index in 0..cx.world[id].places.len() {
        let lost = !is_up(cx, id, index) && !cx.world[id].places[index].redirected;
        let other = (0..cx.world[id].places.len()).find(|&o| o != index && is_up(cx, id, o));
        let (true, Some(other)) = (lost, other) else { continue };
        cx.world[id].places[index].redirected = true;
        let region = cx.world[id].places[other].region;
        let fault = cx.world[id].fault.expect("a registry that moves was lost");
        let why = Why("pulls of the lost copy go there");
        cx.say(What::DependencyPromoted { dependency: id, region, fault, lost_writes: 0, why });
    }
}

/// The place that a cluster pulls from unless it is lost.
fn nearest(cx: &Cx, id: DependencyId, cluster: ClusterId) -> usize {
    let region = cx.world[cluster].region;
    cx.world[id].places.iter().position(|place| place.region == region).unwrap_or(0)
}

/// The registry that a deployment's image comes from, if it has a name.
#[must_use]
pub fn of_deployment(world: &World, deployment: DeploymentId) -> Option<DependencyId> {
    let is_registry = |&id: &DependencyId| matches!(world[id].kind, Kind::Registry { .. });
    world[deployment].needs.start.iter().copied().find(is_registry)
}

/// A node asks for the image of a pod: the manifest and each layer are one read operation, of which
/// the registry takes so many a minute. False: it throttles.
pub fn takes_pull(cx: &mut Cx, pod: PodId) -> bool {
    let Some(id) = of_deployment(&cx.world, cx.world[pod].deployment) else { return true };
    let Kind::Registry { reads_per_min, reads_per_pull, .. } = cx.world[id].kind else {
        unreachable!("found as one")
    };
    let reads = cx.memory.dependencies.reads.entry(id).or_default();
    reads.take(reads_per_pull, reads_per_min, MINUTE, cx.now)
}

/// Why the registries of a pod's deployment do not give it its image now; None if they do.
#[must_use]
pub fn refuses(cx: &Cx, pod: PodId) -> Option<Why> {
    let deployment = cx.world[pod].deployment;
    let mut needed = cx.world[deployment].needs.start.iter();
    needed.find_map(|&id| refusal(cx, id, pod, deployment))
}

fn refusal(cx: &Cx, id: DependencyId, pod: PodId, deployment: DeploymentId) -> Option<Why> {
    let Kind::Registry { replication_lag, .. } = &cx.world[id].kind else { return None };
    let mut place = nearest(cx, id, cx.world[deployment].cluster);
    if !is_up(cx, id, place) {
        if !cx.world[id].places[place].redirected {
            return Some(Why("its registry does not answer"));
        }
        let mut others = 0..cx.world[id].places.len();
        let other = others.find(|&o| o != place && is_up(cx, id, o));
        let Some(other) = other else { return Some(Why("its registry does not answer")) };
        place = other;
    }
    let image = cx.world.template_change(pod).map_or(0, |change| change.image);
    let pushed =
        cx.memory.dependencies.pushed.get(&(cx.world[deployment].workload, image)).copied();
    let pushed = pushed.filter(|_| place != 0)?;
    let name = format!("{}/{image}", cx.world[cx.world[deployment].workload].name);
    let lag = replication_lag.quantile(unit(cx.chance.draw("replication", &name, 0)));
    let there = replicated_at(cx, id, pushed, Span::from_secs_f64(lag));
    (there.is_none_or(|at| cx.now < at)).then_some(Why("the copy of its registry lacks the tag"))
}

/// When a tag is in the copy: after the lag, unless the first place was lost before; then the
/// copying begins anew when that is back. None: it is still lost.
fn replicated_at(cx: &Cx, id: DependencyId, pushed: Time, lag: Span) -> Option<Time> {
    let lost_since = cx.memory.dependencies.home_lost.get(&id).copied();
    let done = pushed + lag;
    match lost_since {
        None => Some(done),
        Some(lost) if done <= lost || lost < pushed => Some(done),
        Some(_) => cx
            .memory
            .dependencies
            .copying_resumed
            .get(&id)
            .filter(|_| is_up(cx, id, 0))
            .map(|&resumed| resumed + lag),
    }
}
