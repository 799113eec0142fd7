//! Every layer against its definition, computed value by value.

#![allow(clippy::unwrap_used)]

use gallerist_kernels::{Convolution, Layer, MaxPool, Network, Shape, Step, is_supported};
use proptest::prelude::*;

/// Values between -1 and 1 that look random.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let value = |at: u32| {
        let mixed = (at ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35);
        (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count as u32).map(value).collect()
}

fn only(layer: Layer) -> Network {
    Network::new(vec![Step { layer, inputs: vec![0] }], vec![1]).unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], terms: usize) {
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-6 * terms as f32, "value {at}: {found}, expected {expected}");
    }
}

/// The value of a picture, zero outside.
fn value(picture: &[f32], shape: Shape, y: i64, x: i64, channel: usize) -> f32 {
    let inside = (0..shape.height as i64).contains(&y) && (0..shape.width as i64).contains(&x);
    let at = |y: i64, x: i64| (y as usize * shape.width + x as usize) * shape.channels + channel;
    if inside { picture[at(y, x)] } else { 0.0 }
}

/// A convolution by its definition. `groups` is 1 or the number of channels.
#[derive(Debug, Clone)]
struct Plain {
    size: [usize; 4],
    stride: [usize; 2],
    pad: [usize; 4],
    groups: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
    slope: Vec<f32>,
}

impl Plain {
    fn run(&self, picture: &[f32], shape: Shape) -> Vec<f32> {
        let [outputs, inputs, rows, columns] = self.size;
        let [top, left, bottom, right] = self.pad;
        let height = (shape.height + top + bottom - rows) / self.stride[0] + 1;
        let width = (shape.width + left + right - columns) / self.stride[1] + 1;
        let mut out = Vec::new();
        for (y, x, output) in (0..height)
            .flat_map(|y| (0..width).map(move |x| (y, x)))
            .flat_map(|(y, x)| (0..outputs).map(move |output| (y, x, output)))
        {
            let mut sum = f64::from(self.bias[output]);
            for (input, row, column) in (0..inputs)
                .flat_map(|input| (0..rows).map(move |row| (input, row)))
                .flat_map(|(input, row)| (0..columns).map(move |column| (input, row, column)))
            {
                let channel = if self.groups == 1 { input } else { output };
                let at = |start: usize, tap: usize, pad: usize| (start + tap) as i64 - pad as i64;
                let (y, x) = (at(y * self.stride[0], row, top), at(x * self.stride[1], column, left));
                let weight = self.weights[((output * inputs + input) * rows + row) * columns + column];
                sum += f64::from(weight) * f64::from(value(picture, shape, y, x, channel));
            }
            let sum = sum as f32;
            out.push(if sum > 0.0 { sum } else { sum * self.slope[output] });
        }
        out
    }

    fn layer(&self) -> Layer {
        let (weights, bias) = (&self.weights, Some(self.bias.as_slice()));
        if self.groups == 1 {
            let made = Convolution::new(weights, self.size, bias, self.stride, self.pad).unwrap();
            return Layer::Convolution(made.activated(&self.slope).unwrap());
        }
        let made = Convolution::depthwise(weights, self.size, bias, self.stride, self.pad).unwrap();
        Layer::Depthwise(made.activated(&self.slope).unwrap())
    }
}

