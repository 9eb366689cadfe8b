//! The `dependencies` section.

use crate::model::duration::DurationSpec;
use crate::spec::{Code, Decoder, Diagnostic, Name, choice, one_of, section};
use crate::units::{Bytes, Rate, Span};

use super::database::DatabaseKind;

section! {
    /// Something that requests or pod starts need: give exactly one kind.
    pub struct DependencySpec {
        /// Its name, by which workloads need it.
        "name" name: Name = required;
        /// The region that it serves from.
        "region" region: Name = required;
        /// The region of its copy; left out, there is none.
        "secondary" secondary: Option<Name> = optional;
        /// A database.
        "database" database: Option<DatabaseSpec> = optional;
        /// A cache.
        "cache" cache: Option<CacheSpec> = optional;
        /// A container registry, geo-replicated if it has a `secondary`.
        "registry" registry: Option<RegistrySpec> = optional;
        /// A vault of secrets that pods mount when they start.
        "keyVault" key_vault: Option<KeyVaultSpec> = optional;
        /// The workspace whose alerts tell people and scripts of a loss.
        "logAnalytics" log_analytics: Option<LogAnalyticsSpec> = optional;
    }
    check DependencySpec::check_kind;
}

section! {
    /// A database.
    pub struct DatabaseSpec {
        /// What it is: its times are those published for it, where nothing else is said.
        "kind" kind: DatabaseKind = required;
        /// The zone of its primary, by number; left out, no loss of a zone touches it.
        "zone" zone: Option<u32> = optional, range 1..=16;
        /// From the loss of that zone to a replica in another zone that serves.
        "zoneFailover" zone_failover: Option<DurationSpec> = optional, range "0s"..="30d";
        /// What happens when the region is lost.
        "regionFailover" region_failover: Option<RegionFailoverSpec> = optional;
        /// From the decision for a failover to the promoted copy that serves.
        "switchTime" switch_time: Option<DurationSpec> = optional, range "0s"..="30d";
        /// How far the copy is behind: writes of this last stretch before the loss are lost with a
        /// failover to another region.
        "replicationLag" replication_lag: Option<DurationSpec> = optional, range "0s"..="1d";
        /// What a request meets that needs it while it is down.
        "whenDown" when_down: WhenDown = default "refuse",
            source "assumed: the quickest to notice";
        /// With `whenDown: hang`, a pod gives a call up after this; it holds a worker till then.
        "callTimeout" call_timeout: Span = default "15s",
            source "ADO.NET SqlConnection.ConnectionTimeout: 15 s",
            range "1ms"..="1h";
        /// Whether requests that only read go on with the copy while it is down.
        "readReplica" read_replica: bool = default "false",
            source "applications read from the primary unless they are built otherwise";
        /// What a request takes longer whose pod is in another region than the database.
        "remoteDelay" remote_delay: Span = default "0s",
            source "none unless given: calls and distances differ",
            range "0s"..="1m";
        /// Requests a second that it answers; more fail. Left out, no bound.
        "requestRate" request_rate: Option<Rate> = optional, range "0.1/s"..="10000000/s";
        /// Requests that may be in progress on it at once, one on each connection; more fail. Left
        /// out, no bound.
        "connections" connections: Option<u32> = optional, range 1..=10000000;
        /// `requestRate` of the copy, where it serves; left out, the same.
        "secondaryRequestRate" secondary_rate: Option<Rate> = optional,
            range "0.1/s"..="10000000/s";
        /// `connections` of the copy, where it serves; left out, as many.
        "secondaryConnections" secondary_connections: Option<u32> = optional, range 1..=10000000;
        /// A planned return to `region`; left out, it stays where it was failed over to.
        "failback" failback: Option<FailbackSpec> = optional;
        /// Connections that all come back at once after a failover; left out, none is modelled.
        "connectionStorm" storm: Option<StormSpec> = optional;
    }
    check DatabaseSpec::check_zone;
}

section! {
    /// A planned return to the region where a database began, once that is back. Both copies are in
    /// step before they change roles, so no write is lost.
    pub struct FailbackSpec {
        /// From the return of the region.
        "after" after: Span = default "1h", source "assumed: when things have calmed down",
            low confidence,
            range "0s"..="30d";
        /// While the copies change roles it is down.
        "interruption" interruption: Span = default "30s",
            source "assumed: as a forced failover, SQL BCDR 2021",
            low confidence,
            range "0s"..="1d";
    }
}

