//! The shell around [`failover`]: regions and faults change, dependencies follow, step by step.

use crate::control::Cx;
use crate::control::operations::begin;
use crate::model::dependency::state::{Kind, Phase, Settling};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{DependencyId, DeploymentId, FaultId, RegionId, ZoneId};
use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::units::Span;

use super::failover::{self, Next, Scope, Wait};
use super::{effects, registry};

/// Steps in which what a cold dependency costs falls.
const FADE_STEPS: i64 = 10;

/// Power was cut in a region, or is back.
pub fn region_changed(cx: &mut Cx, region: RegionId, fault: FaultId) {
    for id in ids(cx) {
        if cx.world[id].places.iter().any(|place| place.region == region) {
            changed(cx, id, fault);
        }
    }
    wake_alerts(cx);
}

/// Power was cut in a zone, or is back.
pub fn zone_changed(cx: &mut Cx, zone: ZoneId, fault: FaultId) {
    for id in ids(cx) {
        if cx.world[id].zone == Some(zone) {
            changed(cx, id, fault);
        }
    }
}

/// A fault of the dependency itself takes it down where it first served.
pub fn itself_lost(cx: &mut Cx, id: DependencyId, fault: FaultId) {
    cx.world[id].places[0].outages.begin();
    changed(cx, id, fault);
    wake_alerts(cx);
}

/// A fault of the dependency itself ends.
pub fn itself_restored(cx: &mut Cx, id: DependencyId, fault: FaultId) {
    cx.world[id].places[0].outages.end();
    changed(cx, id, fault);
    wake_alerts(cx);
}

fn ids(cx: &Cx) -> impl Iterator<Item = DependencyId> + use<> {
    (0..cx.world.dependencies.len()).map(DependencyId::new)
}

/// What holds a place of a dependency down, if anything does.
fn lost(cx: &Cx, id: DependencyId, place: usize) -> Option<Scope> {
    let dependency = &cx.world[id];
    let at = dependency.places[place];
    if !at.outages.is_up() || !cx.world[at.region].blackouts.is_up() {
        return Some(Scope::Region);
    }
    let zone = dependency.zone.filter(|_| place == 0)?;
    (!cx.world[zone].outages.is_up()).then_some(Scope::Zone)
}

/// Whether a place of a dependency is up.
pub(super) fn is_up(cx: &Cx, id: DependencyId, place: usize) -> bool {
    lost(cx, id, place).is_none()
}

/// A place of a dependency that is up and not the one that serves.
pub(super) fn standby(cx: &Cx, id: DependencyId) -> Option<usize> {
    let dependency = &cx.world[id];
    let others = (0..dependency.places.len()).filter(|&place| place != dependency.serving);
    let mut others = others;
    others.find(|&place| is_up(cx, id, place))
}

/// Something that may touch a dependency has changed: compares what is with what is being done.
pub fn changed(cx: &mut Cx, id: DependencyId, fault: FaultId) {
    if matches!(cx.world[id].kind, Kind::Registry { .. }) {
        return registry::changed(cx, id, fault);
    }
    let serving = cx.world[id].serving;
    match (cx.world[id].phase, lost(cx, id, serving)) {
        (Phase::Serving, Some(scope)) => lose(cx, id, scope, fault),
        (Phase::Waiting, Some(scope)) => {
            begin(cx, id, scope);
        }
        (Phase::Unnoticed | Phase::Undecided | Phase::Waiting, None) => back(cx, id),
        (Phase::Serving, None) => plan_failback(cx, id),
        // A promotion goes on, whatever becomes of the old place.
        (Phase::Switching(_), _) => {}
        (Phase::Unnoticed | Phase::Undecided, Some(_)) => {}
    }
}

fn lose(cx: &mut Cx, id: DependencyId, scope: Scope, fault: FaultId) {
    let region = cx.world[id].places[cx.world[id].serving].region;
    cx.world[id].n_losses += 1;
    cx.world[id].fault = Some(fault);
    cx.world[id].at_risk = if scope == Scope::Region { writes_at_risk(cx, id) } else { 0 };
    cx.clock.disarm(Event::DependencySettles(id));
    let why = begin(cx, id, scope);
    cx.say(What::DependencyLost { dependency: id, region, fault, why });
}

