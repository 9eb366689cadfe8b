//! The shell of image pulls: pods ask, pulls end, and the registry may be lost.
//!
//! A pull's rate changes only when one begins or ends, on its node or, if the registry of the
//! cluster has a bandwidth, anywhere in the cluster. Workloads pull from the registry that they
//! need to start ([`registry`]), or from one that belongs to their cluster and has no name; so do
//! system pods.

use crate::control::Cx;
use crate::control::cloud::addresses;
use crate::control::dependencies::{registry, secrets};
use crate::control::network::scaling;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, DependencyId, NodeId, PodId, WorkloadId};
use crate::model::pod::Container;

use super::container;
use super::image_pull::{Image, Pull, fair_rates, pull_backoff};

/// Whether a cluster's registry answers.
#[must_use]
pub fn registry_is_up(cx: &Cx, cluster: ClusterId) -> bool {
    cx.world[cluster].registry.is_up()
}

/// A container is to be made: at once if its image is there, otherwise after a pull.
pub fn ensure_image(cx: &mut Cx, pod: PodId) {
    cx.world[pod].container = Container::Pulling;
    if !addresses::has_address(cx, pod) {
        return;
    }
    if let Err((due, n_failures)) = secrets::mount(cx, pod) {
        return container::sync_again(cx, pod, due, "mount-sync", u64::from(n_failures));
    }
    let node = cx.world[pod].node.expect("only bound pods are pulled for");
    let deployment = &cx.world[cx.world[pod].deployment];
    let revision = cx.world.template_change(pod).map_or(0, |change| change.image);
    let (image, template) = ((deployment.workload, revision), &deployment.template);
    let (size, always) = (template.image.get() as f64, template.always_pull);
    let lost = Why("its registry does not answer");
    let cluster = cx.world[node].cluster;
    let is_lost = !registry_is_up(cx, cluster)
        && registry::of_deployment(&cx.world, cx.world[pod].deployment).is_none();
    let refused = is_lost.then_some(lost).or_else(|| registry::refuses(cx, pod));
    let is_there = cx.world[node].image_ready_at(image).is_some();
    if is_there && (refused.is_none() || !always) {
        return container::create(cx, pod);
    }
    if let Some(why) = refused {
        return failed(cx, pod, why);
    }
    let policy = cx.settings.pulls;
    let is_known = cx.memory.pulls.get(&node).is_some_and(|pulls| pulls.has(Some(image)));
    if !is_known && !registry::takes_pull(cx, pod) {
        return failed(cx, pod, Why("its registry throttles (read operations a minute)"));
    }
    let pulls = cx.memory.pulls.entry(node).or_default();
    if !pulls.ask(Some(pod), (Some(image), size), cx.now, policy) {
        return failed(cx, pod, Why("its node pulls too often (registryPullQPS)"));
    }
    proceed(cx, node);
}

/// A new node pulls the images of its system pods before any other.
pub fn node_joined(cx: &mut Cx, node: NodeId) {
    let size = cx.world[cx.world[node].pool].system_images.get() as f64;
    if size == 0.0 || !registry_is_up(cx, cx.world[node].cluster) {
        return;
    }
    let pulls = cx.memory.pulls.entry(node).or_default();
    pulls.ask(None, (None, size), cx.now, cx.settings.pulls);
    proceed(cx, node);
}

/// A pull of a node is done.
pub fn done(cx: &mut Cx, node: NodeId) {
    let Some(pulls) = cx.memory.pulls.get_mut(&node) else { return };
    let done = pulls.take_done(cx.now);
    for pull in done {
        if let Some(image) = pull.image {
            cx.world[node].images.push((image, cx.now));
        }
        if !cx.world[node].has_kubelet() {
            // The kubelet looks at its pods when it is back.
            continue;
        }
        for pod in waiting(cx, node, &pull) {
            cx.say(What::ImagePulled { pod });
            container::create(cx, pod);
        }
    }
    proceed(cx, node);
}

/// The machine is gone, with all that it was pulling.
pub fn node_lost(cx: &mut Cx, node: NodeId) {
    if cx.memory.pulls.remove(&node).is_some() {
        cx.clock.disarm(Event::ImagePull(node));
        share_registry(cx, cx.world[node].cluster);
    }
}

