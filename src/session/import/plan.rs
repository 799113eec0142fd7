//! The rows that are already in the gallery, and their subjects there.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::import_file::ImportFile;
use crate::gallery::{ExistingTemplate, Gallery, Name, Person, Source};
use crate::session::error::{Result, SessionError};

/// The treatment of rows that are in the gallery under other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherNames {
    /// An error. Nothing is imported.
    #[default]
    Refuse,
    /// They get the names of the file.
    Rename,
    /// They keep their names.
    Keep,
}

/// The treatment of each row.
pub struct Plan {
    /// For each row: whether it is in the gallery or is not a template.
    settled: Vec<bool>,
    /// Number of rows that are in the gallery.
    pub held: u64,
    /// Rows with the same face as an earlier row of the file.
    pub repeated: u64,
    /// Rows that are in the gallery under other names: id of the template, and its name in the file.
    pub renamed: Vec<(u64, Name)>,
}

impl Plan {
    /// Looks up every row in the gallery. `others` selects the treatment of rows with other names.
    pub fn make(
        gallery: &Gallery,
        source: &Source,
        import_file: &ImportFile,
        others: OtherNames,
    ) -> Result<Self> {
        let mut held: Vec<Option<Box<ExistingTemplate>>> = vec![None; import_file.rows()?];
        gallery.each_imported(source, |row, one| {
            if let Some(place) = usize::try_from(row).ok().and_then(|row| held.get_mut(row)) {
                *place = Some(Box::new(one));
            }
        })?;
        let repeated = look_up_photos(gallery, import_file, &mut held)?;
        let mut plan = Self {
            settled: held.iter().map(Option::is_some).collect(),
            held: held.iter().flatten().count() as u64,
            repeated: repeated.len() as u64,
            renamed: Vec::new(),
        };
        for row in repeated {
            plan.settled[row] = true;
        }
        for &(row, _) in &import_file.invalid {
            plan.settled[row as usize] = true;
        }
        let names = import_file.names_digest();
        let came_with = gallery.source_names(source)?;
        if plan.held > 0 && came_with.as_ref() != Some(&names) {
            plan.compare(&held, import_file, others)?;
            if names.is_none() && came_with.flatten().is_some() && plan.next(0).is_some() {
                let (file, rows) = (import_file.file.path().to_owned(), plan.held);
                return Err(SessionError::NamesMissing { file, rows });
            }
        }
        Ok(plan)
    }

    fn compare(
        &mut self,
        held: &[Option<Box<ExistingTemplate>>],
        import_file: &ImportFile,
        others: OtherNames,
    ) -> Result<()> {
        for (row, held) in (0..).zip(held) {
            let (Some(held), Some(Person::Named(name))) = (held, import_file.person(row)) else { continue };
            if held.subject.as_deref() == Some(name.as_str()) {
                continue;
            }
            match others {
                OtherNames::Keep => {}
                // An unknown face has no name that could be another one.
                _ if held.subject.is_none() => self.renamed.push((held.template, name.clone())),
                OtherNames::Rename => self.renamed.push((held.template, name.clone())),
                OtherNames::Refuse => {
                    return Err(SessionError::OtherName {
                        row,
                        held: held.subject.clone().unwrap_or_default(),
                        place: import_file.name_place(row),
                        given: name.to_string(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether a row is to be imported.
    pub fn includes(&self, row: u64) -> bool {
        self.settled.get(row as usize).is_some_and(|settled| !settled)
    }

    /// The first row from `row` on that is to be imported.
    pub fn next(&self, row: u64) -> Option<u64> {
        (row..self.settled.len() as u64).find(|&row| self.includes(row))
    }
}

/// Looks up the rows with a known photo and face, which may be in the gallery from another source. Returns the rows with the same face as
/// an earlier row of the file.
fn look_up_photos(
    gallery: &Gallery,
    import_file: &ImportFile,
    held: &mut [Option<Box<ExistingTemplate>>],
) -> Result<Vec<usize>> {
    let (mut seen, mut repeated) = (HashSet::new(), Vec::new());
    let mut photos = import_file.photos()?;
    for (row, place) in held.iter_mut().enumerate().filter(|_| import_file.has_photos) {
        let Some(photo) = photos.next()? else { continue };
        let bounds = photo.face.as_ref().map(|face| face.bounds.map(f32::to_bits));
        let is_new = seen.insert((photo.hash, bounds));
        if place.is_none() {
            *place = gallery.existing_template(&photo)?.map(Box::new);
        }
        if !is_new && place.is_none() {
            repeated.push(row);
        }
    }
    Ok(repeated)
}
