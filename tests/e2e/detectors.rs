//! `--detector FILE`: a gallery is bound to its detector and remembers it. The fixtures have random weights, so they find no people; most
//! tests use the stand-in, which needs no networks and has a detector of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::program::{House, Said, command, faces};

const ONE: &str = "detectors/resnet.onnx";
const OTHER: &str = "detectors/mobile-batched.onnx";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name)
}

/// Runs the program with a folder of models of its own.
struct Lab {
    house: House,
}

impl Lab {
    fn new() -> Self {
        Self { house: House::empty() }
    }

    fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Said {
        let mut command = command(arguments);
        Said::of(command.env("GALLERIST_MODELS", self.house.path("models")).output().unwrap())
    }

    /// Runs a verb on a gallery. `detector` is the value of the option.
    fn on(&self, verb: &str, gallery: &str, more: &[&OsStr], detector: Option<&Path>) -> Said {
        let gallery = self.house.path(gallery);
        let mut arguments = vec![verb.as_ref(), gallery.as_os_str()];
        arguments.extend(more);
        if let Some(detector) = detector {
            arguments.extend(["--detector".as_ref(), detector.as_os_str()]);
        }
        self.run(arguments)
    }

    /// Makes a gallery of the stand-in, and returns the name of its model.
    fn init(&self, gallery: &str, detector: Option<&Path>) -> String {
        let options = ["--model", "stand-in", "--format", "json"].map(OsStr::new);
        let made = self.on("init", gallery, &options, detector).ends(0);
        made.json()[0]["model"]["model"].as_str().unwrap().to_owned()
    }

