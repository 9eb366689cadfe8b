//! VM sizes and what a node of each leaves for pods.
//!
//! AKS keeps a part of every node for the kubelet and the kernel; a pool's real capacity is what
//! is left. The CPU rule is one table; the memory rule changed with Kubernetes 1.29 and then
//! depends on the pool's max-pods, so max-pods is a sizing knob (with 250 a D4s v5 keeps *less*
//! than under the old rule).
//!
//! Sources: aks-docs node-resource-reservations.md for both rules (the brackets agree with
//! Azure/karpenter-provider-azure instancetype.go); azure-docs dv5-dsv5-series.md, ddv5-ddsv5,
//! dv2-dsv2-series.md for vCPUs and memory. Memory capacity is the *nominal* size: a real node
//! reports about 2 % less, because the kernel keeps some for itself. Left out: Windows' extra
//! 2 GiB, and preview custom reservations.

use crate::units::{Bytes, MilliCpu};

/// A VM size as the cloud sells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VmSize {
    /// Name without the `Standard_` prefix, e.g. `D4s_v5`.
    pub name: &'static str,
    /// vCPUs; they count against the regional and the family quota.
    pub n_vcpus: u32,
    /// Nominal memory.
    pub memory: Bytes,
    /// Quota family, as `az vm list-usage` names it.
    pub family: &'static str,
}

/// Every size that a scenario may name.
pub const VM_SIZES: [VmSize; 11] = [
    size("DS2_v2", 2, 7, "standardDSv2Family"),
    size("DS3_v2", 4, 14, "standardDSv2Family"),
    size("D2s_v5", 2, 8, "standardDSv5Family"),
    size("D4s_v5", 4, 16, "standardDSv5Family"),
    size("D8s_v5", 8, 32, "standardDSv5Family"),
    size("D16s_v5", 16, 64, "standardDSv5Family"),
    size("D32s_v5", 32, 128, "standardDSv5Family"),
    size("D48s_v5", 48, 192, "standardDSv5Family"),
    size("D64s_v5", 64, 256, "standardDSv5Family"),
    size("D8ds_v5", 8, 32, "standardDDSv5Family"),
    size("D16ds_v5", 16, 64, "standardDDSv5Family"),
];

const fn size(name: &'static str, n_vcpus: u32, gib: i64, family: &'static str) -> VmSize {
    VmSize { name, n_vcpus, memory: Bytes::from_mib(gib * 1_024), family }
}

/// How much memory AKS keeps for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryReservation {
    /// Before Kubernetes 1.29: a share of memory in brackets, and 750 MiB for eviction.
    Brackets,
    /// From Kubernetes 1.29: 20 MiB for each possible pod plus 50 MiB, at most a quarter of the
    /// memory, and 100 MiB for eviction.
    PerPod,
}

/// What a node offers to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocatable {
    /// CPU that pods may request.
    pub cpu: MilliCpu,
    /// Memory that pods may request.
    pub memory: Bytes,
    /// Pods at most, those of DaemonSets included.
    pub n_pods: u32,
}

impl VmSize {
    /// The size called `name`, with or without `Standard_` in front.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.strip_prefix("Standard_").unwrap_or(name);
        VM_SIZES.iter().find(|size| size.name == name)
    }

    /// What a node of this size leaves for pods under `rule`, with room for `max_pods` pods.
    #[must_use]
    pub fn allocatable(&self, rule: MemoryReservation, max_pods: u32) -> Allocatable {
        Allocatable {
            cpu: MilliCpu::new(i64::from(self.n_vcpus) * 1_000) - reserved_cpu(self.n_vcpus),
            memory: self.memory - reserved_memory(self.memory, rule, max_pods),
            n_pods: max_pods,
        }
    }
}

/// CPU kept back: 6 % of the first core, 4 % of the second, 2 % of the next two, 1 % of the rest.
#[must_use]
pub fn reserved_cpu(n_vcpus: u32) -> MilliCpu {
    let milli = (1..=n_vcpus).map(|core| match core {
        1 => 60,
        2 => 40,
        3 | 4 => 20,
        _ => 10,
    });
    MilliCpu::new(milli.sum())
}

