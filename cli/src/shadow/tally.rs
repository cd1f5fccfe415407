//! Counts what was compared, by pattern and by field.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hdrhistogram::Histogram;

use super::{
    fields::{Fields, is_of_reply},
    metrics,
    outcome::{FieldOutcome, Latency, PatternOutcome, Sample, Skipped},
};
use crate::traffic::text::cut;

/// Maximum number of patterns that are counted each by itself.
const MAX_PATTERNS: usize = 1000;
/// Maximum length of their names, in bytes.
const MAX_NAME: usize = 400;
const OTHER_PATTERNS: &str = "(other patterns)";
/// Maximum number of fields of a pattern that are counted each by itself.
const MAX_FIELDS: usize = 200;
const OTHER_FIELDS: &str = "(other fields)";
/// Maximum number of reasons for no answer that are counted each by itself.
const MAX_REASONS: usize = 20;
const OTHER_REASONS: &str = "(other reasons)";
/// How far apart two shares may be, relative to their sum, to be the same noise. Diffy's number.
const NOISE: f64 = 0.2;

/// All counts.
pub(super) struct Tally {
    max_samples: usize,
    patterns: BTreeMap<Arc<str>, Pattern>,
    /// Number of calls that the candidate did not answer, by reason.
    pub(super) unanswered: BTreeMap<String, u64>,
    pub(super) skipped: Skipped,
    /// Number of events that were copied.
    pub(super) events: u64,
    /// Number of events that could not be.
    pub(super) lost_events: u64,
    /// Number of requests and events that have passed, chosen or not.
    pub(super) passed: u64,
    /// Why the first second answer that did not come did not, and how many there are.
    pub(super) no_second_answers: Option<(String, u64)>,
}

/// The counts of one pattern.
struct Pattern {
    compared: u64,
    /// Number of calls among them that were asked a second time.
    asked_again: u64,
    unanswered: u64,
    fields: BTreeMap<String, Field>,
    /// Times until the last packet, of the primary and the candidate.
    latencies: [Histogram<u32>; 2],
}

/// The counts of one field.
#[derive(Default)]
struct Field {
    /// Number of calls in which the candidate differs from the primary.
    differs: u64,
    /// Number of calls in which the primary differs from its second answer.
    differs_from_itself: u64,
    samples: Vec<Sample>,
}

/// A call whose replies were compared.
pub(super) struct Compared {
    pub(super) pattern: Arc<str>,
    pub(super) number: u64,
    pub(super) data: String,
    /// How the candidate differs.
    pub(super) fields: Fields,
    /// How the primary differs from its second answer, if there is one.
    pub(super) noise: Option<Fields>,
    /// How long the primary took, and the candidate.
    pub(super) took: [Duration; 2],
}

impl Tally {
    /// Returns counts of nothing, which keep this number of examples of a field.
    pub(super) fn new(max_samples: usize) -> Self {
        Self {
            max_samples,
            patterns: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            skipped: Skipped::default(),
            events: 0,
            lost_events: 0,
            passed: 0,
            no_second_answers: None,
        }
    }

    pub(super) fn no_second_answer(&mut self, reason: String) {
        self.no_second_answers.get_or_insert((reason, 0)).1 += 1;
    }

    /// Counts a call. Returns the examples of fields that are no noise and had too few.
    pub(super) fn compared(&mut self, call: Compared) -> Vec<Sample> {
        let max_samples = self.max_samples;
        let name = self.name(&call.pattern);
        let pattern = self.pattern(&name);
        pattern.compared += 1;
        for (latencies, took) in pattern.latencies.iter_mut().zip(call.took) {
            latencies.saturating_record(micros(took));
        }
        if let Some(noise) = call.noise {
            pattern.asked_again += 1;
            let fields: BTreeSet<String> = noise.keys().map(|field| pattern.counted_as(field)).collect();
            for pointer in fields {
                metrics::noise(&name, &pointer);
                pattern.fields.entry(pointer).or_default().differs_from_itself += 1;
            }
        }
        let mut new = Vec::new();
        let mut counted = BTreeSet::new();
        for (field, found) in call.fields {
            let pointer = pattern.counted_as(&field);
            let field = pattern.fields.entry(pointer.clone()).or_default();
            // Once, however many fields are counted as one.
            if !counted.insert(pointer.clone()) {
                continue;
            }
            metrics::difference(&name, &pointer);
            field.differs += 1;
            if field.samples.len() < max_samples {
                let sample = Sample {
                    call: call.number,
                    data: call.data.clone(),
                    place: found.place,
                    primary: found.primary,
                    candidate: found.other,
                };
                field.samples.push(sample.clone());
                new.push((pointer, sample));
            }
        }
        metrics::compared(&name);
        new.retain(|(pointer, _)| !pattern.is_noise(pointer));
        new.into_iter().map(|(_, sample)| sample).collect()
    }

