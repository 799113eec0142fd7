//! The page with the pictures of duplicates side by side.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::{basis, mixed_basis};
use crate::cli::screen::{plural, score};
use crate::reply::{SubjectDuplicates, SubjectSide};
use crate::report::comparison::{Comparison, Section, Side, html};
use crate::session::replacement::replace;
use crate::session::{Session, SessionError};

/// Writes the page. `hidden` says what is left out of it.
pub fn write(path: &Path, session: &Session, found: &SubjectDuplicates, hidden: Option<&str>) -> Result<()> {
    let doubles = found.doubles.iter().map(|double| {
        let note = format!("{} of their templates reach the threshold", plural(double.pairs, "pair"));
        comparison(session, &double.sides, double.score, note)
    });
    let mixed = found.mixed.iter().map(|mixed| {
        let ids: Vec<String> = mixed.apart_ids.iter().map(|id| format!("#{id}")).collect();
        let note = format!(
            "{}: {} apart from the others ({}); these two are the closest, with {}",
            mixed.subject,
            plural(ids.len() as u64, "template"),
            ids.join(", "),
            score(mixed.closest)
        );
        comparison(session, &mixed.sides, mixed.between, note)
    });
    let sections = [
        Section {
            heading: "One person under two names?".into(),
            lede: format!("{}: {}.", plural(found.doubles_count, "pair"), basis(found)),
            comparisons: doubles.collect::<Result<_>>()?,
        },
        Section {
            heading: "Two people under one name?".into(),
            lede: format!("{}: {}.", plural(found.mixed_count, "subject"), mixed_basis(found)),
            comparisons: mixed.collect::<Result<_>>()?,
        },
    ];
    let hidden = hidden.map_or_else(String::new, |line| format!("; {line}"));
    let (subjects, templates) = (plural(found.subjects, "subject"), plural(found.templates, "template"));
    let lede = format!("{subjects} with {templates}{hidden}");
    let page = html("Duplicates of people", &lede, &sections);
    let io = |error| SessionError::io(path, "writing it")(error);
    let written = replace(path, |file| file.write_all(page.as_bytes()).map_err(io))?;
    Ok(written.finish()?)
}

fn comparison(session: &Session, sides: &[SubjectSide; 2], value: f32, note: String) -> Result<Comparison> {
    let [one, other] = sides;
    Ok(Comparison { score: score(value), note, sides: [side(session, one)?, side(session, other)?] })
}

fn side(session: &Session, side: &SubjectSide) -> Result<Side> {
    let row = side.row.map_or_else(String::new, |row| format!(" row {row}"));
    let path = side.path.as_ref().map_or_else(String::new, |path| format!("{path}{row}"));
    Ok(Side {
        name: side.subject.clone(),
        details: vec![
            format!("subject {}, {}", side.subject_id, plural(side.templates, "template")),
            format!("template #{} {path}", side.face_id),
        ],
        picture: session.face_picture(side.face_id)?,
    })
}
