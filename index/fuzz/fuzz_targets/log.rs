//! Logs: frames, transactions, torn tails and damage.
#![no_main]

use gallerist_index_fuzz::{attack, directory::Kind, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| attack::file(input, Kind::Log(0)));
fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    mutate::file(data, size, max, seed, fuzzer_mutate)
});
