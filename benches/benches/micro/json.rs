//! JSON as JavaScript reads and writes it, beside serde's types.

use divan::{Bencher, black_box, counter::BytesCount};
use nest_wire::{json, packet::RawJson};
use nest_wire_benches::text::Script;

/// Returns an array of random numbers, some of them whole.
fn numbers(count: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let numbers: Vec<f64> = (0..count)
        .map(|_| f64::from(random.i32(..)) / f64::from(random.u8(1..=4)))
        .collect();
    json::to_string(&numbers).expect("numbers")
}

#[divan::bench(args = [3, 1000, 100_000])]
fn read_numbers(bencher: Bencher<'_, '_>, count: usize) {
    let raw = RawJson::new(numbers(count)).expect("JSON");
    bencher.counter(BytesCount::new(raw.as_str().len())).bench_local(|| {
        let numbers: Vec<f64> = black_box(&raw).parse().expect("numbers");
        assert_eq!(numbers.len(), count);
        numbers
    });
}

#[divan::bench(args = [3, 1000, 100_000])]
fn write_numbers(bencher: Bencher<'_, '_>, count: usize) {
    let text = numbers(count);
    let numbers: Vec<f64> = serde_json::from_str(&text).expect("numbers");
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let written = json::to_string(black_box(&numbers)).expect("numbers");
        assert_eq!(written.len(), text.len());
        written
    });
}

#[divan::bench(args = [3, 1000, 100_000])]
fn read_numbers_as_value(bencher: Bencher<'_, '_>, count: usize) {
    let text = numbers(count);
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let value = json::parse(black_box(&text)).expect("JSON");
        assert!(!value.is_null());
        value
    });
}

#[divan::bench(args = [Script::Ascii, Script::Cjk, Script::Emoji])]
fn read_1_mb_of_text(bencher: Bencher<'_, '_>, script: Script) {
    let raw = RawJson::new(script.json(1_000_000)).expect("JSON");
    bencher.counter(BytesCount::new(raw.as_str().len())).bench_local(|| {
        let text: String = black_box(&raw).parse().expect("a string");
        assert_eq!(text.len() + 2, raw.as_str().len());
        text
    });
}

#[divan::bench]
fn write_a_number(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let raw = RawJson::from_value(&black_box(6.0)).expect("a number");
        assert_eq!(raw.as_str(), "6");
        raw
    });
}
