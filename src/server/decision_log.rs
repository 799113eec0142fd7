//! The log of decisions: who asked for which decision, and about whom it was. It contains no template, no photo and no name.
//!
//! Each line contains the hash of the line before it, so a line that is changed or removed later is noticed, unless all later lines are
//! rewritten too.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::decision::Decision;

/// Most bytes of one write: 1,024 decisions and more.
const LONGEST_WRITE: u64 = 4 << 20;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Time, in seconds since 1970.
    pub at: i64,
    /// Name of the token.
    pub token: String,
    /// The gallery; empty for a verification.
    pub gallery: String,
    /// Id of the request.
    pub request: String,
    /// Position of the probe in the request.
    pub probe: u64,
    /// The decision.
    pub decision: Decision,
    /// Id of the subject of a match.
    pub subject_id: Option<u64>,
    /// The threshold.
    pub threshold: Option<f32>,
    /// SHA-256 of the line before, in hexadecimal; empty in the first line.
    pub before: String,
}

/// A decision to log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// Name of the token.
    pub token: &'a str,
    /// The gallery.
    pub gallery: &'a str,
    /// Id of the request.
    pub request: &'a str,
    /// Position of the probe in the request.
    pub probe: u64,
    /// The decision.
    pub decision: Decision,
    /// Id of the subject of a match.
    pub subject_id: Option<u64>,
    /// The threshold.
    pub threshold: Option<f32>,
}

/// An open log.
pub struct DecisionLog(Mutex<Chain>);

struct Chain {
    file: File,
    before: String,
}

impl DecisionLog {
    /// Opens a log, or makes it, and continues its chain.
    ///
    /// # Errors
    /// The file cannot be opened; it is not a log, or its chain is broken.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        remove_torn_line(&file)?;
        let before = last_hash(&file)?;
        Ok(Self(Mutex::new(Chain { file, before })))
    }

    /// Appends decisions. They are in the file of the system when this returns.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn append(&self, entries: &[Entry<'_>]) -> std::io::Result<()> {
        let at = OffsetDateTime::now_utc().unix_timestamp();
        let mut chain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut text, mut before) = (Vec::new(), chain.before.clone());
        for entry in entries {
            let line = serde_json::to_vec(&Line {
                at,
                token: entry.token.into(),
                gallery: entry.gallery.into(),
                request: entry.request.into(),
                probe: entry.probe,
                decision: entry.decision,
                subject_id: entry.subject_id,
                threshold: entry.threshold,
                before,
            })?;
            before = hash(&line);
            text.extend(line);
            text.push(b'\n');
        }
        chain.file.write_all(&text)?;
        chain.before = before;
        Ok(())
    }
}

fn hash(line: &[u8]) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Removes a last line without an end, which a crash during a write leaves. Its decision was not sent.
fn remove_torn_line(mut file: &File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    let last = length.saturating_sub(LONGEST_WRITE);
    file.seek(SeekFrom::Start(last))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let whole = end.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at as u64 + 1);
    if last + whole < length {
        tracing::warn!(
            bytes = length - last - whole,
            "the log of decisions ended in an unfinished line, which is removed"
        );
        file.set_len(last + whole)?;
    }
    file.seek(SeekFrom::Start(0)).map(drop)
}

/// Checks the chain of a log, and returns the hash of its last line.
fn last_hash(file: &File) -> std::io::Result<String> {
    let mut before = String::new();
    for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line?;
        let broken = |what: &str| {
            let what = format!("line {}: {what}", number + 1);
            std::io::Error::new(std::io::ErrorKind::InvalidData, what)
        };
        let parsed: Line =
            serde_json::from_slice(&line).map_err(|_| broken("not a line of a log of decisions"))?;
        if parsed.before != before {
            return Err(broken("it does not follow the line before it: the log was changed"));
        }
        before = hash(&line);
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(probe: u64) -> Entry<'static> {
        let (token, gallery, request) = ("door", "staff", "r1");
        Entry {
            token,
            gallery,
            request,
            probe,
            decision: Decision::Match,
            subject_id: Some(7),
            threshold: Some(0.5),
        }
    }

    #[test]
    fn a_log_is_continued_and_a_changed_line_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.jsonl");
        DecisionLog::open(&path).unwrap().append(&[entry(0), entry(1)]).unwrap();
        DecisionLog::open(&path).unwrap().append(&[entry(2)]).unwrap();
        assert!(DecisionLog::open(&path).is_ok());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        // A crash during a write.
        std::fs::write(&path, format!("{text}{}", &text[..40])).unwrap();
        DecisionLog::open(&path).unwrap().append(&[entry(3)]).unwrap();
        assert!(DecisionLog::open(&path).is_ok());
        std::fs::write(&path, text.replacen("\"subject_id\":7", "\"subject_id\":8", 1)).unwrap();
        let error = DecisionLog::open(&path).err().unwrap().to_string();
        assert!(error.contains("line 2"), "{error}");
        let without_first: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, without_first).unwrap();
        assert!(DecisionLog::open(&path).is_err());
    }
}
