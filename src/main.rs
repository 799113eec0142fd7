//! The `gallerist` program.

fn main() -> std::process::ExitCode {
    gallerist::cli::main()
}