section! {
    /// A stretch after a failover in which requests that need the database take longer.
    pub struct StormSpec {
        /// Service times are this many times as long.
        "slower" slower: f64 = default "3", source "assumed", low confidence, range 1.0..=1000.0;
        /// For how long.
        "duration" duration: Span = default "1m", source "assumed", low confidence,
            range "1s"..="1d";
    }
}

one_of! {
    /// What happens when the region of a dependency is lost.
    pub enum RegionFailoverSpec {
        /// It waits for its region.
        "never" => Never,
        /// It fails over by itself after a grace period.
        "automatic" => Automatic(AutomaticSpec),
        /// A script fails it over when an alert fires.
        "scripted" => Scripted(ScriptedSpec),
        /// Somebody decides, after the alert.
        "approval" => Approval(ApprovalSpec),
    }
}

section! {
    /// A failover that the service begins by itself.
    pub struct AutomaticSpec {
        /// From the loss to the failover.
        "grace" grace: Span = default "60m",
            source "azure-docs SQL failover groups: GracePeriodWithDataLossHours is at least 1",
            range "0s"..="30d";
    }
}

section! {
    /// A failover that a script begins when the alert fires: after the lag of the `logAnalytics`
    /// of the scenario, or else 20 s to 3 min.
    pub struct ScriptedSpec {
        /// From the alert to the failover.
        "after" after: Span = default "0s", source "a script does not wait", range "0s"..="30d";
    }
}

section! {
    /// A failover that somebody must approve, who hears of the loss by the alert: after the lag of
    /// the `logAnalytics` of the scenario, or else 20 s to 3 min.
    pub struct ApprovalSpec {
        /// From the alert to the decision.
        "decision" decision: DurationSpec = required, range "0s"..="30d";
    }
}

choice! {
    /// What a request meets that needs a database which is down.
    pub enum WhenDown {
        /// An error at once.
        "refuse" => Refuse,
        /// No answer, until the pod gives the call up.
        "hang" => Hang,
    }
}

section! {
    /// A cache. While it is down or cold, requests that need it take longer.
    pub struct CacheSpec {
        /// From the loss of its region to the copy that serves, cold; left out, at once.
        "failover" failover: Option<DurationSpec> = optional, range "0s"..="30d";
        /// What a request meets that needs it while it is down.
        "whenDown" when_down: CacheDown = default "bypass",
            source "assumed: a lost cache is one that misses";
        /// Service times with a cold cache are this many times as long.
        "coldSlower" cold_slower: f64 = default "3", source "assumed", low confidence,
            range 1.0..=1000.0;
        /// Until a cold cache is warm; what it costs falls evenly meanwhile.
        "warmUp" warm_up: Span = default "10m", source "assumed", low confidence, range "1s"..="1d";
    }
}

choice! {
    /// What a request meets that needs a cache which is down.
    pub enum CacheDown {
        /// The request is served without it, as with a cold cache.
        "bypass" => Bypass,
        /// An error at once.
        "refuse" => Refuse,
    }
}

section! {
    /// A container registry. Clusters pull from the copy in their region, others from `region`.
    pub struct RegistrySpec {
        /// From the loss of a copy to pulls that go to the other; left out, 1 to 2 minutes.
        "failover" failover: Option<DurationSpec> = optional, range "0s"..="30d";
        /// From the push of a tag to its being in the other copy; left out, 1 to 15 minutes.
        "replicationLag" replication_lag: Option<DurationSpec> = optional, range "0s"..="30d";
        /// Its tier.
        "sku" sku: RegistrySku = default "premium",
            source "azure-docs container-registry-geo-replication.md: copies need Premium";
        /// Bytes a second that all nodes of a cluster get together, where the cluster says nothing
        /// (`registryBandwidth`); left out, that of the tier.
        "bandwidth" bandwidth: Option<Bytes> = optional, range "64Ki"..="1Ti";
        /// Read operations that it takes in a minute, from wherever; more pulls fail. Left out,
        /// those of the tier.
        "readOpsPerMinute" reads_per_min: Option<u32> = optional, range 1..=100000000;
        /// Layers of an image: a pull reads each, and the manifest.
        "layersPerImage" layers: u32 = default "10", source "assumed", low confidence,
            range 0..=1000;
    }
}

choice! {
    /// Tiers of Azure Container Registry.
    pub enum RegistrySku {
        /// 30 MBps and 1,000 read operations a minute.
        "basic" => Basic,
        /// 60 MBps and 3,000 read operations a minute.
        "standard" => Standard,
        /// 100 MBps and 10,000 read operations a minute; the only one with copies.
        "premium" => Premium,
    }
}

