//! Dependencies: what requests and pod starts need besides pods, and what becomes of it when its
//! region is lost.
//!
//! A dependency is one thing under one name: a database, a cache, a container registry, a Key
//! Vault or a Log Analytics workspace, in a region, perhaps with a copy in another. [`spec`] is
//! what a scenario says, [`database`] the published recovery times behind a database's `kind`,
//! [`state`] the thing in motion. The rules are in `control::dependencies`.

pub mod database;
pub mod spec;
pub mod state;
