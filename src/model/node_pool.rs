//! A node pool: identical virtual machines in one or several zones, with bounds on their number.

use crate::sim::laws::Law;
use crate::spec::{Code, Decoder, Diagnostic, Name, Text, choice, nearest, section};
use crate::units::{Bytes, MilliCpu, Ratio, Span};

use super::duration::DurationSpec;
use super::ids::{ClusterId, NodeId, ZoneId};
use super::labels::{AGENT_POOL, AKS_AGENT_POOL, INSTANCE_TYPE, LabelMap, Labels};
use super::network::PluginSpec;
use super::taint::{Taint, TaintSpec};
use super::vm_size::{MemoryReservation, VM_SIZES, VmSize};

section! {
    /// A node pool: machines of one size. Give `vmSize`, `machine` or `allocatable`, and either a
    /// fixed `count` or the autoscaler's `minCount` and `maxCount`.
    pub struct NodePoolSpec {
        /// Its name, e.g. `user`.
        "name" name: Name = required;
        /// The size of its machines, e.g. `D8s_v5`; with or without `Standard_`.
        "vmSize" vm_size: Option<Text> = optional;
        /// Machines of a size that is not in the list, instead of a VM size.
        "machine" machine: Option<MachineSpec> = optional;
        /// What a node offers to pods, instead of a VM size.
        "allocatable" allocatable: Option<AllocatableSpec> = optional;
        /// Pods that fit on a node; left out, by the network of the cluster (30, 110 or 250), and
        /// 110 without one. From Kubernetes 1.29 on it decides about reserved memory, too.
        "maxPods" max_pods: Option<u32> = optional, range 10..=250;
        /// Share of a machine's nominal memory that its kernel reports.
        "visibleMemory" visible_memory: Ratio = default "100%",
            source "nominal; nodes in the AKS documentation report about 98 %",
            low confidence "98%"..="100%", range "50%"..="100%";
        /// How the memory reserved on a node of `vmSize` or `machine` is computed.
        "memoryReservation" memory_reservation: MemoryReservationSpec = default "perPod",
            source "aks-docs node-resource-reservations.md: from Kubernetes 1.29";
        /// What DaemonSets request on each node; pods get the rest of what the node offers.
        "daemonSets" daemon_sets: DaemonSetsSpec = section;
        /// Zones, by number, that its nodes are spread over; left out, all zones of the region.
        "zones" zones: Vec<u32> = list 0..=16, range 1..=16;
        /// A fixed number of nodes.
        "count" count: Option<u32> = optional, range 0..=1000;
        /// What becomes of machines that the autoscaler does not need.
        "scaleDownMode" scale_down_mode: ScaleDownModeSpec = default "Delete",
            source "aks-docs scale-down-mode.md";
        /// Machines that a capacity reservation group holds for the pool: no quota is checked and
        /// no turn waited for within it.
        "capacityReservation" capacity_reservation: u32 = default "0",
            source "none unless stated",
            range 0..=1000;
        /// Whether new nodes have the workloads' images (AKS prepared image specification).
        "preparedImages" prepared_images: bool = default "false",
            source "aks-docs: a preview, off";
        /// Fewest nodes that the cluster autoscaler keeps.
        "minCount" min_count: Option<u32> = optional, range 0..=1000;
        /// Most nodes that the cluster autoscaler orders.
        "maxCount" max_count: Option<u32> = optional, range 1..=1000;
        /// From the order of a machine to its node being ready; left out, lognormal with median
        /// 150 s and 95th percentile 300 s (for "2 to 5 minutes", aks-docs concepts-scale.md).
        "provisioning" provisioning: Option<DurationSpec> = optional, range "0s"..="1d";
        /// From power coming back to the kubelet running; left out, 60 s to 120 s (assumed).
        "reboot" reboot: Option<DurationSpec> = optional, range "0s"..="1d";
        /// Bytes a second at which a node pulls images.
        "pullBandwidth" pull_bandwidth: Bytes = default "100Mi",
            source "assumed: registry in the same region, unpacking included",
            range "64Ki"..="100Gi";
        /// Size of the images that a new node pulls before any other, for its system pods.
        "systemImages" system_images: Bytes = default "0",
            source "assumed: AKS node images contain them",
            range "0"..="100Gi";
        /// From the image being there to the container running: sandbox, volumes, runtime.
        "containerStart" container_start: Span = default "1s", source "assumed", range "0s"..="1h";
        /// Labels of its nodes, beside host name, zone, pool and machine size.
        "labels" labels: LabelMap = optional;
        /// Taints of its nodes.
        "taints" taints: Vec<TaintSpec> = list 0..=32;
    }
    check NodePoolSpec::check_alternatives;
}

