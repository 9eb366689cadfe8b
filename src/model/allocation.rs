//! Machines that are ordered and do not come: how often, and how the cluster autoscaler learns.
//!
//! Nobody publishes the share of orders that a region fulfils while others fail over to it, nor
//! how many machines a minute it grants: a scenario states them.

use crate::spec::{Text, choice, section};
use crate::units::{Ratio, Span};

use super::ids::PoolId;

choice! {
    /// How the autoscaler learns that machines do not come.
    pub enum Visibility {
        /// The call fails, as when a quota is exceeded: the pool is left alone at once.
        "synchronous" => Synchronous,
        /// Not at all, until the machines are overdue (`maxNodeProvisionTime`).
        "asynchronous" => Asynchronous,
        /// The provider reports the failed machines; they are deleted and the pool left alone.
        "fastDelete" => FastDelete,
    }
}

section! {
    /// How often machines of one size are allocated.
    pub struct SizeAllocationSpec {
        /// The size, e.g. `D8s_v5`.
        "vmSize" vm_size: Text = required;
        /// As `allocationSuccess` of the region.
        "allocationSuccess" success: Option<Ratio> = optional, range "0%"..="100%";
        /// As `stampedeAllocationSuccess` of the region.
        "stampedeAllocationSuccess" stampede_success: Option<Ratio> = optional,
            range "0%"..="100%";
    }
}

/// The probability that a machine is allocated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Success {
    /// As long as no other region is lost.
    pub usual: Ratio,
    /// While another region is lost.
    pub stampede: Ratio,
}

impl Success {
    /// The probabilities that a scenario states; None: every machine is allocated.
    #[must_use]
    pub fn stated(usual: Option<Ratio>, stampede: Option<Ratio>) -> Option<Self> {
        let always = Ratio::new(1.0);
        let usual_or = usual.unwrap_or(always);
        (usual.is_some() || stampede.is_some())
            .then_some(Self { usual: usual_or, stampede: stampede.unwrap_or(usual_or) })
    }
}

/// How a region allocates machines that may not come.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Of any size; None: all come.
    pub success: Option<Success>,
    /// Pools whose size has a probability of its own.
    pub by_pool: Vec<(PoolId, Success)>,
    /// A machine that would wait longer than this for its turn fails; None: it waits.
    pub longest_wait: Option<Span>,
    /// How the autoscaler learns of machines that fail.
    pub visibility: Visibility,
    /// With fast delete, from the order to the report that machines failed.
    pub reported_after: Span,
}

impl Allocation {
    /// The probabilities for the machines of a pool; None: all come.
    #[must_use]
    pub fn success_of(&self, pool: PoolId) -> Option<Success> {
        let own = self.by_pool.iter().find(|(other, _)| *other == pool);
        own.map_or(self.success, |(_, success)| Some(*success))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left out follows from what is stated, and nothing stated is no dial at all.
    #[test]
    fn a_stampede_is_like_any_day_unless_stated() {
        let ratio = Ratio::new;
        for (rule, usual, stampede, expected) in [
            ("nothing stated", None, None, None),
            ("any day", Some(0.9), None, Some((0.9, 0.9))),
            ("a stampede only", None, Some(0.4), Some((1.0, 0.4))),
            ("both", Some(0.9), Some(0.4), Some((0.9, 0.4))),
        ] {
            let stated = Success::stated(usual.map(ratio), stampede.map(ratio));
            let found = stated.map(|success| (success.usual.get(), success.stampede.get()));
            assert_eq!(found, expected, "{rule}");
        }
    }

    /// A size's own probabilities go before those of the region.
    #[test]
    fn a_size_has_its_own_dial() {
        let success = |p| Success { usual: Ratio::new(p), stampede: Ratio::new(p) };
        let allocation = Allocation {
            success: Some(success(0.5)),
            by_pool: vec![(PoolId::new(2), success(0.25))],
            longest_wait: None,
            visibility: Visibility::Asynchronous,
            reported_after: Span::ZERO,
        };
        assert_eq!(allocation.success_of(PoolId::new(1)), Some(success(0.5)));
        assert_eq!(allocation.success_of(PoolId::new(2)), Some(success(0.25)));
    }
}
