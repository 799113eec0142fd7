//! `gallerist dedup`: duplicates.

mod subjects;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::ExitStatus;
use super::screen::Screen;

/// Find duplicates.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Find people who are in a gallery under two names, and names that stand for two people
    Subjects(subjects::Arguments),
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::Subjects(arguments) => subjects::run(arguments, screen),
    }
}
