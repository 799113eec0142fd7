//! Rules that select the item of a group that is kept.

use std::cmp::{Ordering, Reverse};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::cache::Facts;

const UNCLIPPED: &str = "its light and dark parts are not clipped";
const DEEPEST: &str = "the most bits of a channel";
/// The end of 1980-01-02 in nanoseconds since 1970.
const FIRST_TIME: i128 = 315_705_600_000_000_000 + 86_400_000_000_000;
/// Multiple of the pixels of a photo that shows clearly more.
const CLEARLY_MORE: f64 = 1.5;
/// Sum of the quantisation steps of luma up to which a compression is not coarse, that of a JPEG of quality 68. Twice of it is clearly coarser.
const NOT_COARSE: u32 = 2400;

/// A rule. The first rule that distinguishes two items decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// The photo from which the others were made, as far as there is evidence: an altered copy comes last, and one whose tones are clipped;
    /// an enlargement counts with the pixels from which it was made; more bits of a channel, a gain map and then the data of a camera count.
    /// What a program for editing wrote comes after what the camera wrote, and a photo that was encoded again after its first encoding. A
    /// photo that is turned or recoloured where most are not comes after these.
    Original,
    /// The most pixels that show the picture, then the least clipped tones, then a compression that is not clearly coarser. A crop, a caption,
    /// a frame or lost colours count as less than an unaltered copy.
    Largest,
    /// The least clipped tones, the most bits of a channel, then the finest compression. Altered copies count as less here too. Of photos with
    /// loss that no rule tells apart, the one with the most bytes is kept. With the same compression these are detail, noise or sharpening, so
    /// they come after all rules.
    BestQuality,
    /// The earliest time at which it was taken or else changed. A time of change before 1980-01-03 is that of a clock or an archive
    /// without a time, and counts as none.
    Oldest,
    /// The latest.
    Newest,
    /// The most entries of metadata, sidecars included.
    MostMetadata,
    /// Below this folder.
    Folder(PathBuf),
}

/// The rules that apply without others.
pub const DEFAULT: [Keep; 5] =
    [Keep::Original, Keep::Largest, Keep::MostMetadata, Keep::BestQuality, Keep::Oldest];

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "original" => Self::Original,
            "largest" => Self::Largest,
            "best-quality" => Self::BestQuality,
            "oldest" => Self::Oldest,
            "newest" => Self::Newest,
            "most-metadata" => Self::MostMetadata,
            _ => match text.strip_prefix("folder:").filter(|folder| !folder.is_empty()) {
                Some(folder) => Self::Folder(folder.into()),
                None => {
                    let rules =
                        "original, largest, best-quality, oldest, newest, most-metadata or folder:PATH";
                    return Err(format!("`{text}` is not a rule; expected {rules}"));
                }
            },
        })
    }
}

impl std::fmt::Display for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Original => f.write_str("original"),
            Self::Largest => f.write_str("largest"),
            Self::BestQuality => f.write_str("best-quality"),
            Self::Oldest => f.write_str("oldest"),
            Self::Newest => f.write_str("newest"),
            Self::MostMetadata => f.write_str("most-metadata"),
            Self::Folder(folder) => write!(f, "folder:{}", folder.display()),
        }
    }
}

/// An item of a group.
#[derive(Debug, Clone)]
pub struct Contender<'a> {
    /// The path of its photo.
    pub path: &'a Path,
    /// What is known of the photo; `None` if it could not be decoded.
    pub facts: Option<&'a Facts>,
    /// Size of the encoded picture in bytes; that of the file where the format does not tell it apart.
    pub bytes: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub modified: i128,
    /// Number of its companions.
    pub companions: usize,
    /// Whether it is cropped, captioned, framed or without the colours of the others.
    pub is_altered: bool,
    /// Pixels that show the picture.
    pub pixels: u64,
    /// Pixels of the smallest photo of the group that shows as much.
    pub shown: u64,
    /// Bits of a channel that hold information.
    pub bits: u8,
    /// Whether it has many more black or white pixels than another photo of the group has near the ends of its tones.
    pub is_clipped: bool,
    /// Whether it is an enlargement of another photo of the group.
    pub is_enlarged: bool,
    /// Whether it was encoded again, from a coarser file of the group.
    pub is_recompressed: bool,
    /// Whether fewer files of the group have its orientation and its tones than others have.
    pub is_unusual: bool,
    /// Whether it is in a folder that is never touched.
    pub is_reference: bool,
}

