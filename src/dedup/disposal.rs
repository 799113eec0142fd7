//! What becomes of the copies of a plan.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What becomes of the copies of a plan. None of them loses a content: every one of them exists at least once afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// All files of a copy move to a quarantine on the same file system.
    #[default]
    Quarantine,
    /// All files of a copy move to the trash of the desktop (freedesktop.org trash specification 1.0). Linux only.
    Trash,
    /// A copy with equal bytes becomes another name of the kept file.
    Hardlink,
    /// A copy with equal bytes becomes a clone that shares its blocks with the kept file and stays independent. Linux only.
    Reflink,
}

impl Disposal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Quarantine, Self::Trash, Self::Hardlink, Self::Reflink];

    /// The name, as it is parsed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Trash => "trash",
            Self::Hardlink => "hardlink",
            Self::Reflink => "reflink",
        }
    }

    /// Whether the files move. Otherwise they are replaced in their places, and only by equal bytes.
    pub fn moves(self) -> bool {
        matches!(self, Self::Quarantine | Self::Trash)
    }
}

impl FromStr for Disposal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not one of quarantine, trash, hardlink, reflink");
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(expected)
    }
}

impl fmt::Display for Disposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
