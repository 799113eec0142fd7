//! The `gallerist` program.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    gallerist::cli::main()
}
