//! A file of JSON lines, read one line at a time. The length of a line is limited, so memory is bounded for any file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Longest line, in bytes: a reply with about a hundred thousand candidates.
const LONGEST: u64 = 16 << 20;

/// The non-blank lines of a file with their numbers, from 1.
pub struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("{}: reading replies", path.display()))?;
        Ok(Self { path: path.to_owned(), reader: BufReader::new(file), number: 0 })
    }

    /// The next line; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u64, String)>> {
        loop {
            let mut bytes = Vec::new();
            let place = |number| format!("{}: line {number}", self.path.display());
            let read = self.reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes);
            if read.with_context(|| format!("{}: reading it", place(self.number + 1)))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let place = place(self.number);
            ensure!(
                bytes.len() as u64 <= LONGEST,
                "{place} is longer than {LONGEST} bytes: expected one reply of identify per line"
            );
            let text = String::from_utf8(bytes).with_context(|| format!("{place} is not UTF-8 text"))?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                return Ok(Some((self.number, text.to_owned())));
            }
        }
    }

    /// Up to `count` lines.
    pub fn take(&mut self, count: usize) -> Result<Vec<(u64, String)>> {
        let mut lines = Vec::new();
        let mut bytes = 0;
        while lines.len() < count && bytes < LONGEST as usize {
            let Some(line) = self.next()? else { break };
            bytes += line.1.len();
            lines.push(line);
        }
        Ok(lines)
    }
}

/// Whether a reply in the file names a photo that must be processed again.
pub fn name_photos(path: &Path) -> Result<bool> {
    #[derive(Deserialize)]
    struct Reply {
        probe: Option<Probe>,
    }
    #[derive(Deserialize)]
    struct Probe {
        template: Option<IgnoredAny>,
        row: Option<IgnoredAny>,
    }
    let mut lines = Lines::open(path)?;
    while let Some((_, line)) = lines.next()? {
        let reply: Option<Reply> = serde_json::from_str(&line).ok(); // a line that is not a reply is reported later
        if reply
            .and_then(|reply| reply.probe)
            .is_some_and(|probe| probe.template.is_none() && probe.row.is_none())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replies.json");
        std::fs::write(&path, "\u{feff}{}\n\n  \nx\n").unwrap();
        let mut lines = Lines::open(&path).unwrap();
        assert_eq!(lines.take(9).unwrap(), [(1, "{}".to_owned()), (4, "x".to_owned())]);
        std::fs::write(&path, vec![b'['; LONGEST as usize + 1]).unwrap();
        let error = Lines::open(&path).unwrap().next().unwrap_err().to_string();
        assert!(error.contains("line 1 is longer than"), "{error}");
        std::fs::write(&path, b"\xff\n").unwrap();
        assert!(Lines::open(&path).unwrap().next().unwrap_err().to_string().contains("line 1 is not UTF-8"));
    }
}
