//! `gallerist authentic score`

use std::cell::Cell;

use anyhow::Result;

use super::ScoreArguments;
use super::text::lines;
use crate::cli::reply::name;
use crate::cli::skip::skip_text;
use crate::cli::{ExitStatus, NothingUsable, Screen, interrupt};
use crate::reason::Reason;
use crate::reply::{AuthenticityScored, Probe};
use crate::session::{Control, Networks, read_gate, score_photos};

pub fn run(arguments: &ScoreArguments, screen: Screen) -> Result<ExitStatus> {
    let control = Control { stop: interrupt::stop_flag(), progress: &|_| {} };
    let gate = read_gate(&arguments.gate)?;
    let networks = Networks::of_request(arguments.engine.request());
    let photos = arguments.photo_options.request(arguments.faces);
    let (replies, judged) = (Cell::new(0_u64), Cell::new(0_u64));
    let done = score_photos(&networks, &gate, (&arguments.photos, &photos), &control, |scored| {
        let has = scored.probe.authenticity.as_ref().is_some_and(|one| one.judgement.is_some());
        replies.set(replies.get() + 1);
        judged.set(judged.get() + u64::from(has));
        print(&scored, screen)
    })?;
    if done.looked_at < done.total {
        return interrupt::report(done, screen);
    }
    match (replies.get(), judged.get()) {
        (0, _) => Err(NothingUsable("the given paths contain no photo".into()).into()),
        (_, 0) => Ok(ExitStatus::NothingUsable),
        _ => Ok(ExitStatus::Done),
    }
}

fn print(scored: &AuthenticityScored, screen: Screen) -> Result<()> {
    screen.json(scored)?;
    let Probe { authenticity, reasons, detail, .. } = &scored.probe;
    let name = name(&scored.probe);
    let Some(authenticity) = authenticity else {
        let reason = reasons.first().copied().unwrap_or(Reason::Other);
        let reason = skip_text(reason, detail.as_deref().unwrap_or_default());
        return Ok(screen.text(format!("NOT JUDGED  {name}: {reason}"))?);
    };
    let [first, rest @ ..] = &lines(authenticity)[..] else { return Ok(()) };
    let (verdict, more) = first.split_once("  ").unwrap_or((first, ""));
    screen.text(format!("{verdict}  {name}: {more}"))?;
    rest.iter().try_for_each(|line| screen.text(format!("  {line}")))?;
    Ok(())
}
