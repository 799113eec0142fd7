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

fn network(model: &Model) -> Network {
    match &model.kind {
        Kind::Network(network) => network.clone(),
        Kind::Ensemble(_) => panic!("{} is an ensemble", model.name),
    }
}

#[test]
fn embedded_manifests_are_valid() {
    for model in Model::builtin() {
        assert!(model.networks().iter().all(|(_, network)| network.runtime == Runtime::Builtin));
        assert!(!model.licence.is_empty() && !model.provenance.is_empty() && !model.caveats.is_empty());
    }
    assert!(Model::named("stand-in").unwrap().is_stand_in());
    assert!(!Model::builtin().iter().any(Model::is_stand_in));
    assert_eq!(Model::detector().sha256.len(), 64);
}

#[test]
fn a_users_manifest_is_read() {
    let model = read(&manifest()).unwrap();
    assert_eq!((model.name.as_str(), model.dimension), ("mine", 512));
    assert_eq!(network(&model).input.channels, ChannelOrder::Bgr);
    assert!(model.files()[0].path.ends_with("mine.pt"));
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
    let (original, sha256) = (network(&model), "1".repeat(64));
    let with = |network| Model { kind: Kind::Network(network), ..model.clone() };
    let with_input = |input| with(Network { input, ..original.clone() });
    let input = &original.input;
    let changed = [
        with(Network { weights: Some(Weights { file: "mine.pt".into(), sha256 }), ..original.clone() }),
        Model { dimension: 256, ..model.clone() },
        with_input(Input { chip: Chip::DLIB_150, ..*input }),
        with_input(Input { channels: ChannelOrder::Rgb, ..*input }),
        with_input(Input { mean: [1.0, 2.0, 3.000_000_2], ..*input }),
        with_input(Input { scale: 0.500_000_06.into(), ..*input }),
        with_input(Input { scale: [0.5, 0.5, 0.25].into(), ..*input }),
        with(Network { runtime: Runtime::Builtin, ..original.clone() }),
        with(Network { runtime: Runtime::Graph, ..original.clone() }),
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
    std::fs::File::create(&long).unwrap().set_len(manifest::LARGEST + 1).unwrap();
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

/// Galleries are bound to these: another fingerprint of the same model would refuse them.
#[test]
fn the_fingerprints_of_the_built_in_models_do_not_change() {
    for (name, start) in [
        ("duo-128", "442320e99ed9"),
        ("mobilefacenet-192", "ec116d632f66"),
        ("mobilefacenet-512", "3f52a54aa74a"),
        ("dlib-128", "7f01cf48ad9a"),
    ] {
        let fingerprint = Model::named(name).unwrap().fingerprint();
        assert!(fingerprint.starts_with(start), "{name}: {fingerprint}");
    }
}

fn ensemble(members: &str) -> String {
    format!(
        "name = \"duo\"\nkind = \"ensemble\"\ndimension = 128\nthreshold = 0.4\nthreshold_basis = \"none\"\n\
         licence = \"MIT\"\nprovenance = \"a test\"\nmirror = true\n{members}"
    )
}

fn member(name: &str, weight: &str) -> String {
    let fingerprint = Model::named("stand-in").unwrap().fingerprint();
    format!("[[members]]\nmodel = \"{name}\"\nfingerprint = \"{fingerprint}\"\nweight = {weight}\n")
}

#[test]
fn an_ensemble_is_read_with_its_members() {
    let model = read(&ensemble(&(member("stand-in", "1.0") + &member("stand-in", "0.5")))).unwrap();
    let Kind::Ensemble(ensemble) = &model.kind else { panic!("{model:?}") };
    assert!(ensemble.mirror && ensemble.projection.is_none());
    assert_eq!(ensemble.members.iter().map(|member| member.weight).collect::<Vec<_>>(), [1.0, 0.5]);
    assert_eq!((model.chips(), model.networks().len()), (vec![Chip::ARCFACE_112], 2));
    assert!(model.is_stand_in() && model.is_installed());
}

#[test]
fn every_part_of_an_ensemble_changes_the_fingerprint() {
    let text =
        |first: &str, second: &str| ensemble(&(member("stand-in", first) + &member("stand-in", second)));
    let projection = format!("[projection]\nfile = \"p\"\nsha256 = \"{}\"\n", "0".repeat(64));
    let changed = [
        text("1.0", "0.5"),
        text("0.5", "1.0"),
        text("1.0", "0.5").replace("mirror = true", "mirror = false"),
        text("1.0", "0.5") + &projection,
        (text("1.0", "0.5") + &projection).replace("dimension = 128", "dimension = 127"),
    ];
    let mut prints: Vec<String> = changed.iter().map(|text| read(text).unwrap().fingerprint()).collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), changed.len());
}

