//! All rows, with their targets.

use std::time::Duration;

use nest_wire_benches::{
    comparison::Target,
    load::{Exchange, Segments, Shape},
    text::Script,
};

use super::row::{Figure, Idle, Procedure, Raw, Row, Steady};

/// Number of bytes of a large payload.
const MEGABYTE: usize = 1_000_000;
/// Number of events between two requests for the number of received events.
const EVENTS: usize = 1000;
/// Number of values of a stream.
const VALUES: usize = 1000;
/// Time in which either server has read one small segment, before the next one is written.
const SEGMENT_PAUSE: Duration = Duration::from_micros(25);

pub(crate) fn all() -> Vec<Row> {
    let mut rows = requests();
    rows.extend([peak_memory(), idle(Idle::Fresh), idle(Idle::AfterMessage), waiting()]);
    rows.push(Row {
        name: "computing for 100 us, 1 x 64, one core over both".to_owned(),
        procedure: Procedure::BothCores,
        target: Target::at_least(1.8),
    });
    rows.extend([events(), streams()]);
    rows.extend(payloads());
    rows.push(both_ways());
    rows
}

/// Returns the rows of small requests, with a pattern that is a string and with one that is an
/// object.
fn requests() -> Vec<Row> {
    let shapes = [
        (1, 64, Figure::Cpu, Target::at_least(18.0).and_at_most(1.9)),
        (64, 16, Figure::Cpu, Target::at_least(18.0).and_at_most(1.9)),
        (64, 1, Figure::Cpu, Target::at_least(4.0).and_at_most(1.15)),
        (1000, 1, Figure::Cpu, Target::at_least(3.5).and_at_most(1.2)),
        (
            1,
            1,
            Figure::MedianLatency,
            Target::at_least(1.0 / 0.7).and_at_most(1.1),
        ),
    ];
    let patterns = [("sum", "\"sum\""), ("{cmd:sum}", "{\"cmd\":\"sum\"}")];
    let row = |(connections, in_flight, figure, target): (usize, usize, Figure, Target), name: &str, pattern: &str| {
        let what = match figure {
            Figure::MedianLatency => ", median latency",
            _ => "",
        };
        // The targets are for the string pattern. Nest is faster with the other one.
        let is_text = pattern.starts_with('"');
        let nest = target.nest.filter(|_| is_text || figure == Figure::MedianLatency);
        Row {
            name: format!("{name}, {connections} x {in_flight}{what}"),
            procedure: Procedure::Steady(Steady {
                shape: Shape { connections, in_flight },
                exchange: sum(pattern),
                units: 1.0,
                figure,
                raw: Raw::Measured,
            }),
            target: Target { nest, ..target },
        }
    };
    let of_shape = |shape| patterns.map(|(name, pattern)| row(shape, name, pattern));
    shapes.into_iter().flat_map(of_shape).collect()
}

fn peak_memory() -> Row {
    steady(
        "peak memory, 64 x 16",
        (64, 16),
        sum("\"sum\""),
        1.0,
        Target::at_least(20.0),
    )
    .looking_at(Figure::PeakMemory)
}

fn idle(idle: Idle) -> Row {
    let when = match idle {
        Idle::Fresh => "fresh",
        Idle::AfterMessage => "after 20 kB",
    };
    Row {
        name: format!("10,000 idle connections, memory, {when}"),
        procedure: Procedure::Idle(idle),
        target: Target::at_least(3.0),
    }
}

fn waiting() -> Row {
    let exchange = Exchange::request("\"wait\"", "7").answered("7");
    steady(
        "waiting for 1 ms, 1 x 1000",
        (1, 1000),
        exchange,
        1.0,
        Target::at_least(10.0),
    )
}

fn events() -> Row {
    let exchange = Exchange::request("\"logged\"", "0")
        .after_events("\"log\"", "\"hello\"", EVENTS)
        .answered(&EVENTS.to_string());
    steady("events", (1, 1), exchange, EVENTS as f64, Target::at_least(40.0))
}

fn streams() -> Row {
    let values: Vec<String> = (0..VALUES).map(|index| (1000 + index).to_string()).collect();
    let exchange = Exchange::request("\"stream\"", &VALUES.to_string()).streamed(&values);
    steady(
        "streams of 1,000 values",
        (1, 4),
        exchange,
        VALUES as f64,
        Target::at_least(10.0),
    )
}

fn payloads() -> Vec<Row> {
    let scripts = [
        ("ASCII", Script::Ascii, [3.5, 3.5, 1.6]),
        ("CJK", Script::Cjk, [10.0, 6.0, 2.8]),
    ];
    let rows = scripts
        .into_iter()
        .flat_map(|(name, script, [one_way, echoed, in_segments])| {
            let json = script.json(MEGABYTE);
            let last = json.chars().rev().nth(1).map(String::from).unwrap_or_default();
            let taken = Exchange::request("\"tail\"", &json).answered(&format!("\"{last}\""));
            let pieces = taken.clone().segments(Segments::Paced {
                bytes: 1000,
                pause: SEGMENT_PAUSE,
            });
            let echo = Exchange::request("\"echo\"", &json).answered(&json);
            [
                steady(
                    &format!("1 MB of {name}"),
                    (1, 1),
                    taken,
                    1.0,
                    Target::at_least(one_way),
                ),
                steady(
                    &format!("1 MB of {name}, echoed"),
                    (1, 1),
                    echo,
                    1.0,
                    Target::at_least(echoed),
                ),
                steady(
                    &format!("1 MB of {name}, 1 kB segments"),
                    (1, 1),
                    pieces,
                    1.0,
                    Target::at_least(in_segments),
                )
                .beside_raw(),
            ]
        });
    rows.collect()
}

/// Returns the row in which both sides write 16 MB at once: one more request is in flight than the
/// reply that is being written.
fn both_ways() -> Row {
    let json = Script::Ascii.json(16 * MEGABYTE);
    let exchange = Exchange::request("\"echo\"", &json).answered(&json);
    steady("16 MB both ways at once", (1, 2), exchange, 16.0, Target::default())
}

fn sum(pattern: &str) -> Exchange {
    Exchange::request(pattern, "[1,2,3]").answered("6")
}

fn steady(name: &str, (connections, in_flight): (usize, usize), exchange: Exchange, units: f64, target: Target) -> Row {
    Row {
        name: name.to_owned(),
        procedure: Procedure::Steady(Steady {
            shape: Shape { connections, in_flight },
            exchange,
            units,
            figure: Figure::Cpu,
            raw: Raw::Left,
        }),
        target,
    }
}

impl Row {
    /// Adds the raw server to a row that is dominated by system calls, as its limit.
    fn beside_raw(mut self) -> Self {
        if let Procedure::Steady(steady) = &mut self.procedure {
            steady.raw = Raw::Measured;
        }
        self
    }

    fn looking_at(mut self, figure: Figure) -> Self {
        if let Procedure::Steady(steady) = &mut self.procedure {
            steady.figure = figure;
        }
        self
    }
}
