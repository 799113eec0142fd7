//! Which photos are in one group, and which of them stay.

use image::DynamicImage;

use super::*;

/// The JPEG of a person's photo.
fn photo() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faces/001/neutral.jpg")).unwrap()
}

/// The photo after an edit, as JPEG.
fn edited(edit: impl Fn(DynamicImage) -> DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let edited = edit(image::load_from_memory(&photo()).unwrap());
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&edited).unwrap();
    bytes
}

fn of_width(width: u32) -> Vec<u8> {
    edited(|photo| photo.resize(width, width, image::imageops::FilterType::Triangle))
}

/// A JPEG with another segment.
fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, body, &jpeg[2..]].concat()
}

/// A JPEG with the time at which it was taken, in EXIF.
fn taken(jpeg: &[u8], at: &str) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let [details, date] = [entry(34665, 4, 1, 26), entry(0x9003, 2, 20, 44)];
    let one = [1_u8, 0];
    let body =
        [b"Exif\0\0II*\0\x08\0\0\0", &one[..], &details, &[0; 4], &one, &date, &[0; 4], at.as_bytes(), b"\0"];
    with_segment(jpeg, 0xe1, &body.concat())
}

/// A JPEG with a video behind it.
fn motion(jpeg: &[u8], video: u8) -> Vec<u8> {
    [jpeg, b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", &vec![video; 5000]].concat()
}

/// The plan over these files: for each group the names of its members, the first kept, with their actions.
fn planned(files: &[(&str, &[u8])], keep: &[Keep], references: &[&str]) -> Vec<Vec<(String, Action)>> {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap().join("photos");
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let cache = Cache::open(&folder.path().join("cache")).unwrap();
    let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
    let request = PlanRequest {
        roots: vec![root.clone()],
        references: references.iter().map(|name| root.join(name)).collect(),
        keep: keep.to_vec(),
        exact_only: false,
        limits: Limits::default(),
    };
    let planned = plan(&request, &cache, &decisions, &Control::none()).unwrap().unwrap().plan;
    let name = |path: PathBuf| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    let members = |group: &super::super::plan::Group| {
        group.members.iter().map(|one| (name(one.photo.path().unwrap()), one.action)).collect()
    };
    planned.groups.iter().map(members).collect()
}

/// A group of one kept file and moved ones.
fn kept_and_moved(kept: &str, moved: &[&str]) -> Vec<(String, Action)> {
    let moved = moved.iter().map(|name| ((*name).to_owned(), Action::Move));
    std::iter::once((kept.to_owned(), Action::Keep)).chain(moved).collect()
}

#[test]
fn an_undated_copy_joins_the_nearest_of_two_exposures_and_does_not_make_them_one_group() {
    let exposures = [photo(), edited(|photo| photo.brighten(5))];
    let [one, other] = [(0, "2024:05:12 10:00:01"), (1, "2023:05:12 10:00:02")]
        .map(|(exposure, time): (usize, &str)| taken(&exposures[exposure], time));
    let copies = [of_width(300), edited(|photo| photo.brighten(5).thumbnail(300, 300))];
    for (one_name, other_name) in [("0.jpg", "1.jpg"), ("1.jpg", "0.jpg")] {
        assert!(planned(&[(one_name, &one), (other_name, &other)], &[Keep::Original], &[]).is_empty());
        let files = [(one_name, &one[..]), (other_name, &other), ("w.jpg", &copies[0])];
        assert_eq!(planned(&files, &[Keep::Original], &[]), [kept_and_moved(one_name, &["w.jpg"])]);
        let files = [(one_name, &one[..]), (other_name, &other), ("w.jpg", &copies[1])];
        assert_eq!(planned(&files, &[Keep::Original], &[]), [kept_and_moved(other_name, &["w.jpg"])]);
    }
}

#[test]
fn equal_image_data_with_other_dates_are_one_group() {
    let times = ["2015:06:07 08:09:10", "1970:01:01 00:00:00", "2099:01:01 00:00:00"];
    let dated = times.map(|time| taken(&photo(), time));
    let small = of_width(300);
    let files = [
        ("a.jpg", &dated[0][..]),
        ("b.jpg", &dated[1]),
        ("c.jpg", &dated[2]),
        ("d.jpg", &photo()),
        ("e.jpg", &small),
    ];
    let groups = planned(&files, &[Keep::Original], &[]);
    assert_eq!((groups.len(), groups[0].len()), (1, 5), "{groups:?}");
    assert!(groups[0].iter().skip(1).all(|(_, action)| *action == Action::Move), "{groups:?}");
    // Another encoding of another date is another photo.
    let other = taken(&edited(|photo| photo), "2016:06:07 08:09:10");
    let groups = planned(&[("a.jpg", &dated[0]), ("b.jpg", &other)], &[Keep::Original], &[]);
    assert!(groups.is_empty(), "{groups:?}");
}

/// A DNG with a JPEG as its preview.
fn dng(preview: &[u8]) -> Vec<u8> {
    let entries: [(u16, u16, u32, u32); 4] =
        [(259, 3, 1, 7), (273, 4, 1, 62), (279, 4, 1, preview.len() as u32), (50706, 1, 4, 0x401)];
    let mut bytes = b"II*\0\x08\0\0\0\x04\0".to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    [&bytes, preview].concat()
}

#[test]
fn a_camera_raw_file_is_a_copy_of_equal_bytes_only() {
    let (jpeg, small) = (photo(), dng(&of_width(300)));
    let files = [("raw/1.dng", &small[..]), ("jpg/1.jpg", &jpeg), ("other/2.dng", &dng(&jpeg))];
    assert!(planned(&files, &[Keep::Original], &[]).is_empty());
    let files = [("raw/1.dng", &small[..]), ("jpg/1.jpg", &jpeg), ("other/2.dng", &small)];
    assert_eq!(planned(&files, &[Keep::Original], &[]), [kept_and_moved("raw/1.dng", &["other/2.dng"])]);
    // The raw file and the JPEG of one stem are one item, which is moved with both or not at all.
    let files = [("a/1.dng", &small[..]), ("a/1.jpg", &jpeg), ("b/1.jpg", &jpeg)];
    assert_eq!(planned(&files, &[Keep::Folder("/".into())], &[]), [kept_and_moved("a/1.jpg", &["b/1.jpg"])]);
}

#[test]
fn a_motion_photo_is_never_moved_for_another_file_and_its_still_is_moved_for_it() {
    let still = taken(&photo(), "2024:05:12 10:00:00");
    let (one, other) = (motion(&still, 1), motion(&still, 2));
    let dated = &still;
    for rule in [Keep::Original, Keep::MostMetadata, Keep::Newest] {
        let files = [("PXL_1.jpg", &one[..]), ("PXL_2.jpg", &other), ("still.jpg", &still)];
        let groups = planned(&files, std::slice::from_ref(&rule), &[]);
        let [group] = &groups[..] else { panic!("{rule}: {groups:?}") };
        let names = group.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        assert!(names[0].starts_with("PXL") && names[1..] == ["still.jpg"], "{rule}: {groups:?}");
        let groups = planned(&[("PXL_1.jpg", &one), ("shared.jpg", dated)], &[rule], &[]);
        assert_eq!(groups, [kept_and_moved("PXL_1.jpg", &["shared.jpg"])]);
    }
    // For the plain copy of a reference folder it is not moved either, and its own copies are found.
    let files = [("a/PXL_1.jpg", &one[..]), ("b/PXL_1.jpg", &one), ("archive/shared.jpg", dated)];
    let groups = planned(&files, &[Keep::Original], &["archive"]);
    assert_eq!(groups, [kept_and_moved("a/PXL_1.jpg", &["b/PXL_1.jpg"])]);
    // A larger photo is no copy of its still.
    let files = [("PXL_1.jpg", &motion(&of_width(300), 1)[..]), ("large.jpg", &still)];
    assert!(planned(&files, &[Keep::Original], &[]).is_empty());
    // What the metadata say of a video that is not there any more does not count.
    let emptied = with_segment(&still, 0xe1, b"http://ns.adobe.com/xap/1.0/\0<x GCamera:MotionPhoto=\"1\"/>");
    let groups = planned(&[("PXL_1.jpg", &one), ("PXL_2.jpg", &emptied)], &[Keep::Original], &[]);
    assert_eq!(groups, [kept_and_moved("PXL_1.jpg", &["PXL_2.jpg"])]);
}

#[test]
fn of_two_stereo_photos_with_one_left_view_neither_is_moved() {
    let left = photo();
    let views = [edited(|photo| photo.fliph()), edited(|photo| photo.flipv())];
    let [one, other] = views.map(|right| [&left[..], &right].concat());
    let files = [("1.mpo", &one[..]), ("2.mpo", &other), ("plain.jpg", &left), ("small.jpg", &of_width(300))];
    let groups = planned(&files, &[Keep::Original], &[]);
    let [group] = &groups[..] else { panic!("{groups:?}") };
    assert!(group[0].0.ends_with(".mpo") && group.len() == 3, "{groups:?}");
    assert!(group[1..].iter().all(|(name, action)| name.ends_with(".jpg") && *action == Action::Move));
}