section! {
    /// A machine whose size is not in the list; AKS reserves on it by the same rules.
    pub struct MachineSpec {
        /// vCPUs.
        "vCpus" n_vcpus: u32 = required, range 1..=1000;
        /// Nominal memory.
        "memory" memory: Bytes = required, range "1Gi"..="32Ti";
        /// Quota family, as `az vm list-usage` names it; left out, no family quota counts it.
        "family" family: Option<Text> = optional;
    }
}

choice! {
    /// What becomes of machines that the autoscaler does not need.
    pub enum ScaleDownModeSpec {
        /// They are deleted.
        "Delete" => Delete,
        /// They are deallocated, and started again, with their images, before others are ordered.
        "Deallocate" => Deallocate,
    }
}

section! {
    /// What a node offers to pods.
    pub struct AllocatableSpec {
        /// CPU that pods may request.
        "cpu" cpu: MilliCpu = required, range "1m"..="1000";
        /// Memory that pods may request.
        "memory" memory: Bytes = required, range "1Mi"..="32Ti";
    }
}

section! {
    /// What DaemonSets request on each node, all of them together.
    pub struct DaemonSetsSpec {
        /// CPU.
        "cpu" cpu: MilliCpu = default "0m", source "none unless stated", range "0m"..="100";
        /// Memory.
        "memory" memory: Bytes = default "0", source "none unless stated", range "0"..="1Ti";
        /// Number of pods.
        "pods" pods: u32 = default "0", source "none unless stated", range 0..=100;
    }
}

choice! {
    /// How AKS computes the memory that it reserves on a node.
    pub enum MemoryReservationSpec {
        /// 20 MiB for each possible pod and 50 MiB, at most a quarter: Kubernetes 1.29 and later.
        "perPod" => PerPod,
        /// A share of memory in brackets: before Kubernetes 1.29.
        "brackets" => Brackets,
    }
}

/// Fewest and most nodes of a pool, and whether the autoscaler moves between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Fewest nodes.
    pub min: u32,
    /// Most nodes.
    pub max: u32,
    /// Whether the autoscaler may change the size.
    pub autoscaled: bool,
}

