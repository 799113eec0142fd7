//! Text inside markup.

use std::fmt;

/// A text that shows itself in HTML and SVG, in elements and in attributes, whatever is in it. Characters that XML forbids become the
/// replacement character: one control character in a title would make a whole picture unreadable.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                '\n' | '\t' => out.write_char(character)?,
                '\u{fffe}' | '\u{ffff}' => out.write_char('\u{fffd}')?,
                _ if character.is_control() => out.write_char('\u{fffd}')?,
                _ => out.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        let text = Escaped("<b a=\"1\" b='2'>&\u{1b}\n").to_string();
        assert_eq!(text, "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;\u{fffd}\n");
    }
}
