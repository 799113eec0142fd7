//! The blocks of two aligned thumbnails: where they agree, and whether what disagrees may be a caption, a frame or a mark.

use std::ops::Range;

use super::alignment::Alignment;
use super::level::{Level, Seen};
use super::moments::Moments;
use super::signature::{FEW, STRUCTURE};
use super::thumbnail::SIDE;
use super::tones::Tones;
use super::vectors::vectorized;

/// Side of a block in pixels of the thumbnail, and blocks per axis.
const BLOCK: usize = 8;
const BLOCKS: usize = SIDE / BLOCK;
/// Variance, in squared levels of grey, that is added to that of a block, so that noise is no structure.
const NOISE: f32 = 60.0;
/// Share of a block's variance that the other picture may leave unexplained.
const UNEXPLAINED: f32 = 0.3;
/// Share from which a block differs clearly in any case.
const CLEAREST: f32 = 0.5;
/// Largest difference of the means of two blocks, in levels of grey after alignment.
const BRIGHTNESS: f32 = 44.0;
/// A block differs if it leaves more unexplained than this and this times what most blocks leave, and differs clearly from twice that on.
const LEAST_OUTLIER: f32 = 0.02;
const OUTLIER: f32 = 12.0;
const CLEARLY: f32 = 2.0;
/// Blocks that may differ, but not clearly, anywhere: this number and this times what most blocks leave.
const STRAY: f32 = 2.0;
const STRAY_BY_TYPICAL: f32 = 300.0;
/// How much more a crop, a framed picture or one with other tones may leave: its pixels were interpolated or changed by their colour.
const PROCESSED: f32 = 3.0;
/// Share that most blocks may leave unexplained.
const COARSEST: f32 = 0.07;
/// Most blocks of the outer row of a strip that agree although the strip covers them.
const UNCOVERED: usize = 1;
/// Variance below which a picture is empty. Two pictures without structure are equal if the mean of their squared differences is at most
/// this, this share of their variance more, and no more than this.
const EMPTY: f32 = 4.0;
const EQUAL: f32 = 1.0;
const EQUAL_SHARE: f32 = 0.02;
const MOST_EQUAL: f32 = 20.0;
/// Share of the blocks with structure that may disagree before the pictures are aligned better.
const PROMISING: f32 = 0.5;
/// Share of the blocks with structure that must be explained before that.
const LEAST_EXPLAINED: f32 = 0.33;
/// Largest width of a disagreeing border, in blocks.
const BORDER: usize = 3;
/// Largest share of a side by which a picture that is inside another may reach out of it.
const OVERHANG: f32 = 0.015;
/// Smallest share of each picture that the other one contains.
const OVERLAP: f32 = 0.75;

/// A block of both pictures after alignment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    /// Pixels that are in both pictures.
    count: f32,
    /// Difference of the means.
    brightness: f32,
    /// The larger variance.
    spread: f32,
    /// Variance that the other picture leaves unexplained, as a share of `spread` and of the noise that every block may have.
    unexplained: f32,
}

/// The comparison of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not in the other picture.
    Outside,
    /// Flat in both.
    Flat,
    /// Both have the same structure.
    Agrees,
    Disagrees,
}

impl Block {
    fn of(moments: &Moments) -> Self {
        let ([one, other], [spread, other_spread]) = (moments.means(), moments.variances());
        // The structure of either picture must be in the other.
        let common = moments.covariance().max(0.0);
        let unexplained = |spread: f32, by: f32| spread - common * common / by.max(1.0);
        let larger = spread.max(other_spread);
        let most = unexplained(spread, other_spread).max(unexplained(other_spread, spread));
        Self {
            count: moments.count,
            brightness: (one - other).abs(),
            spread: larger,
            unexplained: most / (larger + NOISE),
        }
    }

    fn is_inside(&self) -> bool {
        self.count * 2.0 >= (BLOCK * BLOCK) as f32
    }

    fn verdict(&self, most: f32) -> Verdict {
        if !self.is_inside() {
            Verdict::Outside
        } else if self.brightness > BRIGHTNESS || self.unexplained > most {
            Verdict::Disagrees
        } else if self.spread < STRUCTURE {
            Verdict::Flat
        } else {
            Verdict::Agrees
        }
    }
}

pub(super) struct Blocks {
    blocks: [[Block; BLOCKS]; BLOCKS],
    alignment: Alignment,
    /// All pixels that are in both pictures.
    all: Moments,
}

