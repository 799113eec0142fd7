//! Folders and zip archives with ONNX files.

use super::super::{Refusal, pack};
use super::fixture;
use super::hostile::told;

/// A zip archive with these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn opened(content: &[u8]) -> Result<pack::Found, Refusal> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pack.zip");
    std::fs::write(&file, content).unwrap();
    let found = pack::open(&file, None);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is unpacked");
    found
}

#[test]
fn packs_with_one_encoder() {
    let encoder = fixture("mobilefacenet.onnx");
    let found = opened(&archive(&[
        ("readme.txt", b"a"),
        ("pack/det.onnx", b"det"),
        ("pack/w600k_r50.onnx", &encoder),
    ]));
    let found = found.unwrap();
    assert_eq!(found.file, "w600k_r50.onnx");
    assert!(found.licence.unwrap().conditions.contains("non-commercial"));
    let found = opened(&archive(&[("det.onnx", b"det"), ("mine.onnx", &encoder)])).unwrap();
    assert_eq!((found.file.as_str(), found.licence), ("mine.onnx", None));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("glintr100.onnx"), &encoder).unwrap();
    let licence = pack::open(folder.path(), None).unwrap().licence.unwrap();
    assert!(licence.namesake.unwrap().contains("AuraFace"));
}

#[test]
fn packs_that_are_refused() {
    let refused = |content: &[u8]| opened(content).map(|found| found.file).unwrap_err().to_string();
    let encoder = fixture("mobilefacenet.onnx");
    told(&refused(&archive(&[("../../etc/cron.d/a.onnx", &encoder)])), &["outside of it", "../../etc"]);
    told(&refused(&archive(&[("/etc/a.onnx", &encoder), ("a.onnx", &encoder)])), &["encoders"]);
    told(&refused(&archive(&[("archive/data.pkl", b"pickle")])), &["no .onnx file", "PyTorch"]);
    told(&refused(&archive(&[("a.onnx", b"broken")])), &["no encoder", "a.onnx: not an ONNX file"]);
    told(
        &refused(&archive(&[("a.onnx", &vec![0; 20 << 20])])),
        &["no encoder", "20971520 bytes, compressed"],
    );
    told(&refused(&archive(&[("a.onnx", &encoder)])[..5000]), &["zip archive cannot be read"]);
    let many: Vec<String> = (0..1001).map(|number| format!("{number}.onnx")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    told(&refused(&archive(&many)), &["1001 entries"]);

    let folder = tempfile::tempdir().unwrap();
    told(&pack::open(folder.path(), None).unwrap_err().to_string(), &["folder contains no .onnx file"]);
    told(&pack::open(&folder.path().join("none"), None).unwrap_err().to_string(), &["No such file"]);
    told(&pack::open(std::path::Path::new("/dev/zero"), None).unwrap_err().to_string(), &["regular file"]);
}

/// An archive with an entry that is not compressed, of which one byte of the content was changed.
#[test]
fn a_damaged_entry_is_refused_also_beside_a_good_one() {
    use std::io::Write;
    let encoder = fixture("mobilefacenet.onnx");
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in ["bad.onnx", "good.onnx"] {
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            writer.start_file(name, options).unwrap();
            writer.write_all(&encoder).unwrap();
        }
        let whole = writer.finish().unwrap().into_inner();
        told(&opened(&whole).unwrap_err().to_string(), &["several encoders"]);
        for at in [encoder.len() / 2, encoder.len() - 100] {
            let mut damaged = whole.clone();
            let at = if method == zip::CompressionMethod::Stored { at } else { at / 2 };
            damaged[at..at + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
            let refused = opened(&damaged).map(|found| found.file).unwrap_err().to_string();
            told(&refused, &["bad.onnx in the zip archive is damaged", "download or copy"]);
        }
    }
}

#[test]
fn entries_that_cannot_be_unpacked() {
    let whole = archive(&[("w600k_r50.onnx", &fixture("mobilefacenet.onnx"))]);
    // The compression method in the headers: 14 is LZMA. Bit 0 of the flags: encrypted.
    let places = |signature: &[u8]| whole.windows(4).position(|window| window == signature).unwrap();
    let [local, central] = [places(b"PK\x03\x04"), places(b"PK\x01\x02")];
    let change = |offset: usize, value: u8| {
        let mut changed = whole.clone();
        (changed[local + offset], changed[central + offset + 2]) = (value, value);
        opened(&changed).map(|found| found.file).unwrap_err().to_string()
    };
    told(&change(8, 14), &["w600k_r50.onnx in the zip archive is compressed with Lzma", "give the folder"]);
    told(&change(6, 1), &["w600k_r50.onnx in the zip archive is encrypted", "unpack"]);
    let outside = opened(&archive(&[("../a.onnx", b"")])).map(|found| found.file).unwrap_err().to_string();
    told(&outside, &["outside of it: \"../a.onnx\""]);
}

#[test]
fn a_folder_in_a_folder_is_found_if_it_is_the_only_one() {
    let outer = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let file = outer.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    };
    let open =
        || pack::open(outer.path(), None).map(|found| found.file).map_err(|refusal| refusal.to_string());
    write("readme/readme.txt", b"a");
    write("antelopev2/glintr100.onnx", &fixture("mobilefacenet.onnx"));
    write("antelopev2/deeper/other.onnx", b"not looked at");
    assert_eq!(open().as_deref(), Ok("glintr100.onnx"));
    write("buffalo_l/w600k_r50.onnx", &fixture("mobilefacenet.onnx"));
    told(&open().unwrap_err(), &["several subfolders do: antelopev2, buffalo_l"]);
    write("own.onnx", &fixture("mobilefacenet.onnx"));
    assert_eq!(open().as_deref(), Ok("own.onnx"), "its own files come first");
}

#[test]
fn a_detector_given_as_an_encoder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("det_10g.onnx");
    std::fs::write(&file, fixture("detectors/resnet.onnx")).unwrap();
    told(
        &pack::open(&file, None).unwrap_err().to_string(),
        &["this looks like a face detector", "--detector"],
    );
}
