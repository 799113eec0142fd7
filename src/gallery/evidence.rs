//! What was measured on a gallery and is kept in it: calibrations and audits. Numbers are kept, names and paths are not: whoever is removed
//! from a gallery must not stay in what was once said of it.

use super::Gallery;
use super::error::{GalleryError, Result};
use crate::audit::Audit;
use crate::calibration::{Calibration, CalibrationError};
use crate::decision::{Fusion, Missed};

impl Gallery {
    /// Keeps a calibration, without its suspects; the newest of a fusion is used. Returns its number.
    ///
    /// # Errors
    /// It is of another model; the disk is full or failing.
    pub fn keep_calibration(&self, calibration: &Calibration) -> Result<i64, CalibrationError> {
        calibration.require(self.binding())?;
        let kept = Calibration { suspects: Vec::new(), ..calibration.clone() };
        let document = serde_json::to_string(&kept)
            .map_err(|error| CalibrationError::Damaged { id: 0, what: error.to_string() })?;
        let mut catalog = self.catalog();
        let id = catalog.keep_calibration(calibration.fusion.name(), &document)?;
        self.witness(&catalog)?;
        Ok(id)
    }

    /// The newest calibration, or the newest for one fusion, with its number.
    ///
    /// # Errors
    /// It cannot be read, or is of another model.
    pub fn calibration(
        &self,
        fusion: Option<Fusion>,
    ) -> Result<Option<(i64, Calibration)>, CalibrationError> {
        let found = self.catalog().calibration(fusion.map(Fusion::name)).map_err(|error| match error {
            GalleryError::DamagedCatalog { path, what } => {
                GalleryError::DamagedCatalog { path, what: format!("{what}; calibrate again") }
            }
            other => other,
        });
        let Some((id, document)) = found? else { return Ok(None) };
        let calibration: Calibration = serde_json::from_str(&document)
            .map_err(|error| CalibrationError::Damaged { id, what: error.to_string() })?;
        calibration.require(self.binding())?;
        Ok(Some((id, calibration)))
    }

    /// Keeps what an audit of a way to search found, without whom it lists.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn keep_audit(&self, audit: &Audit) -> Result<()> {
        let kept =
            Audit { doubles: Vec::new(), outliers: Vec::new(), not_found: Vec::new(), ..audit.clone() };
        let document = serde_json::to_string(&kept)
            .map_err(|error| self.damaged(format!("an audit cannot be written: {error}")))?;
        let mut catalog = self.catalog();
        catalog.keep_audit(&audit.search, &document)?;
        self.witness(&catalog)
    }

    /// What the last audit of a way to search says that it misses; `None` if there was none, or the gallery has
    /// grown by half or more since.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn audited(&self, search: &str) -> Result<Option<Missed>> {
        let Some(document) = self.catalog().audit(search)? else { return Ok(None) };
        let audit = self.audit_from(search, &document)?;
        Ok(if audit.is_fresh(self.counts()?.1) { audit.missed() } else { None })
    }

    fn audit_from(&self, search: &str, document: &str) -> Result<Audit> {
        serde_json::from_str(document)
            .map_err(|error| self.damaged(format!("the audit of search {search} cannot be read: {error}")))
    }

    /// Everything measured that cannot be read, in words.
    pub(super) fn unreadable_evidence(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (id, fusion, document) in self.catalog().documents("calibrations")? {
            match serde_json::from_str::<Calibration>(&document) {
                Err(error) => found.push(format!("calibration {id} cannot be read: {error}")),
                Ok(one) if one.fusion.name() != fusion => {
                    found.push(format!(
                        "calibration {id} of fusion {fusion} is of fusion {}",
                        one.fusion.name()
                    ));
                }
                Ok(one) => found.extend(
                    one.require(self.binding()).err().map(|error| format!("calibration {id}: {error}")),
                ),
            }
        }
        for (_, search, document) in self.catalog().documents("audits")? {
            found.extend(self.audit_from(&search, &document).err().map(|error| error.to_string()));
        }
        Ok(found)
    }
}
