//! `gallerist check-certificate`

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::engine::{EngineArguments, PhotoArguments};
use super::screen::{Screen, plural};
use super::{End, interrupt, opening};
use crate::decision::proof::{self, Claim};
use crate::gallery::Gallery;
use crate::ingest::{self, Faces, Finding};
use crate::template::Template;
use crate::vectors::VectorFile;

/// Recompute replies of `identify --format json` by brute force: scores, decision, and that nobody was missed where
/// the certificate says so. Ends with 1 if anything is not as claimed.
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

/// Where a reply's probe is to be had.
enum Whereabouts {
    Here(Template),
    /// A face of a photo; of one in which only the largest was looked at, that one.
    Photo {
        path: PathBuf,
        face: Option<usize>,
    },
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let gallery = opening::to_read(&arguments.gallery)?;
    if !arguments.replies.is_file() {
        arguments.engine.prepare_for(&gallery)?; // a pipe can be read once only
    }
    let name = arguments.replies.display();
    let text =
        std::fs::read_to_string(&arguments.replies).with_context(|| format!("{name}: reading replies"))?;
    let mut claims = Vec::new();
    let mut without = 0;
    for (number, line) in (1..).zip(text.lines().filter(|line| !line.trim().is_empty())) {
        let reply: Value =
            serde_json::from_str(line).with_context(|| format!("{name}: line {number} is not JSON"))?;
        if reply["certificate"].is_null() {
            without += 1; // a photo without a face: nothing was searched for
            continue;
        }
        let (expected, got) = (&gallery.binding().fingerprint, &reply["model"]["fingerprint"]);
        ensure!(got == expected, "{name}: line {number}: the reply is of a gallery of another model");
        let probe =
            whereabouts(&reply["probe"]).with_context(|| format!("{name}: line {number}: its probe"))?;
        let claim: Claim = serde_json::from_value(reply)
            .with_context(|| format!("{name}: line {number} is not a reply of identify"))?;
        claims.push((claim, probe));
    }
    ensure!(!claims.is_empty(), "{name}: there is no reply with a certificate in it");
    let claims = with_templates(arguments, &gallery, claims)?;
    let found = proof::check(&gallery, &claims)?;
    let failed = found.iter().filter(|wrong| !wrong.is_empty()).count();
    for (number, ((claim, _), wrong)) in (1..).zip(claims.iter().zip(&found)) {
        let certificate = &claim.certificate;
        screen.json(&json!({
            "reply": number, "certificate": certificate, "holds": wrong.is_empty(), "problems": wrong,
        }))?;
        wrong.iter().try_for_each(|problem| screen.text(format!("reply {number}: {problem}")))?;
    }
    let checked = plural(claims.len() as u64, "certificate");
    let searched = plural(gallery.view().len() as u64, "template");
    let verdict = if failed == 0 { "all hold".into() } else { format!("{failed} DO NOT HOLD") };
    screen.text(format!("{checked} checked against {searched}, each scored: {verdict}"))?;
    if without > 0 {
        screen.text(format!("{} without a search behind them left out", plural(without, "reply")))?;
    }
    Ok(if failed == 0 { End::Done } else { End::Wrong })
}

/// In the reply, in the row of a file it names, or in the photo it names.
fn whereabouts(probe: &Value) -> Result<Whereabouts> {
    if let Some(numbers) = probe["template"].as_array() {
        let numbers: Vec<f32> = numbers.iter().filter_map(Value::as_f64).map(|x| x as f32).collect();
        return Ok(Whereabouts::Here(Template::from_raw(&numbers)?));
    }
    let path = PathBuf::from(probe["path"].as_str().context("it has neither a template nor a path")?);
    if let Some(row) = probe["row"].as_u64() {
        let template = VectorFile::open(&path)?.templates(row, 1)?.pop();
        let template = template.with_context(|| format!("{} has no row {row}", path.display()))?;
        return Ok(Whereabouts::Here(template));
    }
    let face = usize::try_from(probe["face"].as_u64().unwrap_or(0))?;
    let face = (probe["faces"].as_u64() > Some(1)).then_some(face);
    Ok(Whereabouts::Photo { path, face })
}

/// Each claim with its template; photos are looked at again, each once.
fn with_templates(
    arguments: &Arguments,
    gallery: &Gallery,
    claims: Vec<(Claim, Whereabouts)>,
) -> Result<Vec<(Claim, Template)>> {
    let mut wanted: [BTreeSet<PathBuf>; 2] = Default::default();
    for (_, probe) in &claims {
        if let Whereabouts::Photo { path, face } = probe {
            wanted[usize::from(face.is_some())].insert(path.clone());
        }
    }
    let mut faces: HashMap<(PathBuf, bool), Vec<Template>> = HashMap::new();
    if wanted.iter().any(|photos| !photos.is_empty()) {
        let engine = arguments.engine.load_for(gallery)?;
        let stop = interrupt::watch();
        for (photos, which) in wanted.into_iter().zip([Faces::Largest, Faces::All]) {
            let options = arguments.look.options(which);
            ingest::run(&engine, ingest::files(photos), &options, &|_| false, stop, |outcome| {
                let path = outcome.input.path;
                match outcome.finding {
                    Finding::Faces(found, _) => {
                        let templates = found.into_iter().map(|face| face.template).collect();
                        faces.insert((path, which == Faces::All), templates);
                    }
                    Finding::Skipped(skip) => bail!("{}: {skip}", path.display()),
                    Finding::Known => {}
                }
                Ok(())
            })?;
        }
    }
    let template = |probe| match probe {
        Whereabouts::Here(template) => Ok(template),
        Whereabouts::Photo { path, face } => {
            let found = faces.get(&(path.clone(), face.is_some()));
            let template = found.and_then(|templates| templates.get(face.unwrap_or(0))).cloned();
            template.with_context(|| format!("{}: the face of the reply is not found in it", path.display()))
        }
    };
    claims.into_iter().map(|(claim, probe)| Ok((claim, template(probe)?))).collect()
}
