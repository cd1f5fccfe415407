// The parts that the apps of the chaos harness share. Its twin is `chaos/src/numbers.rs`.

/** The only right answer to the call with this number. */
export function answer(number) {
  return (number * 7919 + 13) % 1000003;
}
