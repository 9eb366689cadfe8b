//! Faults: what breaks, and how it heals. One file each.
//!
//! A new fault is one new file that implements [`Fault`] and has a [`FaultSection`], and one line
//! in the list below: scenario key, JSON Schema and reference page follow from it.

use std::fmt::Debug;

use crate::control::sampling::Input;
use crate::control::{Chance, Cx};
use crate::model::duration::DurationSpec;
use crate::model::fact::ClusterSet;
use crate::model::ids::FaultId;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};
use crate::units::{Span, Time};

pub mod allocation_failure;
pub mod compute_control_plane_loss;
pub mod configuration_freeze;
pub mod dependency_loss;
pub mod front_door_loss;
pub mod grey_failure;
pub mod node_loss;
pub mod pod_crash;
pub mod power;
pub mod region_loss;
pub mod registry_loss;
pub mod which_region;
pub mod zone_loss;

/// Something that breaks at an instant and may be repaired later.
pub trait Fault: Debug + Send + Sync {
    /// Its key in a scenario, e.g. `regionLoss`.
    fn kind(&self) -> &'static str;
    /// It strikes now.
    fn strike(&self, cx: &mut Cx, fault: FaultId);
    /// It is repaired now; what other faults hold down stays down.
    fn heal(&self, cx: &mut Cx, fault: FaultId);
    /// The clusters whose capacity or ingress it takes, or may take: recovery is judged by leaving
    /// them.
    fn hits(&self, world: &World) -> ClusterSet;
    /// Those of them that it takes in a trial: all, unless its place is drawn.
    fn hits_in_trial(&self, world: &World, _chance: Chance, _fault: FaultId) -> ClusterSet {
        self.hits(world)
    }
}

/// How a scenario states a fault.
pub trait FaultSection {
    /// Whether it can be repaired: `duration` makes sense.
    const HEALS: bool;

    /// The fault called `name`, or `None` after reporting a reference that leads nowhere.
    fn resolve(
        &self,
        name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>>;

    /// What it hits, in words that are equal for equal targets, e.g. `region eastus2`.
    fn target(&self) -> String;
}

/// A fault of the scenario with its time.
#[derive(Debug)]
pub struct PlannedFault {
    /// Its name.
    pub name: String,
    /// Its place in the scenario's list.
    pub number: usize,
    /// When it strikes at the earliest.
    pub at: Time,
    /// How much later it strikes, drawn in each trial.
    pub delay: Option<Law>,
    /// How long until it is repaired.
    pub repair: Repair,
    /// What breaks.
    pub fault: Box<dyn Fault>,
}

/// How long until a fault is repaired.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// It never is.
    Never,
    /// Always so long.
    After(Span),
    /// Drawn in each trial.
    Drawn(Law),
}

impl PlannedFault {
    /// When it strikes in a trial.
    #[must_use]
    pub fn strikes_at(&self, chance: Chance) -> Time {
        self.delay
            .as_ref()
            .map_or(self.at, |law| self.at + self.drawn(law, Input::FaultDelay, chance))
    }

    /// How long until it is repaired in a trial; `None` is never.
    #[must_use]
    pub fn lasts(&self, chance: Chance) -> Option<Span> {
        match &self.repair {
            Repair::Never => None,
            Repair::After(duration) => Some(*duration),
            Repair::Drawn(law) => Some(self.drawn(law, Input::FaultRepair, chance)),
        }
    }

    /// How long until it is repaired, `Some(None)` is never; `None` if its times are drawn.
    #[must_use]
    pub const fn always_lasts(&self) -> Option<Option<Span>> {
        match (&self.repair, &self.delay) {
            (Repair::Never, None) => Some(None),
            (Repair::After(duration), None) => Some(Some(*duration)),
            _ => None,
        }
    }

    fn drawn(&self, law: &Law, input: Input, chance: Chance) -> Span {
        let draw = chance.structural(input, self.number, &self.name);
        Span::from_secs_f64(law.quantile(unit(draw)))
    }
}

/// The laws by which a fault is drawn.
#[derive(Clone, Debug, Default)]
pub struct FaultLaws {
    /// Of the delay.
    pub delay: Option<Law>,
    /// Of the time until it is repaired.
    pub repair_time: Option<Law>,
}

