//! Rows of a file of vectors as probes.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use super::screen::Screen;
use crate::reply::RowSkipped;
use crate::session::probes::open_rows;
use crate::vectors::VectorFile;

/// How invalid rows are handled.
#[derive(Debug, Args)]
pub struct RowArguments {
    /// Skip rows of FILE.npy that are not templates (not finite, or zero), and list them
    #[arg(long)]
    pub skip_invalid: bool,
}

impl RowArguments {
    /// Opens a file of vectors and checks every row. Invalid rows are an error, or are printed and returned if they are skipped.
    /// [`VectorFile::valid`] leaves them out.
    pub fn open(&self, path: &Path, screen: Screen) -> Result<(VectorFile, Vec<RowSkipped>)> {
        let (file, invalid) = open_rows(path, self.skip_invalid)?;
        print_skipped(&invalid, screen)?;
        Ok((file, invalid))
    }
}

/// Prints the skipped rows and their reasons.
pub fn print_skipped(invalid: &[RowSkipped], screen: Screen) -> Result<()> {
    for skipped in invalid {
        let RowSkipped { path, row, reason, detail } = skipped;
        screen.text(format!("skipped {path} row {row}  ({reason}: {detail})"))?;
        screen.json(skipped)?;
    }
    Ok(())
}
