//! Whether a call reaches a handler, and why.

use std::fmt;

use nest_wire::{
    Compat, Pattern,
    json::Value,
    pattern::{IncomingPattern, Route},
};

/// A pattern, and the text that was typed for it.
pub(super) struct Typed {
    pub(super) text: String,
    pub(super) pattern: Pattern,
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A handler's pattern and a call's, under the rules of a major.
pub(super) struct Verdict<'p> {
    handler: &'p Typed,
    call: &'p Typed,
    compat: Compat,
    registered: Route<'static>,
    /// `None` if the call's pattern is nested too deeply to be looked up.
    looked_up: Option<Route<'static>>,
}

impl<'p> Verdict<'p> {
    pub(super) fn of(handler: &'p Typed, call: &'p Typed, compat: Compat) -> Self {
        let json = call.pattern.to_json();
        let incoming = IncomingPattern::read(&json, compat).expect("a pattern writes JSON");
        Self {
            handler,
            call,
            compat,
            registered: handler.pattern.route(compat),
            looked_up: incoming.route().cloned().map(Route::into_owned),
        }
    }

    pub(super) fn meet(&self) -> bool {
        self.looked_up.as_ref() == Some(&self.registered)
    }

    /// Returns the route under which the handler is registered.
    pub(super) fn registered(&self) -> &Route<'static> {
        &self.registered
    }

    /// Returns the route that the call looks up, for people.
    pub(super) fn looked_up(&self) -> String {
        self.looked_up
            .as_ref()
            .map_or_else(|| "(none)".to_owned(), ToString::to_string)
    }

    /// Returns the JSON text of the route that the call looks up.
    pub(super) fn looked_up_json(&self) -> String {
        self.looked_up
            .as_ref()
            .map_or_else(|| "null".to_owned(), Route::to_json)
    }

    /// Returns the verdict and its reason.
    pub(super) fn sentence(&self) -> String {
        let Self {
            handler,
            call,
            registered,
            ..
        } = self;
        if self.meet() {
            return match handler.text == call.text {
                true => format!("a call to {call} reaches a handler of {handler}: both have the route {registered}"),
                false => format!("{handler} and {call} meet: both have the route {registered}"),
            };
        }
        let Some(looked_up) = &self.looked_up else {
            return format!("a call to {call} has no route: it is nested too deeply");
        };
        // A text and a value of one name: `"true"` and `true`.
        let (registered, looked_up) = match registered.to_string() == looked_up.to_string() {
            true => (registered.to_json(), looked_up.to_json()),
            false => (registered.to_string(), looked_up.to_string()),
        };
        let detour = match call.pattern.value() {
            Value::String(_) if call.pattern.to_json() != self.looked_up_json() => {
                " (a string is read as JSON if it can be)"
            }
            _ => "",
        };
        format!(
            "{handler} is registered as {registered}, but a call to {call} looks up {looked_up}{detour}: they do not meet"
        )
    }

    /// Returns the verdict on a handler of the call's pattern and a call to the handler's, if it is
    /// another.
    pub(super) fn reverse(&self) -> Option<String> {
        let reverse = Verdict::of(self.call, self.handler, self.compat);
        (reverse.meet() != self.meet()).then(|| reverse.sentence())
    }

    /// Returns a line for each run of older majors that have another route or verdict.
    pub(super) fn of_older_majors(&self) -> Vec<String> {
        let older = Compat::ALL.iter().filter(|compat| **compat < self.compat);
        let mut runs: Vec<(Compat, Compat, String)> = Vec::new();
        for &compat in older {
            let verdict = Verdict::of(self.handler, self.call, compat);
            let differs = verdict.registered != self.registered || verdict.meet() != self.meet();
            let sentence = verdict.sentence();
            match runs.last_mut() {
                _ if !differs => {}
                Some((_, last, of_run)) if *of_run == sentence => *last = compat,
                _ => runs.push((compat, compat, sentence)),
            }
        }
        runs.into_iter()
            .map(|(first, last, sentence)| match first == last {
                true => format!("in {first}: {sentence}"),
                false => format!("in {first} to {}: {sentence}", last.major()),
            })
            .collect()
    }
}
