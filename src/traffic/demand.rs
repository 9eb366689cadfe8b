//! The `demands` section: who asks for what, when, and what a client does when it fails.

use crate::model::duration::TimeUnit;
use crate::spec::{Code, Decoder, Diagnostic, Name, NameMap, Text, choice, one_of, section};
use crate::units::{Rate, Ratio, Span};

use super::calls::CriticalitySpec;
use super::level::LevelSpec;
use super::over_dispersion::{self, OverDispersionSpec};
use super::plan::{Jitter, RetryBudget, RetryPolicy};

section! {
    /// Requests of users for one workload.
    pub struct DemandSpec {
        /// Its name; left out, that of the workload. Names its random streams.
        "name" name: Option<Name> = optional;
        /// What is asked for.
        "workload" workload: Name = required;
        /// Where from: shares that add up to 100 %.
        "geographies" geographies: NameMap<Ratio> = list 1..=100, range "0%"..="100%";
        /// When users send their first attempt.
        "arrivals" arrivals: ArrivalsSpec = required, range "0/s"..="10000000/s";
        /// Share of the requests that write; the others only read. It matters where a workload
        /// says what requests need.
        "writes" writes: Ratio = default "0%", source "reads alone", range "0%"..="100%";
        /// How much more or less is asked for than `arrivals` say: a factor, drawn anew in each
        /// trial.
        "level" level: Option<LevelSpec> = optional;
        /// More variance than a Poisson process has.
        "overDispersion" over_dispersion: Vec<OverDispersionSpec> = list 0..=4;
        /// Users who come on top for a while, because of a campaign or of news.
        "flashCrowds" flash_crowds: Vec<FlashCrowdSpec> = list 0..=100;
        /// How much its requests matter, and the calls that they cause: it decides what a workload
        /// with `shed` refuses first.
        "criticality" criticality: CriticalitySpec = default "CRITICAL",
            source "Google, Site Reliability Engineering, chapter 21: of production jobs";
        /// A client gives up an attempt after this.
        "attemptTimeout" attempt_timeout: Span = default "2s", source "assumed", range "1ms"..="1h";
        /// A client gives up a request, retries included, after this.
        "deadline" deadline: Span = default "10s", source "assumed", range "1ms"..="1h";
        /// What a client does after a failed attempt; left out, it gives up.
        "retries" retries: Option<RetriesSpec> = optional;
    }
    check DemandSpec::check_together;
}

one_of! {
    /// When users send their first attempt.
    pub enum ArrivalsSpec {
        /// A Poisson process of constant rate.
        "constant" => Constant(Rate),
        /// A Poisson process whose rate changes at given instants.
        "steps" => Steps(Vec<StepSpec>),
        /// A Poisson process whose rate swings between trough and peak.
        "diurnal" => Diurnal(DiurnalSpec),
        /// A Poisson process whose rate follows measured counts.
        "trace" => Trace(TraceSpec),
        /// One user at each recorded instant.
        "replay" => Replay(ReplaySpec),
        /// Clients that send their next request some time after the outcome of the last.
        "closedLoop" => ClosedLoop(ClosedLoopSpec),
    }
}

section! {
    /// A rate from an instant on.
    pub struct StepSpec {
        /// From when on; the first step is at 0s and holds in the warm-up, too.
        "at" at: Span = required, range "0s"..="366d";
        /// The rate from then on.
        "rate" rate: Rate = required, range "0/s"..="10000000/s";
    }
}

section! {
    /// A rate that swings as a cosine.
    pub struct DiurnalSpec {
        /// Lowest rate.
        "trough" trough: Rate = required, range "0/s"..="10000000/s";
        /// Highest rate.
        "peak" peak: Rate = required, range "0/s"..="10000000/s";
        /// An instant of the highest rate.
        "peakAt" peak_at: Span = default "0s",
            source "the run starts at the peak",
            range "0s"..="366d";
        /// From peak to peak.
        "period" period: Span = default "24h", source "a day", range "1m"..="366d";
    }
    check DiurnalSpec::check_order;
}

section! {
    /// A rate that follows measured counts of a CSV file.
    pub struct TraceSpec {
        /// The CSV file, relative to the scenario's folder.
        "csv" csv: Text = required;
        /// The column of instants, the starts of intervals: `2014-07-01 00:30` or seconds.
        "time" time: Text = required;
        /// The column of counts in each interval.
        "count" count: Text = required;
        /// Length of an interval; all instants lie this far apart.
        "step" step: Span = required, range "1ms"..="1d";
        /// The instant of the trace at which the run is at 0s, e.g. `2014-09-06 20:00`; left out,
        /// its first.
        "from" from: Option<Text> = optional;
        /// Scales the trace so that its highest rate in the run is this.
        "peak" peak: Option<Rate> = optional, range "0/s"..="10000000/s";
        /// Scales the trace by this factor.
        "factor" factor: Option<f64> = optional, range 0.000001..=1000000.0;
        /// The rate within an interval.
        "interpolation" interpolation: Interpolation = default "linear",
            source "a rate does not jump at the full half hour";
        /// What follows when the trace is over.
        "afterEnd" after_end: AfterEnd = required;
        /// What a missing interval means.
        "gaps" gaps: Gaps = default "error", source "a gap is not known to be a zero";
    }
    check TraceSpec::check_scale;
}