prop_compose! {
    fn plain()(
        depthwise in any::<bool>(),
        channels in prop::sample::select(vec![1_usize, 2, 3, 5, 10, 16, 28, 48, 64, 80]),
        outputs in 1_usize..70,
        kernel in prop::sample::select(vec![[1, 1], [3, 3], [2, 2], [1, 3], [7, 7]]),
        stride in prop::sample::select(vec![[1, 1], [2, 2], [1, 2]]),
        pad in prop::sample::select(vec![[0; 4], [1; 4], [0, 0, 1, 1]]),
        seed in any::<u32>(),
    ) -> (Plain, usize) {
        let channels = if depthwise { channels.next_multiple_of(16) } else { channels };
        let (outputs, inputs, groups) = if depthwise { (channels, 1, channels) } else { (outputs, channels, 1) };
        let size = [outputs, inputs, kernel[0], kernel[1]];
        let (weights, bias) = (noise(size.iter().product(), seed), noise(outputs, !seed));
        let slope = noise(outputs, seed ^ 77);
        (Plain { size, stride, pad, groups, weights, bias, slope }, channels)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolutions_agree_with_their_definition(
        (plain, channels) in plain(),
        height in 1_usize..20,
        width in 1_usize..40,
        count in 1_usize..4,
    ) {
        prop_assume!(is_supported());
        let [top, left, bottom, right] = plain.pad;
        prop_assume!(height + top + bottom >= plain.size[2] && width + left + right >= plain.size[3]);
        let shape = Shape { height, width, channels };
        let pictures = noise(count * shape.len(), 5);
        let outputs = only(plain.layer()).run(&pictures, count, shape).unwrap();
        let expected: Vec<f32> =
            pictures.chunks(shape.len()).flat_map(|picture| plain.run(picture, shape)).collect();
        let terms = plain.size[1..].iter().product::<usize>();
        assert_close(&outputs[0].values, &expected, terms);
    }

    #[test]
    fn pools_agree_with_their_definition(
        channels in prop::sample::select(vec![1, 3, 10, 28, 32]),
        height in 3_usize..20,
        width in 3_usize..20,
        kernel in 2_usize..4,
        ceil in any::<bool>(),
    ) {
        prop_assume!(is_supported());
        let shape = Shape { height, width, channels };
        let picture = noise(shape.len(), 9);
        let pool = MaxPool { kernel: [kernel; 2], stride: [2, 2], ceil };
        let output = only(Layer::MaxPool(pool)).run(&picture, 1, shape).unwrap().remove(0);
        let side = |side: usize| {
            let whole = (side - kernel) / 2 + 1;
            // A last window counts if it is partly outside and starts inside.
            if ceil && !(side - kernel).is_multiple_of(2) && 2 * whole < side { whole + 1 } else { whole }
        };
        prop_assert_eq!((output.shape.height, output.shape.width), (side(height), side(width)));
        let mut expected = Vec::new();
        for (y, x) in (0..side(height)).flat_map(|y| (0..side(width)).map(move |x| (y, x))) {
            for channel in 0..channels {
                let window = (2 * y..height.min(2 * y + kernel))
                    .flat_map(|y| (2 * x..width.min(2 * x + kernel)).map(move |x| (y, x)));
                let values = window.map(|(y, x)| value(&picture, shape, y as i64, x as i64, channel));
                expected.push(values.fold(f32::NEG_INFINITY, f32::max));
            }
        }
        prop_assert_eq!(output.values, expected);
    }
}

/// Two convolutions and their sum, of which the first is also an output, then a fully connected layer.
#[test]
fn values_are_kept_as_long_as_they_are_needed() {
    if !is_supported() {
        return;
    }
    let shape = Shape { height: 6, width: 5, channels: 16 };
    let plain = |seed| Plain {
        size: [16, 16, 1, 1],
        stride: [1, 1],
        pad: [0; 4],
        groups: 1,
        weights: noise(256, seed),
        bias: vec![0.0; 16],
        slope: vec![0.25; 16],
    };
    let all = Plain {
        size: [7, 480, 1, 1],
        weights: noise(3360, 4),
        bias: vec![0.5; 7],
        slope: vec![1.0; 7],
        ..plain(0)
    };
    let step = |layer, inputs: &[usize]| Step { layer, inputs: inputs.to_vec() };
    let steps = vec![
        step(plain(1).layer(), &[0]),
        step(plain(2).layer(), &[1]),
        step(plain(3).layer(), &[2]),
        step(Layer::Add, &[1, 3]),
        step(Layer::Flatten([2, 0, 1]), &[4]),
        step(all.layer(), &[5]),
        step(Layer::Softmax, &[6]),
    ];
    let network = Network::new(steps, vec![1, 7]).unwrap();
    let pictures = noise(3 * shape.len(), 8);
    for count in [3, 1] {
        let pictures = &pictures[..count * shape.len()];
        let outputs = network.run(pictures, count, shape).unwrap();
        for (at, picture) in pictures.chunks(shape.len()).enumerate() {
            let first = plain(1).run(picture, shape);
            let third = plain(3).run(&plain(2).run(&first, shape), shape);
            let sum: Vec<f32> = first.iter().zip(&third).map(|(a, b)| a + b).collect();
            let flat: Vec<f32> = (0..16).flat_map(|c| sum.iter().skip(c).step_by(16)).copied().collect();
            let last = all.run(&flat, Shape { height: 1, width: 1, channels: 480 });
            let powers: Vec<f32> = last.iter().map(|value| value.exp()).collect();
            let shares: Vec<f32> = powers.iter().map(|power| power / powers.iter().sum::<f32>()).collect();
            assert_close(&outputs[0].values[at * first.len()..][..first.len()], &first, 16);
            assert_close(&outputs[1].values[at * 7..][..7], &shares, 600);
        }
    }
}

#[test]
fn pictures_of_one_pixel_are_not_mixed() {
    if !is_supported() {
        return;
    }
    let shape = Shape { height: 1, width: 1, channels: 16 };
    let neighbours = |groups: usize, seed| Plain {
        size: [16, 16 / groups, 3, 3],
        stride: [1, 1],
        pad: [1; 4],
        groups,
        weights: noise(16 / groups * 144, seed),
        bias: noise(16, seed + 1),
        slope: vec![0.25; 16],
    };
    let step = |layer, inputs: &[usize]| Step { layer, inputs: inputs.to_vec() };
    let steps = vec![
        step(neighbours(1, 1).layer(), &[0]),
        step(Layer::Flatten([2, 0, 1]), &[1]),
        step(neighbours(16, 3).layer(), &[2]),
        step(Layer::MaxPool(MaxPool { kernel: [1, 1], stride: [2, 2], ceil: true }), &[3]),
        step(Layer::Add, &[4, 2]),
        step(Layer::Flatten([2, 1, 0]), &[5]),
        step(Layer::Softmax, &[6]),
    ];
    let network = Network::new(steps, vec![2, 6, 7]).unwrap();
    let pictures = noise(5 * shape.len(), 8);
    let together = network.run(&pictures, 5, shape).unwrap();
    for (at, picture) in pictures.chunks(shape.len()).enumerate() {
        for (together, alone) in together.iter().zip(network.run(picture, 1, shape).unwrap()) {
            assert_close(&together.values[16 * at..][..16], &alone.values, 100);
        }
    }
}

/// Its buffers exceed what is kept between calls.
#[test]
fn a_large_picture_has_the_same_values_twice() {
    if !is_supported() {
        return;
    }
    let shape = Shape { height: 600, width: 500, channels: 2 };
    let plain = |inputs, seed| Plain {
        size: [16, inputs, 1, 1],
        stride: [1, 1],
        pad: [0; 4],
        groups: 1,
        weights: noise(16 * inputs, seed),
        bias: noise(16, seed + 1),
        slope: vec![0.25; 16],
    };
    let step = |layer, input| Step { layer, inputs: vec![input] };
    let network =
        Network::new(vec![step(plain(2, 1).layer(), 0), step(plain(16, 3).layer(), 1)], vec![2]).unwrap();
    let picture = noise(shape.len(), 7);
    let expected = plain(16, 3).run(&plain(2, 1).run(&picture, shape), Shape { channels: 16, ..shape });
    for _ in 0..2 {
        assert_close(&network.run(&picture, 1, shape).unwrap()[0].values, &expected, 20);
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let small = Convolution::new(&noise(9 * 16, 1), [16, 1, 3, 3], None, [1, 1], [0; 4]).unwrap();
    let network = only(Layer::Convolution(small));
    let shape = |height, width, channels| Shape { height, width, channels };
    for (values, shape) in
        [(4, shape(2, 2, 1)), (18, shape(3, 3, 2)), (8, shape(3, 3, 1)), (0, shape(0, 3, 1))]
    {
        network.run(&noise(values, 2), 1, shape).unwrap_err();
    }
    Convolution::new(&noise(8, 1), [1, 1, 3, 3], None, [1, 1], [0; 4]).unwrap_err();
    Convolution::new(&noise(9, 1), [1, 1, 3, 3], Some(&[0.0; 2]), [1, 1], [0; 4]).unwrap_err();
    Convolution::new(&noise(9, 1), [1, 1, 3, 3], None, [0, 1], [0; 4]).unwrap_err();
    Convolution::depthwise(&noise(90, 1), [10, 1, 3, 3], None, [1, 1], [0; 4]).unwrap_err();
    Network::new(vec![Step { layer: Layer::Add, inputs: vec![0, 1] }], vec![1]).unwrap_err();
    Network::new(Vec::new(), vec![1]).unwrap_err();
}
