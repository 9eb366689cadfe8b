//! Finding a thing by the name that a scenario gives, or saying which name was probably meant.

use crate::spec::{Code, Diagnostic, Diagnostics, Name, Set, nearest};

use super::ids::{RackId, RegionId, ZoneId};
use super::world::World;

/// The position of `name` among `known`, or `None` after reporting an unknown reference.
///
/// `kind` says in one word what is looked for, e.g. `region`.
pub fn find<'k>(
    kind: &str,
    name: &Set<Name>,
    known: impl Iterator<Item = &'k str> + Clone,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let found = known.clone().position(|known| known == name.as_str());
    if found.is_none() {
        diagnostics.push(unknown(kind, name, known));
    }
    found
}

/// The diagnostic for a name that nothing has.
fn unknown<'k>(
    kind: &str,
    name: &Set<Name>,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Diagnostic {
    let message = format!("no {kind} is called `{}`", name.as_str());
    let list: Vec<&str> = known.clone().collect();
    let allowed = if list.is_empty() { format!("there is no {kind}") } else { list.join(", ") };
    let wrong = Diagnostic::error(Code::UnknownReference, name.place.clone(), message);
    let wrong = wrong.allowed(allowed);
    match nearest(name.as_str(), known) {
        Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
        None => wrong,
    }
}

/// Zone `number` of a region, or `None` after reporting that it has fewer.
pub fn find_zone(
    number: &Set<u32>,
    region: RegionId,
    world: &World,
    diagnostics: &mut Diagnostics,
) -> Option<ZoneId> {
    let zones = &world[region].zones;
    let found = (number.value as usize).checked_sub(1).and_then(|index| zones.get(index));
    if found.is_none() {
        let name = &world[region].name;
        diagnostics.push(no_such_number("zone", number, name, zones.len()));
    }
    found.copied()
}

/// Rack `number` of a zone, or `None` after reporting that it has fewer.
pub fn find_rack(
    number: &Set<u32>,
    zone: ZoneId,
    world: &World,
    diagnostics: &mut Diagnostics,
) -> Option<RackId> {
    let racks = (0..world.racks.len()).map(RackId::new);
    let racks: Vec<RackId> = racks.filter(|&rack| world[rack].zone == zone).collect();
    let found = (number.value as usize).checked_sub(1).and_then(|index| racks.get(index));
    if found.is_none() {
        let name = &world[zone].name;
        diagnostics.push(no_such_number("rack", number, name, racks.len()));
    }
    found.copied()
}

fn no_such_number(kind: &str, number: &Set<u32>, within: &str, count: usize) -> Diagnostic {
    let message = format!("`{within}` has no {kind} {}", number.value);
    Diagnostic::error(Code::UnknownReference, number.place.clone(), message)
        .allowed(format!("1 to {count}"))
}

/// An optional field as a located value.
pub fn given<T: Clone>(field: &Set<Option<T>>) -> Option<Set<T>> {
    let value = field.value.clone()?;
    Some(Set { value, place: field.place.clone(), origin: field.origin })
}