section! {
    /// A crowd that comes on top of the other users: its rate rises evenly, holds and falls evenly.
    pub struct FlashCrowdSpec {
        /// When it begins to rise, from the end of the warm-up.
        "at" at: Span = required, range "0s"..="366d";
        /// Its rate at the height, on top of the other arrivals.
        "rate" rate: Rate = required, range "0/s"..="10000000/s";
        /// How long it rises.
        "rise" rise: Span = default "1m", source "assumed", low confidence, range "1s"..="1d";
        /// How long it holds.
        "hold" hold: Span = default "10m", source "assumed", low confidence, range "0s"..="30d";
        /// How long it falls.
        "fall" fall: Span = default "10m", source "assumed", low confidence, range "1s"..="30d";
    }
}

section! {
    /// Recorded instants of single arrivals.
    pub struct ReplaySpec {
        /// The CSV file, relative to the scenario's folder.
        "csv" csv: Text = required;
        /// The column of instants, as numbers in ascending order.
        "column" column: Text = required;
        /// The unit of the column; left out, the column's name must end in it.
        "unit" unit: Option<TimeUnit> = optional;
        /// When the first arrival is.
        "begin" begin: Span = default "0s", source "the start of the run", range "0s"..="366d";
        /// What follows when the record is over.
        "afterEnd" after_end: AfterEnd = required;
    }
    check ReplaySpec::check_end;
}

section! {
    /// Clients that wait for each outcome before they go on.
    pub struct ClosedLoopSpec {
        /// Number of clients.
        "clients" clients: u32 = default "1", source "one client", range 1..=100000;
        /// Requests of each client.
        "requests" requests: u32 = required, range 1..=100000000;
        /// From an outcome to the next request.
        "pause" pause: Span = required, range "1ms"..="1d";
        /// When the first client sends its first request.
        "begin" begin: Span = default "0s", source "the start of the run", range "0s"..="366d";
    }
}

section! {
    /// Retries of clients.
    pub struct RetriesSpec {
        /// Tries in all, the first included.
        "attempts" attempts: u8 = default "3", source "assumed", range 1..=16;
        /// From the notice of a failure to the first retry.
        "backoff" backoff: Span = default "100ms", source "assumed", range "1ms"..="1h";
        /// Each further wait is this many times the one before.
        "factor" factor: f64 = default "2", source "exponential back-off", range 1.0..=100.0;
        /// No wait is longer.
        "cap" cap: Span = default "10s", source "assumed", range "1ms"..="1h";
        /// How a wait is spread.
        "jitter" jitter: JitterSpec = default "full",
            source "AWS Architecture Blog, Exponential Backoff And Jitter, 2015";
        /// Retries as a share of first attempts, all clients together; left out, no limit.
        "budget" budget: Option<Ratio> = optional, range "0%"..="1000%";
        /// Retries that the budget allows in any case.
        "budgetMinimum" budget_minimum: Rate = default "10/s",
            source "Finagle RetryBudget: minRetriesPerSec 10",
            range "0/s"..="1000000/s";
        /// How long unused budget is kept.
        "budgetTtl" budget_ttl: Span = default "10s",
            source "Finagle RetryBudget: ttl 10 s",
            range "1s"..="1h";
    }
    check RetriesSpec::check_cap;
}

choice! {
    /// The rate within an interval of a trace.
    pub enum Interpolation {
        /// Straight lines between the middles of the intervals.
        "linear" => Linear,
        /// Constant, with jumps.
        "step" => Step,
    }
}

choice! {
    /// What follows when a trace or record is over.
    pub enum AfterEnd {
        /// It starts again.
        "repeat" => Repeat,
        /// Its last rate goes on.
        "hold" => Hold,
        /// Nothing.
        "stop" => Stop,
    }
}

choice! {
    /// What a missing interval of a trace means.
    pub enum Gaps {
        /// A mistake.
        "error" => Error,
        /// No requests.
        "zero" => Zero,
        /// The rate of the interval before it.
        "hold" => Hold,
    }
}

choice! {
    /// How a wait of length b is spread.
    pub enum JitterSpec {
        /// Exactly b.
        "none" => None,
        /// Uniform from 0 to b.
        "full" => Full,
        /// b/2 plus a uniform part of b/2.
        "equal" => Equal,
    }
}

fn contradiction(place: &crate::spec::Place, message: String, allowed: String) -> Diagnostic {
    Diagnostic::error(Code::Contradiction, place.clone(), message).allowed(allowed)
}

