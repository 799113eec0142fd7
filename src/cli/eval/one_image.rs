//! The protocol with one enrolled image per person, on a labelled set.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};

use super::scratch::Scratch;
use super::{Arguments, LabelledProbes, Measured, Probe, Reading};
use crate::cli::probes::several_faces;
use crate::cli::rows;
use crate::cli::screen::{Bar, Screen};
use crate::evaluation::Identification;
use crate::gallery::{Gallery, GraphWhen, ImportedRow, Name, Person};
use crate::session::probes::{Listed, Probes};
use crate::session::{Control, Networks};
use crate::template::Binding;

/// The name of a photo, and its probe if it has a usable face.
type Photo = (String, Option<Probe>);

/// A labelled set, divided into enrolled photos and probes.
#[derive(Default)]
struct Division {
    enrolled: Vec<Probe>,
    mated: Vec<Probe>,
    mated_failed: Vec<String>,
    non_mated: Vec<Probe>,
    non_mated_failed: Vec<String>,
    /// People whose first photo has no usable face.
    not_enrolled: usize,
}

impl Arguments {
    /// Enrolls the first photo of each person with more than one photo in a temporary gallery, and searches it.
    pub(super) fn one_image(
        &self,
        set: &Path,
        binding: &Binding,
        screen: Screen,
        stop: &AtomicBool,
    ) -> Result<Measured<Identification>> {
        let (bar, photos) = (Bar::new(), self.probes.photos.largest());
        let networks = Networks::of_request(self.probes.engine.request());
        let progress = |progress| bar.show(progress);
        let control = Control { stop, progress: &progress };
        let reading = Reading { networks: &networks, photos: &photos, binding, control };
        let source = self.source(set, self.subjects.as_deref(), &reading);
        if let Some(listed) = source.listed()? {
            let (several, alone) = count(&listed)?;
            require_both_kinds(set, several, alone)?;
        }
        let read = match source.read()? {
            Ok(read) => read,
            Err(stopped) => return Ok(Err(stopped)),
        };
        bar.finish();
        rows::print_skipped(&read.invalid, screen)?;
        let of_several = several_faces(read.several);
        let division = divide(people(read)?, self.mated_each as usize);
        require_both_kinds(set, division.enrolled.len(), division.non_mated.len())?;
        let folder = Scratch::new()?;
        let gallery = Gallery::create(&folder.path().join("gallery"), binding, GraphWhen::Never)?;
        let source = gallery.source(&[0; 32], set, division.enrolled.len() as u64)?;
        // A folder name that is not a valid subject name must not stop the measurement.
        let rows = (0..).zip(&division.enrolled).map(|(row, probe)| {
            let name = Name::generated(probe.person.as_deref().unwrap_or_default());
            let person = Person::Unknown(name.or_else(|_| Name::generated(&format!("person {row}")))?);
            Ok(ImportedRow { row, person: Some(person), template: probe.template.clone(), photo: None })
        });
        gallery.import(&source, &rows.collect::<Result<Vec<_>>>()?)?;
        gallery.compact()?;

        let known = gallery.templates_after(0, division.enrolled.len())?;
        let enrolled = known.iter().filter_map(|template| {
            let probe = division.enrolled.get(usize::try_from(template.row?).ok()?)?;
            Some((probe.person.as_deref()?, template.subject_id))
        });
        let ids: HashMap<&str, u64> = enrolled.collect();
        let id = |person: &str| ids.get(person).copied().with_context(|| format!("{person} is not enrolled"));
        let mut mated = Vec::with_capacity(division.mated.len());
        for probe in division.mated {
            let subject = id(probe.person.as_deref().unwrap_or_default())?;
            mated.push((probe, subject));
        }
        let failed = division.mated_failed.iter().map(|person| id(person)).collect::<Result<Vec<_>>>()?;
        let probes = LabelledProbes {
            mated: &mated,
            non_mated: &division.non_mated,
            failed: (&failed, &division.non_mated_failed),
        };
        let mut measured = self.identification(&gallery, &probes, stop)?;
        if let Ok((_, warnings)) = &mut measured {
            if division.not_enrolled > 0 {
                warnings.push(format!(
                    "{} people whose first photo has no usable face are neither enrolled nor searched for",
                    division.not_enrolled
                ));
            }
            warnings.extend(of_several);
        }
        Ok(measured)
    }
}

