//! The executor's graph under construction: its operations, their shapes, and the tensors that they use.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::Refusal;
use super::constant::Constant;
use super::value::Value;
use crate::encoder::graph::{Description, Dim, INPUT, Op, Shape, Step};

/// A tensor of the executor's file.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub shape: Vec<i64>,
    pub numbers: Rc<Vec<f32>>,
}

pub(super) struct Builder {
    steps: Vec<Step>,
    tensors: BTreeMap<String, Tensor>,
    /// The names of tensors by the place of their numbers in memory, so that shared weights are kept once.
    names: HashMap<(*const f32, Vec<i64>), String>,
    counts: HashMap<&'static str, usize>,
}

impl Builder {
    pub fn new() -> Self {
        Self { steps: Vec::new(), tensors: BTreeMap::new(), names: HashMap::new(), counts: HashMap::new() }
    }

    /// The picture: N, 3, side, side.
    pub fn entry(channels: i64, side: i64) -> Value {
        Self::entry_of(vec![Dim::batch(1), Dim::fixed(channels), Dim::fixed(side), Dim::fixed(side)])
    }

    /// An input of this shape.
    pub fn entry_of(shape: Shape) -> Value {
        Value::Run { name: INPUT.to_owned(), shape }
    }

    fn name(&mut self, kind: &'static str) -> String {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        format!("{kind}_{count}")
    }

    /// Keeps a tensor, and returns its name.
    ///
    /// # Errors
    /// A number is infinite or NaN.
    pub fn tensor(&mut self, shape: Vec<i64>, numbers: Rc<Vec<f32>>) -> Result<String, Refusal> {
        let key = (numbers.as_ptr(), shape.clone());
        if let Some(name) = self.names.get(&key) {
            return Ok(name.clone());
        }
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(Refusal::new(format!("number {at} of a weight is {}", numbers[at])));
        }
        let name = self.name("tensor");
        self.names.insert(key, name.clone());
        self.tensors.insert(name.clone(), Tensor { shape, numbers });
        Ok(name)
    }

    /// A constant as a tensor of its own shape.
    pub fn weight(&mut self, constant: &Constant) -> Result<String, Refusal> {
        let numbers = constant.as_floats().ok_or_else(|| Refusal::new("a weight depends on the batch"))?;
        self.tensor(constant.shape.iter().map(|&side| side as i64).collect(), numbers)
    }

    /// Adds an operation.
    ///
    /// # Errors
    /// Its inputs do not fit, or it would mix the crops of a batch.
    pub fn add(&mut self, kind: &'static str, op: Op, inputs: &[&Value]) -> Result<Value, Refusal> {
        let mut names = Vec::with_capacity(inputs.len());
        let mut shapes: Vec<Shape> = Vec::with_capacity(inputs.len());
        for input in inputs {
            let (name, shape) = self.running(input)?;
            names.push(name);
            shapes.push(shape);
        }
        let shapes: Vec<&[Dim]> = shapes.iter().map(Vec::as_slice).collect();
        let tensors = |name: &str| self.tensors.get(name).map(|tensor| tensor.shape.clone());
        let shape = op.shape(&shapes, &tensors).map_err(Refusal::new)?;
        let out = self.name(kind);
        self.steps.push(Step { op, inputs: names, out: out.clone() });
        Ok(Value::Run { name: out, shape })
    }

    /// A value of the executor. A constant becomes one.
    fn running(&mut self, value: &Value) -> Result<(String, Shape), Refusal> {
        match value {
            Value::Run { name, shape } => Ok((name.clone(), shape.clone())),
            Value::Constant(constant) => {
                let weight = self.weight(constant)?;
                let made = self.add("constant", Op::Constant { weight }, &[])?;
                match made {
                    Value::Run { name, shape } => Ok((name, shape)),
                    Value::Constant(_) => Err(Refusal::new("a constant was not kept")),
                }
            }
        }
    }

    /// The same numbers with other axes.
    pub fn reshape(&mut self, x: &Value, shape: &[Dim]) -> Result<Value, Refusal> {
        if x.shape() == shape {
            return Ok(x.clone());
        }
        let shape = shape.iter().map(|dim| if dim.batch { -1 } else { dim.size }).collect();
        self.add("reshape", Op::Reshape { shape }, &[x])
    }

    /// Multiplies the outputs of the convolution or linear layer that makes `x`, and adds to them. Returns whether there is such a layer.
    pub fn fold_into(&mut self, x: &Value, factors: &[f32], offsets: &[f32]) -> Result<bool, Refusal> {
        let Value::Run { name, .. } = x else { return Ok(false) };
        let Some(at) = self.steps.iter().rposition(|step| step.out == *name) else { return Ok(false) };
        let (weight, bias) = match &self.steps[at].op {
            Op::Conv { weight, bias, .. } | Op::Linear { weight, bias } => (weight, bias),
            _ => return Ok(false),
        };
        let old = &self.tensors[weight];
        if old.shape[0] != factors.len() as i64 || factors.is_empty() {
            return Ok(false);
        }
        let row = old.numbers.len() / factors.len();
        let rows = old.numbers.chunks(row.max(1)).zip(factors);
        let numbers = rows.flat_map(|(row, factor)| row.iter().map(move |x| x * factor)).collect();
        let old_bias = bias.as_ref().map(|bias| self.tensors[bias].numbers.clone());
        let old_bias = |at: usize| old_bias.as_ref().map_or(0.0, |bias| bias[at]);
        let biases = (0..factors.len()).map(|at| old_bias(at) * factors[at] + offsets[at]).collect();
        let shape = old.shape.clone();
        let new_weight = self.tensor(shape, Rc::new(numbers))?;
        let new_bias = self.tensor(vec![factors.len() as i64], Rc::new(biases))?;
        if let Op::Conv { weight, bias, .. } | Op::Linear { weight, bias } = &mut self.steps[at].op {
            (*weight, *bias) = (new_weight, Some(new_bias));
        }
        self.forget_unused(&[]);
        Ok(true)
    }

    /// Drops tensors that no operation uses.
    fn forget_unused(&mut self, kept: &[String]) {
        let used: std::collections::HashSet<&String> =
            self.steps.iter().flat_map(|step| step.op.tensors()).flatten().chain(kept).collect();
        self.tensors.retain(|name, _| used.contains(name));
        let tensors = &self.tensors;
        self.names.retain(|_, name| tensors.contains_key(name));
    }

    /// The network that makes `outputs`, without what they do not need.
    pub fn finish(mut self, outputs: &[Value]) -> Result<(Description, BTreeMap<String, Tensor>), Refusal> {
        let names = outputs.iter().map(|output| Ok(self.running(output)?.0));
        let names = names.collect::<Result<Vec<String>, Refusal>>()?;
        let mut needed: std::collections::HashSet<String> = names.iter().cloned().collect();
        let mut kept = Vec::new();
        for step in std::mem::take(&mut self.steps).into_iter().rev() {
            if needed.contains(&step.out) {
                needed.extend(step.inputs.iter().cloned());
                kept.push(step);
            }
        }
        kept.reverse();
        self.steps = kept;
        self.forget_unused(&[]);
        Ok((Description { outputs: names, ops: self.steps }, self.tensors))
    }
}
