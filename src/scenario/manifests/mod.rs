//! The users' own Kubernetes manifests as workloads: what `kubectl apply` takes, tideover reads.
//!
//! `manifests: [web.yaml]` in a workload names files with a Deployment and what belongs to it:
//! HorizontalPodAutoscaler (autoscaling/v2 and v1), PodDisruptionBudget, Service and
//! PriorityClass. Several documents in a file, `kind: List` as `kubectl get -o yaml` prints it,
//! the output of kustomize, and `-` for the standard input are all read.
//!
//! The manifests become a tree with the workload's own keys, over which the workload's keys in
//! the scenario are laid; so every value passes the same checks, and every message and every
//! line of `check --explain` points to the manifest that a value stands in.
//!
//! Nothing is dropped silently: fields that no Kubernetes type knows and fields that matter but
//! are not modelled are named with object and path. `--strict` makes both errors.
//!
//! Reading order: [`objects`] (files to objects), [`typed`] (objects against the types of
//! k8s-openapi), [`path`] (fields of an object), [`translate`] (fields to keys of a workload) with
//! [`containers`], [`placement`] and [`autoscaler`], [`coverage`] (what was not taken), [`apply`]
//! (all of it, workload by workload).

mod objects;

mod typed;

mod path;

mod translate;

mod containers;

mod placement;

mod autoscaler;

mod coverage;

mod apply;

pub(super) use apply::apply;
