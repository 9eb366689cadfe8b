//! Which of several node groups grows when more than one could help.
//!
//! Follows expander/{waste,leastnodes,mostpods,priority,random,factory}. Each filter keeps the
//! best options; the chain applies filters until one option is left, and else picks at random.
//! A group's priority follows from its name, so it is looked up once, when a scenario is loaded
//! ([`super::priorities`]).

use super::resources::Resources;

/// A node group that could help, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleUpOption {
    /// Nodes that it would add.
    pub n_nodes: usize,
    /// Pods that would then fit.
    pub n_pods: usize,
    /// What those pods request in all.
    pub requests: Resources,
    /// Capacity (not allocatable) of one of its nodes.
    pub node_capacity: Resources,
    /// Its priority; None if it matches no pattern.
    pub priority: Option<i64>,
}

/// A strategy of the expander.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expander {
    /// Keep all: leave it to the final draw.
    Random,
    /// Keep the fewest nodes.
    LeastNodes,
    /// Keep the most pods helped.
    MostPods,
    /// Keep the smallest share of CPU and memory left unused.
    LeastWaste,
    /// Keep the highest priority.
    Priority,
}

impl Expander {
    /// All strategies.
    pub const ALL: &'static [Self] =
        &[Self::Random, Self::MostPods, Self::LeastNodes, Self::LeastWaste, Self::Priority];

    /// Upstream's name, as in `--expander`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::LeastNodes => "least-nodes",
            Self::MostPods => "most-pods",
            Self::LeastWaste => "least-waste",
            Self::Priority => "priority",
        }
    }

    /// Of the options in `among` (indices into `options`), those that are best.
    #[must_use]
    pub fn keep(self, options: &[ScaleUpOption], among: &[usize]) -> Vec<usize> {
        match self {
            Self::Random => among.to_vec(),
            Self::LeastNodes => least_nodes(options, among),
            Self::MostPods => most_pods(options, among),
            Self::LeastWaste => least_waste(options, among),
            Self::Priority => highest_priority(options, among),
        }
    }
}

/// The option to take, as an index into `options`; `draw` settles what the strategies leave open.
#[must_use]
pub fn choose(chain: &[Expander], options: &[ScaleUpOption], draw: u64) -> Option<usize> {
    let filters = chain.iter().map(|expander| |among: &[usize]| expander.keep(options, among));
    narrow((0..options.len()).collect(), filters, |left| random(left, draw))
}

/// Applies filters until one item is left, and else the last resort.
pub fn narrow<T: Copy, F: Fn(&[T]) -> Vec<T>>(
    items: Vec<T>,
    filters: impl IntoIterator<Item = F>,
    last_resort: impl FnOnce(&[T]) -> Option<T>,
) -> Option<T> {
    let mut left = items;
    for keep in filters {
        left = keep(&left);
        if let [one] = left[..] {
            return Some(one);
        }
    }
    last_resort(&left)
}

/// One of `items`, all equally likely for a uniform `draw`.
#[must_use]
pub fn random<T: Copy>(items: &[T], draw: u64) -> Option<T> {
    // The high half of draw × count: the index without the bias of a remainder at the low end.
    let index = (u128::from(draw) * items.len() as u128) >> 64;
    items.get(index as usize).copied()
}

/// Options without nodes are not options here.
fn least_nodes(options: &[ScaleUpOption], among: &[usize]) -> Vec<usize> {
    let real = among.iter().copied().filter(|&index| 0 < options[index].n_nodes);
    let least = real.clone().map(|index| options[index].n_nodes).min();
    real.filter(|&index| Some(options[index].n_nodes) == least).collect()
}

fn most_pods(options: &[ScaleUpOption], among: &[usize]) -> Vec<usize> {
    let most = among.iter().map(|&index| options[index].n_pods).max();
    among.iter().copied().filter(|&index| Some(options[index].n_pods) == most).collect()
}

fn least_waste(options: &[ScaleUpOption], among: &[usize]) -> Vec<usize> {
    let mut least = f64::INFINITY;
    let mut kept = Vec::new();
    for &index in among {
        let waste = waste(&options[index]);
        if waste < least || kept.is_empty() {
            least = waste;
            kept.clear();
        }
        if waste == least || kept.is_empty() {
            kept.push(index);
        }
    }
    kept
}

/// Shares of CPU and memory left unused, added up.
fn waste(option: &ScaleUpOption) -> f64 {
    let n_nodes = option.n_nodes as i64;
    let share = |per_node: i64, used: i64| {
        let have = per_node.saturating_mul(n_nodes);
        (have - used) as f64 / have as f64
    };
    let (node, pods) = (&option.node_capacity, &option.requests);
    share(node.cpu.milli(), pods.cpu.milli()) + share(node.memory.get(), pods.memory.get())
}

/// Without any priority among them, all pass.
fn highest_priority(options: &[ScaleUpOption], among: &[usize]) -> Vec<usize> {
    let highest = among.iter().filter_map(|&index| options[index].priority).max();
    match highest {
        Some(highest) => {
            let has_it = |index: &usize| options[*index].priority == Some(highest);
            among.iter().copied().filter(has_it).collect()
        }
        None => among.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The draw's whole range maps evenly onto the options, both ends included.
    #[test]
    fn a_draw_picks_evenly() {
        let options = ['a', 'b', 'c', 'd'];
        for (draw, picked) in [(0, 'a'), (1 << 62, 'b'), (u64::MAX / 2 + 1, 'c'), (u64::MAX, 'd')] {
            assert_eq!(random(&options, draw), Some(picked), "{draw}");
        }
        assert_eq!(random::<char>(&[], 7), None);
    }
}
