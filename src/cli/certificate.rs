//! `gallerist check-certificate`

mod claim;
mod compare;
mod expected;
mod lines;
mod probe;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::engine::{EngineArguments, PhotoArguments};
use super::interrupt::{self, Stopped};
use super::reply::Unusable;
use super::screen::{Screen, plural};
use super::{End, NothingUsable, opening};
use crate::encoder::Engine;
use crate::experiment::brute_force;
use crate::gallery::{Gallery, TOGETHER};
use crate::vectors::VectorFile;
use claim::Claim;
use compare::{Problems, SEEN_AGAIN};
use expected::Case;
use lines::Lines;
use probe::Photos;

/// Recompute replies of `identify --format json` by brute force, field by field: scores, names, order and length of the list, thresholds,
/// decision, and that nobody was missed where the certificate says so. What cannot be proven is listed. Photos are looked at again, so give
/// the same options for photos. Ends with 1 if anything is not as claimed.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Replies, one JSON object a line
    #[arg(value_name = "REPLY.json")]
    replies: PathBuf,
    /// The gallery, unchanged since
    gallery: PathBuf,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// A check under way.
struct Check<'a> {
    arguments: &'a Arguments,
    gallery: &'a Gallery,
    screen: Screen,
    stop: &'a AtomicBool,
    engine: Option<Engine>,
    file: Option<(PathBuf, VectorFile)>,
    /// Replies with a certificate, and those of which nothing was searched for.
    checked: u64,
    refusals: u64,
    failed: u64,
    /// Lines that are no replies.
    others: u64,
    unproven: BTreeSet<String>,
}

/// What is wrong with one reply, and what was not proven of it.
type Verdict = (Vec<String>, Vec<String>);

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let stop = interrupt::watch();
    let gallery = opening::to_read(&arguments.gallery)?;
    // Networks are wanted before anything is printed, and before a pipe is read.
    if !arguments.replies.is_file() || lines::name_photos(&arguments.replies)? {
        arguments.engine.prepare_for(&gallery)?;
    }
    let mut lines = Lines::open(&arguments.replies)?;
    let mut check = Check {
        arguments,
        gallery: &gallery,
        screen,
        stop,
        engine: None,
        file: None,
        checked: 0,
        refusals: 0,
        failed: 0,
        others: 0,
        unproven: BTreeSet::new(),
    };
    loop {
        let batch = lines.take(TOGETHER)?;
        if batch.is_empty() {
            break;
        }
        let size = batch.len() as u64;
        if stop.load(Ordering::Relaxed) || !check.batch(batch)? {
            let mut left = size;
            while lines.next()?.is_some() {
                left += 1;
            }
            let looked_at = check.checked + check.refusals + check.others;
            return Stopped { looked_at, total: looked_at + left, unit: "reply" }.report(screen);
        }
    }
    check.end()
}

