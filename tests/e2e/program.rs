//! Runs the program and makes its input.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The output of the program and its exit code.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Checks the exit code. Shows all output if it is another one.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// The standard output as JSON, one object per line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
    }

    /// The line whose `event` is `summary`.
    #[track_caller]
    pub fn summary(&self) -> Value {
        self.json().into_iter().find(|line| line["event"] == "summary").expect("there is a summary")
    }
}

pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gallerist"));
    command.args(arguments);
    command
}

/// Runs the program until it ends.
#[track_caller]
pub fn gallerist<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    Said::of(command(arguments).output().expect("the program starts"))
}

/// A temporary folder with an empty gallery bound to the stand-in model.
pub struct House {
    folder: TempDir,
}

impl House {
    #[track_caller]
    pub fn new() -> Self {
        let house = Self::empty();
        gallerist(["init".as_ref(), house.gallery().as_os_str(), "--model".as_ref(), "stand-in".as_ref()])
            .ends(0);
        house
    }

    /// Replaces the gallery, if any, by an empty one.
    #[track_caller]
    pub fn renew(&self, options: &[&str]) {
        if self.gallery().exists() {
            std::fs::remove_dir_all(self.gallery()).unwrap();
        }
        self.run("init", options).ends(0);
    }

    /// A folder without a gallery.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn gallery(&self) -> PathBuf {
        self.path("gallery")
    }

    /// Writes a file below the folder.
    pub fn write(&self, below: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Makes a path below the folder a link to a file.
    pub fn link(&self, to: &Path, below: impl AsRef<Path>) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, path).unwrap();
    }

    /// Writes a photo with one face for the stand-in. Different seeds give different faces.
    pub fn photo(&self, below: impl AsRef<Path>, seed: u64) -> PathBuf {
        self.write(below, &photo(seed))
    }

    /// Runs `verb` with the gallery and more arguments.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, verb: &str, more: impl IntoIterator<Item = S>) -> Said {
        Said::of(self.command(verb, more).output().expect("the program starts"))
    }

    pub fn command<S: AsRef<OsStr>>(&self, verb: &str, more: impl IntoIterator<Item = S>) -> Command {
        let mut command = command(verb.split(' '));
        command.arg(self.gallery()).args(more);
        command
    }

    /// Enrolls a folder below this one. Its subfolders are people.
    #[track_caller]
    pub fn enroll(&self, below: &str) -> Said {
        self.run(
            "enroll",
            [
                self.path(below).as_os_str(),
                "--subject-from".as_ref(),
                "dir".as_ref(),
                "--format".as_ref(),
                "json".as_ref(),
            ],
        )
    }

    /// Checks that the gallery contains this number of templates and that every byte of it is valid.
    #[track_caller]
    pub fn holds(&self, templates: u64) {
        let found = self.run("check", ["--deep", "--format", "json"]).ends(0).json();
        assert_eq!(found[0]["problems"], serde_json::json!([]));
        assert_eq!(found[0]["templates"], templates);
    }
}

/// A PNG of 8 x 8 coloured tiles.
pub fn photo(seed: u64) -> Vec<u8> {
    let tile = |x: u32, y: u32, channel: u64| {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(x / 16 * 8 + y / 16) << 8 ^ channel;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 40) as u8
    };
    let pixels = image::RgbImage::from_fn(128, 128, |x, y| image::Rgb([0, 1, 2].map(|c| tile(x, y, c))));
    encode(&pixels.into(), image::ImageFormat::Png)
}

pub fn encode(picture: &image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// A `.npy` file with any header and any data.
pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

/// `rows` vectors of `dimension` numbers as f32 `.npy`, each with a different direction.
pub fn vectors(rows: usize, dimension: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let data: Vec<u8> = (0..rows * dimension).flat_map(|_| next().to_le_bytes()).collect();
    npy("<f4", false, &format!("({rows}, {dimension})"), &data)
}

/// `images` vectors of each of `people` as f32 `.npy`, person after person, and their names, one per line. Each person has a different
/// direction, and noise gives two images of one person a score of about 0.8. Another `take` gives other images of the same people.
pub fn people(people: usize, images: usize, dimension: usize, seed: u64, take: u64) -> (Vec<u8>, String) {
    let numbers = |count: usize, seed: u64| -> Vec<f32> {
        let file = vectors(1, count, seed);
        let data = &file[file.len() - 4 * count..];
        data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let (mut data, mut names) = (Vec::new(), String::new());
    for person in 0..people {
        let own = numbers(dimension, seed * 1_000_003 + person as u64 * 7919 + 1);
        for image in 0..images {
            let noise = numbers(
                dimension,
                (take + 2) * 1_000_000_007 + seed + (person * images + image) as u64 * 104_729,
            );
            data.extend(own.iter().zip(noise).flat_map(|(x, n)| (x + 0.5 * n).to_le_bytes()));
            names.push_str(&format!("person {seed}-{person}\n"));
        }
    }
    (npy("<f4", false, &format!("({}, {dimension})", people * images), &data), names)
}

/// Photos of 40 people, `NNN/neutral.jpg` and `NNN/smiling.jpg`.
pub fn faces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faces")
}

/// The folder of photos that are not part of the source. Tests that need it are ignored without it.
pub fn shared_faces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces")
}

/// Arguments of `unshare` for a place where a disk may be mounted. The build script tests them and sets `small_disks`.
pub const UNSHARE_FLAGS: &str = match option_env!("UNSHARE_FLAGS") {
    Some(flags) => flags,
    None => "-m",
};
