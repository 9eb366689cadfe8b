//! Secrets that pods mount from a Key Vault when they start, before their images are pulled.
//!
//! Follows kubernetes-sigs/secrets-store-csi-driver, which reads them; while the vault is lost or
//! throttles, the mount fails and the kubelet tries again: after 0.5 s, doubling to 2 min 2 s
//! (pkg/util/goroutinemap/exponentialbackoff). Left out: a container that restarts on the same
//! node needs its secrets again only if the node was off, and gets them then.

use crate::control::Cx;
use crate::model::dependency::state::{Kind, Phase};
use crate::model::fact::{What, Why};
use crate::model::ids::{DependencyId, PodId};
use crate::units::{Span, Time};

/// Key Vault throttles by stretches of this length (azure-docs key-vault-limits.md).
const WINDOW: Span = Span::from_secs(10);
const BACKOFF_INITIAL: Span = Span::from_millis(500);
const BACKOFF_MAX: Span = Span::from_secs(122);

/// Wait after the `n`-th failed mount in a row.
#[must_use]
pub fn mount_backoff(n: u32) -> Span {
    let doublings = n.saturating_sub(1).min(8);
    (BACKOFF_INITIAL * (1 << doublings)).min(BACKOFF_MAX)
}

/// Reads of a vault or a registry in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    window: i64,
    n_reads: u32,
}

impl Reads {
    /// Takes `n` reads at `now` if they stay within `most` in the present stretch. More than
    /// `most` at once are never refused for ever: an empty stretch takes them.
    pub fn take(&mut self, n: u32, most: u32, stretch: Span, now: Time) -> bool {
        let window = now.nanos().div_euclid(stretch.nanos());
        if self.window != window {
            *self = Self { window, n_reads: 0 };
        }
        let allowed = self.n_reads == 0 || self.n_reads + n <= most;
        if allowed {
            self.n_reads += n;
        }
        allowed
    }
}

/// A pod that starts reads its secrets. If it cannot, this says so and returns when the mount is
/// tried again, with the number of failures.
pub fn mount(cx: &mut Cx, pod: PodId) -> Result<(), (Time, u32)> {
    let deployment = cx.world[pod].deployment;
    if cx.world[pod].restarts != 0 || cx.world[deployment].needs.start.is_empty() {
        return Ok(());
    }
    for index in 0..cx.world[deployment].needs.start.len() {
        let id = cx.world[deployment].needs.start[index];
        if cx.memory.dependencies.mounted.contains(&(pod, id)) {
            continue;
        }
        if let Err(why) = read(cx, id) {
            let n_failures = cx.memory.dependencies.failed_mounts.entry(pod).or_default();
            *n_failures += 1;
            let n_failures = *n_failures;
            cx.say(What::PodStartBlocked { pod, dependency: id, why });
            return Err((cx.now + mount_backoff(n_failures), n_failures));
        }
        cx.memory.dependencies.mounted.insert((pod, id));
    }
    cx.memory.dependencies.failed_mounts.remove(&pod);
    Ok(())
}

fn read(cx: &mut Cx, id: DependencyId) -> Result<(), Why> {
    let Kind::KeyVault { secrets_per_pod, reads_per_10s } = cx.world[id].kind else {
        return Ok(());
    };
    if cx.world[id].phase != Phase::Serving {
        return Err(Why("does not answer"));
    }
    let reads = cx.memory.dependencies.reads.entry(id).or_default();
    if reads.take(secrets_per_pod, reads_per_10s, WINDOW, cx.now) {
        Ok(())
    } else {
        Err(Why("throttles"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0.5, 1, 2, … s, at most 122 s.
    #[test]
    fn failed_mounts_back_off() {
        let waits = [1, 2, 3, 8, 9, 10, u32::MAX].map(|n| mount_backoff(n).as_secs_f64());
        assert_eq!(waits, [0.5, 1.0, 2.0, 64.0, 122.0, 122.0, 122.0]);
    }

    /// A stretch of ten seconds takes so many reads and no more; the next one starts at nothing.
    #[test]
    fn a_vault_throttles_by_stretches_of_ten_seconds() {
        let mut reads = Reads::default();
        let mut take = |n, at| reads.take(n, 5, WINDOW, Time::from_secs(at));
        assert!(take(3, 20) && !take(3, 21));
        assert!(take(2, 29), "exactly the limit");
        assert!(!take(1, 29));
        assert!(take(1, 30), "the next stretch");
        assert!(take(9, 40), "an empty stretch takes any pod");
    }
}
