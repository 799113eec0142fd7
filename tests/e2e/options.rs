//! Options are checked before any work, and problems of a folder listing are reported before photos are processed.

use crate::decision::{D, gallery, run};
use crate::program::{House, gallerist, vectors};

#[test]
fn scores_and_rates_outside_their_range_are_refused_by_every_verb() {
    let house = gallery(30, 1);
    house.write("probes.npy", &vectors(3, D, 5));
    house.write("strangers.npy", &vectors(300, D, 6));
    let cosines = [
        ("identify", "--vectors @probes.npy --threshold=", "70"),
        ("identify", "--vectors @probes.npy --threshold=0.5,", "nan"),
        ("audit", "--threshold=", "inf"),
        ("audit", "--doubles-above=", "nan"),
        ("range", "--vectors @probes.npy --min-score=", "-1.5"),
    ];
    for (verb, words, wrong) in cosines {
        let said = run(&house, verb, &format!("{words}{wrong}")).ends(2);
        assert!(said.err.contains("expected a cosine from -1 to 1"), "{verb} {words}{wrong}: {}", said.err);
    }
    for wrong in ["70", "nan", "inf", "-1.0001"] {
        let said =
            gallerist(["verify", "a.png", "b.png", "--model", "stand-in", &format!("--threshold={wrong}")]);
        assert!(said.ends(2).err.contains("expected a cosine from -1 to 1"));
    }
    let rates = [
        ("identify", "--vectors @probes.npy --target-fpir=", "0"),
        ("audit", "--target-fpir=", "1"),
        ("calibrate", "--nonmated @strangers.npy --target-fpir=", "nan"),
        ("calibrate", "--nonmated @strangers.npy --target-fpir=0.1,", "-0.1"),
        ("eval", "--mated @probes.npy --nonmated @strangers.npy --out @out --target-fpir=", "inf"),
        ("eval", "--mated @probes.npy --nonmated @strangers.npy --out @out --target-fmr=", "1.5"),
    ];
    for (verb, words, wrong) in rates {
        let said = run(&house, verb, &format!("{words}{wrong}")).ends(2);
        let told = "expected a share above 0 and below 1";
        assert!(said.err.contains(told), "{verb} {words}{wrong}: {}", said.err);
    }
    for wrong in ["-1", "2", "nan"] {
        let said = run(&house, "audit", &format!("--max-loss={wrong}")).ends(2);
        assert!(said.err.contains("expected a share from 0 to 1"), "{}", said.err);
    }
    let said = run(&house, "calibrate", "--nonmated @strangers.npy --target-fpir 0.1,0.1").ends(2);
    assert!(said.err.contains("0.1 is given twice"), "{}", said.err);
    for verb in ["identify", "search"] {
        run(&house, verb, "--vectors @probes.npy -k 0").ends(2);
        let words = if verb == "search" { "" } else { " --threshold 0.99" };
        let said = run(&house, verb, &format!("--vectors @probes.npy -k 4294967295 --format json{words}"));
        assert!(matches!(said.code, Some(0 | 11)), "{}", said.err);
        assert_eq!(said.json()[0]["matches"].as_array().unwrap().len(), 30);
    }
}

#[test]
fn no_usable_input_has_its_own_exit_code() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    house.write("bad/Ada/1.jpg", b"no photo");
    house.write("bad/Bob/1.jpg", b"no photo either");
    std::fs::create_dir_all(house.path("empty")).unwrap();
    for folder in ["bad", "empty"] {
        let said = house.enroll(folder).ends(3);
        assert_eq!(said.summary()["enrolled"], 0);
    }
    house.enroll("bad").ends(3);
    house.enroll("people").ends(0);
    let folder = |name: &str| house.path(name).to_str().unwrap().to_owned();
    let said = house.run("identify", [folder("empty")]).ends(3);
    assert!(said.err.contains("contain no probe"), "{}", said.err);
    // Processed photos without a usable face are probes, and their decision is a decision.
    house.photo("poor/Ada/1.png", 1);
    house.run("identify", [folder("poor"), "--min-quality".into(), "100".into()]).ends(12);
    house.run("calibrate", ["--nonmated".to_owned(), folder("empty")]).ends(3);
    for number in 0..30 {
        house.write(format!("many/{number}/1.jpg"), b"no photo");
    }
    let said = house.run("calibrate", ["--nonmated".to_owned(), folder("many")]).ends(3);
    assert!(said.err.contains("no usable probe"), "{}", said.err);
    let out = folder("report");
    for (mated, nonmated) in [("empty", "many"), ("bad", "empty")] {
        let words = ["--mated".to_owned(), folder(mated), "--nonmated".to_owned(), folder(nonmated)];
        let said = house.run("eval", words.into_iter().chain(["--out".to_owned(), out.clone()]));
        assert!(matches!(said.code, Some(1 | 3)), "{}", said.err);
    }
    let words = ["eval", "--one-image", &folder("empty"), "--model", "stand-in", "--out", &out];
    gallerist(words).ends(3);
}