    /// Counts a call that the candidate did not answer. Returns true if it is the first for this
    /// reason.
    pub(super) fn unanswered(&mut self, pattern: &Arc<str>, reason: &str) -> bool {
        let name = self.name(pattern);
        self.pattern(&name).unanswered += 1;
        metrics::unanswered(&name);
        let reason = match self.unanswered.len() < MAX_REASONS || self.unanswered.contains_key(reason) {
            true => reason,
            false => OTHER_REASONS,
        };
        let count = self.unanswered.entry(reason.to_owned()).or_default();
        *count += 1;
        *count == 1
    }

    /// Returns the number of calls that were compared, or that the candidate did not answer.
    pub(super) fn judged(&self) -> u64 {
        let patterns = self.patterns.values();
        patterns.map(|pattern| pattern.compared + pattern.unanswered).sum()
    }

    /// Returns the name that a pattern is counted under.
    fn name(&self, pattern: &Arc<str>) -> Arc<str> {
        if pattern.len() > MAX_NAME {
            return self.name(&cut(pattern, MAX_NAME / 4).into());
        }
        match self.patterns.len() < MAX_PATTERNS || self.patterns.contains_key(pattern) {
            true => Arc::clone(pattern),
            false => OTHER_PATTERNS.into(),
        }
    }

    fn pattern(&mut self, name: &Arc<str>) -> &mut Pattern {
        self.patterns.entry(Arc::clone(name)).or_insert_with(Pattern::new)
    }

    pub(super) fn outcomes(&self) -> Vec<PatternOutcome> {
        let patterns = self.patterns.iter();
        patterns.map(|(name, pattern)| pattern.outcome(name)).collect()
    }
}

impl Pattern {
    fn new() -> Self {
        // Two digits are exact, in a few kilobytes: there may be a thousand patterns.
        let histogram = || Histogram::new_with_bounds(1, 3_600_000_000, 2).expect("sound bounds");
        Self {
            compared: 0,
            asked_again: 0,
            unanswered: 0,
            fields: BTreeMap::new(),
            latencies: [histogram(), histogram()],
        }
    }

    /// Returns the pointer that a field is counted under. Errors and numbers of values are never
    /// among the others.
    fn counted_as(&self, pointer: &str) -> String {
        let is_kept = self.fields.len() < MAX_FIELDS || self.fields.contains_key(pointer) || is_of_reply(pointer);
        if is_kept { pointer } else { OTHER_FIELDS }.to_owned()
    }

    /// Returns true if the candidate differs from the primary about as often as the primary does
    /// from itself, or less often. What is behind the other fields may be anything: they are none.
    fn is_noise(&self, pointer: &str) -> bool {
        let Some(field) = self.fields.get(pointer).filter(|_| pointer != OTHER_FIELDS) else {
            return false;
        };
        let share = |count: u64, of: u64| count as f64 / of.max(1) as f64;
        let differs = share(field.differs, self.compared);
        let noise = share(field.differs_from_itself, self.asked_again);
        field.differs_from_itself > 0 && (differs - noise) / (differs + noise) <= NOISE
    }

    fn outcome(&self, name: &str) -> PatternOutcome {
        let field = |(pointer, field): (&String, &Field)| FieldOutcome {
            pointer: pointer.clone(),
            differs: field.differs,
            differs_from_itself: field.differs_from_itself,
            is_noise: self.is_noise(pointer),
            samples: field.samples.clone(),
        };
        PatternOutcome {
            pattern: name.to_owned(),
            compared: self.compared,
            asked_again: self.asked_again,
            unanswered: self.unanswered,
            primary: Latency::of(&self.latencies[0]),
            candidate: Latency::of(&self.latencies[1]),
            fields: self.fields.iter().map(field).collect(),
        }
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::fields::Found, *};

