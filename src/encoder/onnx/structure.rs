//! The size of a file without its numbers. An empty message of two bytes becomes a struct of hundreds of bytes when it is decoded, so
//! the part of the file that is not numbers is limited before that.

use super::Refusal;

/// Most bytes of names, shapes, attributes and message heads. IResNet-100 has 70 kB. Decoded, a byte becomes at most 130 bytes.
pub(super) const LARGEST_STRUCTURE: usize = 4 << 20;

/// Which fields of a message are messages with numbers, and which are numbers.
struct Kind {
    messages: &'static [(u64, &'static Kind)],
    numbers: &'static [u64],
}

static TENSOR: Kind = Kind { messages: &[], numbers: &[4, 5, 9, 10] };
static ATTRIBUTE: Kind = Kind { messages: &[(5, &TENSOR)], numbers: &[] };
static NODE: Kind = Kind { messages: &[(5, &ATTRIBUTE)], numbers: &[] };
static GRAPH: Kind = Kind { messages: &[(1, &NODE), (5, &TENSOR)], numbers: &[] };
static MODEL: Kind = Kind { messages: &[(7, &GRAPH)], numbers: &[] };

/// Verifies that the file consists of well-formed fields down to the tensors, and that they are not too many.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let size = structure(bytes, 0, &MODEL)?;
    if size <= LARGEST_STRUCTURE {
        return Ok(());
    }
    Err(Refusal::new(format!("{size} bytes without the weights, expected at most {LARGEST_STRUCTURE}")))
}

/// The bytes of a message that are not numbers. `offset` is its place in the file.
fn structure(message: &[u8], offset: usize, kind: &Kind) -> Result<usize, Refusal> {
    let (mut at, mut size) = (0, 0);
    while at < message.len() {
        let start = at;
        let damaged = |what: &str| {
            let at = offset + start;
            Refusal::new(format!("not an ONNX file, or damaged or truncated: {what} at byte {at}"))
        };
        let key = varint(message, &mut at).ok_or_else(|| damaged("no field"))?;
        let (number, wire) = (key >> 3, key & 7);
        let length = match wire {
            0 => varint(message, &mut at).map(|_| 0),
            1 => Some(8),
            2 => varint(message, &mut at).and_then(|length| usize::try_from(length).ok()),
            5 => Some(4),
            _ => return Err(damaged(&format!("a field of wire type {wire}"))),
        };
        let length = length.ok_or_else(|| damaged("no length"))?;
        let end = at.checked_add(length).filter(|end| *end <= message.len());
        let end = end.ok_or_else(|| damaged("a field beyond the end"))?;
        let inner = kind.messages.iter().find(|(known, _)| wire == 2 && *known == number);
        size += at - start;
        size += match inner {
            Some((_, kind)) => structure(&message[at..end], offset + at, kind)?,
            None if wire == 2 && kind.numbers.contains(&number) => 0,
            None => length,
        };
        at = end;
    }
    Ok(size)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
