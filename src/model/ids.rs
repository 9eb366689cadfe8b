//! Ids: an index into the vector that owns the thing. Names live in one table, beside their owner.

/// Declares id types: newtypes over a vector index, ordered by creation.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id of the thing at `index` of its vector.
            ///
            /// # Panics
            /// If `index` does not fit 32 bits; limits on scenarios keep it far below.
            #[must_use]
            pub fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("limits keep every count below 2^32"))
            }

            /// The position in the vector that owns the thing.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

ids! {
    /// A region: the failure domain of zones and of the clusters in it.
    RegionId;
    /// An availability zone of one region.
    ZoneId;
    /// A rack: the nodes of one zone that share power and a switch.
    RackId;
    /// A cluster, which is also the origin that Front Door sees in it.
    ClusterId;
    /// A node pool of one cluster.
    PoolId;
    /// A node, from the order of its virtual machine to its deletion; never used again.
    NodeId;
    /// A workload, defined once for all clusters.
    WorkloadId;
    /// A workload in one cluster: its Deployment, ReplicaSet, Service and autoscaler.
    DeploymentId;
    /// A HorizontalPodAutoscaler of one deployment.
    HpaId;
    /// A pod, from creation to removal; never used again.
    PodId;
    /// An edge location of Front Door.
    PopId;
    /// An endpoint of Traffic Manager.
    EndpointId;
    /// A place that clients are in.
    GeographyId;
    /// The requests of one workload from one geography.
    DemandId;
    /// A limit that requests have to pass on their way to pods.
    GateId;
    /// A fault of the scenario.
    FaultId;
    /// An operation of the scenario.
    OperationId;
    /// Something that requests or pod starts need.
    DependencyId;
}
