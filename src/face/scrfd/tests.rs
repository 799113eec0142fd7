use std::sync::Mutex;

use super::*;

/// A network that answers with these levels, and keeps its pictures.
struct Answers {
    size: [usize; 2],
    anchors: usize,
    levels: Vec<[Level; 3]>,
    seen: Mutex<Vec<Pictures>>,
}

impl Network for Answers {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn anchors(&self) -> usize {
        self.anchors
    }

    fn run(&self, picture: &Pictures) -> Result<[Level; 3], NetworkError> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(picture.clone());
        Ok(self.levels[(seen.len() - 1).min(self.levels.len() - 1)].clone())
    }
}

fn empty(size: [usize; 2], anchors: usize) -> [Level; 3] {
    STRIDES.map(|stride| {
        let count = size[0] / stride * (size[1] / stride) * anchors;
        Level { scores: vec![0.0; count], boxes: vec![0.0; 4 * count], points: vec![0.0; 10 * count] }
    })
}

/// Puts a face at an anchor: distances in strides.
fn put(level: &mut Level, at: usize, score: f32, sides: [f32; 4]) {
    level.scores[at] = score;
    level.boxes[4 * at..][..4].copy_from_slice(&sides);
    let points = [-1.0, -1.0, 1.0, -1.0, 0.0, 0.0, -0.5, 1.0, 0.5, 1.0];
    level.points[10 * at..][..10].copy_from_slice(&points);
}

fn scrfd(size: [usize; 2], anchors: usize, levels: Vec<[Level; 3]>) -> Scrfd<Answers> {
    Scrfd::new(Answers { size, anchors, levels, seen: Mutex::default() })
}

