//! All files of an index at once.
#![no_main]

use gallerist_index_fuzz::{attack, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| attack::all(input));
fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    mutate::bundle(data, size, max, seed, fuzzer_mutate)
});