#[test]
fn an_invalid_ensemble_is_refused_with_the_field() {
    let two = member("stand-in", "1.0") + &member("stand-in", "1.0");
    for (members, told) in [
        (String::new(), "0 members"),
        (member("stand-in", "1.0"), "dimension is 128, but the members have 64 components"),
        (member("stand-in", "1.0") + &member("stand-in", "0.0"), "weight of member stand-in is 0"),
        (member("stand-in", "1.0") + &member("stand-in", "-1.0"), "expected a number above 0"),
        (member("stand-in", "1.0") + &member("none", "1.0"), "there is no model `none`"),
        (member("stand-in", "1.0") + &member("none.toml", "1.0"), "none.toml"),
        (member("stand-in", "1.0") + &member("dlib-128", "1.0"), "fingerprint 7f01cf48ad9a"),
        (format!("chip = \"arcface-112\"\n{two}"), "chip belongs to the members"),
        (two.repeat(5), "10 members, expected 1 to 8"),
    ] {
        let error = read(&ensemble(&members)).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    let error = read(&format!("mirror = true\n{}", manifest())).unwrap_err().to_string();
    assert!(error.contains("kind \"ensemble\""), "{error}");
}

#[test]
fn an_ensemble_of_an_ensemble_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let two = member("stand-in", "1.0") + &member("stand-in", "1.0");
    let inner = folder.path().join("inner.toml");
    std::fs::write(&inner, ensemble(&two)).unwrap();
    let fingerprint = Model::from_manifest(&inner).unwrap().fingerprint();
    let outer =
        format!("[[members]]\nmodel = \"inner.toml\"\nfingerprint = \"{fingerprint}\"\nweight = 1.0\n");
    std::fs::write(folder.path().join("outer.toml"), ensemble(&outer).replace("\"duo\"", "\"outer\""))
        .unwrap();
    let error = Model::from_manifest(&folder.path().join("outer.toml")).unwrap_err().to_string();
    assert!(error.contains("member duo is an ensemble; name its members instead"), "{error}");
}

#[test]
fn a_member_that_was_removed_is_told_with_the_manifest() {
    let members = "[[members]]\nmodel = \"gone\"\nfingerprint = \"00\"\nweight = 1.0\n".repeat(2);
    let error = read(&ensemble(&members)).unwrap_err().to_string();
    for part in ["mine.toml: its member `gone` is not there", "import or make it again"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_error_of_a_manifest_is_one_line_with_its_number() {
    let error = read(&manifest().replacen("dimension = 512", "dimensions = 512", 1)).unwrap_err().to_string();
    assert!(error.contains("`dimensions = 512`: unknown field") && !error.contains('\n'), "{error}");
    let error = read("name = \"a\"\nkind = \"graph").unwrap_err().to_string();
    assert!(error.contains("line 2, `kind = \"graph`: ") && !error.contains('\n'), "{error}");
}

#[test]
fn names_that_differ_only_in_case_from_a_built_in_one_are_refused() {
    for name in ["duo-128", "mtcnn", "stand-in", "Duo-128", "DLIB-128", "MTCNN", "Stand-In"] {
        let error = Model::check_imported_name(name).unwrap_err();
        let differs = name.bytes().any(|byte| byte.is_ascii_uppercase());
        assert_eq!(error.contains("differs only in its case"), differs, "{error}");
    }
    assert_eq!(Model::check_imported_name("duo-128b"), Ok(()));
    assert!(Model::check_imported_name("a/b").unwrap_err().starts_with("\"a/b\": expected"));
}
