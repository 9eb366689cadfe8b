//! Connections that callers keep open to the pods of a Service, and how long a dead end of one
//! goes unnoticed.
//!
//! kube-proxy clears stale conntrack entries of UDP only (pkg/proxy/conntrack/cleanup.go): an
//! established TCP connection to a pod outlives its endpoint. A machine without power resets
//! nothing, so requests on such a connection end by the caller's own time-out.

use crate::spec::{choice, section};
use crate::units::Span;

section! {
    /// Connections that callers keep open to each pod. Left out, every request opens its own.
    pub struct ConnectionsSpec {
        /// What a time-out does to the connection.
        "protocol" protocol: ProtocolSpec = default "http1",
            source "assumed: ingress-nginx and Application Gateway speak HTTP/1.1 to pods";
        /// Connections that all callers together keep open to one pod; HTTP/1.1 only.
        "perPod" per_pod: u32 = default "100", source "assumed", range 1..=1000000;
        /// When a caller's TCP gives up a connection on which nothing is acknowledged.
        "deadAfter" dead_after: Span = default "924600ms",
            source "linux ip-sysctl: tcp_retries2 15, at least 924.6 s",
            range "1s"..="1d";
    }
}

choice! {
    /// What a time-out does to the connection that it happens on.
    pub enum ProtocolSpec {
        /// HTTP/1.1: one request at a time; a caller that times out closes the connection.
        "http1" => Http1,
        /// HTTP/2: many requests share it; it stays until TCP gives it up.
        "http2" => Http2,
    }
}

/// Connections of callers to one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// How many requests fail before all are closed; `u32::MAX` is no bound.
    pub failures: u32,
    /// When TCP gives up those that are left.
    pub dead_after: Span,
}

impl ConnectionsSpec {
    /// What becomes of the connections to a pod that is gone without a word.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let failures = match *self.protocol {
            ProtocolSpec::Http1 => *self.per_pod,
            ProtocolSpec::Http2 => u32::MAX,
        };
        Connections { failures, dead_after: *self.dead_after }
    }
}