impl Contender<'_> {
    /// Whether it holds more than its picture, and its picture is not altered.
    pub fn holds_more(&self) -> bool {
        !self.is_altered && self.facts.is_some_and(|facts| facts.holds_more)
    }

    /// Whether its picture has clearly more pixels than this number, and they are no enlargement.
    pub fn has_clearly_more(&self, pixels: u64) -> bool {
        !self.is_enlarged && self.pixels as f64 > CLEARLY_MORE * pixels as f64
    }

    fn coarseness(&self) -> u32 {
        self.facts.and_then(|facts| facts.coarseness).unwrap_or(0)
    }

    /// How often the coarseness is twice of one that is not coarse.
    fn level(&self) -> u32 {
        (2 * self.coarseness() / NOT_COARSE).checked_ilog2().unwrap_or(0)
    }
}

/// The order in which the contenders would be kept, and the rule that decides between the first two.
pub fn compare(one: &Contender<'_>, other: &Contender<'_>, rules: &[Keep]) -> (Ordering, String) {
    let reference = Reverse(one.is_reference).cmp(&Reverse(other.is_reference));
    if reference.is_ne() {
        return (reference, "in a reference folder".into());
    }
    let more = other.holds_more().cmp(&one.holds_more());
    if more.is_ne() {
        return (more, "with a video or a second view".into());
    }
    for rule in rules {
        let (order, why) = by(one, other, rule);
        if order.is_ne() {
            return (order, why);
        }
    }
    let loss = |contender: &Contender<'_>| (contender.coarseness() > 0).then_some(Reverse(contender.bytes));
    let (loss, other_loss) = (loss(one), loss(other));
    if loss != other_loss {
        let why =
            if loss.is_some() && other_loss.is_some() { "the most bytes" } else { "encoded without loss" };
        return (loss.cmp(&other_loss), why.into());
    }
    let depth = |path: &Path| path.components().count();
    let last = Reverse(one.companions)
        .cmp(&Reverse(other.companions))
        .then_with(|| depth(one.path).cmp(&depth(other.path)))
        .then_with(|| one.path.as_os_str().len().cmp(&other.path.as_os_str().len()))
        .then_with(|| one.path.cmp(other.path));
    (last, "no rule tells it from the others; its path is the shortest".into())
}

/// What is clearly better in a photo than in the one of a reference folder. `None` if nothing is.
pub fn advantage(own: &Contender<'_>, reference: &Contender<'_>) -> Option<&'static str> {
    match () {
        () if own.is_altered => None,
        () if reference.is_altered => Some("unaltered, and the photo in the reference folder is not"),
        () if own.shown as f64 > CLEARLY_MORE * reference.shown as f64 => {
            Some("with clearly more detail than the photo in the reference folder")
        }
        () if own.bits > reference.bits && own.shown >= reference.shown => {
            Some("with more bits than the photo in the reference folder")
        }
        () if own.level() < reference.level() && !own.is_recompressed && own.shown >= reference.shown => {
            Some("with a clearly finer compression than the photo in the reference folder")
        }
        () => None,
    }
}

fn by(one: &Contender<'_>, other: &Contender<'_>, rule: &Keep) -> (Ordering, String) {
    let unaltered = one.is_altered.cmp(&other.is_altered);
    let time = |contender: &Contender<'_>| {
        let taken = contender.facts.and_then(|facts| facts.taken_ms).map(|ms| i128::from(ms) * 1_000_000);
        taken.or(Some(contender.modified).filter(|modified| *modified >= FIRST_TIME))
    };
    let unclipped = one.is_clipped.cmp(&other.is_clipped);
    let fields =
        |contender: &Contender<'_>| contender.facts.map_or(0, |facts| facts.fields) + contender.companions;
    match rule {
        Keep::Original => original(one, other),
        Keep::Largest | Keep::BestQuality if unaltered.is_ne() => (unaltered, "unaltered".into()),
        Keep::Largest if one.pixels != other.pixels => (other.pixels.cmp(&one.pixels), "the largest".into()),
        Keep::Largest if unclipped.is_ne() => (unclipped, UNCLIPPED.into()),
        Keep::Largest => (one.level().cmp(&other.level()), "a clearly finer compression".into()),
        Keep::BestQuality if unclipped.is_ne() => (unclipped, UNCLIPPED.into()),
        Keep::BestQuality if one.bits != other.bits => (other.bits.cmp(&one.bits), DEEPEST.into()),
        Keep::BestQuality => (one.coarseness().cmp(&other.coarseness()), "the finest compression".into()),
        Keep::Oldest => {
            let order = |contender| (time(contender).is_none(), time(contender));
            (order(one).cmp(&order(other)), "the oldest".into())
        }
        Keep::Newest => (time(other).cmp(&time(one)), "the newest".into()),
        Keep::MostMetadata => (fields(other).cmp(&fields(one)), "the most metadata".into()),
        Keep::Folder(folder) => {
            let is_below = |contender: &Contender<'_>| contender.path.starts_with(folder);
            (is_below(other).cmp(&is_below(one)), format!("in {}", folder.display()))
        }
    }
}

