//! Escapes characters that are not seen, for terminals and pages. Names, paths and error messages cannot move the cursor, change colours,
//! start a new line or change the direction of other text.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::gallery::is_in_place;

/// The text, with every character that has no glyph of its own written as `\n`, `\t`, `\r` or `\u{202e}`: control characters, line ends,
/// format characters such as those for the direction of writing, and characters without width. Combining marks after a letter and joiners
/// that a script or a sequence of emoji needs are not escaped.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let characters: Vec<char> = text.chars().collect();
    let mut safe = String::with_capacity(text.len() + 16);
    for (at, &character) in characters.iter().enumerate() {
        match character {
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            plain if is_plain(plain) || is_in_place(&characters, at) => safe.push(plain),
            hidden => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(hidden)); // writing to a String never fails
            }
        }
    }
    Cow::Owned(safe)
}

/// Whether a character has a glyph of its own. The `Debug` of `str` escapes characters without one, by the Unicode tables of the standard
/// library. It does not escape a combining mark after another character. It also escapes quotes, backslashes, and spaces other than U+0020.
fn is_plain(character: char) -> bool {
    match character {
        ' '..='~' => true,
        // Spaces of Asian scripts, and spaces between numbers and units.
        '\u{3000}' | '\u{a0}' | '\u{202f}' => true,
        // These are letters and marks by their Unicode class, but have no glyph.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' | '\u{34f}' => false,
        '\u{180b}'..='\u{180f}' => false,
        other => {
            let mut pair = [0; 5];
            pair[0] = b'a';
            let end = 1 + other.encode_utf8(&mut pair[1..]).len();
            str::from_utf8(&pair[..end]).is_ok_and(|pair| pair.escape_debug().count() == 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a.jpg\nMATCH  b.jpg"), "a.jpg\\nMATCH  b.jpg");
        assert_eq!(escaped("\u{1b}[31mred\u{7}\u{9b}2J\u{7f}"), "\\u{1b}[31mred\\u{7}\\u{9b}2J\\u{7f}");
        assert_eq!(escaped("tab\tcr\r\u{85}\u{2028}"), "tab\\tcr\\r\\u{85}\\u{2028}");
    }

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(escaped("gpj\u{202e}exe"), "gpj\\u{202e}exe");
        for hidden in
            "\u{200b}\u{200d}\u{2066}\u{2060}\u{feff}\u{ad}\u{61c}\u{3164}\u{115f}\u{180e}\u{e0041}\u{34f}"
                .chars()
        {
            let text = format!("a{hidden}b");
            assert_eq!(escaped(&text), format!("a\\u{{{:x}}}b", u32::from(hidden)));
        }
    }

    #[test]
    fn names_are_not_escaped() {
        for name in [
            "Ada \"Countess\" O'Neil \\ C:\\x",
            "Zoe\u{308} Noe\u{308}l",
            "Đặng Thị Hương",
            "山田\u{3000}太郎",
            "नरेन्द्र मोदी",
            "محمد علي",
            "99.3\u{a0}%",
            "😀",
            "علی\u{200c}رضا",
            "മോഹന\u{d4d}\u{200d}",
            "👨\u{200d}👩\u{200d}👧",
        ] {
            assert_eq!(escaped(name), name);
        }
    }
}
