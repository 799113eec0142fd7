use std::sync::Mutex;

use super::*;

/// Simulated networks with one face: the cells, boxes and crops with the brightest colour.
#[derive(Default)]
struct Bright {
    sizes: Mutex<Vec<(usize, usize, usize)>>,
}

impl Bright {
    fn judge(&self, pictures: &Pictures) -> Vec<Judgement> {
        self.sizes.lock().unwrap().push((pictures.count, pictures.height, pictures.width));
        let size = 3 * pictures.height * pictures.width;
        assert_eq!(pictures.values.len(), pictures.count * size);
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let points = [0.3, 0.7, 0.5, 0.35, 0.65, 0.4, 0.4, 0.6, 0.8, 0.8];
        let judged = |probability| Judgement { probability, offsets: [0.0; 4], points };
        pictures.values.chunks(size).map(|values| judged(0.5 + mean(values) / 2.0)).collect()
    }
}

impl Networks for &Bright {
    fn propose(&self, pictures: Vec<Pictures>) -> Result<Vec<Proposals>, NetworkError> {
        Ok(pictures.iter().map(|picture| self.cells(picture)).collect())
    }

    fn refine(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError> {
        assert_eq!((pictures.height, pictures.width), (24, 24));
        Ok(self.judge(&pictures))
    }

    fn output(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError> {
        assert_eq!((pictures.height, pictures.width), (48, 48));
        Ok(self.judge(&pictures))
    }
}

impl Bright {
    fn cells(&self, picture: &Pictures) -> Proposals {
        assert!(picture.height >= 12 && picture.width >= 12 && picture.count == 1);
        let (rows, columns) = ((picture.height - 10) / 2, (picture.width - 10) / 2);
        let mut probabilities = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let value =
                    |y: usize, x: usize| picture.values[3 * ((2 * row + y) * picture.width + 2 * column + x)];
                let bright =
                    (0..12).flat_map(|y| (0..12).map(move |x| (y, x))).filter(|&(y, x)| value(y, x) > 0.0);
                probabilities.push(bright.count() as f32 / 144.0);
            }
        }
        let offsets = vec![0.0; 4 * probabilities.len()];
        Proposals { columns, probabilities, offsets }
    }
}

fn photo_with_squares(width: u32, height: u32, squares: &[[u32; 4]]) -> Photo {
    let inside =
        |x: u32, y: u32| squares.iter().any(|s| (s[0]..s[2]).contains(&x) && (s[1]..s[3]).contains(&y));
    let pixels = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [if inside(x, y) { 255 } else { 0 }; 3]))
        .collect();
    Photo { width, height, pixels }
}

#[test]
fn a_square_is_found_at_its_place() {
    let networks = Bright::default();
    let photo = photo_with_squares(200, 150, &[[60, 40, 120, 100]]);
    let faces = Mtcnn::new(&networks).detect(&photo, &DetectOptions::default()).unwrap();
    assert!(!faces.is_empty());
    let [left, top, right, bottom] = faces[0].bounds;
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    assert!((x - 90.0).abs() < 12.0 && (y - 70.0).abs() < 12.0, "{faces:?}");
    let [width, height] = faces[0].size();
    let eye = faces[0].landmarks[0];
    assert!((eye[0] - (left + 0.3 * (width + 1.0) - 1.0)).abs() < 0.01);
    assert!((eye[1] - (top + 0.4 * (height + 1.0) - 1.0)).abs() < 0.01);
}

#[test]
fn several_faces_are_returned_largest_first() {
    let networks = Bright::default();
    let photo = photo_with_squares(400, 200, &[[20, 20, 70, 70], [200, 40, 320, 160]]);
    let faces = Mtcnn::new(&networks).detect(&photo, &DetectOptions::default()).unwrap();
    assert!(faces.len() >= 2);
    let sizes: Vec<f32> = faces.iter().map(|face| face.size()[0] * face.size()[1]).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn photos_too_small_for_one_cell_have_no_faces() {
    let networks = Bright::default();
    for (width, height) in [(1, 1), (39, 39), (1, 5000), (3000, 39)] {
        let photo = photo_with_squares(width, height, &[[0, 0, width, height]]);
        let faces =
            Mtcnn::new(&networks).detect(&photo, &DetectOptions { min_share: 0.0, ..Default::default() });
        assert_eq!(faces.unwrap(), []);
    }
    assert!(networks.sizes.lock().unwrap().is_empty());
}

#[test]
fn the_pyramid_of_a_large_photo_is_no_larger() {
    let level = |width, height| {
        let photo = Photo { width, height, pixels: Vec::new() };
        let Level { scale, .. } =
            levels(&photo, DetectOptions::default().min_face_in(&photo)).next().unwrap();
        (f64::from(width) * scale, f64::from(height) * scale)
    };
    assert_eq!(level(250, 250), (75.0, 75.0));
    let (width, height) = level(8000, 6000);
    assert!((width - 480.0).abs() < 0.1 && (height - 360.0).abs() < 0.1);
}

#[test]
fn many_candidates_are_processed_in_batches() {
    let networks = Bright::default();
    let photo = photo_with_squares(450, 450, &[[0, 0, 450, 450]]);
    Mtcnn::new(&networks).detect(&photo, &DetectOptions::default()).unwrap();
    let sizes = networks.sizes.lock().unwrap();
    assert!(sizes.len() > 1 && sizes.iter().all(|&(count, ..)| (1..=BATCH).contains(&count)));
}

#[test]
fn coarse_levels_have_a_margin_of_half_a_cell_and_find_faces_twice_as_large_as_the_photo() {
    let photo = photo_with_squares(112, 150, &[]);
    let found: Vec<Level> = levels_with_margin(&photo, 40.0).collect();
    assert!(found.len() >= 4, "{found:?}");
    for (level, picture) in found.iter().zip(pictures(&photo, &found)) {
        let across = 112.0 * level.scale;
        assert!((MARGIN..COARSE).contains(&across), "{level:?}");
        assert!((picture.width as f64 - across - 2.0 * MARGIN).abs() < 1.5, "{level:?}");
        assert!(picture.values[..3].iter().all(|value| *value == 0.0), "its corner is padding");
    }
    let largest = CELL / found.last().unwrap().scale;
    assert!(largest > 1.4 * 112.0, "{largest}");
    assert_eq!(levels_with_margin(&photo_with_squares(39, 39, &[]), 40.0).count(), 0);
}

#[test]
fn boxes_of_a_level_with_a_margin_have_their_place_in_the_photo() {
    let proposals = Proposals { columns: 1, probabilities: vec![0.9], offsets: vec![0.0; 4] };
    let bounds = |margin| cells(&proposals, &Level { scale: 0.5, margin })[0].bounds;
    assert_eq!(bounds(0), [2.0, 2.0, 24.0, 24.0]);
    assert_eq!(bounds(12), [-10.0, -10.0, 12.0, 12.0]);
}