impl DemandSpec {
    fn check_together(&self, cx: &mut Decoder<'_>) {
        let (attempt, deadline) = (*self.attempt_timeout, *self.deadline);
        if deadline < attempt {
            let message = format!("an attempt may take {attempt}, but the request only {deadline}");
            let place = &self.attempt_timeout.place;
            cx.report(contradiction(place, message, format!("at most the deadline, {deadline}")));
        }
        let sum: f64 = self.geographies.iter().map(|(_, share)| share.get()).sum();
        if 1e-9 < (sum - 1.0).abs() {
            let message = format!("the shares add up to {}", Ratio::new(sum));
            cx.report(contradiction(&self.geographies.place, message, "100%".to_owned()));
        }
        let places = self.geographies.iter().filter(|(_, share)| share.get() > 0.0).count();
        let single =
            matches!(*self.arrivals, ArrivalsSpec::Replay(_) | ArrivalsSpec::ClosedLoop(_));
        if single && 1 < places {
            let message = format!("recorded and closed-loop clients are in {places} places");
            let wrong = contradiction(&self.geographies.place, message, "one geography".to_owned());
            cx.report(wrong.help("write one demand for each place"));
        }
        if single && !self.over_dispersion.is_empty() {
            let message = "only Poisson arrivals can be over-dispersed".to_owned();
            let place = &self.over_dispersion.place;
            cx.report(contradiction(place, message, "constant, steps, diurnal, trace".to_owned()));
        }
        if single && !self.flash_crowds.is_empty() {
            let message = "a crowd comes on top of Poisson arrivals only".to_owned();
            let place = &self.flash_crowds.place;
            cx.report(contradiction(place, message, "constant, steps, diurnal, trace".to_owned()));
        }
        over_dispersion::check(&self.over_dispersion, cx);
        if single && self.level.is_some() {
            let message = "only Poisson arrivals can have a random level".to_owned();
            let place = &self.level.place;
            cx.report(contradiction(place, message, "constant, steps, diurnal, trace".to_owned()));
        }
        if let ArrivalsSpec::Steps(steps) = &*self.arrivals {
            self.check_steps(steps, cx);
        }
    }

    fn check_steps(&self, steps: &[StepSpec], cx: &mut Decoder<'_>) {
        match steps.first() {
            None => {
                let message = "no steps".to_owned();
                let place = &self.arrivals.place;
                cx.report(contradiction(place, message, "1 to 100000 steps".to_owned()));
            }
            Some(first) if *first.at != Span::ZERO => {
                let message = format!("the first step is at {}", *first.at);
                cx.report(contradiction(&first.at.place, message, "0s".to_owned()));
            }
            Some(_) => {}
        }
        for pair in steps.windows(2) {
            if *pair[1].at <= *pair[0].at {
                let message = format!("{} follows {}", *pair[1].at, *pair[0].at);
                let allowed = format!("steps in rising order: after {}", *pair[0].at);
                cx.report(contradiction(&pair[1].at.place, message, allowed));
            }
        }
    }
}

impl DiurnalSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if *self.peak < *self.trough {
            let message = format!("`peak` {} is below `trough` {}", *self.peak, *self.trough);
            let allowed = format!("at least {}", *self.trough);
            cx.report(contradiction(&self.peak.place, message, allowed));
        }
    }
}

impl TraceSpec {
    fn check_scale(&self, cx: &mut Decoder<'_>) {
        if self.peak.is_some() && self.factor.is_some() {
            let message = "a trace is scaled once".to_owned();
            let allowed = "`peak` or `factor`, not both".to_owned();
            cx.report(contradiction(&self.factor.place, message, allowed));
        }
    }
}

impl ReplaySpec {
    fn check_end(&self, cx: &mut Decoder<'_>) {
        if *self.after_end == AfterEnd::Hold {
            let message = "a record of arrivals has no rate to hold".to_owned();
            let allowed = "repeat, stop".to_owned();
            cx.report(contradiction(&self.after_end.place, message, allowed));
        }
    }
}

impl RetriesSpec {
    fn check_cap(&self, cx: &mut Decoder<'_>) {
        if *self.cap < *self.backoff {
            let message = format!("`cap` {} is below `backoff` {}", *self.cap, *self.backoff);
            cx.report(contradiction(
                &self.cap.place,
                message,
                format!("at least {}", *self.backoff),
            ));
        }
    }

    /// The policy as traffic applies it.
    #[must_use]
    pub fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            max_attempts: *self.attempts,
            backoff: *self.backoff,
            factor: *self.factor,
            cap: *self.cap,
            jitter: match *self.jitter {
                JitterSpec::None => Jitter::None,
                JitterSpec::Full => Jitter::Full,
                JitterSpec::Equal => Jitter::Equal,
            },
            budget: self.budget.map(|ratio| RetryBudget {
                ratio,
                min_per_s: self.budget_minimum.per_s(),
                ttl: *self.budget_ttl,
            }),
        }
    }
}
