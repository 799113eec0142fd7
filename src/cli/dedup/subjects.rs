//! `gallerist dedup subjects`

mod page;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::engine::EngineArguments;
use crate::cli::screen::{Bar, Screen, count, percent, plural, score};
use crate::cli::{ExitStatus, Usage, interrupt, networks, opening, values};
use crate::reply::{
    DoubleSubject, DuplicatesLeftOut, MixedSubject, SubjectDuplicates, SubjectSide, ThresholdFrom,
};
use crate::report::PAGE;
use crate::session::replacement::require_own;
use crate::session::{Control, DuplicatesRequest};

/// Find people who are in a gallery under two names, and names that stand for two people. All pairs of templates are compared. The
/// threshold comes from the calibration of the gallery, or from the scores of its own subjects against each other. Merge two subjects with
/// `subject merge`, and move templates with `subject move`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// List pairs of subjects with at least this score [default: derived from --target-false-pairs]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = values::cosine)]
    threshold: Option<f32>,
    /// Choose the threshold so that about so many pairs of templates of different people reach it in the whole gallery
    #[arg(long, value_name = "N", default_value_t = 1.0, conflicts_with = "threshold")]
    target_false_pairs: f64,
    /// A subject is listed as two people if its parts score less than this share of the pairs of different people
    #[arg(long, value_name = "RATE", default_value_t = 0.001, value_parser = values::rate)]
    mixed_rate: f64,
    /// Longest list of pairs, and of subjects
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Leave out the subjects on this list, and pairs with them; may be given several times. `list add` makes a list
    #[arg(long = "not-list", value_name = "NAME", conflicts_with_all = ["distinct", "not_distinct"])]
    not_lists: Vec<String>,
    /// Also write one HTML page with the pictures side by side
    #[arg(long, value_name = "PAGE.html")]
    out: Option<PathBuf>,
    /// Remember that two subjects are different people, and do not list them again
    #[arg(long, value_name = "ID,ID", value_parser = two_ids, conflicts_with_all = ["threshold", "out", "not_distinct"])]
    distinct: Option<[u64; 2]>,
    /// Forget that two subjects are different people
    #[arg(long, value_name = "ID,ID", value_parser = two_ids, conflicts_with_all = ["threshold", "out"])]
    not_distinct: Option<[u64; 2]>,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    if let Some((ids, are_distinct)) = arguments.kept_apart() {
        return keep_apart(arguments, ids, are_distinct, screen);
    }
    if arguments.target_false_pairs.is_nan() || arguments.target_false_pairs <= 0.0 {
        return Err(Usage("--target-false-pairs: expected a number above 0".into()).into());
    }
    arguments.out.as_deref().map(|page| require_own(page, PAGE)).transpose()?;
    let stop = interrupt::stop_flag();
    let session = opening::session_to_read(&arguments.gallery, &arguments.engine)?;
    networks::require_for_join(&session)?;
    let bar = Bar::new();
    let control = Control { stop, progress: &|progress| bar.show(progress) };
    let found = session.duplicates(&arguments.request(), &control)?;
    bar.finish();
    let found = match found {
        Ok(found) => found,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    screen.json(&found)?;
    let hidden = found.left_out.map(|left_out| arguments.hidden_line(left_out));
    print(screen, &found)?;
    hidden.as_ref().map_or(Ok(()), |line| screen.text(line))?;
    if let Some(out) = &arguments.out {
        page::write(out, &session, &found, hidden.as_deref())?;
        screen.text(format!("page: {}", out.display()))?;
    }
    Ok(ExitStatus::Done)
}

impl Arguments {
    fn request(&self) -> DuplicatesRequest {
        DuplicatesRequest {
            threshold: self.threshold,
            target_false_pairs: self.target_false_pairs,
            mixed_rate: self.mixed_rate,
            limit: self.limit,
            not_lists: self.not_lists.clone(),
        }
    }

    /// What is not listed, in words.
    fn hidden_line(&self, DuplicatesLeftOut { doubles, mixed }: DuplicatesLeftOut) -> String {
        let (doubles, mixed) = (plural(doubles, "pair"), plural(mixed, "subject"));
        format!("left out: {doubles} and {mixed}, because of subjects on {}", self.not_lists.join(", "))
    }

    fn kept_apart(&self) -> Option<([u64; 2], bool)> {
        self.distinct.map(|ids| (ids, true)).or(self.not_distinct.map(|ids| (ids, false)))
    }
}

/// Two ids with a comma between them.
fn two_ids(text: &str) -> Result<[u64; 2], String> {
    let ids = text
        .split_once(',')
        .and_then(|(one, other)| Some([one.trim().parse().ok()?, other.trim().parse().ok()?]));
    ids.ok_or_else(|| format!("expected the ids of two subjects, such as 12,40, got {text}"))
}

