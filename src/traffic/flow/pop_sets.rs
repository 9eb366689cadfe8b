//! Edge locations in groups: who fails at one edge tries again at the same edge.
//!
//! Users keep their edge location for all attempts, so it matters which of them have failed: when
//! edges change over to another origin one by one, retries come from those that have not. A set
//! of edges stands for the users of a cohort, evenly spread over it; when its edges are sent
//! different ways, the cohort divides as the edges do.

use crate::model::ids::{ClusterId, PopId};
use crate::traffic::routing::{PopRoute, Routing};

/// The edge locations of a demand.
#[derive(Clone, Debug)]
pub(super) struct PopSets {
    pops: Vec<PopId>,
    /// What each was last known to do.
    routes: Vec<PopRoute>,
    /// Number of the class of each.
    class_of: Vec<u16>,
    classes: Vec<Class>,
    /// Sets that cohorts refer to, as bits.
    sets: Vec<Box<[u64]>>,
    /// Of the present classes.
    parts: Vec<(u32, Vec<Part>)>,
}

/// Edges with the same route.
#[derive(Clone, Debug)]
struct Class {
    set: u32,
    ways: Vec<(Option<ClusterId>, f64)>,
}

/// The edges of a set that belong to one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) class: usize,
    pub(super) set: u32,
    pub(super) n_pops: u32,
}

/// The set of all edge locations.
pub(super) const ALL: u32 = 0;

impl PopSets {
    pub(super) fn new(pops: &[PopId]) -> Self {
        let bits: Vec<usize> = (0..pops.len()).collect();
        let mut sets = Self {
            pops: pops.to_vec(),
            routes: vec![PopRoute::NOWHERE; pops.len()],
            class_of: vec![0; pops.len()],
            classes: vec![Class { set: ALL, ways: vec![(None, 1.0)] }],
            sets: Vec::new(),
            parts: Vec::new(),
        };
        sets.intern(&bits);
        sets
    }

    /// Whether any route is another one than is known.
    pub(super) fn differs(&self, routing: &Routing) -> bool {
        self.routes.iter().zip(&self.pops).any(|(known, pop)| *known != routing.pops[pop.index()])
    }

    /// Learns the routes; whether any has changed.
    pub(super) fn learn(&mut self, routing: &Routing) -> bool {
        let mut changed = false;
        for (known, pop) in self.routes.iter_mut().zip(&self.pops) {
            let route = &routing.pops[pop.index()];
            if known != route {
                known.clone_from(route);
                changed = true;
            }
        }
        if changed {
            self.classify();
        }
        changed
    }

    /// Puts edges with equal routes together.
    fn classify(&mut self) {
        let mut members: Vec<Vec<usize>> = Vec::new();
        for index in 0..self.routes.len() {
            let same = |class: &Vec<usize>| self.routes[class[0]] == self.routes[index];
            match members.iter().position(same) {
                Some(class) => members[class].push(index),
                None => members.push(vec![index]),
            }
        }
        self.classes.clear();
        self.parts.clear();
        for (class, members) in members.iter().enumerate() {
            for &member in members {
                self.class_of[member] = class as u16;
            }
            let set = self.intern(members);
            let ways = self.routes[members[0]].ways();
            self.classes.push(Class { set, ways });
        }
    }

    /// The cluster to which all edges send everything, if there is one.
    pub(super) fn sole_way(&self) -> Option<ClusterId> {
        match &self.classes[..] {
            [Class { ways, .. }] => match ways[..] {
                [(Some(cluster), _)] => Some(cluster),
                _ => None,
            },
            _ => None,
        }
    }

    /// Where the edges of a class send, with shares.
    pub(super) fn ways(&self, class: usize) -> &[(Option<ClusterId>, f64)] {
        &self.classes[class].ways
    }

    /// A set by the classes of its edges.
    pub(super) fn parts_of(&mut self, set: u32) -> Vec<Part> {
        if let [class] = &self.classes[..] {
            let n_pops = self.size(set);
            debug_assert!(class.set == ALL, "one class has every edge");
            return vec![Part { class: 0, set, n_pops }];
        }
        if let Some((_, parts)) = self.parts.iter().find(|(known, _)| *known == set) {
            return parts.clone();
        }
        let mut parts = Vec::new();
        for class in 0..self.classes.len() {
            let theirs = &self.sets[self.classes[class].set as usize];
            let mine = &self.sets[set as usize];
            let both: Box<[u64]> = mine.iter().zip(theirs).map(|(a, b)| a & b).collect();
            let n_pops = both.iter().map(|word| word.count_ones()).sum();
            if 0 < n_pops {
                parts.push(Part { class, set: self.intern_bits(both), n_pops });
            }
        }
        self.parts.push((set, parts.clone()));
        parts
    }

    fn size(&self, set: u32) -> u32 {
        self.sets[set as usize].iter().map(|word| word.count_ones()).sum()
    }

    fn intern(&mut self, members: &[usize]) -> u32 {
        let mut bits = vec![0_u64; self.pops.len().div_ceil(64)];
        for member in members {
            bits[member / 64] |= 1 << (member % 64);
        }
        self.intern_bits(bits.into())
    }

    fn intern_bits(&mut self, bits: Box<[u64]>) -> u32 {
        // The most recent ones are asked for most often.
        match self.sets.iter().rposition(|known| *known == bits) {
            Some(known) => known as u32,
            None => {
                self.sets.push(bits);
                (self.sets.len() - 1) as u32
            }
        }
    }
}
