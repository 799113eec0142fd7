//! Functions of one number: where one is lowest, and where one is zero.

/// Golden section: where `function` is lowest between `from` and `to`, after `steps` steps of 0.618. It need not be smooth.
pub fn lowest(function: impl Fn(f64) -> f64, from: f64, to: f64, steps: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let (mut low, mut high) = (from, to);
    let mut points = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    let mut values = points.map(&function);
    for _ in 0..steps {
        if values[0] <= values[1] {
            high = points[1];
            points = [high - GOLDEN * (high - low), points[0]];
            values = [function(points[0]), values[0]];
        } else {
            low = points[0];
            points = [points[1], low + GOLDEN * (high - low)];
            values = [values[1], function(points[1])];
        }
    }
    if values[0] <= values[1] { points[0] } else { points[1] }
}

/// Where `function`, negative at `from`, becomes positive along `at(step)` for steps from 0 to `farthest`; `None` if it does not.
pub fn root(
    function: &impl Fn(f64) -> f64,
    from: f64,
    at: impl Fn(f64) -> f64,
    farthest: f64,
) -> Option<f64> {
    let (mut inside, mut outside) = (0.0, 0.25);
    while function(at(outside)) < 0.0 {
        inside = outside;
        outside *= 2.0;
        if outside > farthest {
            return None;
        }
    }
    for _ in 0..24 {
        let middle = (inside + outside) / 2.0;
        if function(at(middle)) < 0.0 {
            inside = middle
        } else {
            outside = middle
        }
        if outside - inside < 1e-3 {
            break;
        }
    }
    let found = at((inside + outside) / 2.0);
    found.is_finite().then_some(found).or(Some(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_point_is_found_within_its_steps() {
        for place in [0.1, 3.0, 6.9] {
            let calls = std::cell::Cell::new(0);
            let found = lowest(
                |x| {
                    calls.set(calls.get() + 1);
                    (x - place).abs()
                },
                0.0,
                7.0,
                30,
            );
            // 7 times 0.618 to the power of 30.
            assert!((found - place).abs() < 4e-6, "{found}");
            assert_eq!(calls.get(), 32, "one call a step");
        }
    }

    #[test]
    fn a_change_of_sign_is_found_or_there_is_none() {
        let found = root(&|x| x - 7.3, 0.0, |step| step, 60.0).unwrap();
        assert!((found - 7.3).abs() < 1e-3, "{found}");
        let found = root(&|x| -x - 0.1, 1.0, |step| 1.0 - step, 60.0).unwrap();
        assert!((found + 0.1).abs() < 1e-3, "{found}");
        assert_eq!(root(&|_| -1.0, 0.0, |step| step, 60.0), None);
    }
}