/// Writes that the pods accepted within the present replication lag.
fn writes_at_risk(cx: &Cx, id: DependencyId) -> u32 {
    let Kind::Database(rules) = &cx.world[id].kind else { return 0 };
    let from = cx.now - drawn(cx, id, "replication-lag", &rules.replication_lag);
    let deployments = (0..cx.world.deployments.len()).map(DeploymentId::new);
    let writing = deployments.filter(|&d| cx.world[d].needs.writes.contains(&id));
    let ledger = cx.traffic.ledger();
    let lost: u64 = writing.map(|d| ledger.deployment(d).writes_between(from, cx.now)).sum();
    u32::try_from(lost).expect("a lag of a day at the highest rate is below 2^32")
}

/// A draw for the present loss of a dependency.
pub(super) fn drawn(cx: &Cx, id: DependencyId, purpose: &str, law: &Law) -> Span {
    let dependency = &cx.world[id];
    let draw = cx.chance.draw(purpose, &dependency.name, u64::from(dependency.n_losses));
    Span::from_secs_f64(law.quantile(unit(draw)))
}

/// Begins what follows a loss.
fn begin(cx: &mut Cx, id: DependencyId, scope: Scope) -> Why {
    let rules = cx.world[id].rules.clone();
    let next = failover::after_loss(&rules, scope, cx.world[id].serving, standby(cx, id));
    let purpose = if scope == Scope::Zone { "zone-failover" } else { "grace" };
    enter(cx, id, &next, purpose)
}

/// Enters a phase; returns its reason.
fn enter(cx: &mut Cx, id: DependencyId, next: &Next<'_>, purpose: &str) -> Why {
    cx.world[id].phase = next.phase;
    match next.wait {
        Wait::Repair => cx.clock.disarm(Event::DependencyStep(id)),
        Wait::Law(law) => {
            let wait = drawn(cx, id, purpose, law);
            cx.clock.arm(Event::DependencyStep(id), cx.now + wait);
        }
        Wait::Alert => arm_alert(cx, id),
    }
    effects::publish(cx, id);
    next.why
}

/// From a loss to its alert \[s\]: the lag of the workspace; None while that is lost itself.
pub fn alert_lag(cx: &Cx) -> Option<Law> {
    let workspaces = ids(cx).filter_map(|id| match &cx.world[id].kind {
        Kind::LogAnalytics { alert_lag } => Some((id, alert_lag)),
        _ => None,
    });
    match { workspaces }.next() {
        // azure-monitor data-ingestion-time.md 2022: typically 20 s to 3 min.
        None => Some(Law::uniform(20.0, 180.0)),
        Some((workspace, lag)) => is_up(cx, workspace, 0).then(|| lag.clone()),
    }
}

/// The alert for a loss fires after its lag, unless none can.
fn arm_alert(cx: &mut Cx, id: DependencyId) {
    let Some(lag) = alert_lag(cx) else { return cx.clock.disarm(Event::DependencyStep(id)) };
    let wait = drawn(cx, id, "alert-lag", &lag);
    cx.clock.arm(Event::DependencyStep(id), cx.now + wait);
}

/// Alerts that waited for their workspace come now.
fn wake_alerts(cx: &mut Cx) {
    for id in ids(cx) {
        let waits = cx.world[id].phase == Phase::Unnoticed;
        if waits && cx.clock.armed_for(Event::DependencyStep(id)).is_none() {
            arm_alert(cx, id);
        }
    }
    begin::alerts_return(cx);
}

/// It serves from its copy and its first place is back, or lost again: the planned return is due,
/// or is not any more.
fn plan_failback(cx: &mut Cx, id: DependencyId) {
    let Some(failback) = cx.world[id].rules.failback else { return };
    let event = Event::DependencyStep(id);
    let is_due = cx.world[id].serving != 0 && is_up(cx, id, 0);
    if !is_due {
        cx.clock.disarm(event);
    } else if cx.clock.armed_for(event).is_none() {
        cx.clock.arm(event, cx.now + failback.after);
    }
}

/// The planned return begins: nobody can use it until its places have changed roles.
fn fail_back(cx: &mut Cx, id: DependencyId) {
    let failback = cx.world[id].rules.failback.expect("only a planned return wakes what serves");
    cx.world[id].phase = Phase::Switching(0);
    cx.world[id].failing_back = true;
    cx.clock.disarm(Event::DependencySettles(id));
    let region = cx.world[id].places[0].region;
    let why = Why("a planned return, its region is back");
    cx.say(What::DependencyDecided { dependency: id, region, why });
    cx.clock.arm(Event::DependencyStep(id), cx.now + failback.interruption);
    effects::publish(cx, id);
}