impl RegistrySku {
    /// Bytes a second, and read operations a minute (azure-docs container-registry-limits.md, 2019;
    /// units as printed).
    #[must_use]
    pub const fn limits(self) -> (Bytes, u32) {
        match self {
            Self::Basic => (Bytes::new(30_000_000), 1_000),
            Self::Standard => (Bytes::new(60_000_000), 3_000),
            Self::Premium => (Bytes::new(100_000_000), 10_000),
        }
    }
}

section! {
    /// A vault of secrets that pods mount when they start.
    pub struct KeyVaultSpec {
        /// From the loss of its region to the copy that can be read, and only read; left out, 2 to
        /// 5 minutes.
        "failover" failover: Option<DurationSpec> = optional, range "0s"..="30d";
        /// Secrets that a pod reads when it starts.
        "secretsPerPod" secrets_per_pod: u32 = default "1", source "assumed", low confidence,
            range 1..=1000;
        /// Reads in 10 s; more are throttled.
        "readsPer10s" reads_per_10s: u32 = default "2000",
            source "azure-docs key-vault-limits.md: secret transactions per vault and region",
            range 1..=1000000;
    }
}

section! {
    /// The workspace whose alerts tell people and scripts of a loss. Nobody is told while its own
    /// region is lost.
    pub struct LogAnalyticsSpec {
        /// From an event to its alert; left out, 20 s to 3 minutes.
        "alertLag" alert_lag: Option<DurationSpec> = optional, range "0s"..="1d";
    }
}

impl DependencySpec {
    fn check_kind(&self, cx: &mut Decoder<'_>) {
        let kinds = [
            ("database", self.database.is_some()),
            ("cache", self.cache.is_some()),
            ("registry", self.registry.is_some()),
            ("keyVault", self.key_vault.is_some()),
            ("logAnalytics", self.log_analytics.is_some()),
        ];
        let given: Vec<&str> =
            kinds.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        if given.len() != 1 {
            let message = match given.as_slice() {
                [] => "this dependency says nothing about what it is".to_owned(),
                _ => format!("this dependency has several kinds: {}", given.join(", ")),
            };
            let place = self.name.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            let all: Vec<&str> = kinds.iter().map(|(key, _)| *key).collect();
            cx.report(wrong.allowed(format!("exactly one of {}", all.join(", "))));
        }
        if let Some(secondary) = &*self.secondary {
            let place = self.secondary.place.clone();
            if *secondary == *self.region {
                let message = "its copy is in the same region";
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                cx.report(wrong.allowed("another region"));
            } else if self.log_analytics.is_some() {
                let message = "a workspace has no copy";
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                cx.report(wrong.help("remove `secondary`"));
            }
        }
        let copies = |registry: &RegistrySpec| *registry.sku == RegistrySku::Premium;
        if self.secondary.is_some() && !self.registry.as_ref().is_none_or(copies) {
            let place = self.secondary.place.clone();
            let message = "only a premium registry has a copy";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("remove `secondary`, or write `sku: premium`"));
        }
        let of_a_copy = |database: &DatabaseSpec| {
            let rate = database.secondary_rate.is_some().then_some(&database.secondary_rate.place);
            let connections = &database.secondary_connections;
            let connections = connections.is_some().then_some(&connections.place);
            let failback = database.failback.is_some().then_some(&database.failback.place);
            rate.or(connections).or(failback).cloned()
        };
        let of_a_copy = self.database.as_ref().and_then(of_a_copy);
        if let (None, Some(place)) = (&*self.secondary, of_a_copy) {
            let wrong = Diagnostic::error(Code::Contradiction, place, "there is no copy");
            cx.report(wrong.help("add `secondary: <region>`"));
        }
        let fails_over = |database: &DatabaseSpec| {
            let given = database.region_failover.as_ref();
            given.is_some_and(|failover| !matches!(failover, RegionFailoverSpec::Never))
        };
        if self.secondary.is_none() && self.database.as_ref().is_some_and(fails_over) {
            let place = self.name.place.clone();
            let message = "a database that fails over needs a region to fail over to";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("add `secondary: <region>`"));
        }
    }
}

impl DatabaseSpec {
    fn check_zone(&self, cx: &mut Decoder<'_>) {
        if self.zone.is_none() && self.zone_failover.is_some() {
            let place = self.zone_failover.place.clone();
            let message = "its primary is in no zone that could be lost";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("add `zone: 1`, the zone of the primary"));
        }
    }
}
