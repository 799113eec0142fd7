//! Networks: layers in order, with values between them.

use std::cell::RefCell;

use super::convolution;
use super::layer::{Layer, Shape};
use super::vector::dispatch;
use super::{KernelError, depthwise, pool, sum};

/// An operation of a network. Values have numbers. Number 0 is the input, and step `n` makes number `n + 1`.
#[derive(Debug, Clone)]
pub struct Step {
    /// The operation.
    pub layer: Layer,
    /// The numbers of its inputs.
    pub inputs: Vec<usize>,
}

/// A network that is ready to run. Threads share it.
#[derive(Debug, Clone)]
pub struct Network {
    steps: Vec<Step>,
    outputs: Vec<usize>,
    /// The buffer of each value. Values that are not needed at the same time share one.
    slots: Vec<usize>,
}

/// One output for all pictures of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The shape for one picture.
    pub shape: Shape,
    /// Picture after picture: rows, columns, channels.
    pub values: Vec<f32>,
}

/// Most values of a buffer that is kept, 16 MiB. Large photos need more, and for them an allocation takes little of the time.
const MOST_KEPT: usize = 4 << 20;

thread_local! {
    /// The buffers of this thread, kept between calls up to a size. Allocating them again costs more than a small network.
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

impl Network {
    /// A network of these steps that returns the values with the numbers `outputs`.
    ///
    /// # Errors
    /// A step or the outputs name a value that no earlier step makes.
    pub fn new(steps: Vec<Step>, outputs: Vec<usize>) -> Result<Self, KernelError> {
        for (at, step) in steps.iter().enumerate() {
            if step.inputs.iter().any(|&input| input > at) {
                return Err(KernelError::new(format!("step {at} uses values {:?}", step.inputs)));
            }
        }
        if outputs.iter().any(|&output| output > steps.len()) {
            return Err(KernelError::new(format!("outputs {outputs:?} of {} steps", steps.len())));
        }
        let slots = slots(&steps, &outputs);
        Ok(Self { steps, outputs, slots })
    }

    /// Runs the network on `count` pictures of one shape, which lie one after the other in `pictures`.
    ///
    /// # Errors
    /// The number of values is wrong, or a layer does not accept the shape of its input.
    pub fn run(&self, pictures: &[f32], count: usize, shape: Shape) -> Result<Vec<Output>, KernelError> {
        if pictures.len() != count * shape.len() || shape.is_empty() {
            let got = pictures.len();
            return Err(KernelError::new(format!("{got} values for {count} pictures of {shape:?}")));
        }
        let shapes = self.shapes(shape)?;
        // Layers without a neighbourhood at the end run once for all pictures: their weights are read once.
        let vectors = |step: &Step| {
            step.layer.is_pointwise() && step.inputs.iter().all(|&input| shapes[input].is_vector())
        };
        let head = self.steps.iter().rposition(|step| !vectors(step)).map_or(0, |last| last + 1);
        let kept = self.kept(head);
        let mut values: Vec<Vec<f32>> = shapes.iter().map(|_| Vec::new()).collect();
        for &value in &kept {
            values[value].reserve_exact(count * shapes[value].len());
        }
        BUFFERS.with_borrow_mut(|buffers| {
            buffers
                .resize_with(buffers.len().max(self.slots.iter().max().map_or(0, |most| most + 2)), Vec::new);
            for picture in pictures.chunks_exact(shape.len()) {
                self.body(picture, head, &shapes, buffers);
                for &value in &kept {
                    let kept = self.value(value, picture, buffers, &shapes);
                    values[value].extend_from_slice(kept);
                }
            }
            for buffer in buffers.iter_mut().filter(|buffer| buffer.capacity() > MOST_KEPT) {
                *buffer = Vec::new();
            }
        });
        self.head(head, count, &shapes, &mut values);
        let take = |&output: &usize| Output { shape: shapes[output], values: values[output].clone() };
        Ok(self.outputs.iter().map(take).collect())
    }

    fn shapes(&self, input: Shape) -> Result<Vec<Shape>, KernelError> {
        let mut shapes = vec![input];
        for (at, step) in self.steps.iter().enumerate() {
            let from: Vec<Shape> = step.inputs.iter().map(|&input| shapes[input]).collect();
            let wrong = || KernelError::new(format!("step {at} does not accept {from:?}"));
            shapes.push(step.layer.shape(&from).ok_or_else(wrong)?);
        }
        Ok(shapes)
    }

    /// The values of the first `head` steps, and the input, that later steps or the caller need.
    fn kept(&self, head: usize) -> Vec<usize> {
        let later = self.steps[head..].iter().flat_map(|step| &step.inputs).chain(&self.outputs);
        let mut kept: Vec<usize> = later.copied().filter(|&value| value <= head).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    fn value<'a>(
        &self,
        value: usize,
        picture: &'a [f32],
        buffers: &'a [Vec<f32>],
        shapes: &[Shape],
    ) -> &'a [f32] {
        if value == 0 { picture } else { &buffers[self.slots[value]][..shapes[value].len()] }
    }

    /// Runs the first steps on one picture.
    fn body(&self, picture: &[f32], head: usize, shapes: &[Shape], buffers: &mut [Vec<f32>]) {
        let padding = buffers.len() - 1;
        for (at, step) in self.steps[..head].iter().enumerate() {
            let mut padded = std::mem::take(&mut buffers[padding]);
            let mut out = std::mem::take(&mut buffers[self.slots[at + 1]]);
            let made = room(&mut out, shapes[at + 1].len());
            let inputs: Vec<&[f32]> =
                step.inputs.iter().map(|&input| self.value(input, picture, buffers, shapes)).collect();
            apply(&step.layer, shapes[step.inputs[0]], &inputs, shapes[at + 1], made, &mut padded);
            buffers[self.slots[at + 1]] = out;
            buffers[padding] = padded;
        }
    }

    /// Runs the last steps on all pictures: every picture is one pixel of a row.
    fn head(&self, head: usize, count: usize, shapes: &[Shape], values: &mut [Vec<f32>]) {
        let row = |shape: Shape| Shape { width: count, ..shape };
        for (at, step) in self.steps.iter().enumerate().skip(head) {
            let mut out = vec![0.0; count * shapes[at + 1].len()];
            let inputs: Vec<&[f32]> = step.inputs.iter().map(|&input| values[input].as_slice()).collect();
            let (from, to) = (row(shapes[step.inputs[0]]), row(shapes[at + 1]));
            match step.layer {
                Layer::Flatten(_) => out.copy_from_slice(inputs[0]), // one pixel is flat in every order
                _ => apply(&step.layer, from, &inputs, to, &mut out, &mut Vec::new()),
            }
            values[at + 1] = out;
        }
    }
}

