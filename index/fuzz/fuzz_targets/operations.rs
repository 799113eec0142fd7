//! Operations in any order, against a map and a sort.
#![no_main]

use gallerist_index_fuzz::operations;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| operations::run(input));