impl Blocks {
    /// The blocks of `one`, and what of `other` is there.
    pub fn of(one: &Level, other: &Level, alignment: &Alignment) -> Self {
        vectorized(
            #[inline(always)]
            || Self::compared(one, other, alignment),
        )
    }

    #[inline(always)]
    fn compared(one: &Level, other: &Level, alignment: &Alignment) -> Self {
        let seen = other.seen_through(alignment.scale, alignment.shift);
        let linear = |grey: &f32| alignment.gain * grey + alignment.bias;
        let grey = seen.grey.iter().map(linear).collect();
        let plain = Seen { grey, side: seen.side, columns: seen.columns.clone(), rows: seen.rows.clone() };
        let mut compared = Self::with(&one.grey, &plain, alignment);
        if compared.all_agree() || !compared.are_promising() {
            return compared;
        }
        let (toned_one, toned) = Tones::between(&one.grey, &seen, alignment).applied(&one.grey, &seen);
        let toned = Self::with(&toned_one, &toned, alignment);
        // A caption of the same grey as a part of the picture distorts the curve there.
        for (block, toned) in compared.blocks.iter_mut().flatten().zip(toned.blocks.iter().flatten()) {
            if toned.unexplained < block.unexplained {
                *block = *toned;
            }
        }
        compared
    }

    #[inline(always)]
    fn with(one: &[f32], seen: &Seen, alignment: &Alignment) -> Self {
        let moments = Moments::of_blocks::<BLOCK>(one, seen);
        let mut all = Moments::default();
        moments.iter().for_each(|block| all += *block);
        let block = |row: usize, column: usize| {
            Block::of(&moments.get(row * BLOCKS + column).copied().unwrap_or_default())
        };
        let blocks = std::array::from_fn(|row| std::array::from_fn(|column| block(row, column)));
        Self { blocks, alignment: *alignment, all }
    }

    /// The share of agreeing blocks if this is the same picture.
    pub fn agreement(&self) -> Option<f32> {
        let inside = self.blocks.iter().flatten().filter(|block| block.is_inside()).count();
        let covered = inside as f32 / (BLOCKS * BLOCKS) as f32;
        let area = covered * self.alignment.scale[0] * self.alignment.scale[1];
        if covered < OVERLAP || area < OVERLAP || !self.alignment.is_inside() {
            return None;
        }
        let typical = self.typical();
        if typical > COARSEST {
            return None;
        }
        let tolerance = self.alignment.tolerance();
        let most = (tolerance * LEAST_OUTLIER + OUTLIER * typical).min(UNEXPLAINED);
        let all = self.verdicts(most);
        let agree = all.count(Verdict::Agrees);
        if agree < FEW {
            let [spread, _] = self.all.variances();
            let is_equal = self.all.squared_difference() < MOST_EQUAL.min(EQUAL + EQUAL_SHARE * spread);
            let is_same = all.count(Verdict::Disagrees) == 0 && spread >= EMPTY && is_equal;
            return (is_same && self.alignment.is_near_identity()).then_some(1.0);
        }
        let clear = self.verdicts((tolerance * CLEARLY * most).min(CLEAREST));
        let stray = all.count(Verdict::Disagrees) - clear.count(Verdict::Disagrees);
        let most_stray = (tolerance * STRAY + STRAY_BY_TYPICAL * typical) as usize;
        let is_same = all.are_explained() || all.has_mark() || (stray <= most_stray && clear.are_explained());
        let disagree = clear.count(Verdict::Disagrees);
        is_same.then(|| agree as f32 / (agree + disagree) as f32)
    }

    /// Whether all blocks agree, however little most of them leave unexplained. A common curve of tones changes nothing then.
    fn all_agree(&self) -> bool {
        let verdicts = self.verdicts(self.alignment.tolerance() * LEAST_OUTLIER);
        verdicts.count(Verdict::Disagrees) == 0 && verdicts.count(Verdict::Agrees) >= FEW
    }

    /// Whether most blocks with structure agree roughly.
    pub fn are_promising(&self) -> bool {
        let verdicts = self.verdicts(CLEAREST);
        let (agree, disagree) = (verdicts.count(Verdict::Agrees), verdicts.count(Verdict::Disagrees));
        disagree as f32 <= PROMISING * (agree + disagree) as f32 && self.explained() >= LEAST_EXPLAINED
    }

    /// The share of the blocks with structure that are explained by the other picture.
    fn explained(&self) -> f32 {
        let is_compared = |block: &&Block| block.is_inside() && block.spread >= STRUCTURE;
        let blocks = self.blocks.iter().flatten().filter(is_compared);
        let (explained, all) = blocks.fold((0_u32, 0_u32), |(explained, all), block| {
            (explained + u32::from(block.unexplained <= UNEXPLAINED), all + 1)
        });
        explained as f32 / all.max(1) as f32
    }