    fn fields(pointers: &[&str]) -> Fields {
        let found = |pointer: &str| Found {
            place: pointer.to_owned(),
            primary: "1".to_owned(),
            other: "2".to_owned(),
        };
        let fields = pointers.iter().map(|pointer| ((*pointer).to_owned(), found(pointer)));
        fields.collect()
    }

    fn count(tally: &mut Tally, differs: &[&str], from_itself: Option<&[&str]>) -> usize {
        let call = Compared {
            pattern: "users".into(),
            number: 1,
            data: "{}".to_owned(),
            fields: fields(differs),
            noise: from_itself.map(fields),
            took: [Duration::from_millis(1), Duration::from_micros(100)],
        };
        tally.compared(call).len()
    }

    fn noise(tally: &Tally) -> Vec<(String, bool)> {
        let fields = tally.outcomes().remove(0).fields.into_iter();
        fields.map(|field| (field.pointer, field.is_noise)).collect()
    }

    #[test]
    fn a_field_that_differs_as_often_by_itself_is_noise_and_others_are_not() {
        let mut tally = Tally::new(3);
        for call in 0..100 {
            let mut differs = vec!["/at"];
            let mut itself = vec!["/at"];
            if call % 10 == 0 {
                itself.push("/price");
            }
            // Ten times as often as by itself.
            differs.push("/price");
            if call == 50 {
                differs.push("/name");
            }
            count(&mut tally, &differs, Some(&itself));
        }
        let expected = [("/at", true), ("/name", false), ("/price", false)];
        assert_eq!(noise(&tally), expected.map(|(field, noise)| (field.to_owned(), noise)));
    }

    #[test]
    fn without_a_second_answer_nothing_is_noise() {
        let mut tally = Tally::new(3);
        assert_eq!(count(&mut tally, &["/at"], None), 1);
        assert_eq!(noise(&tally), [("/at".to_owned(), false)]);
    }

    #[test]
    fn what_is_counted_among_other_fields_is_no_noise_and_errors_are_not_among_them() {
        let mut tally = Tally::new(1);
        for call in 0..30 {
            let keys: Vec<String> = (0..MAX_FIELDS)
                .map(|key| format!("/{}x", call * MAX_FIELDS + key))
                .collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            if call < 2 {
                count(&mut tally, &keys, Some(&keys));
            } else {
                count(&mut tally, &["/err"], Some(&keys));
            }
        }
        let outcome = tally.outcomes().remove(0);
        let field = |pointer: &str| outcome.fields.iter().find(|field| field.pointer == pointer);
        assert_eq!(
            field("/err").map(|field| (field.differs, field.is_noise)),
            Some((28, false))
        );
        let others = field(OTHER_FIELDS).expect("they are counted");
        assert!(!others.is_noise && others.differs <= 2 && others.differs_from_itself <= 30);
    }

    #[test]
    fn a_few_examples_of_each_field_are_kept() {
        let mut tally = Tally::new(2);
        let new: Vec<usize> = (0..4).map(|_| count(&mut tally, &["/a"], None)).collect();
        assert_eq!(new, [1, 1, 0, 0]);
        assert_eq!(tally.outcomes()[0].fields[0].samples.len(), 2);
        assert_eq!(tally.outcomes()[0].fields[0].differs, 4);
    }

    #[test]
    fn patterns_fields_and_reasons_have_limits() {
        let mut tally = Tally::new(1);
        for number in 0..MAX_PATTERNS + 10 {
            tally.unanswered(&format!("{number}").into(), &format!("reason {number}"));
        }
        assert_eq!(tally.outcomes().len(), MAX_PATTERNS + 1);
        assert_eq!(tally.unanswered.len(), MAX_REASONS + 1);
        assert_eq!(tally.judged(), MAX_PATTERNS as u64 + 10);
        let mut tally = Tally::new(1);
        for number in 0..MAX_FIELDS + 10 {
            count(&mut tally, &[&format!("/{number}x")], None);
        }
        assert_eq!(tally.outcomes()[0].fields.len(), MAX_FIELDS + 1);
    }
}
