//! Changing an input without moving what follows: most of a file only counts at its place.

use super::directory::{Input, LOOK_ONLY};
use super::random::Random;

/// The fuzzer's own mutation of the first `size` bytes of a buffer; returns how many there are then.
pub type Mutation = fn(&mut [u8], usize, usize) -> usize;

/// Numbers that are wrong in interesting ways.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 3, 64, 255, 1 << 16, (1 << 32) - 1, 1 << 32, (1 << 62) - 1, 1 << 62, u64::MAX];

/// Mutates a flags byte and a file.
pub fn file(data: &mut [u8], size: usize, max: usize, seed: u32, mutation: Mutation) -> usize {
    let mut random = Random(seed.into());
    if size < 9 || random.place(4) == 0 {
        return mutation(data, size, max);
    }
    let width = [1, 2, 4, 8, 8, 16, 64][random.place(7)].min(size - 1);
    if random.place(8) == 0 {
        data[0] = flags(&mut random);
        return size;
    }
    // The flags come first, and fields lie at multiples of their widths; in a manifest, of two.
    let step = [width, width.min(2)][random.place(2)];
    let at = 1 + random.place((size - 1 - width) / step + 1) * step;
    let window = &mut data[at..at + width];
    match random.place(3) {
        0 if width <= 8 => {
            let number = NUMBERS[random.place(NUMBERS.len())];
            window.copy_from_slice(&number.to_le_bytes()[..width]);
        }
        1 if width <= 8 => {
            let near = window.iter().rev().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
            let near = near.wrapping_add(random.place(5) as u64).wrapping_sub(2);
            window.copy_from_slice(&near.to_le_bytes()[..width]);
        }
        _ => drop(mutation(window, width, width)),
    }
    size
}

/// Mutates a bundle of files: one of them, or which there are.
pub fn bundle(data: &mut [u8], size: usize, max: usize, seed: u32, mutation: Mutation) -> usize {
    let mut random = Random(seed.into());
    let mut input = Input::parse(&data[..size]);
    let pieces = input.pieces.len();
    if pieces == 0 || random.place(16) == 0 {
        return mutation(data, size, max);
    }
    let at = random.place(pieces);
    match random.place(12) {
        0 => drop(input.pieces.remove(at)),
        1 => {
            let copy = input.pieces[random.place(pieces)].clone();
            input.pieces.insert(at, copy);
        }
        2 => input.pieces.swap(at, random.place(pieces)),
        3 => input.flags = flags(&mut random),
        _ => {
            let room = max.saturating_sub(size).min(256);
            let piece = &mut input.pieces[at].1;
            let mut bytes = [&[0], &piece[..]].concat();
            let length = bytes.len();
            bytes.resize(length + room, 0);
            let length = file(&mut bytes, length, length + room, seed.rotate_left(7), mutation);
            *piece = bytes[..length].get(1..).unwrap_or_default().to_vec();
        }
    }
    let bytes = input.encode();
    let length = bytes.len().min(max);
    data[..length].copy_from_slice(&bytes[..length]);
    length
}

/// Mostly such that the files are only looked at, which is quicker.
fn flags(random: &mut Random) -> u8 {
    let any = random.place(256) as u8;
    if random.place(2) == 0 { any | LOOK_ONLY } else { any }
}
