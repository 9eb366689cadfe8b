//! Composite timelines: what several controllers together make of a failure or a load, instant by
//! instant.
//!
//! Every phase is set by the test, and no delay is drawn, so each expected instant is a sum that
//! the test's comment spells out. Reactions of watches: a replica set acts 15 ms after a change,
//! the scheduler 20 ms after that; a pod is ready 2 s after its binding (its image is there).

mod capacity;
mod growth;
mod nodes;
mod stage;
mod zones;