impl NodePoolSpec {
    /// What the machines are and how many; `None` after a reported mistake.
    fn check_alternatives(&self, cx: &mut Decoder<'_>) {
        let mut report = |place: &crate::spec::Place, message: String, allowed: &str| {
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
            cx.report(wrong.allowed(allowed));
        };
        let stated = [self.vm_size.is_some(), self.machine.is_some(), self.allocatable.is_some()];
        if stated.iter().filter(|is_stated| **is_stated).count() != 1 {
            let message = "a pool needs its machines stated once".to_owned();
            report(&self.vm_size.place, message, "one of `vmSize`, `machine` and `allocatable`");
        }
        match (*self.count, *self.min_count, *self.max_count) {
            (Some(_), None, None) => {}
            (None, Some(min), Some(max)) if min <= max => {}
            (None, Some(min), Some(max)) => {
                let message = format!("`minCount` {min} is above `maxCount` {max}");
                report(&self.min_count.place, message, &format!("0 to {max}"));
            }
            _ => {
                let message = "a pool needs its size stated once".to_owned();
                report(&self.count.place, message, "`count`, or `minCount` with `maxCount`");
            }
        }
        if let Some(text) = &*self.vm_size
            && VmSize::find(text).is_none()
        {
            let known = VM_SIZES.iter().map(|size| size.name);
            let bare = text.strip_prefix("Standard_").unwrap_or(text);
            let place = self.vm_size.place.clone();
            let message = format!("unknown VM size `{}`", text.as_str());
            let mut wrong = Diagnostic::error(Code::UnknownReference, place, message)
                .allowed(known.clone().collect::<Vec<_>>().join(", "))
                .help("state `machine: {vCpus, memory}` for another size");
            if let Some(meant) = nearest(bare, known) {
                wrong = wrong.help(format!("did you mean `{meant}`?"));
            }
            cx.report(wrong);
        }
    }

    /// Its bounds; the section's checks must have passed.
    #[must_use]
    pub fn size(&self) -> PoolSize {
        match (*self.count, *self.min_count, *self.max_count) {
            (_, Some(min), Some(max)) => PoolSize { min, max, autoscaled: true },
            (count, _, _) => {
                let count = count.unwrap_or(0);
                PoolSize { min: count, max: count, autoscaled: false }
            }
        }
    }

    /// Labels that all its nodes have: the user's, and those that AKS sets.
    #[must_use]
    pub fn node_labels(&self) -> Labels {
        let mut labels = Labels::default();
        for (key, value) in &self.labels.entries {
            labels.set(key.as_str(), value.as_str());
        }
        labels.set(AGENT_POOL, self.name.as_str());
        labels.set(AKS_AGENT_POOL, self.name.as_str());
        if let Some(size) = &*self.vm_size {
            let bare = size.strip_prefix("Standard_").unwrap_or(size);
            labels.set(INSTANCE_TYPE, &format!("Standard_{bare}"));
        }
        labels
    }

    /// What DaemonSets request on each node.
    #[must_use]
    pub fn daemon_sets(&self, max_pods: u32) -> Resources {
        let Resources { cpu, memory, pods } = self.resources(max_pods).0;
        let stated = &self.daemon_sets;
        Resources {
            cpu: (*stated.cpu).min(cpu),
            memory: (*stated.memory).min(memory),
            pods: (*stated.pods).min(pods),
        }
    }

    /// Pods that fit on a node, in a cluster whose network has this plug-in.
    #[must_use]
    pub fn pods_per_node(&self, plugin: Option<PluginSpec>) -> u32 {
        let usual = plugin.map_or(110, PluginSpec::default_max_pods);
        self.max_pods.unwrap_or(usual)
    }

    /// The size of its machines, if one is stated.
    fn size_of_machine(&self) -> Option<VmSize> {
        if let Some(stated) = &*self.machine {
            let (n_vcpus, memory) = (*stated.n_vcpus, *stated.memory);
            return Some(VmSize { name: "machine", n_vcpus, memory, family: "" });
        }
        self.vm_size.as_ref().and_then(|name| VmSize::find(name)).copied()
    }

    /// What its machines count as in a quota; machines without a size count their CPU.
    #[must_use]
    pub fn quota_of_machine(&self) -> Machine {
        let Some(size) = self.size_of_machine() else {
            let cpu = self.allocatable.as_ref().map_or(0, |stated| stated.cpu.milli());
            let n_vcpus = u32::try_from((cpu + 999) / 1_000).expect("bounded by its range");
            return Machine { family: None, n_vcpus };
        };
        let own = self.machine.as_ref().and_then(|machine| machine.family.as_ref());
        let own = own.map(|family| family.to_string());
        let listed = Some(size.family).filter(|family| !family.is_empty()).map(str::to_owned);
        Machine { family: own.or(listed), n_vcpus: size.n_vcpus }
    }

