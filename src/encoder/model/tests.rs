use super::*;

fn manifest() -> String {
    format!(
        "name = \"mine\"\nkind = \"torchscript\"\ndimension = 512\nchip = \"arcface-112\"\nchannels = \"bgr\"\n\
         mean = [1.0, 2.0, 3.0]\nscale = 0.5\nthreshold = 0.4\nthreshold_basis = \"none\"\nlicence = \"MIT\"\n\
         provenance = \"a test\"\n[weights]\nfile = \"mine.pt\"\nsha256 = \"{}\"\n",
        "ab".repeat(32)
    )
}

fn read(text: &str) -> Result<Model, EncoderError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text).unwrap();
    Model::from_manifest(&path)
}

#[test]
fn embedded_manifests_are_valid() {
    for model in Model::builtin() {
        assert_eq!(model.kind, Kind::Builtin);
        let as_users = Model { kind: Kind::Torchscript, name: "other".into(), ..model.clone() };
        as_users.validate().unwrap_or_else(|reason| panic!("{}: {reason}", model.name));
        assert!(!model.licence.is_empty() && !model.provenance.is_empty() && !model.caveats.is_empty());
    }
    assert_eq!(Model::named("stand-in").unwrap().kind, Kind::StandIn);
    assert!(!Model::builtin().iter().any(|model| model.kind == Kind::StandIn));
    assert_eq!(Model::detector().sha256.len(), 64);
}

#[test]
fn a_users_manifest_is_read() {
    let model = read(&manifest()).unwrap();
    assert_eq!((model.name.as_str(), model.dimension, model.channels), ("mine", 512, ChannelOrder::Bgr));
    assert!(model.weights_file().unwrap().ends_with("mine.pt"));
}

#[test]
fn an_invalid_manifest_is_refused_with_the_field() {
    for (from, to, told) in [
        ("kind = \"torchscript\"", "kind = \"builtin\"", "kind must be"),
        ("kind = \"torchscript\"", "kind = \"pickle\"", "kind"),
        ("dimension = 512", "dimension = 0", "dimension is 0"),
        ("dimension = 512", "dimensions = 512", "dimensions"),
        ("threshold = 0.4", "threshold = 4.0", "threshold is 4"),
        ("scale = 0.5", "scale = nan", "scale is NaN"),
        ("mean = [1.0,", "mean = [inf,", "mean is"),
        ("\"mine\"", "\"dlib-128\"", "built-in"),
        ("abab", "ABAB", "sha256"),
        ("licence = \"MIT\"\n", "", "licence"),
    ] {
        let error = read(&manifest().replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(told), "{from} -> {to}: {error}");
        assert!(error.contains("mine.toml"), "{error}");
    }
}

#[test]
fn every_part_of_the_preprocessing_changes_the_fingerprint() {
    let model = read(&manifest()).unwrap();
    let weights = |file: &str, digit: &str| Some(Weights { file: file.into(), sha256: digit.repeat(64) });
    let changed = [
        Model { weights: weights("mine.pt", "1"), ..model.clone() },
        Model { dimension: 256, ..model.clone() },
        Model { chip: Chip::DLIB_150, ..model.clone() },
        Model { channels: ChannelOrder::Rgb, ..model.clone() },
        Model { mean: [1.0, 2.0, 3.000_000_2], ..model.clone() },
        Model { scale: 0.500_000_06.into(), ..model.clone() },
        Model { scale: [0.5, 0.5, 0.25].into(), ..model.clone() },
        Model { kind: Kind::Builtin, ..model.clone() },
        Model { kind: Kind::Graph, ..model.clone() },
    ];
    let mut prints: Vec<_> = changed.iter().chain([&model]).map(Model::fingerprint).collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), changed.len() + 1);

    let renamed = Model { name: "other".into(), threshold: 0.9, licence: "GPL".into(), ..model.clone() };
    assert_eq!(renamed.fingerprint(), model.fingerprint());
    assert_eq!(model.fingerprint().len(), 64);
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let error = Model::find("mobilfacenet").unwrap_err().to_string();
    assert!(error.contains("mobilefacenet-192") && !error.contains("stand-in"), "{error}");
    assert!(matches!(Model::find("no/such.toml"), Err(EncoderError::Manifest { .. })));
}

#[test]
fn only_a_short_regular_file_is_read_as_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long.toml");
    std::fs::File::create(&long).unwrap().set_len(LARGEST_MANIFEST + 1).unwrap();
    for path in [Path::new("/dev/zero"), folder.path(), &long] {
        let error = Model::from_manifest(path).unwrap_err();
        assert!(error.to_string().contains("regular file"), "{error}");
    }
}

#[test]
fn weights_of_a_users_model_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest_file, file) = (folder.path().join("mine.toml"), folder.path().join("mine.pt"));
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    std::fs::write(&manifest_file, manifest().replace(&"ab".repeat(32), abc)).unwrap();
    let model = Model::from_manifest(&manifest_file).unwrap();
    let told = model.check_weights().unwrap_err().to_string();
    assert!(told.contains("mine.pt is missing") && told.contains("manifest"), "{told}");
    std::fs::write(&file, "abd").unwrap();
    assert!(matches!(model.check_weights(), Err(EncoderError::WeightsChanged { .. })));
    std::fs::write(&file, "abc").unwrap();
    model.check_weights().unwrap();
    Model::builtin().iter().for_each(|model| model.check_weights().unwrap());
}

#[test]
fn the_earlier_pipeline_is_recognised_and_no_other_model() {
    let model = Model::named("mobilefacenet-192").unwrap();
    assert!(model.is_of_earlier_pipeline("b5463b358d62643ca0163c26f1e692deab0a97fc54e92f00d24384e2bb51bb6b"));
    assert!(!model.is_of_earlier_pipeline(&model.fingerprint()));
    let other = Model::named("mobilefacenet-512").unwrap();
    assert!(!other.is_of_earlier_pipeline(&model.fingerprint_of(1)));
}
