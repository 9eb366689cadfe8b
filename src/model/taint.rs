//! Taints keep pods away from nodes; tolerations let them come all the same.
//!
//! Follows component-helpers/scheduling/corev1/helpers.go and core/v1/toleration.go
//! (ToleratesTaint). A pod comes if it tolerates every taint of effect NoSchedule and NoExecute;
//! PreferNoSchedule only costs score.

use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::Span;

use super::labels::{LabelKey, LabelValue};

choice! {
    /// What a taint does to pods that do not tolerate it.
    pub enum TaintEffect {
        /// New pods stay away.
        "NoSchedule" => NoSchedule,
        /// New pods stay away if they can.
        "PreferNoSchedule" => PreferNoSchedule,
        /// New pods stay away and running ones are evicted.
        "NoExecute" => NoExecute,
    }
}

choice! {
    /// How a toleration compares a taint.
    pub enum TolerationOperator {
        /// Key and value are the same.
        "Equal" => Equal,
        /// The key is the same; without a key, any taint.
        "Exists" => Exists,
    }
}

section! {
    /// A taint of every node of a pool.
    pub struct TaintSpec {
        /// Its key, e.g. `kubernetes.azure.com/scalesetpriority`.
        "key" key: LabelKey = required;
        /// Its value, e.g. `spot`.
        "value" value: Option<LabelValue> = optional;
        /// What it does.
        "effect" effect: TaintEffect = required;
    }
}

section! {
    /// A toleration of taints, as in a pod's `spec.tolerations`.
    pub struct TolerationSpec {
        /// The taint's key; left out (with `Exists`), any.
        "key" key: Option<LabelKey> = optional;
        /// How it is compared.
        "operator" operator: TolerationOperator = default "Equal",
            source "kubernetes core/v1 types.go: Toleration";
        /// The taint's value, with `Equal`.
        "value" value: Option<LabelValue> = optional;
        /// The taint's effect; left out, any.
        "effect" effect: Option<TaintEffect> = optional;
        /// Seconds for which a NoExecute taint is tolerated; left out, for ever.
        "tolerationSeconds" toleration_s: Option<u32> = optional, range 0..=1000000000;
    }
    check TolerationSpec::check_together;
}

/// A taint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value, perhaps empty.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// A toleration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Key; empty means any.
    pub key: String,
    /// How it is compared.
    pub operator: TolerationOperator,
    /// Value, perhaps empty.
    pub value: String,
    /// Effect; None means any.
    pub effect: Option<TaintEffect>,
    /// How long a NoExecute taint is tolerated; None means for ever.
    pub lasts: Option<Span>,
}

impl Toleration {
    /// Whether it tolerates a taint.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerates_parts(&taint.key, &taint.value, taint.effect)
    }

    /// The same for a taint given by its parts.
    #[must_use]
    pub fn tolerates_parts(&self, key: &str, value: &str, effect: TaintEffect) -> bool {
        self.effect.is_none_or(|own| own == effect)
            && (self.key.is_empty() || self.key == key)
            && match self.operator {
                TolerationOperator::Equal => self.value == value,
                TolerationOperator::Exists => true,
            }
    }
}

/// For how long pods stay on a node with one of the NoExecute taints of node failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerated {
    /// They do not: the taint is not tolerated.
    Not,
    /// For this long.
    For(Span),
    /// As long as the taint is there.
    ForEver,
}

/// The same for both taints of node failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureTolerations {
    /// Under `node.kubernetes.io/not-ready`.
    pub not_ready: Tolerated,
    /// Under `node.kubernetes.io/unreachable`.
    pub unreachable: Tolerated,
}

impl FailureTolerations {
    /// What holds for a pod with these tolerations once the API server has added its own.
    ///
    /// Follows plugin/pkg/admission/defaulttolerationseconds/admission.go: `defaults` are added
    /// for a taint unless a toleration names its key, or none, and NoExecute, or no effect;
    /// operator and value are not looked at. Of several tolerations the first that fits the
    /// taint counts (component-helpers corev1 GetMatchingTolerations).
    #[must_use]
    pub fn admitted(own: &[Toleration], defaults: Self) -> Self {
        let under = |key: &str, default: Tolerated| {
            let no_execute = |t: &&Toleration| {
                t.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
                    && (t.key.is_empty() || t.key == key)
            };
            if !own.iter().any(|toleration| no_execute(&toleration)) {
                return default;
            }
            let fits = |t: &&Toleration| t.tolerates_parts(key, "", TaintEffect::NoExecute);
            match own.iter().find(fits).map(|toleration| toleration.lasts) {
                None => Tolerated::Not,
                Some(Some(lasts)) => Tolerated::For(lasts),
                Some(None) => Tolerated::ForEver,
            }
        };
        Self {
            not_ready: under("node.kubernetes.io/not-ready", defaults.not_ready),
            unreachable: under("node.kubernetes.io/unreachable", defaults.unreachable),
        }
    }