/// The list of faults: scenario key, field, section.
macro_rules! faults {
    ($($(#[doc = $doc:literal])* $key:literal $field:ident: $section:ty;)+) => {
        section! {
            /// Something that breaks: give exactly one kind of fault.
            pub struct FaultSpec {
                /// Its name.
                "name" name: Name = required;
                /// When it strikes, from the end of the warm-up.
                "at" at: Span = required, range "0s"..="366d";
                /// How long until it is repaired; left out, it never is.
                "duration" duration: Option<Span> = optional, range "1s"..="366d";
                /// How much later than `at` it strikes: a law, drawn anew in each trial.
                "delay" delay: Option<DurationSpec> = optional, range "0s"..="30d";
                /// How long until it is repaired, instead of `duration`: a law, drawn anew in each
                /// trial.
                "repairTime" repair_time: Option<DurationSpec> = optional, range "1s"..="30d";
                $($(#[doc = $doc])* $key $field: Option<$section> = optional;)+
            }
            check FaultSpec::check_kind;
        }

        impl FaultSpec {
            /// The keys of the kinds that are given.
            fn kinds(&self) -> Vec<&'static str> {
                let mut kinds = Vec::new();
                $(if self.$field.is_some() { kinds.push($key); })+
                kinds
            }

            /// The kind that is given.
            fn kind(&self) -> &dyn DynSection {
                $(if let Some(section) = &*self.$field { return section; })+
                unreachable!("checked when the fault was decoded")
            }

            /// All keys of kinds.
            const KINDS: &'static [&'static str] = &[$($key),+];
        }
    };
}

faults! {
    /// A region, or the way to it, is lost.
    "regionLoss" region_loss: region_loss::RegionLossSpec;
    /// An availability zone is lost.
    "zoneLoss" zone_loss: zone_loss::ZoneLossSpec;
    /// Single nodes are lost.
    "nodeLoss" node_loss: node_loss::NodeLossSpec;
    /// Containers crash.
    "podCrash" pod_crash: pod_crash::PodCrashSpec;
    /// The cloud has no capacity for new machines.
    "allocationFailure" allocation_failure: allocation_failure::AllocationFailureSpec;
    /// Edge locations of Front Door are lost.
    "frontDoorLoss" front_door_loss: front_door_loss::FrontDoorLossSpec;
    /// An origin fails a part of what reaches it.
    "greyFailure" grey_failure: grey_failure::GreyFailureSpec;
    /// Front Door takes no changes of its configuration.
    "configurationFreeze" configuration_freeze: configuration_freeze::ConfigurationFreezeSpec;
    /// Machines of a region cannot be made, started, stopped or deleted.
    "computeControlPlaneLoss" compute_control_plane_loss:
        compute_control_plane_loss::ComputeControlPlaneLossSpec;
    /// The registry of a cluster is lost.
    "registryLoss" registry_loss: registry_loss::RegistryLossSpec;
    /// A dependency is lost.
    "dependencyLoss" dependency_loss: dependency_loss::DependencyLossSpec;
}

/// [`FaultSection`] without its constant, so that sections of all kinds can be held alike.
trait DynSection {
    fn heals(&self) -> bool;
    fn resolve(
        &self,
        name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>>;
    fn target(&self) -> String;
}

impl<S: FaultSection> DynSection for S {
    fn heals(&self) -> bool {
        S::HEALS
    }

    fn resolve(
        &self,
        name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        FaultSection::resolve(self, name, world, diagnostics)
    }

    fn target(&self) -> String {
        FaultSection::target(self)
    }
}

impl FaultSpec {
    fn check_kind(&self, cx: &mut Decoder<'_>) {
        let kinds = self.kinds();
        if kinds.len() != 1 {
            let message = match kinds.as_slice() {
                [] => "this fault says nothing about what breaks".to_owned(),
                _ => format!("this fault has several kinds: {}", kinds.join(", ")),
            };
            let place = self.name.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("exactly one of {}", Self::KINDS.join(", "))));
            return;
        }
        self.check_repair(kinds[0], cx);
    }

    fn check_repair(&self, kind: &str, cx: &mut Decoder<'_>) {
        let given = match (self.duration.is_some(), self.repair_time.is_some()) {
            (true, true) => {
                let message = "`duration` and `repairTime` both say how long until the repair";
                let place = self.repair_time.place.clone();
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                return cx.report(wrong.allowed("one of them").help("remove one of them"));
            }
            (true, false) => ("duration", &self.duration.place),
            (false, true) => ("repairTime", &self.repair_time.place),
            (false, false) => return,
        };
        if !self.kind().heals() {
            let message = format!("a {kind} is over at once: it has no {}", given.0);
            let wrong = Diagnostic::error(Code::Contradiction, given.1.clone(), message);
            cx.report(wrong.help(format!("remove `{}`", given.0)));
        }
    }

    /// The fault in `world`, the `number`th of its list, or `None` after reporting references that
    /// lead nowhere.
    pub fn resolve(
        &self,
        number: usize,
        world: &World,
        laws: FaultLaws,
        diagnostics: &mut Diagnostics,
    ) -> Option<PlannedFault> {
        let fault = self.kind().resolve(&self.name, world, diagnostics)?;
        Some(PlannedFault {
            name: self.name.as_str().to_owned(),
            number,
            at: Time::ZERO + *self.at,
            delay: laws.delay,
            repair: match (laws.repair_time, *self.duration) {
                (Some(law), _) => Repair::Drawn(law),
                (None, Some(duration)) => Repair::After(duration),
                (None, None) => Repair::Never,
            },
            fault,
        })
    }

    /// What it hits, in words that are equal for equal targets.
    #[must_use]
    pub fn target(&self) -> String {
        self.kind().target()
    }
}
