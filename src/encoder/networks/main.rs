//! The `gallerist-networks` program: `gallerist` with the real networks on libtorch. `gallerist` continues as this program when it
//! needs a network or a CUDA device. Other commands start without it, because loading libtorch takes a quarter of a second.
//!
//! Only this folder names `tch`. The library and the index compile and test without libtorch, and the library forbids `unsafe` code.

#![deny(unsafe_code)] // with one exception, the file `unsafe_library.rs`

#[path = "load.rs"]
mod networks;

use std::process::ExitCode;

fn main() -> ExitCode {
    gallerist::encoder::Engine::provide(networks::load);
    gallerist::train::provide(networks::learner::new);
    gallerist::session::provide_products(networks::products::new);
    gallerist::cli::main()
}

#[cfg(test)]
mod tests;