/// The buffers of the values: the input needs none, and the buffer of a value is free after its last use.
fn slots(steps: &[Step], outputs: &[usize]) -> Vec<usize> {
    let last_use = |value: usize| {
        let kept = outputs.contains(&value).then_some(usize::MAX);
        kept.or_else(|| steps.iter().rposition(|step| step.inputs.contains(&value))).unwrap_or(0)
    };
    let mut slots = vec![0];
    let mut until: Vec<usize> = Vec::new();
    for at in 0..steps.len() {
        let free = until.iter().position(|&until| until < at);
        let slot = free.unwrap_or(until.len());
        if free.is_none() {
            until.push(0);
        }
        until[slot] = last_use(at + 1).max(at);
        slots.push(slot);
    }
    slots
}

fn room(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

/// Runs one layer on one picture. All shapes are checked.
fn apply(layer: &Layer, from: Shape, inputs: &[&[f32]], to: Shape, out: &mut [f32], padded: &mut Vec<f32>) {
    let &[input, ..] = inputs else { return };
    match layer {
        Layer::Convolution(layer) if layer.pad == [0; 4] => {
            convolution::Run { layer, from, input, to, out }.run();
        }
        Layer::Convolution(layer) => {
            let from = pad(layer.pad, from, input, padded);
            convolution::Run { layer, from, input: &padded[..from.len()], to, out }.run();
        }
        Layer::Depthwise(layer) => dispatch(depthwise::Run { layer, from, input, to, out }),
        &Layer::MaxPool(layer) => dispatch(pool::Run { layer, from, input, to, out }),
        Layer::Add => {
            let other = inputs.get(1).copied().unwrap_or_default();
            dispatch(sum::Run { inputs: [input, other], out });
        }
        Layer::Flatten(order) => flatten(*order, from, input, out),
        Layer::Softmax => softmax(from.channels, input, out),
    }
}

/// Copies a picture with zeros around it.
fn pad([top, left, bottom, right]: [usize; 4], from: Shape, input: &[f32], padded: &mut Vec<f32>) -> Shape {
    let to = Shape { height: from.height + top + bottom, width: from.width + left + right, ..from };
    let (row, wide) = (from.width * from.channels, to.width * to.channels);
    let out = room(padded, to.len());
    out.fill(0.0);
    for (y, input) in input.chunks_exact(row).enumerate() {
        out[(y + top) * wide + left * from.channels..][..row].copy_from_slice(input);
    }
    to
}

fn flatten(order: [usize; 3], from: Shape, input: &[f32], out: &mut [f32]) {
    let sides = [from.height, from.width, from.channels];
    let steps = [from.width * from.channels, from.channels, 1];
    let [slow, middle, fast] = order;
    let mut out = out.iter_mut();
    for (i, j, k) in (0..sides[slow])
        .flat_map(|i| (0..sides[middle]).flat_map(move |j| (0..sides[fast]).map(move |k| (i, j, k))))
    {
        if let Some(out) = out.next() {
            *out = input[i * steps[slow] + j * steps[middle] + k * steps[fast]];
        }
    }
}

fn softmax(channels: usize, input: &[f32], out: &mut [f32]) {
    for (input, out) in input.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
        let largest = input.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (out, value) in out.iter_mut().zip(input) {
            *out = (value - largest).exp();
            sum += *out;
        }
        out.iter_mut().for_each(|value| *value /= sum);
    }
}
