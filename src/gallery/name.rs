//! Names of subjects. Names that look the same have one spelling, and a name contains no invisible characters.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

use super::error::{GalleryError, Result};

/// Longest name, in bytes of UTF-8.
const BYTES: usize = 512;
/// Bytes that a generated name reserves for a number.
const NUMBER: usize = 24;

const NO_JOIN: char = '\u{200c}';
const JOIN: char = '\u{200d}';
/// Selects the coloured form of an emoji.
const EMOJI_STYLE: char = '\u{fe0f}';
/// The canonical combining class of viramas, which join two consonants of Indic scripts.
const VIRAMA: u8 = 9;

/// The name of a subject. It is in Unicode normalization form C, so two names that differ only in the composition of characters are the
/// same. The ideographic space becomes a plain space. Characters that cannot be typed or cannot be seen are not allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = GalleryError;

    fn try_from(text: String) -> Result<Self> {
        Self::new(&text)
    }
}

impl Name {
    /// A name from a user, a folder or a file.
    ///
    /// # Errors
    /// [`GalleryError::SubjectName`], with the code point of a refused character. Not allowed are: an empty name; more than 512 bytes; a
    /// space at either end; a combining mark at the start; control characters; spaces other than U+0020; characters without a glyph
    /// (invisible, for formatting, for private use, unassigned). The joiners U+200C and U+200D are allowed inside words of scripts that
    /// need them, such as Arabic and Malayalam, and U+200D and the selector U+FE0F also in sequences of emoji.
    pub fn new(text: &str) -> Result<Self> {
        Self::limited(text, BYTES)
    }

    /// A name generated from a file name. A number can be appended to it if another subject has the name.
    ///
    /// # Errors
    /// As [`new`](Self::new). The longest name is a few bytes shorter.
    pub fn generated(text: &str) -> Result<Self> {
        Self::limited(text, BYTES - NUMBER)
    }