    /// The files in the folder of the models.
    fn models(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.house.path("models")).into_iter().flatten();
        let own =
            entries.map(|entry| entry.unwrap()).filter(|entry| !entry.file_type().unwrap().is_symlink());
        let mut names: Vec<String> = own.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_gallery_remembers_its_detector_and_refuses_others() {
    let lab = Lab::new();
    let name = lab.init("gallery", Some(&fixture(ONE)));
    let detector = name.strip_prefix("stand-in+").unwrap();
    assert_eq!(lab.models(), [format!("{detector}.onnx")]);
    #[cfg(unix)]
    {
        let copy = lab.house.path("models").join(&lab.models()[0]);
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(copy).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }

    let ada = lab.house.photo("ada.png", 1);
    let ada = ada.as_os_str();
    lab.on("enroll", "gallery", &["--subject".as_ref(), "Ada".as_ref(), ada], None).ends(0);
    lab.on("identify", "gallery", &[ada], None).ends(10);
    assert!(lab.on("stats", "gallery", &[], None).ends(0).out.contains(&name));
    // The content counts, not the name of the file.
    let copy = lab.house.write("another name.onnx", &std::fs::read(fixture(ONE)).unwrap());
    lab.on("identify", "gallery", &[ada], Some(&copy)).ends(10);

    let refused = lab.on("identify", "gallery", &[ada], Some(&fixture(OTHER))).ends(1);
    for part in ["their detectors differ", &name, "stand-in+scrfd-", "leave out --detector"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    assert_eq!(lab.init("plain", None), "stand-in");
    let refused =
        lab.on("enroll", "plain", &["--subject".as_ref(), "Ada".as_ref(), ada], Some(&copy)).ends(1);
    assert!(refused.err.contains("their detectors differ"), "{}", refused.err);
    assert_eq!(lab.models().len(), 1, "other commands copy nothing");
}

#[test]
fn a_detector_that_was_removed_or_changed_is_told() {
    let lab = Lab::new();
    let name = lab.init("gallery", Some(&fixture(ONE)));
    let ada = lab.house.photo("ada.png", 1);
    let ada = ada.as_os_str();
    let copy = lab.house.path("models").join(&lab.models()[0]);
    for (content, part) in
        [(None, "No such file"), (Some("other"), "its sha256 is d9298a10d1b0735837dc4bd85dac641b")]
    {
        match content {
            None => std::fs::remove_file(&copy).unwrap(),
            Some(content) => std::fs::write(&copy, content).unwrap(),
        }
        let told = lab.on("identify", "gallery", &[ada], None).ends(1);
        for part in [part, &name["stand-in+".len()..], "give its ONNX file with --detector"] {
            assert!(told.err.contains(part), "{}", told.err);
        }
        lab.on("identify", "gallery", &[ada], Some(&fixture(ONE))).ends(11);
    }
    // A new gallery with it repairs the copy.
    lab.init("again", Some(&fixture(ONE)));
    lab.on("identify", "gallery", &[ada], None).ends(11);
}

#[test]
fn encoded_templates_go_into_galleries_of_the_same_detector() {
    let lab = Lab::new();
    let photo = lab.house.photo("photos/ada.png", 1);
    let (photos, out) = (photo.parent().unwrap(), lab.house.path("out"));
    let (detector, stand_in) = (fixture(ONE), OsStr::new("stand-in"));
    let words = [
        "encode".as_ref(),
        photos.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
        "--model".as_ref(),
        stand_in,
    ];
    lab.run(words.into_iter().chain(["--detector".as_ref(), detector.as_os_str()])).ends(0);
    assert_eq!(lab.models(), [""; 0], "only `init` and `model import` keep the file");
    lab.init("gallery", Some(&detector));
    lab.on("import", "gallery", &[out.as_os_str()], None).ends(0);
    lab.init("plain", None);
    let refused = lab.on("import", "plain", &[out.as_os_str()], None).ends(1);
    assert!(refused.err.contains("stand-in+scrfd-"), "{}", refused.err);
    // The name of a model with an installed detector is that of a model.
    let name = format!("stand-in+{}", lab.models()[0].trim_end_matches(".onnx"));
    let info = lab.run(["model", "info", &name]).ends(0);
    assert!(info.out.contains(name.trim_start_matches("stand-in+")), "{}", info.out);
    let unknown = lab.run(["model", "info", "stand-in+scrfd-00000000"]).ends(1);
    assert!(unknown.err.contains("--detector"), "{}", unknown.err);
}

#[test]
fn a_refused_detector_leaves_nothing() {
    let lab = Lab::new();
    let whole = std::fs::read(fixture(ONE)).unwrap();
    let broken = lab.house.write("broken.onnx", &whole[..50_000]);
    let text = lab.house.write("text.onnx", b"not a network");
    let pickle = lab.house.write("det.pth", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.");
    let empty = lab.house.write("empty.onnx", b"");
    let known = lab.house.write("det_10g.onnx", &whole);
    let folder = lab.house.write("pack/genderage.onnx", b"other").parent().unwrap().to_owned();
    for (file, told) in [
        (fixture("mobilefacenet.onnx"), "one output: this looks like an encoder"),
        (broken, "truncated"),
        (text, "it is text"),
        (pickle, "pickle of PyTorch"),
        (empty, "the file is empty"),
        (known.clone(), "non-commercial research purposes only"),
        (folder, "contains no detector; genderage.onnx"),
        ("/dev/zero".into(), "regular file"),
        ("/nowhere.onnx".into(), "No such file"),
    ] {
        let said = lab.on("init", "gallery", &["--model", "stand-in"].map(OsStr::new), Some(&file)).ends(1);
        assert!(said.err.contains(told), "{}: {}", file.display(), said.err);
        assert!(!lab.house.path("gallery").exists() && lab.models().is_empty(), "{}", file.display());
    }
    let accepted = ["--model", "stand-in", "--accept-licence"].map(OsStr::new);
    lab.on("init", "gallery", &accepted, Some(&known)).ends(0);
    // From then on it is accepted.
    let ada = lab.house.photo("ada.png", 1);
    lab.on("identify", "gallery", &[ada.as_os_str()], Some(&known)).ends(11);
    let both = lab.on("init", "other", &["--dimension", "64"].map(OsStr::new), Some(&fixture(ONE)));
    both.ends(2);
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn an_encoder_is_imported_with_a_detector() {
    let lab = Lab::new();
    let installed = Said::of(command(["model", "path", "mobilefacenet-192"]).output().unwrap()).ends(0);
    for entry in std::fs::read_dir(Path::new(installed.out.trim()).parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            lab.house.link(&path, format!("models/{}", path.file_name().unwrap().to_str().unwrap()));
        }
    }
    // A pack: the detector of it is used only on request.
    let encoder = std::fs::read(fixture("mobilefacenet.onnx")).unwrap();
    let pack = lab.house.write("pack/w600k_mbf.onnx", &encoder).parent().unwrap().to_owned();
    lab.house.write("pack/det_500m.onnx", &std::fs::read(fixture(ONE)).unwrap());
    let pack = pack.to_str().unwrap();
    // With a stated setting nothing is searched. The network of the fixture has random weights.
    let accepted = ["--accept-licence", "--accept-inaccurate", "--format", "json"];
    let stated = ["--chip", "arcface-112", "--channels", "rgb", "--mean", "127.5", "--scale", "0.0078125"];
    let import = [&["model", "import", pack], &accepted[..], &stated, &["--name"]].concat();
    let plain = lab.run(import.iter().copied().chain(["plain"])).ends(0).json().remove(0);
    assert_eq!((&plain["detector"], &plain["unused_detector"]), (&"mtcnn".into(), &"det_500m.onnx".into()));

    let made = lab.run(import.iter().copied().chain(["mine", "--detector", pack])).ends(0).json().remove(0);
    let detector = made["detector"].as_str().unwrap();
    assert!(detector.starts_with("scrfd-") && made["unused_detector"].is_null(), "{made}");
    assert_ne!(made["fingerprint"], plain["fingerprint"]);
    assert!(
        made["warnings"].to_string().contains("the detector finds the landmarks of 0 of 40 photos"),
        "{made}"
    );
    let files = ["mine.safetensors", "mine.toml", "plain.safetensors", "plain.toml"].map(str::to_owned);
    assert_eq!(lab.models(), [files.as_slice(), &[format!("{detector}.onnx")]].concat());
    let other = fixture(OTHER);
    let refused =
        lab.run(import.iter().copied().chain(["mine", "--detector", other.to_str().unwrap()])).ends(2);
    assert!(refused.err.contains("another model of this name exists"), "{}", refused.err);

    lab.on("init", "gallery", &["--model", "mine"].map(OsStr::new), None).ends(0);
    let photo = faces().join("004/neutral.jpg");
    let named = ["--min-face", "12", "--subject", "London 004"].map(OsStr::new);
    let enrolled = lab.on("enroll", "gallery", &[&named[..], &[photo.as_os_str()]].concat(), None).ends(0);
    assert!(enrolled.out.contains("1 template"), "{}", enrolled.out);
    let small = [photo.as_os_str(), "--min-face".as_ref(), "12".as_ref()];
    let found = lab.on("identify", "gallery", &small, None).ends(10);
    assert!(found.out.contains("London 004  1.000"), "{}", found.out);
    let refused = lab.on("identify", "gallery", &small, Some(&other)).ends(1);
    assert!(refused.err.contains("their detectors differ"), "{}", refused.err);

    // Each file in the place of the other.
    let [one, encoder] = [fixture(ONE), fixture("mobilefacenet.onnx")];
    let refused = lab.run(["model", "import", one.to_str().unwrap()]).ends(1);
    assert!(refused.err.contains("face detector") && refused.err.contains("--detector"), "{}", refused.err);
    let words = ["model", "import", encoder.to_str().unwrap(), "--detector", encoder.to_str().unwrap()];
    let refused = lab.run(words.into_iter().chain(["--name", "third"])).ends(1);
    assert!(refused.err.contains("this looks like an encoder"), "{}", refused.err);
    assert_eq!(lab.models().len(), 5);
}
