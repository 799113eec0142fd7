//! Rows of a file of vectors as probes.

use std::path::Path;

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::json;

use super::screen::Screen;
use crate::template::TemplateError;
use crate::vectors::{BLOCK, VectorFile};

/// What becomes of rows that are no templates.
#[derive(Debug, Args)]
pub struct RowArguments {
    /// Leave rows of FILE.npy out that are no templates (not finite, without a direction), and list them
    #[arg(long)]
    pub skip_invalid: bool,
}

impl RowArguments {
    /// Opens a file of vectors and judges every row before any is used. Rows that are no templates are listed, if they
    /// may be left out; the file's [`VectorFile::valid`] leaves them out. Returns them too.
    pub fn open(&self, path: &Path, screen: Screen) -> Result<(VectorFile, Vec<(u64, TemplateError)>)> {
        let file = VectorFile::open_or_standard_input(path)?;
        let mut invalid = Vec::new();
        for first in (0..file.rows).step_by(BLOCK) {
            let block = (first..).zip(file.block(first, BLOCK)?);
            invalid.extend(block.filter_map(|(row, template)| Some((row, template.err()?))));
        }
        match invalid.first() {
            Some(&(row, error)) if !self.skip_invalid => {
                Err(anyhow!("{}; --skip-invalid leaves such rows out", file.bad_row(row, error)))
            }
            _ => {
                invalid.iter().try_for_each(|(row, error)| list(path, *row, error, screen))?;
                Ok((file, invalid))
            }
        }
    }
}

/// Says why a row is left out.
fn list(path: &Path, row: u64, error: &TemplateError, screen: Screen) -> Result<()> {
    screen.text(format!("skipped {} row {row}  ({}: {error})", path.display(), error.code()))?;
    Ok(screen.json(&json!({
        "event": "skipped", "path": path.to_string_lossy(), "row": row, "reason": error.code(),
        "detail": error.to_string(),
    }))?)
}
