//! Kinds of databases: what is published about their failover, where a scenario says nothing.
//!
//! Sources: azure-docs sql-database business-continuity-high-availability-disaster-recover
//! (2021), cosmos-db reliability (2024), postgresql flexible-server reliability (2024). Where
//! only a bound is published, the time is assumed to be uniform below it.

use crate::sim::laws::Law;
use crate::spec::{Confidence, choice};

use super::state::RegionFailover;

choice! {
    /// What a database is; the rest of its section overrules what the kind says.
    pub enum DatabaseKind {
        /// Azure SQL failover group: automatic after a grace period of an hour, 5 s of data.
        "sql-failover-group" => SqlFailoverGroup,
        /// Azure SQL in one region over zones: no data is lost with a zone; no other region.
        "sql-zone" => SqlZone,
        /// Cosmos DB with session consistency, service-managed failover: an hour, up to 15 min.
        "cosmos-session" => CosmosSession,
        /// PostgreSQL flexible server with zone-redundant high availability: no other region.
        "postgres-zone-ha" => PostgresZoneHa,
        /// PostgreSQL flexible server with a replica in another region, promoted by hand.
        "postgres-replica" => PostgresReplica,
    }
}

/// What a kind says about one of its times: the law, in words, and where that is from.
#[derive(Clone, Debug)]
pub struct Published<T> {
    /// The value.
    pub value: T,
    /// The value as a user would read it.
    pub shown: &'static str,
    /// Its source.
    pub source: &'static str,
    /// How well the source supports it.
    pub confidence: Confidence,
}

impl<T> Published<T> {
    /// A value that somebody published.
    pub const fn new(value: T, shown: &'static str, source: &'static str) -> Self {
        Self { value, shown, source, confidence: Confidence::Sourced }
    }

    /// A value that is our guess, for want of a published one.
    pub const fn guess(value: T, shown: &'static str, source: &'static str) -> Self {
        Self { value, shown, source, confidence: Confidence::Low }
    }
}

impl DatabaseKind {
    /// From the loss of the zone of the primary to a replica in another zone that serves; None:
    /// there is none.
    #[must_use]
    pub fn zone_failover(self) -> Published<Option<Law>> {
        match self {
            Self::SqlFailoverGroup | Self::SqlZone => Published::guess(
                Some(Law::constant(30.0)),
                "constant 30s",
                "left out: assumed; only \"automatic\" is published",
            ),
            Self::CosmosSession => Published::new(
                Some(Law::constant(0.0)),
                "constant 0s",
                "left out: reliability-cosmos-db, availability zones: RTO 0",
            ),
            Self::PostgresZoneHa => Published::new(
                Some(Law::uniform(60.0, 120.0)),
                "uniform, 60s to 120s",
                "left out: reliability-postgresql-flexible-server 2024",
            ),
            Self::PostgresReplica => {
                Published::new(None, "none", "left out: the primary is in one zone")
            }
        }
    }

    /// What happens when the region of the primary is lost.
    #[must_use]
    pub fn region_failover(self) -> Published<RegionFailover> {
        match self {
            Self::SqlFailoverGroup => Published::new(
                RegionFailover::Automatic { grace: Law::constant(3_600.0) },
                "automatic, grace 60m",
                "left out: GracePeriodWithDataLossHours is at least 1, SQL BCDR 2021",
            ),
            Self::CosmosSession => Published::new(
                RegionFailover::Automatic { grace: Law::constant(3_600.0) },
                "automatic, after 60m",
                "left out: reliability-cosmos-db 2024: up to 1 hour or more",
            ),
            Self::PostgresReplica => Published::guess(
                RegionFailover::Approval { decision: Law::uniform(600.0, 3_600.0) },
                "approval, uniform 10m to 60m after the alert",
                "left out: promotion is manual; the time is assumed",
            ),
            Self::SqlZone | Self::PostgresZoneHa => {
                Published::new(RegionFailover::Never, "never", "left out: it is in one region")
            }
        }
    }

    /// From the decision to the promoted copy that serves.
    #[must_use]
    pub fn switch_time(self) -> Published<Law> {
        match self {
            Self::SqlFailoverGroup => Published::new(
                Law::constant(30.0),
                "constant 30s",
                "left out: manual forced failover, SQL BCDR 2021",
            ),
            Self::CosmosSession => {
                Published::new(Law::constant(0.0), "constant 0s", "left out: within the hour")
            }
            Self::PostgresReplica => Published::guess(
                Law::uniform(60.0, 300.0),
                "uniform, 1m to 5m",
                "left out: not published; assumed",
            ),
            Self::SqlZone | Self::PostgresZoneHa => Published::new(
                Law::constant(0.0),
                "constant 0s",
                "left out: it has no other region",
            ),
        }
    }

    /// How far the copy in the other region is behind: what is written within it before the loss
    /// is gone.
    #[must_use]
    pub fn replication_lag(self) -> Published<Law> {
        match self {
            Self::SqlFailoverGroup => Published::new(
                Law::constant(5.0),
                "constant 5s",
                "left out: RPO 5 s, SQL BCDR 2021",
            ),
            Self::CosmosSession => Published::new(
                Law::uniform(0.0, 900.0),
                "uniform, 0s to 15m",
                "left out: reliability-cosmos-db 2024: less than 15 minutes",
            ),
            Self::PostgresReplica => Published::new(
                Law::uniform(0.0, 300.0),
                "uniform, 0s to 5m",
                "left out: reliability-postgresql-flexible-server 2024: up to 5 minutes",
            ),
            Self::SqlZone | Self::PostgresZoneHa => Published::new(
                Law::constant(0.0),
                "constant 0s",
                "left out: copies are synchronous",
            ),
        }
    }
}
