//! The rules by which requests are answered.
//!
//! A file is a JSON array of objects. The first rule that wants what a request has answers it; rules
//! that want the same answer in turn, and the last of them goes on.

mod comments;
mod read;

use std::{cell::Cell, fmt, time::Duration};

use nest_wire::{Compat, json::Value, pattern::Route};

use super::template::Template;
use crate::{faults::Fail, pointer::Pointer, traffic::text::cut};

/// Maximum number of columns of a value that a message shows.
const SHOWN: usize = 60;

/// All rules of a file.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// What is odd about the rules, and no fault.
    pub(super) warnings: Vec<String>,
}

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its place in the file, counted from 1.
    number: usize,
    is_event: bool,
    route: Route<'static>,
    /// The pattern as people read it.
    pattern: String,
    when: Vec<(Pointer, Value)>,
    pub(super) reply: Reply,
    /// Time before the reply.
    pub(super) after: Duration,
    pub(super) fail: Option<Fail>,
    /// True if what comes is shown on standard output.
    pub(super) is_shown: bool,
    /// How often it ran.
    uses: Cell<u64>,
}

/// What a rule answers.
#[derive(Debug)]
pub(super) enum Reply {
    Value(Template),
    Values {
        values: Vec<Template>,
        /// Time before each value but the first.
        every: Duration,
        /// True if the end is sent alone, not with the last value.
        ends_alone: bool,
    },
    Error(Template),
}

/// What is asked, as far as rules look at it.
pub(super) struct Asked<'a> {
    pub(super) is_event: bool,
    pub(super) route: Option<&'a Route<'a>>,
    pub(super) data: Option<&'a Value>,
}

impl Rules {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it and where, to be written after the name of the file.
    pub(super) fn read(text: &str, compat: Compat) -> Result<Self, String> {
        let (rules, warnings) = read::rules(text, compat)?;
        Ok(Self { rules, warnings })
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns the rule that answers, and how often it has run now.
    pub(super) fn find(&self, asked: &Asked<'_>) -> Option<(&Rule, u64)> {
        let first = self.rules.iter().find(|rule| rule.wants(asked))?;
        let mut sequence = self.rules.iter().filter(|rule| rule.wants_the_same(first));
        let rule = sequence.clone().find(|rule| rule.uses.get() == 0);
        let rule = rule.or_else(|| sequence.next_back()).unwrap_or(first);
        rule.uses.set(rule.uses.get() + 1);
        Some((rule, rule.uses.get()))
    }

    /// Returns in words which rule an unknown request came nearest to, and what that one wants.
    pub(super) fn nearest(&self, asked: &Asked<'_>, pattern: &str) -> String {
        let of_route = |rule: &&Rule| rule.is_event == asked.is_event && Some(&rule.route) == asked.route;
        let nearest = self
            .rules
            .iter()
            .filter(of_route)
            .min_by_key(|rule| rule.missed(asked).count());
        if let Some(rule) = nearest {
            let wanted: Vec<String> = rule.missed(asked).map(shown).collect();
            return format!("nearest is rule {}, which wants {}", rule.number, wanted.join(" and "));
        }
        let distance = |rule: &&Rule| strsim::levenshtein(&cut(&rule.pattern, SHOWN), &cut(pattern, SHOWN));
        match self.rules.iter().min_by_key(distance) {
            Some(rule) => format!("nearest is rule {}, for {rule}", rule.number),
            None => "there are no rules".to_owned(),
        }
    }

    /// Returns the rules that never ran.
    pub(super) fn unused(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.uses.get() == 0)
    }
}

impl Rule {
    fn wants(&self, asked: &Asked<'_>) -> bool {
        self.is_event == asked.is_event && Some(&self.route) == asked.route && self.missed(asked).next().is_none()
    }

    fn wants_the_same(&self, other: &Self) -> bool {
        self.is_event == other.is_event && self.route == other.route && self.when == other.when
    }