/// A problem that the folder listing shows. The photos are invalid, so that processing one would be reported.
#[test]
fn problems_of_a_listing_are_reported_before_the_first_photo() {
    let house = House::new();
    for person in ["Ada", "Bob", "Cyd"] {
        for photo in ["1.jpg", "2.jpg"] {
            house.write(format!("twos/{person}/{photo}"), b"no photo");
        }
        house.write(format!("ones/{person}/1.jpg"), b"no photo");
    }
    house.write("flat/1.jpg", b"no photo");
    let folder = |name: &str| house.path(name).to_str().unwrap().to_owned();
    let out = folder("report");
    let eval = |words: &[&str]| {
        gallerist(["eval", "--model", "stand-in", "--out", &out].iter().chain(words)).ends(1).err
    };
    for (set, told) in [
        ("twos", "3 people have two usable photos or more and 0 have one"),
        ("ones", "0 people have two usable photos or more and 3 have one"),
        ("flat", "1.jpg: the person is not known"),
    ] {
        let said = eval(&["--one-image", &folder(set)]);
        assert!(said.contains(told), "{said}");
    }
    let said = house.run("calibrate", ["--nonmated", &folder("ones")]).ends(1);
    assert!(said.err.contains("3 probes of people who are not in the gallery remain"), "{}", said.err);

    let list = house
        .write("pairs.tsv", b"Ada/1.jpg\tAda/2.jpg\t1\nAda/1.jpg\tEve/1.jpg\t0\nDan/1.jpg\tEve/1.jpg\t0\n");
    let list = list.to_str().unwrap();
    let told = "2 of 4 photos do not exist";
    let said = eval(&["--pairs", list, "--root", &folder("twos")]);
    assert!(said.contains(told) && said.contains("Dan/1.jpg") && said.contains("Eve/1.jpg"), "{said}");
    let said =
        gallerist(["verify", "--model", "stand-in", "--pairs", list, "--root", &folder("twos")]).ends(1);
    assert!(said.err.contains(told), "{}", said.err);
    let list = house.write("one-kind.tsv", b"Ada/1.jpg\tAda/2.jpg\t1\n");
    let said = eval(&["--pairs", list.to_str().unwrap(), "--root", &folder("twos")]);
    assert!(said.contains("no pair is of two people"), "{said}");

    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let words = ["--mated", &folder("ones"), "--nonmated", &folder("twos"), "--out", &out].map(str::to_owned);
    let said = house.run("eval", words).ends(1);
    assert!(
        said.err.contains("Bob") && said.err.contains("mated probes are of people in the gallery"),
        "{}",
        said.err
    );
    let said = house.run("audit", ["--mated", &folder("ones")]).ends(1);
    assert!(said.err.contains("Bob"), "{}", said.err);
    std::fs::create_dir_all(house.path("mates")).unwrap();
    std::fs::rename(house.path("ones/Ada"), house.path("mates/Ada")).unwrap();
    let words =
        ["--mated", &folder("mates"), "--nonmated", &folder("twos"), "--out", &out].map(str::to_owned);
    let said = house.run("eval", words).ends(1);
    assert!(
        said.err.contains("Ada is in the gallery; non-mated probes are of people who are not"),
        "{}",
        said.err
    );
}
