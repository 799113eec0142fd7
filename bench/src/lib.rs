//! Benchmarks of Gallerist; results are committed under `bench/results/`.