/// Evidence of which of two photos is the original.
fn original(one: &Contender<'_>, other: &Contender<'_>) -> (Ordering, String) {
    let has_no_data = |contender: &Contender<'_>| !contender.facts.is_some_and(super::origin::is_from_camera);
    // A camera clips too, and its photo is the original of one that was made darker.
    let is_merely_clipped = |contender: &Contender<'_>| contender.is_clipped && has_no_data(contender);
    let is = |contender: &Contender<'_>, fact: fn(&Facts) -> bool| contender.facts.is_some_and(fact);
    let [gain_map, exported] = [|facts: &Facts| facts.has_gain_map, |facts: &Facts| facts.is_exported];
    let by = [
        (one.is_altered.cmp(&other.is_altered), "unaltered"),
        (is_merely_clipped(one).cmp(&is_merely_clipped(other)), UNCLIPPED),
        (other.shown.cmp(&one.shown), "the most detail"),
        (other.bits.cmp(&one.bits), DEEPEST),
        (is(other, gain_map).cmp(&is(one, gain_map)), "with a gain map (HDR)"),
        (has_no_data(one).cmp(&has_no_data(other)), "with the data of the camera"),
        (
            is(one, exported).cmp(&is(other, exported)),
            "the other photo is an export of a program for editing",
        ),
        (one.is_clipped.cmp(&other.is_clipped), UNCLIPPED),
        (one.is_enlarged.cmp(&other.is_enlarged), "the other photo is an enlargement of it"),
        (one.is_recompressed.cmp(&other.is_recompressed), "the other photo was encoded again from it"),
        (one.is_unusual.cmp(&other.is_unusual), "neither turned nor recoloured, as most are"),
    ];
    let (order, why) = by.into_iter().find(|(order, _)| order.is_ne()).unwrap_or((Ordering::Equal, ""));
    (order, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(path: &str) -> Contender<'_> {
        Contender {
            path: Path::new(path),
            facts: None,
            bytes: 100,
            modified: FIRST_TIME + 5,
            companions: 0,
            is_altered: false,
            pixels: 1000,
            shown: 1000,
            bits: 8,
            is_clipped: false,
            is_enlarged: false,
            is_recompressed: false,
            is_unusual: false,
            is_reference: false,
        }
    }

    fn first<'a>(one: &'a Contender<'a>, other: &'a Contender<'a>, rules: &[Keep]) -> &'a str {
        let (order, _) = compare(one, other, rules);
        assert_eq!(compare(other, one, rules).0, order.reverse());
        if order.is_lt() { one.path.to_str().unwrap() } else { other.path.to_str().unwrap() }
    }

    #[test]
    fn each_rule_selects_its_item_and_the_first_that_differs_decides() {
        let small =
            Contender { pixels: 10, shown: 10, modified: FIRST_TIME + 1, ..contender("/a/small.jpg") };
        let large = Contender { bytes: 7, ..contender("/b/large.jpg") };
        assert_eq!(first(&small, &large, &DEFAULT), "/b/large.jpg");
        assert_eq!(first(&small, &large, &[Keep::Oldest, Keep::Largest]), "/a/small.jpg");
        assert_eq!(first(&small, &large, &[Keep::Newest]), "/b/large.jpg");
        assert_eq!(first(&small, &large, &[Keep::BestQuality]), "/a/small.jpg");
        assert_eq!(first(&small, &large, &["folder:/a".parse().unwrap(), Keep::Largest]), "/a/small.jpg");
        let framed = Contender { is_altered: true, pixels: 9000, shown: 9000, ..contender("/c/framed.jpg") };
        assert_eq!(first(&framed, &large, &DEFAULT), "/b/large.jpg");
        let reference = Contender { is_reference: true, ..small.clone() };
        assert_eq!(first(&reference, &large, &DEFAULT), "/a/small.jpg");
        let sidecar = Contender { companions: 1, ..contender("/z/deep/er.jpg") };
        assert_eq!(first(&sidecar, &contender("/b/x.jpg"), &[Keep::MostMetadata]), "/z/deep/er.jpg");
        assert_eq!(first(&contender("/z/deep/er.jpg"), &contender("/b/x.jpg"), &[]), "/b/x.jpg");
    }

    #[test]
    fn of_two_compressions_that_are_equal_the_oldest_is_kept_before_the_one_with_more_bytes() {
        let facts = Facts { coarseness: Some(700), ..Facts::default() };
        let photo = Contender { facts: Some(&facts), ..contender("/b/photo.jpg") };
        let noisy = Contender {
            bytes: 900,
            modified: FIRST_TIME + 9,
            path: Path::new("/a/longer/noisy.jpg"),
            ..photo.clone()
        };
        assert_eq!(first(&noisy, &photo, &DEFAULT), "/b/photo.jpg");
        assert_eq!(first(&noisy, &photo, &[Keep::BestQuality]), "/a/longer/noisy.jpg");
    }

    #[test]
    fn the_order_is_total_without_rules_too() {
        let facts = Facts { coarseness: Some(700), ..Facts::default() };
        let lossy = |path, bytes| Contender { facts: Some(&facts), bytes, ..contender(path) };
        let all = [lossy("/1.jpg", 5), contender("/2.png"), lossy("/3.jpg", 9)];
        let before = |one: usize, other: usize| compare(&all[one], &all[other], &[]).0.is_lt();
        assert!(before(1, 2) && before(2, 0) && before(1, 0));
    }

    #[test]
    fn a_clipped_photo_comes_last_unless_it_alone_has_the_data_of_a_camera() {
        let clipped = Contender { is_clipped: true, bytes: 900, ..contender("/a/bright.jpg") };
        let plain = contender("/b/plain.jpg");
        for rules in [&DEFAULT[..], &[Keep::Largest], &[Keep::BestQuality]] {
            assert_eq!(first(&clipped, &plain, rules), "/b/plain.jpg", "{rules:?}");
        }
        let facts = Facts { camera: Some("Maker".into()), ..Facts::default() };
        let of_camera = Contender { facts: Some(&facts), ..clipped.clone() };
        assert_eq!(first(&of_camera, &plain, &DEFAULT), "/a/bright.jpg");
        let plain_of_camera = Contender { facts: Some(&facts), ..plain.clone() };
        assert_eq!(first(&of_camera, &plain_of_camera, &DEFAULT), "/b/plain.jpg");
    }

    #[test]
    fn more_bits_of_a_channel_come_before_the_data_of_a_camera() {
        let facts = Facts { camera: Some("Maker".into()), ..Facts::default() };
        let copy = Contender { facts: Some(&facts), bytes: 900, ..contender("/a/8.jpg") };
        let scan = Contender { bits: 16, ..contender("/b/16.tif") };
        assert_eq!(first(&copy, &scan, &DEFAULT), "/b/16.tif");
        assert_eq!(first(&copy, &scan, &[Keep::BestQuality]), "/b/16.tif");
    }

    #[test]
    fn a_time_of_change_of_an_unset_clock_is_no_evidence_of_the_oldest() {
        let unset = |days: i128| Contender { modified: days * 86_400_000_000_000, ..contender("/a/1.jpg") };
        let real = Contender { modified: FIRST_TIME, ..contender("/b/2.jpg") };
        for days in [-1, 0, 1, 3652, 3653] {
            assert_eq!(first(&unset(days), &real, &[Keep::Oldest]), "/b/2.jpg", "{days}");
        }
        // The time at which it was taken is evidence at any time.
        let facts = Facts { taken_ms: Some(-600_000_000_000), ..Facts::default() };
        let scan = Contender { facts: Some(&facts), ..unset(0) };
        assert_eq!(first(&scan, &real, &[Keep::Oldest]), "/a/1.jpg");
    }

    #[test]
    fn a_photo_is_better_than_a_reference_only_if_it_is_clearly_better() {
        let reference = contender("/r/1.jpg");
        let of_size = |shown: u64| Contender { shown, pixels: shown, ..contender("/a/1.jpg") };
        assert_eq!(advantage(&of_size(1400), &reference), None);
        assert!(advantage(&of_size(1600), &reference).is_some());
        let altered = Contender { is_altered: true, ..contender("/r/1.jpg") };
        assert!(advantage(&of_size(1000), &altered).is_some());
        assert_eq!(advantage(&Contender { is_altered: true, ..of_size(9000) }, &altered), None);
        assert!(advantage(&Contender { bits: 16, ..of_size(1000) }, &reference).is_some());
        assert_eq!(advantage(&Contender { bits: 16, ..of_size(900) }, &reference), None);
    }

    #[test]
    fn rules_are_read_and_shown() {
        for text in
            ["original", "largest", "best-quality", "oldest", "newest", "most-metadata", "folder:/x y"]
        {
            assert_eq!(text.parse::<Keep>().unwrap().to_string(), text);
        }
        assert!("biggest".parse::<Keep>().is_err() && "folder:".parse::<Keep>().is_err());
    }
}