/// Refuses a set without mated or without non-mated probes.
fn require_both_kinds(set: &Path, several: usize, alone: usize) -> Result<()> {
    ensure!(
        several > 0 && alone > 0,
        "{}: {several} people have two usable photos or more and {alone} have one; the protocol needs both kinds",
        set.display()
    );
    Ok(())
}

/// The number of people with two or more photos, and of people with one. Files beside the folders of people are not counted.
fn count(listed: &[Listed]) -> Result<(usize, usize)> {
    let mut photos: BTreeMap<&str, usize> = BTreeMap::new();
    for person in listed.iter().filter_map(|photo| photo.person.as_deref()) {
        *photos.entry(person).or_default() += 1;
    }
    if let Some(first) = listed.first().filter(|_| photos.is_empty()) {
        anyhow::bail!("{}: the person is not known; give photos in folders named after people", first.name);
    }
    let alone = photos.values().filter(|photos| **photos == 1).count();
    Ok((photos.len() - alone, alone))
}

/// Photos by person, in the order of their names.
fn people(read: Probes) -> Result<BTreeMap<String, Vec<Photo>>> {
    let mut people: BTreeMap<String, Vec<Photo>> = BTreeMap::new();
    for probe in read.probes {
        let Some(person) = probe.person.clone() else {
            anyhow::bail!(
                "{}: the person is not known; give --subjects, or photos in folders named after people",
                probe.name
            );
        };
        people.entry(person).or_default().push((probe.name.clone(), Some(probe)));
    }
    for one in read.failed {
        people.entry(one.person.unwrap_or_default()).or_default().push((one.name, None));
    }
    // Rows of a file of templates keep their order.
    for photos in people.values_mut().filter(|photos| photos.iter().any(|(_, probe)| probe.is_none())) {
        photos.sort_by(|one, other| one.0.cmp(&other.0));
    }
    Ok(people)
}

fn divide(people: BTreeMap<String, Vec<Photo>>, each: usize) -> Division {
    let mut division = Division::default();
    for (person, photos) in people {
        let alone = photos.len() == 1;
        let mut photos = photos.into_iter();
        match (photos.next(), alone) {
            (Some((_, Some(probe))), true) => division.non_mated.push(probe),
            (Some((_, None)), true) => division.non_mated_failed.push(person),
            (Some((_, Some(probe))), false) => {
                division.enrolled.push(probe);
                for (_, probe) in photos.take(each) {
                    match probe {
                        Some(probe) => division.mated.push(probe),
                        None => division.mated_failed.push(person.clone()),
                    }
                }
            }
            _ => division.not_enrolled += 1,
        }
    }
    division
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    fn photo(person: &str, number: usize, has_face: bool) -> Photo {
        let name = format!("{person}-{number}");
        let template = Template::from_raw(&[1.0, number as f32]).unwrap();
        let probe = Probe { name: name.clone(), person: Some(person.into()), template };
        (name, has_face.then_some(probe))
    }

    #[test]
    fn people_with_one_photo_are_non_mated() {
        let set = [
            ("ada", vec![photo("ada", 1, true), photo("ada", 2, true), photo("ada", 3, true)]),
            ("bob", vec![photo("bob", 1, true), photo("bob", 2, false)]),
            ("cyd", vec![photo("cyd", 1, true)]),
            ("dan", vec![photo("dan", 1, false)]),
            ("eve", vec![photo("eve", 1, false), photo("eve", 2, true)]),
        ];
        let people = || set.clone().map(|(name, photos)| (name.to_owned(), photos)).into();
        let names = |probes: &[Probe]| probes.iter().map(|probe| probe.name.clone()).collect::<Vec<_>>();
        let one = divide(people(), 1);
        assert_eq!(names(&one.enrolled), ["ada-1", "bob-1"]);
        assert_eq!(names(&one.mated), ["ada-2"]);
        assert_eq!(one.mated_failed, ["bob"]);
        assert_eq!(names(&one.non_mated), ["cyd-1"]);
        assert_eq!(one.non_mated_failed, ["dan"]);
        assert_eq!(one.not_enrolled, 1);
        assert_eq!(names(&divide(people(), 9).mated), ["ada-2", "ada-3"]);
    }
}
