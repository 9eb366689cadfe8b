//! Edge locations in groups: who fails at one edge tries again at the same edge.
//!
//! Users keep their edge location for all attempts, so it matters which of them have failed: when
//! edges change over to another origin one by one, retries come from those that have not. A set
//! of edges stands for the users of a cohort, evenly spread over it; when its edges are sent
//! different ways, the cohort divides as the edges do.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::ids::{ClusterId, PopId};
use crate::traffic::routing::{PopRoute, Routing};

/// The edge locations of a demand.
#[derive(Clone, Debug)]
pub(super) struct PopSets {
    pops: Vec<PopId>,
    /// What each was last known to do.
    routes: Vec<PopRoute>,
    classes: Vec<Class>,
    /// Sets that cohorts refer to, as bits.
    sets: Vec<Box<[u64]>>,
    numbers: BTreeMap<Box<[u64]>, u32>,
    /// Of the sets that were asked for since the classes are what they are.
    parts: Vec<Part>,
    /// By set: where its parts are among those; empty if it was not asked for.
    parts_of: Vec<Range<u32>>,
}

/// Edges with the same route.
#[derive(Clone, Debug)]
struct Class {
    set: u32,
    /// The same, as bits.
    members: Vec<u64>,
    route: PopRoute,
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
        let mut all = vec![0_u64; pops.len().div_ceil(64)];
        (0..pops.len()).for_each(|pop| all[pop / 64] |= 1 << (pop % 64));
        let mut sets = Self {
            pops: pops.to_vec(),
            routes: vec![PopRoute::NOWHERE; pops.len()],
            classes: vec![Class {
                set: ALL,
                members: all.clone(),
                route: PopRoute::NOWHERE,
                ways: vec![(None, 1.0)],
            }],
            sets: Vec::new(),
            numbers: BTreeMap::new(),
            parts: Vec::new(),
            parts_of: Vec::new(),
        };
        sets.intern(all.into());
        sets
    }

    /// Whether any route is another one than is known.
    pub(super) fn differs(&self, routing: &Routing) -> bool {
        self.routes.iter().zip(&self.pops).any(|(known, pop)| *known != routing.pops[pop.index()])
    }

    /// Learns the routes: puts edges whose route has changed with those that have the same.
    pub(super) fn learn(&mut self, routing: &Routing) {
        let mut changed = false;
        for index in 0..self.pops.len() {
            let route = &routing.pops[self.pops[index].index()];
            if self.routes[index] == *route {
                continue;
            }
            changed = true;
            self.routes[index].clone_from(route);
            let (word, bit) = (index / 64, 1 << (index % 64));
            self.classes.iter_mut().for_each(|class| class.members[word] &= !bit);
            match self.classes.iter_mut().find(|class| class.route == *route) {
                Some(class) => class.members[word] |= bit,
                None => {
                    let mut members = vec![0; self.sets[ALL as usize].len()];
                    members[word] = bit;
                    let (route, ways) = (route.clone(), route.ways());
                    self.classes.push(Class { set: ALL, route, ways, members });
                }
            }
        }
        if changed {
            self.classes.retain(|class| class.members.iter().any(|word| *word != 0));
            for class in 0..self.classes.len() {
                self.classes[class].set =
                    self.intern(self.classes[class].members.as_slice().into());
            }
            self.parts.clear();
            self.parts_of.fill(0..0);
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

    /// A set by the classes of its edges: numbers of its [parts](Self::part).
    pub(super) fn parts_of(&mut self, set: u32) -> Range<u32> {
        let known = self.parts_of[set as usize].clone();
        if !known.is_empty() {
            return known;
        }
        let begin = self.parts.len() as u32;
        for class in 0..self.classes.len() {
            let theirs = &self.sets[self.classes[class].set as usize];
            let mine = &self.sets[set as usize];
            let both: Box<[u64]> = mine.iter().zip(theirs).map(|(a, b)| a & b).collect();
            let n_pops = both.iter().map(|word| word.count_ones()).sum();
            if 0 < n_pops {
                let set = self.intern(both);
                self.parts.push(Part { class, set, n_pops });
            }
        }
        let parts = begin..self.parts.len() as u32;
        self.parts_of[set as usize] = parts.clone();
        parts
    }

    pub(super) fn part(&self, number: u32) -> Part {
        self.parts[number as usize]
    }

    fn intern(&mut self, bits: Box<[u64]>) -> u32 {
        if let Some(&known) = self.numbers.get(&bits) {
            return known;
        }
        let number = self.sets.len() as u32;
        self.numbers.insert(bits.clone(), number);
        self.sets.push(bits);
        self.parts_of.push(0..0);
        number
    }
}