    /// What a node offers to pods, those of DaemonSets included, and what the machine has in all.
    #[must_use]
    pub fn resources(&self, pods: u32) -> (Resources, Resources) {
        if let Some(stated) = &*self.allocatable {
            let offered = Resources { cpu: *stated.cpu, memory: *stated.memory, pods };
            return (offered, offered);
        }
        let size = self.size_of_machine().expect("checked when the pool was decoded");
        let rule = match *self.memory_reservation {
            MemoryReservationSpec::PerPod => MemoryReservation::PerPod,
            MemoryReservationSpec::Brackets => MemoryReservation::Brackets,
        };
        let left = size.allocatable(rule, pods);
        let visible = Bytes::new((size.memory.get() as f64 * self.visible_memory.get()) as i64);
        let cpu = MilliCpu::new(i64::from(size.n_vcpus) * 1_000);
        (
            Resources { cpu: left.cpu, memory: left.memory - (size.memory - visible), pods },
            Resources { cpu, memory: visible, pods },
        )
    }
}

/// Lognormal with median 150 s and 95th percentile 300 s: fitted to "VM provisioning (typically
/// 2-5 minutes)", aks-docs concepts-scale.md; no official distribution exists.
#[must_use]
pub fn default_provisioning() -> Law {
    Law::lognormal_p50_p95(150.0, 300.0)
}

/// Uniform from 60 s to 120 s: assumed, nothing is published about boots after a power cut.
#[must_use]
pub fn default_reboot() -> Law {
    Law::uniform(60.0, 120.0)
}

/// A node pool of one cluster (AKS agent pool, a virtual machine scale set).
#[derive(Clone, Debug)]
pub struct NodePool {
    /// Name in the scenario, e.g. `user`.
    pub name: String,
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// The zones that new nodes are spread over; the one with the fewest nodes is next.
    pub zones: Vec<ZoneId>,
    /// Its VM size, if the scenario names one.
    pub vm_size: Option<&'static str>,
    /// What pods may request on one node beside DaemonSets.
    pub allocatable: Resources,
    /// What DaemonSets request on each node.
    pub daemon_sets: Resources,
    /// What the machine has in all; the least-waste expander reads it.
    pub capacity: Resources,
    /// What a machine counts as in a quota.
    pub machine: Machine,
    /// Machines that a capacity reservation holds for it.
    pub reserved_machines: u32,
    /// Whether machines that are not needed are deallocated instead of deleted.
    pub deallocates: bool,
    /// Whether new nodes have the workloads' images.
    pub prepared_images: bool,
    /// Bounds of the cluster autoscaler; equal bounds mean a fixed size.
    pub min_nodes: u32,
    /// Upper bound, see `min_nodes`.
    pub max_nodes: u32,
    /// Whether the cluster autoscaler may change the size.
    pub autoscaled: bool,
    /// Time from the order of a virtual machine to its node being Ready \[s\].
    pub provisioning: Law,
    /// Time from power coming back to the kubelet running \[s\].
    pub reboot: Law,
    /// Image pull bandwidth of one node \[bytes a second\].
    pub pull_bandwidth: Bytes,
    /// What a new node pulls first \[bytes\].
    pub system_images: Bytes,
    /// Time from image present to container started: sandbox, volumes, runtime.
    pub container_start: Span,
    /// Labels of its nodes, without host name and zone.
    pub labels: Labels,
    /// Taints that its nodes have from the start.
    pub taints: Vec<Taint>,
    /// Nodes that exist or are on order, in order of creation; deleted ones are removed.
    pub nodes: Vec<NodeId>,
    /// Nodes ordered so far, for their names.
    pub ordered: u32,
    /// Size that was asked for: existing and ordered nodes.
    pub target: u32,
    /// Its size when its cluster was stopped.
    pub nodes_when_stopped: u32,
}