fn photo(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Photo {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Photo { width, height, pixels: pixels.flat_map(|(x, y)| [value(x, y), 10, 20]).collect() }
}

#[test]
fn places_and_distances_become_boxes_of_the_photo() {
    let size = [128, 192];
    let mut levels = empty(size, 2);
    // Stride 16 has 12 columns: row 3, column 5, second anchor.
    put(&mut levels[1], 2 * (3 * 12 + 5) + 1, 0.75, [1.0, 2.0, 3.0, 4.0]);
    // 96 x 32 fits by its width: two pixels of the picture for one of the photo.
    let faces = scrfd(size, 2, vec![levels]).faces(&photo(96, 32, |_, _| 0)).unwrap();
    let [x, y] = [5.0 * 16.0, 3.0 * 16.0];
    let expected = [x - 16.0, y - 32.0, x + 48.0, y + 64.0].map(|bound| bound / 2.0);
    assert_eq!((faces.len(), faces[0].bounds, faces[0].score), (1, expected, 0.75));
    assert_eq!(faces[0].landmarks[0], [(x - 16.0) / 2.0, (y - 16.0) / 2.0]);
    assert_eq!(faces[0].landmarks[4], [(x + 8.0) / 2.0, (y + 16.0) / 2.0]);
}

#[test]
fn less_sure_boxes_that_overlap_are_dropped() {
    let size = [128, 128];
    let mut levels = empty(size, 1);
    put(&mut levels[0], 5, 0.6, [1.0, 1.0, 1.0, 1.0]);
    put(&mut levels[0], 6, 0.9, [2.0, 1.0, 0.0, 1.0]); // the same box
    put(&mut levels[0], 100, 0.5, [2.0; 4]);
    put(&mut levels[0], 120, 0.499_99, [2.0; 4]);
    put(&mut levels[2], 3, 0.7, [1.0, 1.0, -1.0, 1.0]); // no inside
    put(&mut levels[2], 7, f32::NAN, [1.0; 4]);
    put(&mut levels[2], 9, 0.8, [f32::NAN, 1.0, 1.0, 1.0]);
    let found = scrfd(size, 1, vec![levels]).faces(&photo(64, 64, |_, _| 0)).unwrap();
    assert_eq!(found.iter().map(|face| face.score).collect::<Vec<_>>(), [0.9, 0.5]);
}

#[test]
fn the_photo_lies_at_the_upper_left_on_black() {
    let network = scrfd([128, 128], 1, vec![empty([128, 128], 1)]);
    network.faces(&photo(64, 32, |x, y| (2 * x + 3 * y) as u8)).unwrap();
    let seen = network.network.seen.into_inner().unwrap();
    let red = |x: usize, y: usize| seen[0].values[3 * (128 * y + x)] * 128.0 + 127.5;
    // Twice as large: pixel 21 lies a quarter of a pixel after the middle of pixel 10. At the border the last pixel continues.
    assert_eq!((red(0, 0), red(21, 0), red(127, 63)), (0.0, 21.0, 219.0));
    assert_eq!((red(0, 64), red(127, 127)), (0.0, 0.0));
    assert_eq!(seen[0].values[1] * 128.0 + 127.5, 10.0, "green is the second channel");
}

#[test]
fn a_photo_without_faces_is_searched_again_with_a_margin() {
    let size = [128, 128];
    let mut second = empty(size, 1);
    // Stride 32: the middle of the picture, 64 pixels wide: all of the photo, which is at half the size.
    put(&mut second[2], 2 * 4 + 2, 0.8, [1.0; 4]);
    let network = scrfd(size, 1, vec![empty(size, 1), second]);
    let face = network.detect(&photo(64, 64, |_, _| 200), &DetectOptions::default()).unwrap().remove(0);
    assert_eq!(face.bounds, [0.0, 0.0, 64.0, 64.0]);
    assert!((face.score - 0.9997).abs() < 1e-6);
    let seen = network.network.seen.into_inner().unwrap();
    let red = |x: usize, y: usize| seen[1].values[3 * (128 * y + x)] * 128.0 + 127.5;
    assert_eq!(
        (red(31, 64), red(32, 64), red(95, 64), red(96, 64), red(64, 31)),
        (0.0, 200.0, 200.0, 0.0, 0.0)
    );
}

#[test]
fn faces_come_largest_first_and_small_ones_not_at_all() {
    let size = [128, 128];
    let mut levels = empty(size, 1);
    put(&mut levels[0], 16 * 3 + 3, 0.9, [2.0; 4]);
    put(&mut levels[2], 10, 0.6, [1.0, 1.0, 1.0, 1.5]);
    let network = scrfd(size, 1, vec![levels]);
    let find = |min_face| {
        let found = network.detect(&photo(128, 128, |_, _| 0), &DetectOptions { min_face, min_share: 0.0 });
        found.unwrap().iter().map(Face::size).collect::<Vec<_>>()
    };
    assert_eq!(find(12.0), [[64.0, 80.0], [32.0, 32.0]]);
    assert_eq!(find(40.0), [[64.0, 80.0]]);
}

#[test]
fn confidence_keeps_the_order_and_the_scale_of_mtcnn() {
    let close = |score: f32, expected: f32| (confidence(score) - expected).abs() < 1e-6;
    assert!(close(0.5, 0.7) && close(0.6, 0.97) && close(0.8, 0.9997));
    assert!((50..100).all(|at| confidence(at as f32 / 100.0) < confidence((at + 1) as f32 / 100.0)));
    assert!(confidence(1.0) < 1.0);
}

#[test]
fn a_wrong_output_is_an_error_and_a_strange_photo_is_none() {
    let mut levels = empty([128, 128], 1);
    levels[1].points.pop();
    let network = scrfd([128, 128], 1, vec![levels]);
    let error = network.faces(&photo(64, 64, |_, _| 0)).unwrap_err().to_string();
    assert!(error.contains("anchors of stride 16, expected 64"), "{error}");
    assert!(network.faces(&photo(1, 1000, |_, _| 0)).unwrap().is_empty(), "it has no column in the picture");
    assert!(network.faces(&photo(0, 0, |_, _| 0)).unwrap().is_empty());
}
