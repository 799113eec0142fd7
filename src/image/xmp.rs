//! Properties of an XMP packet, found by their qualified names without a parser of XML.

/// Larger packets are read up to this length.
const LARGEST: usize = 1 << 20;
/// Longest value that is read.
const LONGEST: usize = 256;

/// The value of a simple property such as `tiff:Orientation`, as an attribute or as an element.
pub(super) fn value<'a>(packet: &'a [u8], name: &str) -> Option<&'a str> {
    let packet = &packet[..packet.len().min(LARGEST)];
    let mut at = 0;
    loop {
        at += packet.get(at..)?.windows(name.len()).position(|part| part == name.as_bytes())? + name.len();
        let rest = &packet[at..];
        let spaces = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = &rest[spaces..];
        let (value, end) = match rest {
            [b'>', value @ ..] => (value, b'<'),
            [b'=', value @ ..] => {
                let spaces = value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let Some((&quote @ (b'"' | b'\''), value)) = value[spaces..].split_first() else { continue };
                (value, quote)
            }
            _ => continue,
        };
        let length = value.iter().take(LONGEST).position(|&byte| byte == end);
        if let Some(text) = length.and_then(|length| std::str::from_utf8(&value[..length]).ok()) {
            let text = text.trim();
            if !text.is_empty() {
                return Some(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn attributes_and_elements_are_found() {
        let name = "tiff:Orientation";
        for packet in [
            "<rdf:Description tiff:Orientation=\"6\"/>",
            "<rdf:Description tiff:Orientation = '6' x:y=\"1\"/>",
            "<tiff:Orientation> 6\n</tiff:Orientation>",
            "<tiff:Orientation></tiff:Orientation><a tiff:Orientation=6 tiff:Orientation='6'>",
        ] {
            assert_eq!(value(packet.as_bytes(), name), Some("6"), "{packet}");
        }
        for packet in
            ["", "tiff:Orientation", "tiff:Orientation=", "tiff:Orientation='6", "tiff:Orientation>"]
        {
            assert_eq!(value(packet.as_bytes(), name), None, "{packet}");
        }
    }
}
