//! The templates that stand for a duplicate, with their photos.

use super::super::Session;
use super::super::error::Result;
use crate::reply::SubjectSide;

impl Session {
    /// A template with its subject; `None` if it was removed meanwhile.
    pub(super) fn side(&self, id: u64) -> Result<Option<SubjectSide>> {
        let Some(template) = self.gallery().template(id)? else { return Ok(None) };
        Ok(Some(SubjectSide {
            subject_id: template.subject_id,
            templates: self.gallery().subject_of_id(template.subject_id)?.templates,
            subject: template.subject,
            face_id: id,
            path: template.path.map(|path| path.to_string_lossy().into_owned()),
            row: template.row,
        }))
    }
}
