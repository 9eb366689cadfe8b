//! Front Door takes no changes of its configuration, as on 29 October 2025 for hours (tracking id
//! YKYN-BWZ): who wants to fail over by hand has to wait. Requests go on as they did.

use crate::control::Cx;
use crate::control::front_door_health::configuration;
use crate::model::fact::ClusterSet;
use crate::model::ids::FaultId;
use crate::model::world::World;
use crate::spec::{Diagnostics, section};

use super::{Fault, FaultSection};

section! {
    /// No change of Front Door's configuration is accepted; write `{}`.
    pub struct ConfigurationFreezeSpec {}
}

impl FaultSection for ConfigurationFreezeSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        _world: &World,
        _diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        Some(Box::new(ConfigurationFreeze))
    }

    fn target(&self) -> String {
        "configuration of Front Door".to_owned()
    }
}

/// A freeze of Front Door's configuration.
#[derive(Clone, Copy, Debug)]
pub struct ConfigurationFreeze;

impl Fault for ConfigurationFreeze {
    fn kind(&self) -> &'static str {
        "configurationFreeze"
    }

    fn strike(&self, cx: &mut Cx, _fault: FaultId) {
        configuration::freeze(cx);
    }

    fn heal(&self, cx: &mut Cx, _fault: FaultId) {
        configuration::thaw(cx);
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        ClusterSet::default()
    }
}