    /// Returns what it wants and a request has not.
    fn missed<'r>(&'r self, asked: &'r Asked<'_>) -> impl Iterator<Item = &'r (Pointer, Value)> {
        self.when
            .iter()
            .filter(|(pointer, wanted)| asked.data.and_then(|data| pointer.of(data)) != Some(wanted))
    }

    /// Returns `rule 3` and its pattern.
    pub(super) fn name(&self) -> String {
        format!("rule {} ({self})", self.number)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_event { "the event " } else { "" };
        write!(f, "{kind}{}", self.pattern)
    }
}

fn shown((pointer, wanted): &(Pointer, Value)) -> String {
    let pointer = match pointer.as_str() {
        "" => "the data",
        pointer => pointer,
    };
    format!("{pointer} {}", cut(&wanted.stringify(), SHOWN))
}

#[cfg(test)]
mod tests {
    use nest_wire::{json::parse, pattern::IncomingPattern};

    use super::*;

    fn rules(text: &str) -> Rules {
        Rules::read(text, Compat::default()).expect("rules")
    }

    /// Returns the number of the rule that answers, and the nearest one's words if none does.
    fn ask(rules: &Rules, pattern: &str, data: &str) -> Result<usize, String> {
        let pattern = IncomingPattern::read(pattern, Compat::default()).expect("JSON");
        let data = parse(data).expect("JSON");
        let asked = Asked {
            is_event: false,
            route: pattern.route(),
            data: Some(&data),
        };
        let name = pattern.as_str().unwrap_or_default();
        let found = rules.find(&asked).map(|(rule, _)| rule.number);
        found.ok_or_else(|| rules.nearest(&asked, name))
    }

    #[test]
    fn the_first_rule_that_wants_what_a_request_has_answers() {
        let rules = rules(
            r#"[ {"pattern":"find", "when":{"/id":42, "/tags/0":"a"}, "value":1},
                 {"pattern":"find", "when":{"/id":42}, "value":2},
                 {"pattern":{"b":1,"a":"x"}, "value":3} ]"#,
        );
        assert_eq!(ask(&rules, r#""find""#, r#"{"id":42,"tags":["a"]}"#), Ok(1));
        assert_eq!(ask(&rules, r#""find""#, r#"{"id":42.0}"#), Ok(2));
        assert_eq!(ask(&rules, r#"{"a":"x","b":1}"#, "null"), Ok(3));
        let nearest = ask(&rules, r#""find""#, r#"{"id":7}"#);
        assert_eq!(nearest, Err("nearest is rule 2, which wants /id 42".to_owned()));
        let nearest = ask(&rules, r#""fnd""#, "1");
        assert_eq!(nearest, Err("nearest is rule 1, for find".to_owned()));
    }

    #[test]
    fn rules_that_want_the_same_answer_in_turn_and_the_last_goes_on() {
        let rules = rules(
            r#"[ {"pattern":"next", "value":1},
                 {"pattern":"other", "value":0},
                 {"pattern":"next", "value":2},
                 {"pattern":"next", "value":3} ]"#,
        );
        let asked: Vec<_> = (0..5).map(|_| ask(&rules, r#""next""#, "0")).collect();
        assert_eq!(asked, [Ok(1), Ok(3), Ok(4), Ok(4), Ok(4)]);
        let unused: Vec<String> = rules.unused().map(Rule::name).collect();
        assert_eq!(unused, ["rule 2 (other)"]);
    }

    #[test]
    fn a_general_rule_does_not_continue_a_special_one() {
        let rules = rules(
            r#"[ {"pattern":"find", "when":{"/id":42}, "value":1},
                 {"pattern":"find", "error":"none"} ]"#,
        );
        for _ in 0..3 {
            assert_eq!(ask(&rules, r#""find""#, r#"{"id":42}"#), Ok(1));
        }
        assert_eq!(ask(&rules, r#""find""#, r#"{"id":1}"#), Ok(2));
    }
}
