//! Exact means and asymptotic variances of birth–death chains: the standard errors of queues.
//!
//! For a function f of the state, the time average over a run of length T has variance avar/T
//! with avar = 2 Σ_j (Σ_{i<=j} (f(i) - f̄) π_i)² / (λ_j π_j) (Whitt, "Asymptotic formulas for
//! Markov processes with applications to simulation", Operations Research 40(2), 1992).

/// Customers in an M/M/c/K with service rate 1.
pub(super) struct Chain {
    servers: usize,
    rate: f64,
    /// Customers a unit of time who enter, by state.
    entering: Vec<f64>,
    shares: Vec<f64>,
}

impl Chain {
    /// At most `places` customers, in service or waiting.
    pub(super) fn bounded(servers: usize, rate: f64, places: usize) -> Self {
        Self::admitting(servers, rate, places, |_| rate)
    }

    /// Of the arrivals at `rate`, only `entering` enter, by state.
    pub(super) fn admitting(
        servers: usize,
        rate: f64,
        places: usize,
        entering: impl Fn(usize) -> f64,
    ) -> Self {
        let entering: Vec<f64> = (0..=places).map(entering).collect();
        let mut shares = vec![1.0];
        for n in 1..=places {
            shares.push(shares[n - 1] * entering[n - 1] / n.min(servers) as f64);
        }
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= total);
        Self { servers, rate, entering, shares }
    }

    /// An unbounded queue, cut where its probability has fallen by e^-40.
    pub(super) fn unbounded(servers: usize, rate: f64) -> Self {
        let load = rate / servers as f64;
        Self::bounded(servers, rate, servers + (40.0 / -load.ln()) as usize)
    }

    /// Number of customers who wait when `n` are present.
    pub(super) fn waiting(&self, n: usize) -> f64 {
        n.saturating_sub(self.servers) as f64
    }

    pub(super) fn mean(&self, f: impl Fn(usize) -> f64) -> f64 {
        self.shares.iter().enumerate().map(|(n, share)| f(n) * share).sum()
    }

    /// Asymptotic variance of the time average of `f`.
    pub(super) fn variance(&self, f: impl Fn(usize) -> f64) -> f64 {
        let mean = self.mean(&f);
        let mut below = 0.0;
        let mut sum = 0.0;
        for (n, share) in self.shares.iter().enumerate().take(self.shares.len() - 1) {
            below += (f(n) - mean) * share;
            sum += below * below / (self.entering[n] * share);
        }
        2.0 * sum
    }

    /// Standard error of the time average of `f` over `time`.
    pub(super) fn time_error(&self, f: impl Fn(usize) -> f64, time: f64) -> f64 {
        (self.variance(f) / time).sqrt()
    }

    /// Standard error of Σ X_k / (rate * time) over the arrivals, where X_k is in [0, 1] and has
    /// mean f(state). The sum is rate ∫ f dt plus a martingale of variance at most rate * time *
    /// mean f; standard deviations add at most.
    pub(super) fn arrival_error(&self, f: impl Fn(usize) -> f64, time: f64) -> f64 {
        let mean = self.mean(&f);
        self.time_error(f, time) + (mean / (self.rate * time)).sqrt()
    }
}

/// P(Erlang(`stages`, `rate`) > t).
pub(super) fn erlang_tail(stages: usize, rate: f64, t: f64) -> f64 {
    let mut term = (-rate * t).exp();
    let mut sum = 0.0;
    for i in 0..stages {
        sum += term;
        term *= rate * t / (i + 1) as f64;
    }
    sum
}

/// The formula reproduces the published asymptotic variances of performance notes for Lq, and
/// 2 rho (1 + rho) / (1 - rho)^4 for the number in an M/M/1.
#[test]
fn variances_are_the_published_ones() {
    for (servers, rate, lq, n) in [
        (1, 0.5, 17.0, 24.0),
        (1, 0.9, 33_841.8, 34_200.0),
        (8, 6.4, 169.043, 246.056),
        (60, 54.0, 360.065, 726.039),
    ] {
        let chain = Chain::unbounded(servers, rate);
        let close = |value: f64, published: f64| (value / published - 1.0).abs() < 1e-5;
        let waiting = chain.variance(|n| chain.waiting(n));
        assert!(close(waiting, lq), "{servers}, {rate}: {waiting} {lq}");
        assert!(close(chain.variance(|n| n as f64), n), "{servers}, {rate}");
    }
}
