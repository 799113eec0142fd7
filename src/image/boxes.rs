//! Boxes of the ISO base media file format (ISO/IEC 14496-12): the structure of HEIF, AVIF, JPEG XL and CR3 files.

/// One box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Box<'a> {
    pub kind: [u8; 4],
    pub body: &'a [u8],
    /// Whether the whole body is there.
    pub whole: bool,
}

/// The boxes in a sequence of bytes.
#[derive(Debug, Clone)]
pub(super) struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = Box<'a>;

    fn next(&mut self) -> Option<Box<'a>> {
        let (length, after) = self.0.split_first_chunk::<4>()?;
        let (kind, mut body) = after.split_first_chunk::<4>()?;
        let length = match u32::from_be_bytes(*length) {
            0 => body.len() as u64, // up to the end
            1 => {
                let (length, rest) = body.split_first_chunk::<8>()?;
                body = rest;
                u64::from_be_bytes(*length).checked_sub(16)?
            }
            length => u64::from(length).checked_sub(8)?,
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let whole = length <= body.len();
        let (body, rest) = body.split_at(length.min(body.len()));
        self.0 = rest;
        Some(Box { kind: *kind, body, whole })
    }
}

impl<'a> Boxes<'a> {
    /// The body of the first box of this kind.
    pub fn body(self, kind: &[u8; 4]) -> Option<&'a [u8]> {
        self.into_iter().find(|one| &one.kind == kind).map(|one| one.body)
    }
}

/// Reads numbers from the front of bytes, high byte first.
#[derive(Debug, Clone)]
pub(super) struct Numbers<'a>(pub &'a [u8]);

impl<'a> Numbers<'a> {
    /// The next number of `size` bytes, at most 8. None after the end.
    pub fn next(&mut self, size: usize) -> Option<u64> {
        let (bytes, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The version and the flags at the beginning of a full box.
    pub fn full(body: &'a [u8]) -> Option<(u8, u32, Self)> {
        let (&[version, a, b, c], rest) = body.split_first_chunk::<4>()?;
        Some((version, u32::from_be_bytes([0, a, b, c]), Self(rest)))
    }
}
