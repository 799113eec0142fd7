//! Rules that select the item of a group that is kept.

use std::cmp::{Ordering, Reverse};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::cache::Facts;

/// A rule. The first rule that distinguishes two items decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// The photo from which the others were made, as far as there is evidence: an altered copy comes last, an enlargement counts with the
    /// pixels from which it was made, the data of a camera count then, and a photo that was encoded again comes after its first encoding.
    Original,
    /// The most pixels that show the picture. A crop, a caption, a frame or lost colours count as less than an unaltered copy.
    Largest,
    /// The finest compression, then the most bytes. Altered copies count as less here too.
    BestQuality,
    /// The earliest time at which it was taken or else changed.
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
    /// Size of the photo in bytes.
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
    /// Whether it is an enlargement of another photo of the group.
    pub is_enlarged: bool,
    /// Whether it was encoded again, from a coarser file of the group.
    pub is_recompressed: bool,
    /// Whether it is in a folder that is never touched.
    pub is_reference: bool,
}

impl Contender<'_> {
    /// Whether it holds more than its picture, and its picture is not altered.
    pub fn holds_more(&self) -> bool {
        !self.is_altered && self.facts.is_some_and(|facts| facts.holds_more)
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
    let depth = |path: &Path| path.components().count();
    let last = Reverse(one.companions)
        .cmp(&Reverse(other.companions))
        .then_with(|| depth(one.path).cmp(&depth(other.path)))
        .then_with(|| one.path.as_os_str().len().cmp(&other.path.as_os_str().len()))
        .then_with(|| one.path.cmp(other.path));
    (last, "the first by path".into())
}

fn by(one: &Contender<'_>, other: &Contender<'_>, rule: &Keep) -> (Ordering, String) {
    let unaltered = one.is_altered.cmp(&other.is_altered);
    let time = |contender: &Contender<'_>| {
        let taken = contender.facts.and_then(|facts| facts.taken_ms);
        taken.map_or(contender.modified, |ms| i128::from(ms) * 1_000_000)
    };
    let fields =
        |contender: &Contender<'_>| contender.facts.map_or(0, |facts| facts.fields) + contender.companions;
    let coarseness =
        |contender: &Contender<'_>| contender.facts.and_then(|facts| facts.coarseness).unwrap_or(0);
    match rule {
        Keep::Original => original(one, other),
        Keep::Largest | Keep::BestQuality if unaltered.is_ne() => (unaltered, "unaltered".into()),
        Keep::Largest => (other.pixels.cmp(&one.pixels), "the largest".into()),
        Keep::BestQuality => {
            let order = coarseness(one).cmp(&coarseness(other)).then_with(|| other.bytes.cmp(&one.bytes));
            (order, "the finest compression".into())
        }
        Keep::Oldest => (time(one).cmp(&time(other)), "the oldest".into()),
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
    let by = [
        (one.is_altered.cmp(&other.is_altered), "unaltered"),
        (other.shown.cmp(&one.shown), "the most detail"),
        (has_no_data(one).cmp(&has_no_data(other)), "with the data of the camera"),
        (one.is_enlarged.cmp(&other.is_enlarged), "the other photo is an enlargement of it"),
        (one.is_recompressed.cmp(&other.is_recompressed), "the other photo was encoded again from it"),
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
            modified: 5,
            companions: 0,
            is_altered: false,
            pixels: 1000,
            shown: 1000,
            is_enlarged: false,
            is_recompressed: false,
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
        let small = Contender { pixels: 10, shown: 10, modified: 1, ..contender("/a/small.jpg") };
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
    fn rules_are_read_and_shown() {
        for text in
            ["original", "largest", "best-quality", "oldest", "newest", "most-metadata", "folder:/x y"]
        {
            assert_eq!(text.parse::<Keep>().unwrap().to_string(), text);
        }
        assert!("biggest".parse::<Keep>().is_err() && "folder:".parse::<Keep>().is_err());
    }
}
