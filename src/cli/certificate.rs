//! `gallerist check-certificate`

mod lines;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::engine::{EngineArguments, PhotoArguments};
use super::screen::{Screen, plural};
use super::{ExitStatus, NothingUsable, interrupt, opening};
use crate::gallery::TOGETHER;
use crate::reply::Verdict;
use crate::session::engine::require_for;
use crate::session::proof::{Line, Prover};
use crate::session::{Control, Stopped};
use lines::Lines;

/// Verify replies of `identify --format json` by brute force, field by field: scores, names, order and length of the candidate list,
/// thresholds, decision, and the certificate. Fields that cannot be verified are listed. Photos are processed again, so give the same photo
/// options. Ends with exit code 1 if a field is wrong.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Replies, one JSON object per line
    #[arg(value_name = "REPLY.json")]
    replies: PathBuf,
    /// The gallery, unchanged since the replies
    gallery: PathBuf,
    #[command(flatten)]
    photo_options: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Counts of the checked replies.
#[derive(Default)]
struct Tally {
    /// Replies with a certificate, and replies about photos without a template.
    checked: u64,
    refusals: u64,
    failed: u64,
    /// Lines that are not replies.
    others: u64,
    unproven: BTreeSet<String>,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let control = Control { stop: interrupt::stop_flag(), progress: &|_| {} };
    let session = opening::session_to_read(&arguments.gallery, &arguments.engine)?;
    // Missing networks must be an error before anything is printed, and before a pipe is read.
    if !arguments.replies.is_file() || lines::name_photos(&arguments.replies)? {
        require_for(session.gallery().binding())?;
    }
    let mut lines = Lines::open(&arguments.replies)?;
    let photos = arguments.photo_options.largest();
    let mut prover = Prover::new(&session, &photos);
    let mut tally = Tally::default();
    loop {
        let batch = lines.take(TOGETHER)?;
        if batch.is_empty() {
            break;
        }
        let replies = tally.replies(batch);
        let verdicts = if control.is_stopped() { None } else { prover.check(&replies, &control)? };
        let Some(verdicts) = verdicts else {
            let mut left = replies.len() as u64;
            while lines.next()?.is_some() {
                left += 1;
            }
            let looked_at = tally.checked + tally.refusals + tally.others;
            return interrupt::report(Stopped { looked_at, total: looked_at + left, unit: "reply" }, screen);
        };
        for (verdict, (_, reply)) in verdicts.into_iter().zip(&replies) {
            tally.add(verdict, reply.as_ref().ok(), screen)?;
        }
    }
    if tally.checked + tally.refusals == 0 {
        let nothing = format!("{}: the file contains no reply", arguments.replies.display());
        return Err(NothingUsable(nothing).into());
    }
    tally.print_summary(session.gallery().view()?.len() as u64, screen)
}

impl Tally {
    /// The lines of a batch that may be replies. Counts the others.
    fn replies(&mut self, lines: Vec<(u64, String)>) -> Vec<Line> {
        let mut replies = Vec::with_capacity(lines.len());
        for (number, line) in lines {
            match serde_json::from_str::<Value>(&line) {
                Ok(line) if !line["event"].is_null() && line["decision"].is_null() => self.others += 1,
                Ok(reply) => replies.push((number, Ok(reply))),
                Err(error) => replies.push((number, Err(format!("it is not JSON: {error}")))),
            }
        }
        replies
    }

    fn add(&mut self, verdict: Verdict, reply: Option<&Value>, screen: Screen) -> Result<()> {
        let searched = reply.is_none_or(|reply| !reply["certificate"].is_null());
        *(if searched { &mut self.checked } else { &mut self.refusals }) += 1;
        self.failed += u64::from(!verdict.holds);
        screen.json(&verdict)?;
        let number = verdict.reply;
        verdict.problems.iter().try_for_each(|problem| screen.text(format!("reply {number}: {problem}")))?;
        self.unproven.extend(verdict.not_proven);
        Ok(())
    }

    fn print_summary(self, templates: u64, screen: Screen) -> Result<ExitStatus> {
        let Self { checked, refusals, failed, others, unproven } = self;
        let mut replies = plural(checked, "certificate");
        if refusals > 0 {
            replies = format!("{replies} and {}", plural(refusals, "refusal"));
        }
        let searched = plural(templates, "template");
        let verdict = if failed == 0 { "all hold".into() } else { format!("{failed} DO NOT HOLD") };
        screen.text(format!("{replies} checked against {searched}, each scored: {verdict}"))?;
        if failed > 0 {
            screen.text(
                "photos are processed again: give the options for photos that were given to identify; a reply about the standard \
                 input needs --with-template",
            )?;
        }
        if others > 0 {
            screen.text(format!("{} that are not replies skipped", plural(others, "line")))?;
        }
        if !unproven.is_empty() {
            let fields: Vec<String> = unproven.into_iter().collect();
            screen.text(format!("not proven: {}", fields.join(", ")))?;
        }
        Ok(if failed == 0 { ExitStatus::Done } else { ExitStatus::Failed })
    }
}
