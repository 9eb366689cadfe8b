//! Where users of lost edge locations enter Front Door instead.
//!
//! Front Door is reached by anycast (frontdoor/front-door-traffic-acceleration.md): once
//! the routes of a lost edge location are withdrawn, its users enter at another one, which decides
//! by its own view. Each lost one has one stand-in, drawn among those that are up: of the same
//! geography, or else anywhere. Where none is up they find nobody. How long it takes until routes
//! are withdrawn is not published. Left out: the longer way to the stand-in and its overload.

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::fact::What;
use crate::model::ids::PopId;
use crate::units::Span;

use super::edge;

/// An edge location is lost: its users find no origin until its routes are withdrawn, `delay`
/// later. It goes on probing, so that its view is as fresh as the others' when it is back
/// (assumed).
pub fn lose(cx: &mut Cx, pop: PopId, delay: Span) {
    if cx.world.front_door.pops[pop.index()].outages.begin() {
        cx.say(What::EdgeLost { pop, lost: true });
        cx.clock.arm(Event::EdgeWithdrawn(pop), cx.now + delay);
    }
    edge::reroute(cx, pop);
}

/// A fault that held an edge location down is over; its users are back at once (assumed).
pub fn give_back(cx: &mut Cx, pop: PopId) {
    if cx.world.front_door.pops[pop.index()].outages.end() {
        cx.say(What::EdgeLost { pop, lost: false });
        cx.clock.disarm(Event::EdgeWithdrawn(pop));
        cx.memory.stand_ins.remove(&pop);
    }
    edge::reroute(cx, pop);
    find_stand_ins(cx);
}

/// The routes of a lost edge location are withdrawn.
pub fn withdrawn(cx: &mut Cx, pop: PopId) {
    cx.memory.stand_ins.insert(pop, None);
    find_stand_ins(cx);
}

/// Users whose entry is withdrawn and whose stand-in has gone, too, enter elsewhere, unless the
/// routes of that one are not withdrawn yet.
fn find_stand_ins(cx: &mut Cx) {
    for pop in cx.memory.stand_ins.keys().copied().collect::<Vec<_>>() {
        let now = cx.memory.stand_ins[&pop];
        if now.is_some_and(|by| is_up(cx, by) || !cx.memory.stand_ins.contains_key(&by)) {
            continue;
        }
        let found = draw_stand_in(cx, pop);
        cx.memory.stand_ins.insert(pop, found);
        if found != now {
            edge::reroute(cx, pop);
        }
    }
}

fn is_up(cx: &Cx, pop: PopId) -> bool {
    cx.world.front_door.pops[pop.index()].outages.is_up()
}

/// One of the edge locations that are up: those with the least draws, near ones first.
fn draw_stand_in(cx: &Cx, pop: PopId) -> Option<PopId> {
    let door = &cx.world.front_door;
    let place = door.pops[pop.index()].geography;
    let name = format!("pop-{}", pop.index());
    let up = (0..door.pops.len()).map(PopId::new).filter(|&other| is_up(cx, other));
    up.min_by_key(|&other| {
        let is_far = door.pops[other.index()].geography != place;
        (is_far, cx.chance.draw("stand-in", &name, other.index() as u64))
    })
}

/// Where the users of an edge location enter now; None if nobody answers them.
#[must_use]
pub fn entry(cx: &Cx, pop: PopId) -> Option<PopId> {
    if is_up(cx, pop) {
        return Some(pop);
    }
    cx.memory.stand_ins.get(&pop).copied().flatten().filter(|&by| is_up(cx, by))
}

/// The lost edge locations whose users another one takes.
pub(super) fn taken_by(cx: &Cx, by: PopId) -> Vec<PopId> {
    let taken = cx.memory.stand_ins.iter().filter(|&(_, &stand_in)| stand_in == Some(by));
    taken.map(|(&pop, _)| pop).collect()
}
