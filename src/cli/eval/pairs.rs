//! The protocol of pairs of photos.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use super::{Arguments, Measured, verification};
use crate::cli::pairs::{Pair, read};
use crate::cli::screen::Screen;
use crate::evaluation::Comparison;
use crate::evaluation::report::Verification;
use crate::gallery::Binding;
use crate::ingest::{self, Faces, Finding};
use crate::template::Template;

impl Arguments {
    pub(super) fn verify(
        &self,
        list: &Path,
        binding: &Binding,
        screen: Screen,
        stop: &AtomicBool,
    ) -> Result<Measured<Verification>> {
        let model = self.engine.chosen()?;
        binding.require(&model.name, &model.fingerprint())?;
        let pairs = read(list, &self.root)?;
        let engine = self.engine.load(&model)?;
        let photos: BTreeSet<&PathBuf> = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]).collect();
        let bar = screen.progress(Some(photos.len() as u64), "photos");
        let mut templates: HashMap<PathBuf, Option<Template>> = HashMap::new();
        let options = self.look.options(Faces::Largest);
        let files = ingest::files(photos.iter().copied().cloned());
        ingest::run(&engine, files, &options, &|_| false, stop, |outcome| {
            bar.inc(1);
            let template = match outcome.finding {
                Finding::Faces(faces, _) => faces.into_iter().next().map(|face| face.template),
                _ => None,
            };
            templates.insert(outcome.input.path, template);
            anyhow::Ok(())
        })?;
        bar.finish_and_clear();
        if stop.load(Ordering::Relaxed) && templates.len() < photos.len() {
            return Ok(None);
        }
        let measured = verification(&comparisons(&pairs, &templates), &self.options())?;
        let warnings = measured.warnings();
        Ok(Some((measured, warnings)))
    }
}

/// Pairs as comparisons of people: a person is the folder a photo lies in. Where that contradicts the list, the two are people of their own.
fn comparisons(pairs: &[Pair], templates: &HashMap<PathBuf, Option<Template>>) -> Vec<Comparison> {
    let mut numbers: HashMap<PathBuf, u64> = HashMap::new();
    let mut number = |key: PathBuf| {
        let next = numbers.len() as u64;
        *numbers.entry(key).or_insert(next)
    };
    let folder = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
    (0..)
        .zip(pairs)
        .map(|(at, pair)| {
            let [mut a, mut b] = [folder(&pair.a), folder(&pair.b)];
            if (a == b) != pair.same {
                a = PathBuf::from(format!("\0{at}"));
                b = if pair.same { a.clone() } else { PathBuf::from(format!("\0{at} other")) };
            }
            let [one, other] = [&pair.a, &pair.b].map(|path| templates.get(path).and_then(Option::as_ref));
            let score =
                one.zip(other).map(|(one, other)| gallerist_index::dot(one.as_slice(), other.as_slice()));
            Comparison { a: number(a), b: number(b), score }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_folders_unless_the_list_says_otherwise() {
        let pair = |a: &str, b: &str, same| Pair { a: a.into(), b: b.into(), same };
        let pairs = [
            pair("ada/1.jpg", "ada/2.jpg", true),
            pair("ada/1.jpg", "bob/1.jpg", false),
            pair("x/1.jpg", "x/2.jpg", false),
            pair("x/1.jpg", "y/2.jpg", true),
        ];
        let template = Template::from_raw(&[1.0]).unwrap();
        let known: HashMap<PathBuf, Option<Template>> = [
            ("ada/1.jpg".into(), Some(template.clone())),
            ("ada/2.jpg".into(), Some(template)),
            ("bob/1.jpg".into(), None),
        ]
        .into();
        let found = comparisons(&pairs, &known);
        assert_eq!(found[0].score, Some(1.0));
        assert_eq!(found[1].score, None);
        assert_eq!(found[0].a, found[1].a);
        let mated: Vec<bool> = found.iter().map(Comparison::is_mated).collect();
        assert_eq!(mated, [true, false, false, true]);
        assert!(found[2].a != found[3].a);
    }
}