    /// The text of a path that contains a name.
    ///
    /// # Errors
    /// [`GalleryError::SubjectName`]: it is not UTF-8.
    pub fn text_of(path: &Path) -> Result<&str> {
        path.to_str().ok_or_else(|| refused(&path.to_string_lossy(), "it is not UTF-8 text"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether another name differs from this one only in case or in the form of its characters (Unicode NFKC).
    pub fn is_similar_to(&self, other: &str) -> bool {
        self.0 != other && folded(&self.0) == folded(other)
    }

    /// The name with a number, for another subject.
    pub(super) fn numbered(&self, number: u64) -> Self {
        Self(format!("{self} ({number})"))
    }

    fn limited(text: &str, bytes: usize) -> Result<Self> {
        let name = normalised(text);
        let reason = if name.trim().is_empty() {
            "it is empty".to_owned()
        } else if name.len() > bytes {
            format!("it is longer than {bytes} bytes")
        } else if name.starts_with(' ') || name.ends_with(' ') {
            "it begins or ends with a space".to_owned()
        } else if let Some(first) = name.chars().next().filter(|&first| is_combining_mark(first)) {
            format!("it begins with U+{:04X}, which combines with a preceding character", u32::from(first))
        } else if let Some(reason) = invisible(&name) {
            reason
        } else {
            return Ok(Self(name));
        };
        Err(refused(text, reason))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The subject of a new template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// The subject with this name. It may already be in the gallery.
    Named(Name),
    /// A new subject with this generated name. A number is appended if another subject has the name.
    Unknown(Name),
}

impl Person {
    /// The given or generated name.
    pub fn name(&self) -> &Name {
        match self {
            Self::Named(name) | Self::Unknown(name) => name,
        }
    }
}

/// The normalized form of a text, which may not be a valid name.
pub(super) fn normalised(text: &str) -> String {
    text.nfc().map(|c| if c == '\u{3000}' { ' ' } else { c }).collect()
}

/// A form that is equal for names that differ only in case, in compatible characters of Unicode (NFKC) or in joiners, which often change
/// nothing that is seen. It is not shown.
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Upper case first: a sharp s and a final sigma have no other lower case.
    let seen = text.chars().filter(|c| !matches!(*c, NO_JOIN | JOIN | EMOJI_STYLE));
    seen.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

fn refused(name: &str, reason: impl Into<String>) -> GalleryError {
    GalleryError::SubjectName { name: name.to_owned(), reason: reason.into() }
}

/// Why the first invisible character is refused, if there is one.
fn invisible(name: &str) -> Option<String> {
    let characters: Vec<char> = name.chars().collect();
    let (at, what) = (0..characters.len()).find_map(|at| Some((at, kind(&characters, at)?)))?;
    Some(format!("it contains U+{:04X}, {what}", u32::from(characters[at])))
}

/// The problem of a character; `None` for one with a glyph.
fn kind(name: &[char], at: usize) -> Option<&'static str> {
    use GeneralCategory as Category;
    const INVISIBLE: &str = "an invisible character";
    match name[at] {
        ' ' => return None,
        NO_JOIN | JOIN | EMOJI_STYLE if is_in_place(name, at) => return None,
        '\u{fffd}' => return Some("the replacement character of wrongly decoded text"),
        // Default-ignorable characters that are letters, marks or symbols by their category, and the blank Braille pattern.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{fffc}'
        | '\u{e0100}'..='\u{e01ef}' => {
            return Some(INVISIBLE);
        }
        _ => {}
    }
    match name[at].general_category() {
        Category::Control => Some("a control character"),
        Category::Format => Some(INVISIBLE),
        Category::SpaceSeparator => Some("a space other than U+0020"),
        Category::LineSeparator | Category::ParagraphSeparator => Some("a line break"),
        Category::PrivateUse => Some("a private-use character"),
        Category::Surrogate | Category::Unassigned => Some("a character that Unicode does not define"),
        _ => None,
    }
}

/// Whether the joiner or the selector at this place of a text belongs to it: a joiner in a word of a script that needs joiners, or U+200D or
/// U+FE0F in a sequence of emoji. `false` for any other character.
pub fn is_in_place(text: &[char], at: usize) -> bool {
    let Some((character, (before, after))) = text.get(at).zip(text.split_at_checked(at)) else {
        return false;
    };
    let (before, after) = (before.last(), after.get(1));
    match *character {
        // At the end of a word only after a virama: chillus of Malayalam, and a visible virama.
        JOIN if before.is_some_and(is_virama) => true,
        NO_JOIN | JOIN if before.zip(after).is_some_and(|(a, b)| needs_joiners(a) && needs_joiners(b)) => {
            true
        }
        JOIN => before.is_some_and(ends_emoji) && after.is_some_and(is_emoji),
        EMOJI_STYLE => before.is_some_and(is_emoji),
        _ => false,
    }
}

fn is_virama(c: &char) -> bool {
    canonical_combining_class(*c) == VIRAMA
}

/// Whether a letter or a mark belongs to a script with joiners: its letters join, or it has viramas.
fn needs_joiners(c: &char) -> bool {
    if matches!(*c, NO_JOIN | JOIN) {
        return false;
    }
    let is_letter = c.is_alphabetic() || is_combining_mark(*c);
    let joins = matches!(
        get_joining_type(*c),
        JoiningType::DualJoining | JoiningType::LeftJoining | JoiningType::RightJoining
    );
    // Arabic and Syriac have letters that do not join, and marks. Then the scripts of South and South-East Asia.
    let is_of_script = matches!(
        *c,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{109f}' | '\u{1700}'..='\u{18af}' | '\u{1900}'..='\u{1cff}'
            | '\u{a800}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{11000}'..='\u{11fff}'
    );
    is_letter && (joins || is_of_script)
}

fn is_emoji(c: &char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

/// Whether a sequence of emoji may be joined after this character: an emoji, a tone of skin, or the selector.
fn ends_emoji(c: &char) -> bool {
    *c == EMOJI_STYLE || is_emoji(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_case_or_form_are_folded_to_one() {
        for (one, other) in [
            ("Tony", "tony"),
            ("ÉMILE", "émile"),
            ("Strauß", "STRAUSS"),
            ("ΝΙΚΟΣ", "νικος"),
            ("Ａda", "ADA"),
            ("رضا\u{200c}علی", "رضاعلی"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        assert_ne!(folded("Tony"), folded("Toni"));
    }

    fn reason(text: &str) -> String {
        match Name::new(text) {
            Err(GalleryError::SubjectName { reason, .. }) => reason,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (one, other) in [
            ("Jos\u{e9}", "Jose\u{301}"),
            ("\u{212b}ngstr\u{f6}m", "A\u{30a}ngstro\u{308}m"),
            ("\u{ac00}\u{b098}", "\u{1100}\u{1161}\u{1102}\u{1161}"),
            ("Nguy\u{1ec5}n", "Nguye\u{302}\u{303}n"),
            ("a\u{323}\u{307}", "a\u{307}\u{323}"),
            ("山田\u{3000}太郎", "山田 太郎"),
        ] {
            assert_eq!(Name::new(one).unwrap(), Name::new(other).unwrap());
        }
        assert_ne!(Name::new("Jose").unwrap(), Name::new("José").unwrap());
    }

    #[test]
    fn names_of_every_script_are_taken() {
        for name in [
            "Ada Lovelace",
            "O'Brien-Smith, Jr.",
            "Þórbjörg",
            "Игорь",
            "李小龍",
            "김철수",
            "علی\u{200c}رضا",       // Persian, a non-joiner between letters that would join
            "র\u{200d}\u{9cd}যাচেল", // Bengali, a joiner before the virama
            "ක\u{dca}\u{200d}ර",    // Sinhala, a joiner after the virama
            "മോഹന\u{d4d}\u{200d}",  // Malayalam, a chillu
            "क\u{94d}\u{200c}ष",    // Devanagari, a visible virama
            "photo_01 (2).jpg#3",
            "🦀",
            "رضا\u{200c}علی", // Persian, a non-joiner after a letter that does not join
            "അന\u{200d}ജു",    // Malayalam, a joiner between letters
            "👩\u{200d}🚀",
            "The 👨\u{200d}👩\u{200d}👧\u{200d}👦 Smiths",
            "👩🏽\u{200d}❤\u{fe0f}\u{200d}👩🏻",
        ] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn invisible_characters_are_refused_with_their_code_points() {
        for (name, point) in [
            ("Ada\u{200b}", "U+200B"),
            ("\u{feff}Ada", "U+FEFF"),
            ("A\u{ad}da", "U+00AD"),
            ("A\u{2060}da", "U+2060"),
            ("\u{202e}adA", "U+202E"),
            ("Ada\u{200e}", "U+200E"),
            ("Ada\u{2069}", "U+2069"),
            ("A\u{200d}da", "U+200D"),
            ("A\u{200c}da", "U+200C"),
            ("رضا\u{200c} علی", "U+200C"),
            ("عل\u{200c}\u{200c}ی", "U+200C"),
            ("عل\u{202e}ی", "U+202E"),
            ("A\u{200c}علی", "U+200C"),
            ("👩\u{200d}", "U+200D"),
            ("👩\u{200d}\u{200d}🚀", "U+200D"),
            ("👩\u{200d}A", "U+200D"),
            ("1\u{200d}2", "U+200D"),
            ("李\u{200d}小", "U+200D"),
            ("علی\u{200c}", "U+200C"),
            ("क\u{94d}\u{200c}", "U+200C"),
            ("A\u{34f}da", "U+034F"),
            ("A\u{fe0f}da", "U+FE0F"),
            ("A\u{3164}", "U+3164"),
            ("A\u{2800}", "U+2800"),
            ("A\u{e0041}", "U+E0041"),
            ("A\u{180e}da", "U+180E"),
            ("A\u{fffd}da", "U+FFFD"),
            ("A\u{fffc}da", "U+FFFC"),
            ("A\u{e000}", "U+E000"),
            ("A\u{378}", "U+0378"),
            ("A\u{fdd0}", "U+FDD0"),
            ("A\u{2028}da", "U+2028"),
            ("A\u{a0}da", "U+00A0"),
            ("\u{2003}Ada", "U+2003"),
            ("A\tda", "U+0009"),
            ("Ada\n", "U+000A"),
            ("A\u{1b}[31mda", "U+001B"),
            ("A\u{85}da", "U+0085"),
            ("\u{301}Ada", "U+0301"),
        ] {
            assert!(reason(name).contains(point), "{name:?}: {}", reason(name));
        }
    }

    #[test]
    fn spaces_at_the_ends_and_lengths_are_checked_after_normalization() {
        for name in ["", " ", "\u{3000}"] {
            assert_eq!(reason(name), "it is empty");
        }
        for name in [" Ada", "Ada ", "\u{3000}Ada"] {
            assert_eq!(reason(name), "it begins or ends with a space");
        }
        Name::new(&"e\u{301}".repeat(256)).unwrap();
        assert_eq!(reason(&"é".repeat(257)), "it is longer than 512 bytes");
        assert!(Name::generated(&"a".repeat(500)).is_err());
    }
}
