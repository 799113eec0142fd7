//! The `gallerist-networks` program: `gallerist` with the real networks in it, on libtorch. `gallerist` goes on as this program
//! when it needs a network; all else is done without the quarter of a second that loading libtorch takes.

#![deny(unsafe_code)] // one file is excepted: see `networks`

#[path = "load.rs"]
mod networks;

use std::process::ExitCode;

fn main() -> ExitCode {
    gallerist::encoder::Engine::provide(networks::load);
    gallerist::cli::main()
}

#[cfg(test)]
mod tests;
