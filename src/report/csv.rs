//! The curves of a report as CSV: a header line, then one line per point. A value that is not a number is empty.

use super::Report;
use crate::evaluation::{DetPoint, Histogram};

/// The tables: name and content of each file. A table without points has only its header line.
pub fn tables(report: &Report) -> [(&'static str, String); 5] {
    [
        ("det.csv", det(report)),
        ("cmc.csv", cmc(report)),
        ("roc.csv", roc(report)),
        ("growth.csv", growth(report)),
        ("histogram.csv", histogram(report)),
    ]
}

fn det(report: &Report) -> String {
    let mut table = String::from("protocol,threshold,false_positive,false_negative,lower,upper\n");
    let mut add = |protocol: &str, points: &[DetPoint]| {
        for point in points {
            let threshold = narrow(point.threshold);
            let [lower, upper] = point.interval.map(number);
            let (alarm, miss) = (number(point.false_positive), number(point.false_negative));
            table += &format!("{protocol},{threshold},{alarm},{miss},{lower},{upper}\n");
        }
    };
    if let Some(identification) = &report.identification {
        add("identification", &identification.det);
    }
    if let Some(verification) = &report.verification {
        add("verification", &verification.det);
    }
    table
}

fn cmc(report: &Report) -> String {
    let mut table = String::from("rank,identified,lower,upper,trials\n");
    for point in report.identification.iter().flat_map(|identification| &identification.cmc) {
        let rate = point.identified;
        let [value, lower, upper] = [rate.value, rate.interval[0], rate.interval[1]].map(number);
        table += &format!("{},{value},{lower},{upper},{}\n", point.rank, rate.trials);
    }
    table
}

fn roc(report: &Report) -> String {
    let mut table = String::from("threshold,fmr,tar,lower,upper\n");
    for point in report.verification.iter().flat_map(|verification| &verification.det) {
        let threshold = narrow(point.threshold);
        let [tar, lower, upper] =
            [point.false_negative, point.interval[1], point.interval[0]].map(|miss| number(1.0 - miss));
        table += &format!("{threshold},{},{tar},{lower},{upper}\n", number(point.false_positive));
    }
    table
}

fn growth(report: &Report) -> String {
    let mut table = String::from("target_fpir,threshold,subjects,fpir,lower,upper,errors,trials,predicted\n");
    for growth in report.identification.iter().flat_map(|identification| &identification.growth) {
        let (target, threshold) = (number(growth.target_fpir), narrow(growth.threshold));
        for point in &growth.points {
            let rate = point.fpir;
            let [value, lower, upper] = [rate.value, rate.interval[0], rate.interval[1]].map(number);
            let (subjects, errors, trials) = (point.subjects, rate.errors, rate.trials);
            let predicted = number(point.predicted);
            table += &format!(
                "{target},{threshold},{subjects},{value},{lower},{upper},{errors},{trials},{predicted}\n"
            );
        }
    }
    table
}

fn histogram(report: &Report) -> String {
    let mut table = String::from("protocol,from,to,mated,non_mated\n");
    let mut add = |protocol: &str, histogram: &Histogram| {
        for index in 0..histogram.mated.len().max(histogram.non_mated.len()) {
            let edge = |index: usize| number(histogram.start + index as f64 * histogram.width);
            let share = |bins: &[f64]| number(bins.get(index).copied().unwrap_or(0.0));
            let (from, to) = (edge(index), edge(index + 1));
            let (mated, non_mated) = (share(&histogram.mated), share(&histogram.non_mated));
            table += &format!("{protocol},{from},{to},{mated},{non_mated}\n");
        }
    };
    if let Some(identification) = &report.identification {
        add("identification", &identification.histogram);
    }
    if let Some(verification) = &report.verification {
        add("verification", &verification.histogram);
    }
    table
}

/// The shortest digits that parse to the same number.
fn number(value: f64) -> String {
    if value.is_finite() { (value + 0.0).to_string() } else { String::new() }
}

/// A threshold with the digits of an f32: `0.41` as an f64 would be `0.4099999964237213`.
fn narrow(value: f32) -> String {
    if value.is_finite() { (value + 0.0).to_string() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::super::example::{example, odd};
    use super::*;

    fn rows(report: &Report) -> [usize; 5] {
        tables(report).map(|(_, table)| table.lines().count() - 1)
    }

    #[test]
    fn there_is_one_row_per_point() {
        let report = example();
        let (one, two) = (report.identification.clone().unwrap(), report.verification.clone().unwrap());
        let points = one.growth.iter().map(|growth| growth.points.len()).sum();
        let bins = one.histogram.mated.len() + two.histogram.mated.len();
        let expected = [one.det.len() + two.det.len(), one.cmc.len(), two.det.len(), points, bins];
        assert_eq!(rows(&report), expected);
        assert!(expected.iter().all(|rows| *rows > 0));
    }

    #[test]
    fn every_row_has_every_column_and_only_numbers() {
        for (name, report) in odd() {
            for (file, table) in tables(&report) {
                let columns = table.lines().next().unwrap().split(',').count();
                for line in table.lines().skip(1) {
                    let cells: Vec<&str> = line.split(',').collect();
                    assert_eq!(cells.len(), columns, "{name}, {file}: {line}");
                    let numbers = cells.iter().filter(|cell| !cell.is_empty() && !cell.contains("ification"));
                    assert!(
                        numbers.clone().all(|cell| cell.parse::<f64>().unwrap().is_finite()),
                        "{name}: {line}"
                    );
                }
            }
        }
    }

    #[test]
    fn numbers_parse_to_the_same_value() {
        let report = example();
        let (_, table) = &tables(&report)[0];
        let point = report.identification.unwrap().det[40];
        let cells: Vec<&str> = table.lines().nth(41).unwrap().split(',').collect();
        assert_eq!(cells[1].parse::<f32>().unwrap(), point.threshold);
        assert_eq!(cells[2].parse::<f64>().unwrap(), point.false_positive);
    }
}