    fn verdicts(&self, most: f32) -> Verdicts {
        Verdicts(self.blocks.map(|row| row.map(|block| block.verdict(most))))
    }

    /// What most blocks with structure leave unexplained at most: the loss of compression and scaling.
    fn typical(&self) -> f32 {
        let is_compared = |block: &&Block| {
            block.is_inside() && block.spread >= STRUCTURE && block.unexplained <= UNEXPLAINED
        };
        let mut shares: Vec<f32> =
            self.blocks.iter().flatten().filter(is_compared).map(|block| block.unexplained).collect();
        let at = shares.len() * 3 / 4;
        if at == 0 { 0.0 } else { *shares.select_nth_unstable_by(at, f32::total_cmp).1 }
    }
}

struct Verdicts([[Verdict; BLOCKS]; BLOCKS]);

impl Verdicts {
    fn count(&self, wanted: Verdict) -> usize {
        self.within(0..BLOCKS, 0..BLOCKS, wanted)
    }

    fn within(&self, rows: Range<usize>, columns: Range<usize>, wanted: Verdict) -> usize {
        let blocks = self.0[rows].iter().flat_map(|row| &row[columns.clone()]);
        blocks.filter(|verdict| **verdict == wanted).count()
    }

    /// Whether the disagreeing blocks, if any, are a caption or a frame.
    fn are_explained(&self) -> bool {
        let all = self.count(Verdict::Disagrees);
        all == 0 || self.has_strip(all) || self.has_frame(all)
    }

    /// Whether all disagreeing blocks are in a strip that covers one side.
    fn has_strip(&self, all: usize) -> bool {
        let (first, last) = (0..1, BLOCKS - 1..BLOCKS);
        (1..=BORDER).any(|width| {
            let (before, after) = (0..width, BLOCKS - width..BLOCKS);
            [
                (before.clone(), 0..BLOCKS, first.clone(), 0..BLOCKS),
                (after.clone(), 0..BLOCKS, last.clone(), 0..BLOCKS),
                (0..BLOCKS, before, 0..BLOCKS, first.clone()),
                (0..BLOCKS, after, 0..BLOCKS, last.clone()),
            ]
            .into_iter()
            .any(|(rows, columns, outer_rows, outer_columns)| {
                self.within(rows, columns, Verdict::Disagrees) == all
                    && self.within(outer_rows, outer_columns, Verdict::Agrees) <= UNCOVERED
            })
        })
    }

    /// Whether all disagreeing blocks are in a frame.
    fn has_frame(&self, all: usize) -> bool {
        let inner = 1..BLOCKS - 1;
        self.within(inner.clone(), inner.clone(), Verdict::Disagrees) == 0
            && self.count(Verdict::Agrees) - self.within(inner.clone(), inner, Verdict::Agrees) <= all / 4
    }

    /// Whether all disagreeing blocks are in two rows of one corner.
    fn has_mark(&self) -> bool {
        let all = self.count(Verdict::Disagrees);
        const HALF: usize = BLOCKS / 2;
        let rows = [0, 1, BLOCKS - BORDER, BLOCKS - 2].into_iter();
        rows.flat_map(|top| [(top, 0..HALF), (top, HALF..BLOCKS)])
            .any(|(top, columns)| self.within(top..top + 2, columns, Verdict::Disagrees) == all)
    }
}

impl Alignment {
    /// How much more than an unprocessed copy this one may leave.
    fn tolerance(&self) -> f32 {
        let is_whole = self.scale.iter().all(|scale| (scale - 1.0).abs() < 0.01);
        let is_retouched = (self.gain - 1.0).abs() > 0.05 || self.bias.abs() > 6.0;
        if is_whole && !is_retouched { 1.0 } else { PROCESSED }
    }

    /// Whether on each axis one picture is inside the other. Two parts of a larger scene are not copies.
    fn is_inside(&self) -> bool {
        self.scale.iter().zip(self.shift).all(|(scale, shift)| {
            let before = -shift;
            let after = scale + shift - 1.0;
            before.max(after) <= OVERHANG || before.min(after) >= -OVERHANG
        })
    }

    fn is_near_identity(&self) -> bool {
        self.scale.iter().all(|scale| (scale - 1.0).abs() < 0.02)
            && self.shift.iter().all(|shift| shift.abs() < 0.01)
            && (self.gain - 1.0).abs() < 0.1
    }
}
