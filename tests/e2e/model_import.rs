//! `gallerist model import`: an ONNX file becomes a model that later commands find by its name.

use std::path::{Path, PathBuf};

use crate::program::{House, Said, command, faces};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name)
}

/// The program with a folder of models of its own, which has links to the installed ones.
struct Imports {
    house: House,
}

impl Imports {
    fn new() -> Self {
        let house = House::empty();
        let installed = command(["model", "path", "mobilefacenet-192"]).output().unwrap();
        let installed = PathBuf::from(String::from_utf8(installed.stdout).unwrap().trim());
        for entry in std::fs::read_dir(installed.parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "safetensors") {
                house.link(&path, format!("models/{}", path.file_name().unwrap().to_str().unwrap()));
            }
        }
        Self { house }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = command(arguments);
        Said::of(command.env("GALLERIST_MODELS", self.house.path("models")).output().unwrap())
    }

    /// The files of imported models, and whatever else is not a link.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.house.path("models")).unwrap().map(|entry| entry.unwrap());
        let own = entries.filter(|entry| !entry.file_type().unwrap().is_symlink());
        let mut names: Vec<String> = own.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn an_imported_model_is_found_by_its_name() {
    let imports = Imports::new();
    let file = fixture("mobilefacenet.onnx");
    let file = file.to_str().unwrap();
    // The network of the fixture has random weights.
    let import = ["model", "import", file, "--accept-inaccurate", "--name", "mine"];
    let dry = imports.run(&[&import[..], &["--dry-run"]].concat()).ends(0);
    assert!(dry.out.contains("not written (dry run): mine"), "{}", dry.out);
    assert_eq!(imports.files(), [""; 0]);

    let said = imports.run(&[&import[..], &["--format", "json"]].concat()).ends(0);
    let reply = &said.json()[0];
    assert_eq!((&reply["dimension"], &reply["written"]), (&32.into(), &true.into()), "{reply}");
    assert_eq!(reply["settings"].as_array().unwrap().len(), 14, "{reply}");
    let warnings = reply["warnings"].to_string();
    for part in [
        "no setting separates people well",
        "; state them with",
        "imported although it does not separate people",
    ] {
        assert!(warnings.contains(part), "{reply}");
    }
    let mean = reply["threshold_basis"].as_str().unwrap().split_once("mean ").unwrap().1;
    let mean: f64 = mean.split(' ').next().unwrap().parse().unwrap();
    assert!(reply["threshold"].as_f64().unwrap() >= mean - 0.001, "{reply}");
    assert_eq!(imports.files(), ["mine.safetensors", "mine.toml"]);

    // The same again is no error; another model with this name is.
    let again = imports.run(&import).ends(0);
    assert!(again.out.contains("already imported as mine"), "{}", again.out);
    for (option, value, told) in [
        ("--threshold", "0.123", "is imported already with the threshold "),
        ("--licence", "NEW", "is imported already with the licence \"not stated\", not \"NEW\""),
    ] {
        let conflict = imports.run(&[&import[..], &[option, value]].concat()).ends(2);
        assert!(conflict.err.contains(told) && conflict.err.contains("mine.toml"), "{}", conflict.err);
    }
    let other = fixture("mobilenetv2.onnx");
    let said = imports
        .run(
            &[
                &["model", "import", other.to_str().unwrap(), "--name", "mine", "--chip", "arcface-112"][..],
                &["--accept-inaccurate"],
            ]
            .concat(),
        )
        .ends(2);
    assert!(said.err.contains("another model of this name exists"), "{}", said.err);
    assert_eq!(imports.files(), ["mine.safetensors", "mine.toml"]);

    assert!(imports.run(&["model", "list"]).ends(0).out.contains("mine"));
    let gallery = imports.house.gallery();
    let gallery = gallery.to_str().unwrap();
    imports.run(&["init", gallery, "--model", "mine"]).ends(0);
    let photo = faces().join("004/neutral.jpg");
    imports.run(&["enroll", gallery, "--subject", "London 004", photo.to_str().unwrap()]).ends(0);
    let found = imports.run(&["identify", gallery, photo.to_str().unwrap()]).ends(10);
    assert!(found.out.contains("London 004"), "{}", found.out);

    // The same model under another name opens the gallery.
    for file in ["mine.toml", "mine.safetensors"] {
        std::fs::remove_file(imports.house.path("models").join(file)).unwrap();
    }
    imports.run(&["identify", gallery, photo.to_str().unwrap()]).ends(1);
    imports.run(&["model", "import", file, "--accept-inaccurate", "--name", "yours"]).ends(0);
    imports.run(&["identify", gallery, photo.to_str().unwrap()]).ends(10);
    imports.run(&["identify", gallery, photo.to_str().unwrap(), "--model", "yours"]).ends(10);
    imports.run(&["model", "import", file, "--accept-inaccurate", "--name", "mine"]).ends(0);

    std::fs::write(imports.house.path("models/mine.safetensors"), "other").unwrap();
    let changed = imports.run(&["identify", gallery, photo.to_str().unwrap()]).ends(1);
    assert!(
        changed.err.contains("sha256") && changed.err.contains("`gallerist model import`"),
        "{}",
        changed.err
    );
    assert!(!changed.err.contains("tools/setup"), "{}", changed.err);
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_refused_import_leaves_nothing() {
    let imports = Imports::new();
    let encoder = std::fs::read(fixture("mobilefacenet.onnx")).unwrap();
    let known = imports.house.write("buffalo_l/w600k_r50.onnx", &encoder);
    let broken = imports.house.write("broken.onnx", &encoder[..1000]);
    let random = imports.house.write("random.onnx", &encoder);
    let [known, broken, random] = [known, broken, random].map(|path| path.to_str().unwrap().to_owned());
    // One setting is enough to measure.
    let stated = ["--chip", "arcface-112", "--channels", "rgb", "--mean", "127.5", "--scale", "1/127.5"];
    let stated = [&[random.as_str()], &stated[..]].concat();
    let folder = Path::new(&known).parent().unwrap().to_str().unwrap().to_owned();
    for (arguments, code, told) in [
        (&[broken.as_str()][..], 1, "truncated"),
        (&[known.as_str()], 1, "non-commercial research purposes only"),
        (&[folder.as_str()], 1, "--accept-licence"),
        (&[known.as_str(), "--accept-licence", "--name", "dlib-128"], 2, "built-in model"),
        (&[known.as_str(), "--accept-licence", "--name", "../a"], 2, "expected at most 64 letters"),
        (&[known.as_str(), "--accept-licence", "--chip", "dlib-150"], 1, "not the size of the chip"),
        (&["/nowhere.onnx"], 1, "No such file"),
        (&stated, 1, "with the stated input it does not separate people: d' "),
        (&[random.as_str(), "--scale", "0"], 2, "expected factors other than 0"),
        (&[random.as_str(), "--name", "Duo-128"], 2, "differs only in its case"),
        (&[random.as_str(), "--name", "a/b"], 2, "name: \"a/b\": expected"),
    ] {
        let said = imports.run(&[&["model", "import"], arguments].concat()).ends(code);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
        assert_eq!(imports.files(), [""; 0], "{arguments:?}");
    }
}