/// What a machine counts as in a quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Quota family of its size, if it is known.
    pub family: Option<String>,
    /// Its vCPUs.
    pub n_vcpus: u32,
}

/// What a pod requests and a node offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
    /// Pods (a pod counts one).
    pub pods: u32,
}

impl Resources {
    /// Whether `request` fits into what is left.
    #[must_use]
    pub fn fits(&self, request: &Self) -> bool {
        request.cpu <= self.cpu && request.memory <= self.memory && request.pods <= self.pods
    }

    /// How many times `request` fits; `u32::MAX` if it asks for nothing.
    #[must_use]
    pub fn times(&self, request: &Self) -> u32 {
        let of = |have: i64, need: i64| if need > 0 { have / need } else { i64::MAX };
        let fit = of(self.cpu.milli(), request.cpu.milli())
            .min(of(self.memory.get(), request.memory.get()))
            .min(of(i64::from(self.pods), i64::from(request.pods)))
            .max(0);
        u32::try_from(fit).unwrap_or(u32::MAX)
    }
}

impl std::ops::Sub for Resources {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            cpu: self.cpu - other.cpu,
            memory: self.memory - other.memory,
            pods: self.pods.saturating_sub(other.pods),
        }
    }
}

impl std::ops::AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.pods += other.pods;
    }
}

impl std::ops::SubAssign for Resources {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DaemonSets take their share, but never more than there is.
    #[test]
    fn daemon_sets_take_what_is_there_at_most() {
        let text = "name: user\nallocatable: {cpu: 2, memory: 4Gi}\ncount: 1\n\
                    daemonSets: {cpu: 300m, memory: 8Gi, pods: 6}";
        let spec: NodePoolSpec = crate::spec::decode_text(text).unwrap();
        let memory = Bytes::from_mib(4_096);
        assert_eq!(spec.daemon_sets(110), Resources { cpu: MilliCpu::new(300), memory, pods: 6 });
    }

    /// The documented node again, 8 cores and nominally 32 GiB of which the kernel reports
    /// 32863116Ki, stated as a machine of its own; and the pods of a node by its network.
    #[test]
    fn a_machine_of_its_own_follows_the_same_rules() {
        let text = "name: user\nmachine: {vCpus: 8, memory: 32Gi, family: mine}\ncount: 1\n\
                    memoryReservation: brackets\nvisibleMemory: 97.94%";
        let spec: NodePoolSpec = crate::spec::decode_text(text).unwrap();
        assert_eq!(spec.quota_of_machine(), Machine { family: Some("mine".into()), n_vcpus: 8 });
        let (offered, has) = spec.resources(110);
        assert_eq!(offered.cpu, MilliCpu::new(7_820));
        assert_eq!(has.memory - offered.memory, Bytes::from_mib(3_645 + 750));
        assert_eq!(has.memory.get() >> 20, 32_092, "97.94 % of 32 GiB");
        for (plugin, max_pods) in [(None, 110), (Some(PluginSpec::Overlay), 250)] {
            assert_eq!(spec.pods_per_node(plugin), max_pods);
        }
    }

    /// The scarcest resource decides how often a request fits.
    #[test]
    fn the_scarcest_resource_decides() {
        let node =
            Resources { cpu: MilliCpu::new(3_860), memory: Bytes::from_mib(14_034), pods: 30 };
        let pod = Resources { cpu: MilliCpu::new(500), memory: Bytes::from_mib(512), pods: 1 };
        assert_eq!(node.times(&pod), 7, "CPU: 3860m / 500m");
        let fat = Resources { memory: Bytes::from_mib(8_000), ..pod };
        assert_eq!(node.times(&fat), 1, "memory");
        let none = Resources { cpu: MilliCpu::ZERO, memory: Bytes::ZERO, pods: 1 };
        assert_eq!(node.times(&none), 30, "pods");
    }
}
