//! The kubelet: probes, restarts, image pulls and the end of a pod.
//!
//! | file | upstream |
//! |---|---|
//! | [`probe`] | pkg/kubelet/prober/worker.go: thresholds, delays, gating by the startup probe |
//! | [`restart`] | pkg/kubelet/kuberuntime (doBackOff), client-go flowcontrol back-off |
//! | [`image_pull`] | pkg/kubelet/images: serial and parallel pulls, bandwidth, pull back-off |
//! | [`termination`] | kuberuntime_container.go (killContainer): preStop, SIGTERM, grace |

pub mod image_pull;
pub mod probe;
pub mod restart;
pub mod termination;

pub mod container;
pub mod probing;
pub mod pulling;
