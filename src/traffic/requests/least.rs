//! Least outstanding among many pods: what is compared, side by side.
//!
//! Each pod lists when its requests leave. To look at all those lists for every arrival would
//! take long; so the length of each, and when the next request leaves it, are kept for the length
//! of a slice, with the least of every group of pods, and only lists that something has left are
//! looked at.

use crate::model::ids::PodId;

use crate::traffic::pods::Pod;

/// The loads of the endpoints of a deployment.
pub(super) struct Loads<'a> {
    endpoints: &'a [PodId],
    groups: Vec<Group>,
    /// Of each group.
    least: Vec<Load>,
}

/// Endpoints of a group.
const GROUP: usize = 8;

/// The loads of some endpoints.
#[derive(Clone, Copy)]
struct Group([Load; GROUP]);

/// The load of an endpoint, or the least of a group.
#[derive(Clone, Copy)]
struct Load {
    /// Requests that are listed, and below them the place of the endpoint: the least number is the
    /// first of the fewest.
    rank: u64,
    /// When the next of the requests leaves [s].
    next_s: f64,
}

impl Load {
    const NONE: Self = Self { rank: u64::MAX, next_s: f64::INFINITY };
}

impl Group {
    fn least(&self) -> Load {
        self.0.iter().fold(Load::NONE, |least, load| Load {
            rank: if load.rank < least.rank { load.rank } else { least.rank },
            next_s: if load.next_s < least.next_s { load.next_s } else { least.next_s },
        })
    }
}

impl<'a> Loads<'a> {
    pub(super) fn of(endpoints: &'a [PodId], pods: &mut [Pod]) -> Self {
        let n_groups = endpoints.len().div_ceil(GROUP);
        let groups = vec![Group([Load::NONE; GROUP]); n_groups];
        let mut loads = Self { endpoints, groups, least: vec![Load::NONE; n_groups] };
        for at in 0..endpoints.len() {
            loads.look_at(at, pods, f64::NEG_INFINITY);
        }
        loads
    }

    /// Looks at the list of the endpoint at a place.
    pub(super) fn look_at(&mut self, at: usize, pods: &mut [Pod], now_s: f64) {
        let pod = &mut pods[self.endpoints[at].index()];
        let rank = (pod.listed(now_s) as u64) << 32 | at as u64;
        let group = &mut self.groups[at / GROUP];
        group.0[at % GROUP] = Load { rank, next_s: pod.next_leaves_s() };
        self.least[at / GROUP] = group.least();
    }

    /// The place of the endpoint with the fewest outstanding requests, the first of equals.
    pub(super) fn least(&mut self, pods: &mut [Pod], now_s: f64) -> usize {
        let mut least = u64::MAX;
        for group in 0..self.groups.len() {
            if self.least[group].next_s <= now_s {
                for place in 0..GROUP {
                    if self.groups[group].0[place].next_s <= now_s {
                        self.look_at(group * GROUP + place, pods, now_s);
                    }
                }
            }
            least = least.min(self.least[group].rank);
        }
        (least & u64::from(u32::MAX)) as usize
    }

    pub(super) fn endpoint(&self, at: usize) -> PodId {
        self.endpoints[at]
    }
}
