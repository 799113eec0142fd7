//! Rows that depend on nothing but their id, so that whoever sees one knows what it must be.

pub const DIMENSION: usize = 192;
/// Rows that are inserted and deleted together, in ids that follow each other.
pub const BATCH: u64 = 64;
/// Rows of a group.
pub const GROUP: u64 = 8;

/// Numbers that depend on nothing but the seed.
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn direction(&mut self) -> [f32; DIMENSION] {
        [0; DIMENSION].map(|_| self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0)
    }
}

/// The vector of a row: near those of its group, as the photos of a person are.
pub fn vector(id: u64) -> Vec<f32> {
    let middle = Random(!(id / GROUP)).direction();
    let own = Random(id).direction();
    let sum: Vec<f32> = middle.iter().zip(&own).map(|(middle, own)| middle + 0.6 * own).collect();
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    sum.into_iter().map(|x| x / length).collect()
}

/// Ids of a batch.
pub fn ids(batch: u64) -> std::ops::Range<u64> {
    batch * BATCH..(batch + 1) * BATCH
}
