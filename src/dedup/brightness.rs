//! The brightness of pixels.

/// Writes the luma of a row of RGB pixels, in shares of 65,280 (255 x 256).
#[inline(always)]
pub(super) fn luma(rgb: &[u8], row: &mut [u16]) {
    for (luma, pixel) in row.iter_mut().zip(rgb.as_chunks::<3>().0) {
        let [red, green, blue] = pixel.map(u16::from);
        *luma = 77 * red + 150 * green + 29 * blue;
    }
}
