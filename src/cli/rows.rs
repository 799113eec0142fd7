//! Rows of a file of vectors as probes.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use super::screen::Screen;
use crate::reply::RowSkipped;
use crate::session::probes::open_rows;
use crate::vectors::VectorFile;

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
    pub fn open(&self, path: &Path, screen: Screen) -> Result<(VectorFile, Vec<RowSkipped>)> {
        let (file, invalid) = open_rows(path, self.skip_invalid)?;
        list(&invalid, screen)?;
        Ok((file, invalid))
    }
}

/// Says which rows are left out, and why.
pub fn list(invalid: &[RowSkipped], screen: Screen) -> Result<()> {
    for skipped in invalid {
        let RowSkipped { path, row, reason, detail } = skipped;
        screen.text(format!("skipped {path} row {row}  ({reason}: {detail})"))?;
        screen.json(skipped)?;
    }
    Ok(())
}
