//! `gallerist token`

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};

use super::ExitStatus;
use super::folders;
use super::screen::{Screen, Table};
use crate::server::token::{self, NewToken, make, read, remove};

/// Make, list and remove the tokens of `gallerist serve`. A running server notices changes within seconds.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file with the hashes of the tokens [default: gallerist/tokens.json in the user's state folder]
    #[arg(long, value_name = "FILE", global = true)]
    tokens: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a token and print it. Only its hash is stored, so it is shown once
    Make {
        /// A name for logs
        name: String,
        /// What it allows. identify: identify and verify. enroll: also add faces. admin: everything
        #[arg(long, value_enum)]
        scope: Scope,
        /// Show scores and candidates below the threshold, also to the scope `identify`. Without them a client cannot approach a face in
        /// the gallery step by step
        #[arg(long)]
        scores: bool,
        /// Most requests per second [default: 100 for the scope `identify`, any number for the others]
        #[arg(long, value_name = "N")]
        rate: Option<NonZeroU32>,
    },
    /// List the tokens
    List,
    /// Remove a token
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// Identify and verify.
    Identify,
    /// Also add faces.
    Enroll,
    /// Everything.
    Admin,
}

impl From<Scope> for token::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Identify => Self::Identify,
            Scope::Enroll => Self::Enroll,
            Scope::Admin => Self::Admin,
        }
    }
}

/// The rate of a token with the scope `identify`.
const IDENTIFY_RATE: Option<NonZeroU32> = NonZeroU32::new(100);

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let file = file(arguments.tokens.as_deref())?;
    match &arguments.verb {
        Verb::Make { name, scope, scores, rate } => {
            let rate = rate.or(IDENTIFY_RATE.filter(|_| *scope == Scope::Identify));
            let scope = token::Scope::from(*scope);
            let new = NewToken {
                name: name.clone(),
                scope,
                scores: *scores || scope > token::Scope::Identify,
                rate,
            };
            let token = make(&file, new)?;
            screen.text(&token)?;
            screen.json(
                &serde_json::json!({ "event": "token", "name": name, "scope": scope, "token": token }),
            )?;
        }
        Verb::List => {
            let mut table = Table::new(&[3]);
            for one in read(&file)? {
                screen.json(&serde_json::json!({
                    "name": one.name, "scope": one.scope, "scores": one.scores, "rate": one.rate, "created": one.created
                }))?;
                let scores = if one.scores { "scores" } else { "no scores" };
                let rate = one.rate.map_or_else(|| "any rate".into(), |rate| format!("{rate} a second"));
                table.row([one.name, one.scope.name().into(), scores.into(), rate]);
            }
            table.lines(0).iter().try_for_each(|line| screen.text(line))?;
        }
        Verb::Remove { name } => {
            remove(&file, name)?;
            screen.text(format!("removed {name}"))?;
            screen.json(&serde_json::json!({ "event": "removed", "name": name }))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// The given file of tokens, or the user's.
pub fn file(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let folder =
        folders::state().context("HOME is not set, so the file of tokens must be given: --tokens FILE")?;
    Ok(folder.join("tokens.json"))
}