/// Memory kept back, the eviction threshold included; to the nearest MiB, as in the
/// documentation's example node (3,645 Mi of 3,645.44).
#[must_use]
pub fn reserved_memory(memory: Bytes, rule: MemoryReservation, max_pods: u32) -> Bytes {
    let mib = memory.get() >> 20;
    Bytes::from_mib(match rule {
        MemoryReservation::Brackets => bracket_share_mib(mib) + 750,
        MemoryReservation::PerPod => (20 * i64::from(max_pods) + 50).min(mib / 4) + 100,
    })
}

/// 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % above.
fn bracket_share_mib(mib: i64) -> i64 {
    const BRACKETS: [(i64, i64); 5] =
        [(4 << 10, 25), (4 << 10, 20), (8 << 10, 10), (112 << 10, 6), (i64::MAX, 2)];
    let mut rest = mib;
    let mut percent_mib = 0;
    for (width, percent) in BRACKETS {
        let inside = rest.min(width);
        percent_mib += inside * percent;
        rest -= inside;
    }
    (percent_mib + 50) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved_mib(size: &VmSize, rule: MemoryReservation, max_pods: u32) -> i64 {
        reserved_memory(size.memory, rule, max_pods).get() >> 20
    }

    /// The table of AKS reservations, every column: CPU left, memory kept under both rules, and
    /// memory left with room for 110 and 250 pods.
    #[test]
    fn allocatable_follows_the_published_table() {
        use MemoryReservation::{Brackets, PerPod};
        let table = [
            ("D2s_v5", 1_900, 2_593, [750, 2_148, 2_148], [6_044, 6_044]),
            ("D4s_v5", 3_860, 3_412, [750, 2_350, 4_196], [14_034, 12_188]),
            ("D8s_v5", 7_820, 4_395, [750, 2_350, 5_150], [30_418, 27_618]),
            ("D16s_v5", 15_740, 6_362, [750, 2_350, 5_150], [63_186, 60_386]),
            ("D32s_v5", 31_580, 10_294, [750, 2_350, 5_150], [128_722, 125_922]),
            ("D48s_v5", 47_420, 11_604, [750, 2_350, 5_150], [194_258, 191_458]),
            ("D64s_v5", 63_260, 12_915, [750, 2_350, 5_150], [259_794, 256_994]),
        ];
        for (name, cpu, old, new, left) in table {
            let size = VmSize::find(name).unwrap();
            assert_eq!(size.allocatable(PerPod, 110).cpu, MilliCpu::new(cpu), "{name}");
            assert_eq!(reserved_mib(size, Brackets, 110), old, "{name}");
            assert_eq!([30, 110, 250].map(|pods| reserved_mib(size, PerPod, pods)), new, "{name}");
            let memory = [110, 250].map(|pods| size.allocatable(PerPod, pods).memory);
            assert_eq!(memory, left.map(Bytes::from_mib), "{name}");
        }
    }

    /// The CPU kept back for every core count that the documentation lists.
    #[test]
    fn reserved_cpu_follows_the_published_list() {
        let listed = [1, 2, 4, 8, 16, 32, 64].map(|cores| reserved_cpu(cores).milli());
        assert_eq!(listed, [60, 100, 140, 180, 260, 420, 740]);
    }

    /// The documented node: 8 cores, 32863116Ki of capacity, 28362636Ki left, 7820m; the
    /// reservation is computed from the nominal 32 GiB and taken off the reported capacity.
    #[test]
    fn the_documented_node_is_reproduced() {
        let size = VmSize::find("Standard_D8ds_v5").unwrap();
        let kept = reserved_memory(size.memory, MemoryReservation::Brackets, 110);
        assert_eq!(Bytes::new(32_863_116 << 10) - kept, Bytes::new(28_362_636 << 10));
        assert_eq!(size.allocatable(MemoryReservation::Brackets, 110).cpu, MilliCpu::new(7_820));
    }

    /// Names are found with and without the prefix; an unknown one is not guessed.
    #[test]
    fn sizes_are_found_by_name() {
        assert_eq!(VmSize::find("Standard_DS3_v2").unwrap().n_vcpus, 4);
        assert_eq!(VmSize::find("DS2_v2").unwrap().memory, "7Gi".parse().unwrap());
        assert_eq!(VmSize::find("D4_v5"), None);
    }
}
