//! Multipart forms.

use super::error::{ClientError, Result};

/// A multipart form. Its parts are in the order in which they were added.
pub(super) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// An empty form with room for `bytes` of content.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(bytes: usize) -> Result<Self> {
        let boundary = random()?;
        Ok(Self { boundary, body: Vec::with_capacity(bytes + 4096) })
    }

    /// Adds a part of text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.part(name, "", text.as_bytes());
    }

    /// Adds a part of bytes. It has a generic file name: the real one is nobody else's business.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.part(name, "; filename=\"photo\"\r\nContent-Type: application/octet-stream", bytes);
    }

    fn part(&mut self, name: &str, more: &str, content: &[u8]) {
        let head =
            format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n", self.boundary);
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
    }

    /// The media type and the body.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }
}

/// 128 random bits in hexadecimal.
pub(super) fn random() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| ClientError::Input(format!("the system gave no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_parts_in_order() {
        let mut form = Form::new(0).unwrap();
        form.text("subject", "Ada");
        form.bytes("image", b"\x00\r\n--");
        let (kind, body) = form.finish();
        let boundary = kind.split_once("boundary=").unwrap().1;
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\nAda\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"image\"; filename=\"photo\"\r\nContent-Type: application/octet-stream\r\n\r\n\
             \0\r\n--\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
