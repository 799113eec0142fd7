//! Photos of one request.

use crate::image::{Limits, Source};
use crate::ingest::{Input, Skip};

/// Most photos of a request.
const PHOTOS: usize = 32;
/// Most bytes of the photos of a request, unless it is a single photo.
const BYTES: usize = 8 << 20;

/// An input with its bytes, or with the reason why it is not sent.
pub(super) struct Item {
    pub input: Input,
    pub content: Result<Vec<u8>, Skip>,
    /// Name of the subject, for an enrollment.
    pub subject: String,
}

impl Item {
    /// Reads a file. The limits of the server apply there.
    pub fn read(input: Input) -> Self {
        let content = match &input.problem {
            Some(problem) => Err(problem.clone()),
            None => Source::open(&input.path, input.is_found(), &Limits::default())
                .and_then(Source::read)
                .map_err(Skip::from),
        };
        Self { input, content, subject: String::new() }
    }

    /// The path as text.
    pub fn path(&self) -> String {
        self.input.path.to_string_lossy().into_owned()
    }
}

/// Inputs in batches whose photos fit one request.
pub(super) struct Batches<I> {
    inputs: I,
    /// The first item of the next batch.
    next: Option<Item>,
}

impl<I: Iterator<Item = Item>> Batches<I> {
    pub fn new(inputs: I) -> Self {
        Self { inputs, next: None }
    }
}

impl<I: Iterator<Item = Item>> Iterator for Batches<I> {
    type Item = Vec<Item>;

    fn next(&mut self) -> Option<Vec<Item>> {
        let (mut batch, mut photos, mut bytes) = (Vec::new(), 0, 0);
        while let Some(item) = self.next.take().or_else(|| self.inputs.next()) {
            let length = item.content.as_ref().map_or(0, Vec::len);
            if !batch.is_empty() && (bytes + length > BYTES || photos == PHOTOS || batch.len() == 4 * PHOTOS) {
                self.next = Some(item);
                break;
            }
            photos += usize::from(item.content.is_ok());
            bytes += length;
            batch.push(item);
        }
        (!batch.is_empty()).then_some(batch)
    }
}

/// Sends photos with `send`. If the body is too large for the server, each half by itself. A single photo that is too large stays an error
/// of its own. The results are those of the parts, each with the number of photos in it, in order.
pub(super) fn in_parts<P, T, E>(
    photos: &[P],
    is_too_large: &dyn Fn(&E) -> bool,
    send: &mut dyn FnMut(&[P]) -> Result<T, E>,
) -> Result<Vec<(usize, Result<T, E>)>, E> {
    if photos.is_empty() {
        return Ok(Vec::new());
    }
    match send(photos) {
        Err(error) if is_too_large(&error) && photos.len() > 1 => {
            let (first, second) = photos.split_at(photos.len() / 2);
            let mut parts = in_parts(first, is_too_large, send)?;
            parts.extend(in_parts(second, is_too_large, send)?);
            Ok(parts)
        }
        Err(error) if !is_too_large(&error) => Err(error),
        result => Ok(vec![(photos.len(), result)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    fn item(content: Result<usize, Reason>) -> Item {
        let input = Input { root: "r".into(), path: "r/a".into(), problem: None };
        let content = content.map(|length| vec![0; length]).map_err(|reason| Skip::new(reason, ""));
        Item { input, content, subject: String::new() }
    }

    fn lengths(items: Vec<Item>) -> Vec<usize> {
        Batches::new(items.into_iter()).map(|batch| batch.len()).collect()
    }

    #[test]
    fn batches_are_limited_in_photos_and_bytes() {
        let many = |count: usize, length: usize| (0..count).map(|_| item(Ok(length))).collect::<Vec<_>>();
        assert_eq!(lengths(many(70, 1)), [32, 32, 6]);
        assert_eq!(lengths(many(5, 3 << 20)), [2, 2, 1]);
        assert_eq!(lengths(vec![item(Ok(1)), item(Ok(9 << 20)), item(Ok(1))]), [1, 1, 1]);
        let skipped = (0..200).map(|_| item(Err(Reason::Empty))).collect();
        assert_eq!(lengths(skipped), [128, 72]);
        assert_eq!(lengths(Vec::new()), [0; 0]);
    }

    #[test]
    fn a_body_that_is_too_large_is_halved() {
        let sizes = [3, 1, 1, 9, 1];
        let mut sent = Vec::new();
        let mut send = |part: &[usize]| {
            sent.push(part.to_vec());
            let whole: usize = part.iter().sum();
            match whole {
                _ if part.contains(&7) => Err("broken"),
                5.. => Err("too large"),
                _ => Ok(whole),
            }
        };
        let parts = in_parts(&sizes, &|error| *error == "too large", &mut send);
        assert_eq!(parts, Ok(vec![(2, Ok(4)), (1, Ok(1)), (1, Err("too large")), (1, Ok(1))]));
        assert_eq!(in_parts(&[1, 7], &|error| *error == "too large", &mut send), Err("broken"));
        assert_eq!(sent.len(), 8);
    }
}
