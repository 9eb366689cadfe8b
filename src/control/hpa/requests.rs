//! The resource request of a pod, which a utilisation target is a percentage of.
//!
//! Follows `calculateRequests` of replica_calculator.go. A deployment's pods are alike, so this
//! runs once when a scenario is loaded, not in every pass.

/// A container's request of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it requests, if anything.
    pub request: Option<i64>,
}

/// The requests in a pod's specification.
#[derive(Clone, Copy, Debug)]
pub struct PodSpec<'a> {
    /// `spec.resources.requests`, where pod-level resources are enabled and set.
    pub pod_level: Option<i64>,
    /// The containers.
    pub containers: &'a [ContainerRequest<'a>],
    /// The init containers that go on running (`restartPolicy: Always`).
    pub sidecars: &'a [ContainerRequest<'a>],
}

/// Why a pod has no request to compare its usage with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRequest {
    /// A container does not request the resource.
    Missing,
    /// The metric names a container that the pod does not have.
    ContainerNotFound,
}

/// The request of a pod, or of the one container that the metric names.
pub fn pod_request(pod: &PodSpec<'_>, container: Option<&str>) -> Result<i64, NoRequest> {
    let mut all = pod.containers.iter().chain(pod.sidecars);
    match (container, pod.pod_level) {
        (Some(name), _) => {
            let named = all.find(|container| container.name == name);
            named.ok_or(NoRequest::ContainerNotFound)?.request.ok_or(NoRequest::Missing)
        }
        (None, Some(request)) => Ok(request),
        (None, None) => all.try_fold(0_i64, |sum, container| {
            Ok(sum.saturating_add(container.request.ok_or(NoRequest::Missing)?))
        }),
    }
}