    /// Both taints tolerated for the same time.
    #[must_use]
    pub const fn both(lasts: Span) -> Self {
        Self { not_ready: Tolerated::For(lasts), unreachable: Tolerated::For(lasts) }
    }
}

/// The taints of some effects that no toleration covers.
pub fn untolerated<'t>(
    taints: &'t [Taint],
    tolerations: &'t [Toleration],
    effects: &'t [TaintEffect],
) -> impl Iterator<Item = &'t Taint> {
    let tolerated = |taint: &&Taint| tolerations.iter().any(|own| own.tolerates(taint));
    taints.iter().filter(|taint| effects.contains(&taint.effect)).filter(move |t| !tolerated(t))
}

impl TaintSpec {
    /// The taint.
    #[must_use]
    pub fn taint(&self) -> Taint {
        Taint {
            key: self.key.as_str().to_owned(),
            value: self.value.as_ref().map_or_else(String::new, |value| value.as_str().to_owned()),
            effect: *self.effect,
        }
    }
}

impl TolerationSpec {
    /// What Kubernetes' validation (ValidateTolerations) refuses.
    fn check_together(&self, cx: &mut Decoder<'_>) {
        let mut report = |place: &crate::spec::Place, message: &str, allowed: &str| {
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message.to_owned());
            cx.report(wrong.allowed(allowed));
        };
        let exists = *self.operator == TolerationOperator::Exists;
        if self.key.is_none() && !exists {
            report(&self.key.place, "no key", "a key, or `operator: Exists`");
        }
        if exists && self.value.is_some() {
            report(&self.value.place, "a value with `operator: Exists`", "no value");
        }
        if self.toleration_s.is_some() && *self.effect != Some(TaintEffect::NoExecute) {
            let place = &self.toleration_s.place;
            report(place, "`tolerationSeconds` with another effect", "`effect: NoExecute`");
        }
    }

    /// The toleration.
    #[must_use]
    pub fn toleration(&self) -> Toleration {
        let text = |value: &Option<LabelValue>| {
            value.as_ref().map_or_else(String::new, |value| value.as_str().to_owned())
        };
        Toleration {
            key: self.key.as_ref().map_or_else(String::new, |key| key.as_str().to_owned()),
            operator: *self.operator,
            value: text(&self.value),
            effect: *self.effect,
            lasts: self.toleration_s.map(|seconds| Span::from_secs(i64::from(seconds))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::decode_text;

    fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
        Taint { key: key.to_owned(), value: value.to_owned(), effect }
    }

    fn toleration(text: &str) -> Toleration {
        decode_text::<TolerationSpec>(text).unwrap().toleration()
    }

    /// Rows of TestTolerationToleratesTaint (k8s.io/api core/v1/toleration_test.go, v1.31).
    #[test]
    fn tolerations_match_taints() {
        use TaintEffect::{NoExecute, NoSchedule};
        let bar = taint("foo", "bar", NoSchedule);
        for (rule, toleration_text, against, expected) in [
            (
                "toleration and taint have the same key and effect, and operator is Exists, and \
                 taint has no value, expect tolerated",
                "{key: foo, operator: Exists, effect: NoSchedule}",
                taint("foo", "", NoSchedule),
                true,
            ),
            (
                "the same, and taint has some value, expect tolerated",
                "{key: foo, operator: Exists, effect: NoSchedule}",
                bar.clone(),
                true,
            ),
            (
                "toleration and taint have the same effect, toleration has empty key and operator \
                 is Exists, means match all taints, expect tolerated",
                "{operator: Exists, effect: NoSchedule}",
                bar.clone(),
                true,
            ),
            (
                "toleration and taint have the same key, effect and value, and operator is Equal, \
                 expect tolerated",
                "{key: foo, operator: Equal, value: bar, effect: NoSchedule}",
                bar.clone(),
                true,
            ),
            (
                "toleration and taint have the same key and effect, but different values, and \
                 operator is Equal, expect not tolerated",
                "{key: foo, operator: Equal, value: value1, effect: NoSchedule}",
                taint("foo", "value2", NoSchedule),
                false,
            ),
            (
                "toleration and taint have the same key and value, but different effects, and \
                 operator is Equal, expect not tolerated",
                "{key: foo, operator: Equal, value: bar, effect: NoSchedule}",
                taint("foo", "bar", NoExecute),
                false,
            ),
            ("no effect matches any effect", "{key: foo, value: bar}", bar.clone(), true),
            ("another key", "{key: other, operator: Exists}", bar, false),
        ] {
            assert_eq!(toleration(toleration_text).tolerates(&against), expected, "{rule}");
        }
    }

    /// One row per rule of the admission plugin: own tolerations, and what holds for not-ready and
    /// unreachable with defaults of 300 s and 200 s.
    #[test]
    fn defaults_are_added_where_no_toleration_is() {
        use Tolerated::{For, ForEver, Not};
        let secs = |s| For(Span::from_secs(s));
        let defaults = FailureTolerations { not_ready: secs(300), unreachable: secs(200) };
        let not_ready = "key: node.kubernetes.io/not-ready";
        let unreachable = "key: node.kubernetes.io/unreachable";
        for (rule, own, expected) in [
            ("none of its own: both defaults", vec![], (secs(300), secs(200))),
            (
                "one of its own leaves the other default",
                vec![format!(
                    "{{{not_ready}, operator: Exists, tolerationSeconds: 30, effect: NoExecute}}"
                )],
                (secs(30), secs(200)),
            ),
            (
                "the same for the other taint",
                vec![format!(
                    "{{{unreachable}, operator: Exists, tolerationSeconds: 0, effect: NoExecute}}"
                )],
                (secs(300), secs(0)),
            ),
            (
                "no key and no effect: both, for ever",
                vec!["{operator: Exists}".to_owned()],
                (ForEver, ForEver),
            ),
            (
                "another effect does not count",
                vec![format!("{{{not_ready}, operator: Exists, effect: NoSchedule}}")],
                (secs(300), secs(200)),
            ),
            (
                "another key does not count",
                vec!["{key: spot, operator: Exists, effect: NoExecute}".to_owned()],
                (secs(300), secs(200)),
            ),
            (
                "a value that does not fit keeps the default away all the same",
                vec![format!("{{{unreachable}, value: maybe, effect: NoExecute}}")],
                (secs(300), Not),
            ),
            (
                "the first that fits counts",
                vec![
                    format!("{{{not_ready}, operator: Exists}}"),
                    "{operator: Exists, tolerationSeconds: 9, effect: NoExecute}".to_owned(),
                ],
                (ForEver, secs(9)),
            ),
        ] {
            let own: Vec<Toleration> = own.iter().map(|text| toleration(text)).collect();
            let found = FailureTolerations::admitted(&own, defaults);
            assert_eq!((found.not_ready, found.unreachable), expected, "{rule}");
        }
    }

    /// What the API server refuses is refused here.
    #[test]
    fn contradictions_are_refused() {
        for text in [
            "{value: bar}",
            "{key: foo, operator: Exists, value: bar}",
            "{key: foo, operator: Exists, effect: NoSchedule, tolerationSeconds: 3}",
        ] {
            assert!(decode_text::<TolerationSpec>(text).is_err(), "{text}");
        }
    }

    /// Only the asked effects count, and only taints that nothing tolerates.
    #[test]
    fn untolerated_taints_are_those_of_the_asked_effects() {
        use TaintEffect::{NoExecute, NoSchedule, PreferNoSchedule};
        let taints = [
            taint("a", "", NoSchedule),
            taint("b", "", PreferNoSchedule),
            taint("c", "", NoExecute),
        ];
        let tolerations = [toleration("{key: c, operator: Exists}")];
        let keys = |effects: &[TaintEffect]| -> Vec<String> {
            untolerated(&taints, &tolerations, effects).map(|taint| taint.key.clone()).collect()
        };
        assert_eq!(keys(&[NoSchedule, NoExecute]), ["a"]);
        assert_eq!(keys(&[PreferNoSchedule]), ["b"]);
    }
}
