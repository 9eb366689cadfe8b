//! The region that a fault names: one of the scenario, or any, drawn anew in each trial.

use std::cmp::Ordering;

use crate::control::Chance;
use crate::control::sampling::Input;
use crate::model::ids::{FaultId, RegionId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::sim::streams::below;
use crate::spec::{Diagnostics, Name, Refusal, Scalar, Set, Shape, Word};

use super::power;

/// Which region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichRegion {
    /// The one of that name.
    Named(Name),
    /// Any that has clusters, drawn in each trial.
    Any,
}

impl WhichRegion {
    /// The name, if it is always the same one.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name.as_str()),
            Self::Any => None,
        }
    }
}

impl Scalar for WhichRegion {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        if word.text == "any" { Ok(Self::Any) } else { Name::read(word).map(Self::Named) }
    }

    fn form() -> Shape {
        Shape::Text("the name of a region, or any")
    }

    fn shown(&self) -> String {
        self.named().unwrap_or("any").to_owned()
    }

    fn order(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

/// The regions of which a fault takes one, at least one, or `None` after reporting a name that no
/// region has.
pub fn candidates(
    region: &Set<WhichRegion>,
    world: &World,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<RegionId>> {
    match &region.value {
        WhichRegion::Named(name) => {
            let known = world.regions.iter().map(|region| region.name.as_str());
            let index = find("region", &region.same_place(name.clone()), known, diagnostics)?;
            Some(vec![RegionId::new(index)])
        }
        WhichRegion::Any => {
            let all = (0..world.regions.len()).map(RegionId::new);
            Some(all.filter(|&region| !power::clusters_in(world, region).is_empty()).collect())
        }
    }
}

/// The one of some places, of which there is at least one, that a fault takes in a trial.
pub fn drawn<P: Copy>(places: &[P], world: &World, chance: Chance, fault: FaultId) -> P {
    if let [place] = places {
        return *place;
    }
    let name = &world.fault_names[fault.index()];
    places[below(chance.structural(Input::FaultPlace, fault.index(), name), places.len())]
}