/// A registry of a cluster stopped answering, the unnamed one if there is no name: all pulls from
/// it fail, the others go on.
pub fn registry_lost(cx: &mut Cx, cluster: ClusterId, registry: Option<DependencyId>) {
    let of = |workload: WorkloadId| {
        let deployments = &cx.world[workload].deployments;
        let here = deployments.iter().find(|&&one| cx.world[one].cluster == cluster)?;
        registry::of_deployment(&cx.world, *here)
    };
    let workloads = (0..cx.world.workloads.len()).map(WorkloadId::new);
    let registries: Vec<Option<DependencyId>> = workloads.map(of).collect();
    let is_lost =
        |image: Image| image.and_then(|(workload, _)| registries[workload.index()]) == registry;
    let pulling = cx.memory.pulls.keys().copied();
    let nodes: Vec<NodeId> = pulling.filter(|&node| cx.world[node].cluster == cluster).collect();
    for node in nodes {
        let lost = cx.memory.pulls.get_mut(&node).expect("listed above").take_those(is_lost);
        cx.clock.disarm(Event::ImagePull(node));
        proceed(cx, node);
        for pull in lost {
            for pod in waiting(cx, node, &pull) {
                failed(cx, pod, Why("its registry does not answer"));
            }
        }
    }
}

/// The pods that still wait for a pull.
fn waiting(cx: &Cx, node: NodeId, pull: &Pull) -> Vec<PodId> {
    let waits = |&pod: &PodId| {
        let state = &cx.world[pod];
        state.is_active() && state.node == Some(node) && state.container == Container::Pulling
    };
    pull.pods.iter().copied().filter(waits).collect()
}

/// Starts what may run on a node, and sets all rates that this changes.
fn proceed(cx: &mut Cx, node: NodeId) {
    let Some(pulls) = cx.memory.pulls.get_mut(&node) else { return };
    pulls.start(cx.settings.pulls);
    let cluster = cx.world[node].cluster;
    if bandwidth(cx, cluster).is_some() {
        share_registry(cx, cluster);
    } else {
        set_rates(cx, &[node], None);
    }
}

/// Bytes a second for all pulls of a cluster together, if its registry or a firewall bounds them.
fn bandwidth(cx: &Cx, cluster: ClusterId) -> Option<f64> {
    let registry = cx.world[cluster].registry_bandwidth.map(|total| total.get() as f64);
    let firewall = scaling::bandwidth_of_pulls(cx, cluster);
    match (registry, firewall) {
        (Some(registry), Some(firewall)) => Some(registry.min(firewall)),
        (one, other) => one.or(other),
    }
}

/// Bytes a second that the running pulls of a cluster would take, if no firewall bounded them.
#[must_use]
pub fn demanded(cx: &Cx, cluster: ClusterId) -> f64 {
    let of = |node: NodeId| cx.world[cx.world[node].pool].pull_bandwidth.get() as f64;
    let total: f64 = pulling_nodes(cx, cluster).into_iter().map(of).sum();
    let registry = cx.world[cluster].registry_bandwidth;
    registry.map_or(total, |registry| total.min(registry.get() as f64))
}

fn pulling_nodes(cx: &Cx, cluster: ClusterId) -> Vec<NodeId> {
    let pulling = cx.memory.pulls.iter().filter(|(_, pulls)| 0 < pulls.n_running());
    pulling.map(|(&node, _)| node).filter(|&n| cx.world[n].cluster == cluster).collect()
}

/// Shares the bandwidth of a cluster's registry or firewall, if it has one, among all its pulls.
pub fn share_registry(cx: &mut Cx, cluster: ClusterId) {
    let Some(total) = bandwidth(cx, cluster) else { return };
    let nodes = pulling_nodes(cx, cluster);
    set_rates(cx, &nodes, Some(total));
}

fn set_rates(cx: &mut Cx, nodes: &[NodeId], total: Option<f64>) {
    let load = |&node: &NodeId| {
        let bandwidth = cx.world[cx.world[node].pool].pull_bandwidth;
        (cx.memory.pulls[&node].n_running(), bandwidth.get() as f64)
    };
    let loads: Vec<(usize, f64)> = nodes.iter().map(load).collect();
    for (&node, rate) in nodes.iter().zip(fair_rates(&loads, total)) {
        let pulls = cx.memory.pulls.get_mut(&node).expect("it was read above");
        pulls.set_rate(rate, cx.now);
        match pulls.next_done() {
            Some(at) => cx.clock.arm(Event::ImagePull(node), at),
            None => cx.clock.disarm(Event::ImagePull(node)),
        }
    }
}

/// A pull failed: the pod is synced again, and tries again once its back-off is over.
fn failed(cx: &mut Cx, pod: PodId, why: Why) {
    let n_failures = cx.memory.pull_failed(pod);
    cx.say(What::ImagePullFailed { pod, why });
    let due = cx.now + pull_backoff(n_failures);
    container::sync_again(cx, pod, due, "pull-sync", u64::from(n_failures));
}