/// What a dependency waited for has come.
pub fn step(cx: &mut Cx, id: DependencyId) {
    if matches!(cx.world[id].kind, Kind::Registry { .. }) {
        return registry::redirect(cx, id);
    }
    let rules = cx.world[id].rules.clone();
    match cx.world[id].phase {
        Phase::Unnoticed => {
            let why = enter(cx, id, &failover::after_alert(&rules), "decision");
            cx.say(What::DependencyNoticed { dependency: id, why });
        }
        Phase::Undecided => {
            let next = failover::after_decision(&rules, standby(cx, id));
            let why = enter(cx, id, &next, "switch");
            if let Phase::Switching(to) = next.phase {
                let region = cx.world[id].places[to].region;
                cx.say(What::DependencyDecided { dependency: id, region, why });
            }
        }
        Phase::Switching(to) => promoted(cx, id, to),
        Phase::Serving => fail_back(cx, id),
        Phase::Waiting => unreachable!("nothing is armed for it"),
    }
}

/// The place `to` serves from now on, if it is still up.
fn promoted(cx: &mut Cx, id: DependencyId, to: usize) {
    let moved = to != cx.world[id].serving;
    let is_planned = std::mem::take(&mut cx.world[id].failing_back);
    let fault = cx.world[id].fault.expect("a promotion follows a loss");
    if moved && !is_up(cx, id, to) {
        cx.world[id].phase = Phase::Waiting;
        return changed(cx, id, fault);
    }
    let lost_writes = if moved { cx.world[id].at_risk } else { 0 };
    cx.world[id].at_risk = 0;
    cx.world[id].serving = to;
    cx.world[id].phase = Phase::Serving;
    if !moved {
        // The primary is in another zone now.
        cx.world[id].zone = None;
    }
    let region = cx.world[id].places[to].region;
    let why = Why(match (&cx.world[id].kind, moved) {
        _ if is_planned => "it is back as planned, all writes with it",
        (_, false) => "the replica in another zone is the primary",
        (Kind::KeyVault { .. }, true) => "read-only",
        (Kind::Cache { .. }, true) => "cold",
        (_, true) => "its copy was promoted",
    });
    cx.say(What::DependencyPromoted { dependency: id, region, fault, lost_writes, why });
    settle(cx, id);
    effects::publish(cx, id);
    changed(cx, id, fault);
}

/// What was lost is back before anything else served.
fn back(cx: &mut Cx, id: DependencyId) {
    cx.clock.disarm(Event::DependencyStep(id));
    cx.world[id].phase = Phase::Serving;
    cx.world[id].at_risk = 0;
    let region = cx.world[id].places[cx.world[id].serving].region;
    let why = Why("nothing had taken over");
    cx.say(What::DependencyBack { dependency: id, region, why });
    settle(cx, id);
    effects::publish(cx, id);
}

/// It serves again, slowly at first if its kind does.
fn settle(cx: &mut Cx, id: DependencyId) {
    let Some(settling) = settling(cx, id) else { return };
    cx.world[id].slower = settling.slower;
    let steps = if settling.fades { FADE_STEPS } else { 1 };
    cx.clock.arm(Event::DependencySettles(id), cx.now + settling.duration / steps);
}

fn settling(cx: &Cx, id: DependencyId) -> Option<Settling> {
    match &cx.world[id].kind {
        Kind::Database(rules) => rules.storm,
        Kind::Cache { cold, .. } => Some(*cold),
        _ => None,
    }
}

/// A dependency that serves slowly gets faster by a step.
pub fn settles(cx: &mut Cx, id: DependencyId) {
    let settling = settling(cx, id).expect("only what settles is armed");
    let step = (settling.slower - 1.0) / FADE_STEPS as f64;
    let slower = cx.world[id].slower - step;
    // Half a step is more than the rounding of ten.
    if settling.fades && 1.0 + step / 2.0 < slower {
        cx.world[id].slower = slower;
        let next = cx.now + settling.duration / FADE_STEPS;
        cx.clock.arm(Event::DependencySettles(id), next);
    } else {
        cx.world[id].slower = 1.0;
        cx.say(What::DependencyWarm { dependency: id });
    }
    effects::publish(cx, id);
}
