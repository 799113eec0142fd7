//! Reasons: why an input gave no template, or no judgement. A closed set with stable codes, the same in replies, files and the catalog.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a file, a face or a row gave no template or no judgement. The order is that of the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(into = "&'static str", from = "String")]
#[schemars(with = "String")]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are damaged, truncated or not what their header says.
    DecodeFailed,
    /// The detector failed on this photo.
    DetectFailed,
    /// The same bytes were processed before.
    Duplicate,
    /// The file is empty.
    Empty,
    /// The encoder failed on this photo.
    EncodeFailed,
    /// The quality of the face is below the limit.
    LowQuality,
    /// The norm of the vector is too small or too large.
    NoDirection,
    /// The detector found no face.
    NoFace,
    /// The input names no subject, or a name that is not valid.
    NoSubject,
    /// The file is no photo and its name does not claim that it is one.
    NotAPhoto,
    /// A component of the vector is NaN or infinite.
    NotFinite,
    /// The authenticity of the face cannot be judged: it is too small, or too little of it is in the photo.
    NotJudged,
    /// The photo is in the gallery under another name.
    OtherName,
    /// The photo shows more than one face, and only photos of one face are accepted.
    SeveralFaces,
    /// A code that a newer version wrote.
    Other,
    /// The machine failed: memory, file descriptors or disk. This says nothing about the photo.
    TemporaryFailure,
    /// The file, its pixels or the memory for them exceed a limit.
    TooLarge,
    /// The face, or the whole photo, is smaller than the limit.
    TooSmall,
    /// The file cannot be read.
    Unreadable,
    /// The format, or this variant of it, is not decoded, or only by a program that is not installed.
    Unsupported,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::DecodeFailed,
        Self::DetectFailed,
        Self::Duplicate,
        Self::Empty,
        Self::EncodeFailed,
        Self::LowQuality,
        Self::NoDirection,
        Self::NoFace,
        Self::NoSubject,
        Self::NotAPhoto,
        Self::NotFinite,
        Self::NotJudged,
        Self::OtherName,
        Self::SeveralFaces,
        Self::Other,
        Self::TemporaryFailure,
        Self::TooLarge,
        Self::TooSmall,
        Self::Unreadable,
        Self::Unsupported,
    ];

    /// The stable code, such as `no_face`.
    pub fn code(self) -> &'static str {
        match self {
            Self::DecodeFailed => "decode_failed",
            Self::DetectFailed => "detect_failed",
            Self::Duplicate => "duplicate",
            Self::Empty => "empty",
            Self::EncodeFailed => "encode_failed",
            Self::LowQuality => "low_quality",
            Self::NoDirection => "no_direction",
            Self::NoFace => "no_face",
            Self::NoSubject => "no_subject",
            Self::NotAPhoto => "not_a_photo",
            Self::NotFinite => "not_finite",
            Self::NotJudged => "not_judged",
            Self::OtherName => "other_name",
            Self::SeveralFaces => "several_faces",
            Self::Other => "skipped",
            Self::TemporaryFailure => "temporary_failure",
            Self::TooLarge => "too_large",
            Self::TooSmall => "too_small",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
        }
    }

    /// The reason with this code; [`Reason::Other`] for a code that this version does not know.
    pub fn of(code: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.code() == code).unwrap_or(Self::Other)
    }
}

impl From<Reason> for &'static str {
    fn from(reason: Reason) -> Self {
        reason.code()
    }
}

impl From<String> for Reason {
    fn from(code: String) -> Self {
        Self::of(&code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_same_in_text_and_in_json() {
        for reason in Reason::ALL {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.code());
            assert_eq!(serde_json::from_value::<Reason>(json).unwrap(), reason);
            assert_eq!(Reason::of(reason.code()), reason);
        }
        assert!(Reason::ALL.is_sorted() && Reason::ALL.map(Reason::code).is_sorted());
        assert_eq!(Reason::of("of_a_newer_version"), Reason::Other);
        assert_eq!(serde_json::from_str::<Reason>("\"of_a_newer_version\"").unwrap(), Reason::Other);
    }
}