fn keep_apart(
    arguments: &Arguments,
    ids: [u64; 2],
    are_distinct: bool,
    screen: Screen,
) -> Result<ExitStatus> {
    let session = opening::session_to_write(&arguments.gallery, &arguments.engine)?;
    let kept = session.keep_apart(ids, are_distinct)?;
    screen.json(&kept)?;
    let [one, other] = &kept.subjects;
    let are = if are_distinct { "are different people" } else { "may be one person again" };
    let already = if kept.journal_id.is_some() { "" } else { "; this was so already" };
    screen.text(format!("{one} and {other} {are}{already}"))?;
    Ok(ExitStatus::Done)
}

/// Where the threshold came from, in words.
pub fn basis(found: &SubjectDuplicates) -> String {
    let from = match found.threshold_from {
        ThresholdFrom::Given => "given",
        ThresholdFrom::Calibration => "from the calibration of the gallery",
        ThresholdFrom::OwnScores => "from the scores of the gallery's own subjects",
        ThresholdFrom::Gallery => "of the gallery; there are too few subjects to measure another one",
    };
    let expected = found.expected_false_pairs.map(|pairs| match pairs {
        pairs if pairs < 0.005 => ", less than 0.01 false pairs expected".to_owned(),
        pairs => {
            format!(", about {} false {} expected", plain(pairs), if pairs == 1.0 { "pair" } else { "pairs" })
        }
    });
    format!("threshold {}, {from}{}", score(found.threshold), expected.unwrap_or_default())
}

fn plain(pairs: f64) -> String {
    if pairs < 10.0 { crate::number::plain(pairs, 2) } else { count(pairs.round() as u64) }
}

/// What the parts of a mixed subject are compared with, in words.
pub fn mixed_basis(found: &SubjectDuplicates) -> String {
    match found.mixed_below.zip(found.mixed_rate) {
        Some((below, rate)) => reached(below, rate),
        None => "not measured: no scores of different people".into(),
    }
}

/// The share is measured, so it is rounded like one: of few pairs it is far from the share that was asked for.
fn reached(below: f32, rate: f64) -> String {
    format!("parts below {}, which {} of the pairs of different people reach", score(below), percent(rate))
}

fn print(screen: Screen, found: &SubjectDuplicates) -> Result<()> {
    let SubjectDuplicates {
        subjects, templates, doubles, doubles_count, kept_apart, mixed, mixed_count, ..
    } = found;
    screen.text(format!(
        "{} and {} compared",
        plural(*subjects, "subject"),
        plural(*templates, "template")
    ))?;
    screen.text(basis(found))?;
    let apart =
        if *kept_apart > 0 { format!(", {} kept apart left out", count(*kept_apart)) } else { String::new() };
    screen.text(format!("one person under two names: {}{apart}", plural(*doubles_count, "pair")))?;
    doubles.iter().try_for_each(|double| screen.text(double_line(double)))?;
    more(screen, *doubles_count, doubles.len())?;
    screen.text(format!(
        "two people under one name: {} ({})",
        plural(*mixed_count, "subject"),
        mixed_basis(found)
    ))?;
    mixed.iter().try_for_each(|mixed| screen.text(mixed_line(mixed)))?;
    more(screen, *mixed_count, mixed.len())
}

fn more(screen: Screen, all: u64, listed: usize) -> Result<()> {
    let left = all.saturating_sub(listed as u64);
    if left > 0 {
        screen.text(format!("  and {} more", count(left)))?;
    }
    Ok(())
}

fn double_line(double: &DoubleSubject) -> String {
    let side = |side: &SubjectSide| {
        format!(
            "{} [{}, {}] #{}",
            side.subject,
            side.subject_id,
            plural(side.templates, "template"),
            side.face_id
        )
    };
    let [one, other] = &double.sides;
    format!("  {}  {}  {}", score(double.score), side(one), side(other))
}

fn mixed_line(mixed: &MixedSubject) -> String {
    let ids: Vec<String> = mixed.apart_ids.iter().map(|id| format!("#{id}")).collect();
    let apart = format!("{} of {} apart", ids.len(), plural(mixed.templates, "template"));
    format!(
        "  {}  {} [{}]: {apart}: {}",
        score(mixed.between),
        mixed.subject,
        mixed.subject_id,
        ids.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_pairs_that_reach_a_score_is_rounded() {
        let said = |rate| reached(0.25, rate);
        assert_eq!(said(1.0 / 9.0), "parts below 0.250, which 11.1 % of the pairs of different people reach");
        assert!(said(0.001).contains("which 0.10 % of"), "{}", said(0.001));
    }
}