impl Check<'_> {
    /// Checks some lines; `false` if it was stopped.
    fn batch(&mut self, lines: Vec<(u64, String)>) -> Result<bool> {
        let mut replies: Vec<(u64, Result<Value, String>)> = Vec::new();
        for (number, line) in lines {
            match serde_json::from_str::<Value>(&line) {
                Ok(line) if !line["event"].is_null() && line["decision"].is_null() => self.others += 1,
                Ok(reply) => replies.push((number, Ok(reply))),
                Err(error) => replies.push((number, Err(format!("it is not JSON: {error}")))),
            }
        }
        let Some(photos) = self.photos(&replies)? else { return Ok(false) };
        let mut cases: Vec<(usize, Case)> = Vec::new();
        let mut verdicts: Vec<Option<Verdict>> = Vec::new();
        for (at, (_, reply)) in replies.iter().enumerate() {
            verdicts.push(match reply {
                Err(problem) => Some((vec![problem.clone()], Vec::new())),
                Ok(reply) if reply["certificate"].is_null() => Some(self.without_search(reply, &photos)),
                Ok(reply) => match self.case(reply, &photos) {
                    Ok(case) => {
                        cases.push((at, case));
                        None
                    }
                    Err(problem) => Some((vec![problem], Vec::new())),
                },
            });
        }
        let subjects = self.gallery.counts()?.0;
        let questions: Vec<_> = cases.iter().map(|(_, case)| case.question(subjects)).collect();
        let Some(truths) = brute_force::answer(self.gallery, &questions, self.stop)? else {
            return Ok(false);
        };
        for ((at, case), truth) in cases.iter().zip(&truths) {
            let mut verdict = case.judge(self.gallery, truth)?;
            let (then, now) = (case.reply["search"]["templates"].as_u64(), self.gallery.view()?.len() as u64);
            if let Some(then) = then.filter(|then| !verdict.0.is_empty() && *then != now) {
                let changed =
                    format!("the gallery had {then} templates then and has {now} now: it has changed since");
                verdict.0.push(changed);
            }
            verdicts[*at] = Some(verdict);
        }
        for ((number, reply), verdict) in replies.iter().zip(verdicts) {
            self.tell(*number, reply.as_ref().ok(), verdict.unwrap_or_default())?;
        }
        Ok(true)
    }

    /// Looks at the photos of these replies again; `None` if it was stopped.
    fn photos(&mut self, replies: &[(u64, Result<Value, String>)]) -> Result<Option<Photos>> {
        let mut photos = Photos::new();
        let probes = replies.iter().filter_map(|(_, reply)| reply.as_ref().ok());
        let wanted: BTreeSet<_> = probes.filter_map(|reply| probe::photo_of(&reply["probe"])).collect();
        if wanted.is_empty() {
            return Ok(Some(photos));
        }
        if self.engine.is_none() {
            self.engine = Some(self.arguments.engine.load_for(self.gallery)?);
        }
        let engine = self.engine.as_ref().context("networks were loaded")?;
        let whole = probe::look_again(wanted, engine, &self.arguments.look, self.stop, &mut photos)?;
        Ok(whole.then_some(photos))
    }

    fn case(&mut self, reply: &Value, photos: &Photos) -> Result<Case, String> {
        let claim = Claim::of(reply)?;
        let dimension = self.gallery.binding().dimension;
        let (probe, template) = probe::find(&reply["probe"], dimension, photos, &mut self.file)
            .map_err(|error| format!("probe: {error:#}"))?;
        if template.dimension() != dimension {
            return Err(format!(
                "probe: {} numbers, templates of this gallery have {dimension}",
                template.dimension()
            ));
        }
        Ok(Case { reply: reply.clone(), claim, probe, template })
    }

    /// A photo or face that gave no decision: the photo is asked again.
    fn without_search(&self, reply: &Value, photos: &Photos) -> Verdict {
        let mut problems = Problems::default();
        let face = reply["probe"]["face"].as_u64();
        let looked = probe::photo_of(&reply["probe"]).and_then(|photo| photos.get_key_value(&photo));
        let expected = looked.and_then(|((path, _), looked)| {
            let unusable = Unusable::of(looked.skip.as_ref(), &looked.census);
            let same = |one: &&Unusable<'_>| one.face().map(|face| face as u64) == face;
            let one = unusable.iter().find(same)?;
            Some(one.to_json(path, &looked.census, self.gallery.binding()))
        });
        match expected {
            Some(expected) => problems.compare("", reply, &expected, SEEN_AGAIN, &|_| false),
            None => problems.add("probe: looked at again, it is not refused"),
        }
        (problems.into_lines(), vec!["probe.not_looked_at".into()])
    }

    fn tell(&mut self, number: u64, reply: Option<&Value>, (problems, unproven): Verdict) -> Result<()> {
        let searched = reply.is_none_or(|reply| !reply["certificate"].is_null());
        *(if searched { &mut self.checked } else { &mut self.refusals }) += 1;
        self.failed += u64::from(!problems.is_empty());
        self.screen.json(&json!({
            "reply": number, "certificate": reply.map(|reply| &reply["certificate"]),
            "holds": problems.is_empty(), "problems": problems, "not_proven": unproven,
        }))?;
        self.unproven.extend(unproven);
        problems.iter().try_for_each(|problem| self.screen.text(format!("reply {number}: {problem}")))?;
        Ok(())
    }

    fn end(self) -> Result<End> {
        let Self { screen, checked, refusals, failed, others, .. } = self;
        if checked + refusals == 0 {
            let nothing = format!("{}: there is no reply in it", self.arguments.replies.display());
            return Err(NothingUsable(nothing).into());
        }
        let mut replies = plural(checked, "certificate");
        if refusals > 0 {
            replies = format!("{replies} and {}", plural(refusals, "refusal"));
        }
        let searched = plural(self.gallery.view()?.len() as u64, "template");
        let verdict = if failed == 0 { "all hold".into() } else { format!("{failed} DO NOT HOLD") };
        screen.text(format!("{replies} checked against {searched}, each scored: {verdict}"))?;
        if others > 0 {
            screen.text(format!("{} that are no replies left out", plural(others, "line")))?;
        }
        if !self.unproven.is_empty() {
            let fields: Vec<String> = self.unproven.into_iter().collect();
            screen.text(format!("not proven: {}", fields.join(", ")))?;
        }
        Ok(if failed == 0 { End::Done } else { End::Wrong })
    }
}
