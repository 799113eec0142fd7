//! The protocol with pairs of photos.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Result;

use super::{Arguments, Measured, verification};
use crate::cli::NothingUsable;
use crate::cli::pairs::{Pair, Templates, encode, read, require};
use crate::cli::probes::several_faces;
use crate::cli::screen::Screen;
use crate::evaluation::{Comparison, Verification};
use crate::session::engine::{chosen, load, options};
use crate::template::Binding;

impl Arguments {
    pub(super) fn verify(
        &self,
        list: &Path,
        binding: &Binding,
        screen: Screen,
        stop: &AtomicBool,
    ) -> Result<Measured<Verification>> {
        let networks = self.probes.engine.request();
        let model = chosen(&networks)?;
        model.require_for(binding)?;
        let engine = load(&networks, &model)?; // first, because a pipe can be read only once
        let pairs = self.pairs_of(list)?;
        let options = options(&self.probes.photos.largest())?;
        let encoded = match encode(&pairs, &engine, &options, stop, screen)? {
            Ok(encoded) => encoded,
            Err(stopped) => return Ok(Err(stopped)),
        };
        if encoded.templates.is_empty() {
            return Err(NothingUsable(format!("{}: no photo has a usable face", list.display())).into());
        }
        let measured = verification(&comparisons(&pairs, &encoded.templates), &self.options())?;
        let mut warnings = measured.warnings();
        warnings.extend(several_faces(encoded.several));
        Ok(Ok((measured, warnings)))
    }

    /// The pairs of a list. All photos must exist.
    pub(super) fn pairs_of(&self, list: &Path) -> Result<Vec<Pair>> {
        let pairs = read(list, &self.root)?;
        require(list, &pairs)?;
        Ok(pairs)
    }
}

/// Pairs as comparisons of people. The person of a photo is its folder. If that contradicts the list, both photos get persons of their own.
fn comparisons(pairs: &[Pair], templates: &Templates) -> Vec<Comparison> {
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
            let [one, other] = [&pair.a, &pair.b].map(|path| templates.get(path));
            let score = one.zip(other).map(|(one, other)| one.similarity(other));
            Comparison { a: number(a), b: number(b), score }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    #[test]
    fn persons_are_folders_unless_the_list_contradicts() {
        let pair = |a: &str, b: &str, same| Pair { a: a.into(), b: b.into(), same };
        let pairs = [
            pair("ada/1.jpg", "ada/2.jpg", true),
            pair("ada/1.jpg", "bob/1.jpg", false),
            pair("x/1.jpg", "x/2.jpg", false),
            pair("x/1.jpg", "y/2.jpg", true),
        ];
        let template = Template::from_raw(&[1.0]).unwrap();
        let known = Templates::from(["ada/1.jpg", "ada/2.jpg"].map(|path| (path.into(), template.clone())));
        let found = comparisons(&pairs, &known);
        assert_eq!(found[0].score, Some(1.0));
        assert_eq!(found[1].score, None);
        assert_eq!(found[0].a, found[1].a);
        let mated: Vec<bool> = found.iter().map(Comparison::is_mated).collect();
        assert_eq!(mated, [true, false, false, true]);
        assert!(found[2].a != found[3].a);
    }
}
