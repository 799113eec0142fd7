//! A small writer of SVG. Elements name only their class; the style sheet defines their style.

use std::fmt;

use super::labels::Rect;

/// Height of the texts in a chart.
pub const TEXT: f64 = 12.0;
/// Distance between lines of text.
pub const LINE: f64 = 16.0;

/// A coordinate, rounded to a tenth of a unit. A value that is not finite becomes 0.
struct Px(f64);

impl fmt::Display for Px {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenth = if self.0.is_finite() { (self.0 * 10.0).round() / 10.0 } else { 0.0 };
        write!(out, "{}", tenth + 0.0)
    }
}

/// The point of a text at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// The elements of a picture.
#[derive(Debug, Default)]
pub struct Canvas {
    body: String,
}

impl Canvas {
    /// The complete elements.
    pub fn finish(self) -> String {
        self.body
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        let [x1, y1, x2, y2] = [from[0], from[1], to[0], to[1]].map(Px);
        self.body += &format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n");
    }

    /// A line through points.
    pub fn polyline(&mut self, class: &str, points: &[[f64; 2]]) {
        if points.len() > 1 {
            self.body += &format!("<path class=\"{class}\" d=\"{}\"/>\n", outline(points));
        }
    }

    /// The area enclosed by the points.
    pub fn area(&mut self, class: &str, points: &[[f64; 2]]) {
        if points.len() > 2 {
            self.body += &format!("<path class=\"{class}\" d=\"{}Z\"/>\n", outline(points));
        }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, class: &str, rect: Rect) {
        let [x, y, w, h] = [rect.x, rect.y, rect.width, rect.height].map(Px);
        self.body += &format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/>\n");
    }

    /// A marker. Each series has its own shape and colour. The hint is shown under the pointer.
    pub fn marker(&mut self, class: &str, at: [f64; 2], shape: usize, hint: &str) {
        let [x, y] = at;
        let corners: &[[f64; 2]] = match shape % 4 {
            0 => return self.circle(class, at, 4.5, hint),
            1 => &[[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]],
            2 => &[[0.0, -5.5], [5.5, 0.0], [0.0, 5.5], [-5.5, 0.0]],
            _ => &[[0.0, -5.0], [5.2, 4.2], [-5.2, 4.2]],
        };
        let corners: Vec<[f64; 2]> = corners.iter().map(|[dx, dy]| [x + dx, y + dy]).collect();
        self.body +=
            &format!("<path class=\"{class}\" d=\"{}Z\">{}</path>\n", outline(&corners), title(hint));
    }

    /// A circle. The hint is shown under the pointer.
    pub fn circle(&mut self, class: &str, at: [f64; 2], radius: f64, hint: &str) {
        let [x, y, r] = [at[0], at[1], radius].map(Px);
        let hint = title(hint);
        self.body += &format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\">{hint}</circle>\n");
    }

    /// A text on its base line.
    pub fn text(&mut self, class: &str, at: [f64; 2], anchor: Anchor, text: &str) {
        let [x, y] = at.map(Px);
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = Escaped(text);
        self.body +=
            &format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>\n");
    }
}

fn title(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("<title>{}</title>", Escaped(hint)) }
}

fn outline(points: &[[f64; 2]]) -> String {
    let step = |(index, point): (usize, &[f64; 2])| {
        let [x, y] = point.map(Px);
        format!("{}{x} {y}", if index == 0 { 'M' } else { 'L' })
    };
    points.iter().enumerate().map(step).collect()
}

/// An upper estimate of the width of a text in a wide system font.
pub fn width(text: &str) -> f64 {
    let em = |character: char| match character {
        'i' | 'j' | 'l' | 'I' | '\'' | '|' => 0.3,
        ' ' | '\u{a0}' | '.' | ',' | ':' | ';' | '·' => 0.34,
        'f' | 'r' | 't' | '(' | ')' | '-' | '/' => 0.42,
        'm' | 'M' | 'w' | 'W' | '%' => 0.98,
        'A'..='Z' => 0.72,
        _ if character.is_ascii() => 0.64,
        _ => 0.8,
    };
    text.chars().map(em).sum::<f64>() * TEXT
}

/// A text for elements and attributes of HTML and SVG, with all special characters escaped. Characters that XML forbids become the
/// replacement character, because one control character in a title would make the whole picture unreadable.
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
    fn coordinates_are_short_and_finite() {
        let said: Vec<String> =
            [1.0, 1.26, -0.01, f64::NAN, f64::INFINITY].map(|value| Px(value).to_string()).into();
        assert_eq!(said, ["1", "1.3", "0", "0", "0"]);
    }

    #[test]
    fn hints_and_texts_are_escaped() {
        let mut canvas = Canvas::default();
        canvas.circle("dot", [1.0, 2.0], 3.0, "a < b");
        canvas.text("label", [1.0, 2.0], Anchor::End, "a & b");
        let body = canvas.finish();
        assert!(body.contains("<title>a &lt; b</title>"), "{body}");
        assert!(body.contains("text-anchor=\"end\">a &amp; b</text>"), "{body}");
    }

    #[test]
    fn escaped_text_stays_in_its_element() {
        let text = Escaped("<b a=\"1\" b='2'>&\u{1b}\n").to_string();
        assert_eq!(text, "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;\u{fffd}\n");
    }
}
