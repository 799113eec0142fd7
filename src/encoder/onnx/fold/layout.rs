//! Operators that select and order the numbers of constants.

use super::super::Refusal;
use super::super::constant::{Constant, Numbers, count};
use super::super::node::{Node, axis};
use super::super::value::Value;
use super::Budget;

pub(super) const KINDS: [&str; 10] = [
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Gather",
    "Concat",
    "Expand",
    "Tile",
];

/// The numbers of `x` at these places.
fn picked(x: &Constant, shape: Vec<usize>, places: impl Iterator<Item = usize>) -> Result<Constant, Refusal> {
    let outside = || Refusal::new("it reads beyond the end of a constant");
    let numbers = match &x.numbers {
        Numbers::Float(numbers) => {
            let found = places.map(|at| numbers.get(at).copied()).collect::<Option<_>>();
            Numbers::Float(std::rc::Rc::new(found.ok_or_else(outside)?))
        }
        Numbers::Whole(numbers) => {
            let found = places.map(|at| numbers.get(at).copied()).collect::<Option<_>>();
            Numbers::Whole(std::rc::Rc::new(found.ok_or_else(outside)?))
        }
    };
    Ok(Constant { shape, numbers })
}

/// Steps between neighbours along each axis.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The places of all indices of `shape` in a tensor with these strides, the last axis fastest.
pub(super) fn places<'a>(
    shape: &'a [usize],
    strides: &'a [usize],
    count: usize,
) -> impl Iterator<Item = usize> + 'a {
    (0..count).map(move |number| {
        let (mut rest, mut place) = (number, 0);
        for (side, stride) in shape.iter().zip(strides).rev() {
            place += rest % side * stride;
            rest /= side;
        }
        place
    })
}

pub(super) fn fold(
    node: &Node<'_>,
    inputs: &[&Constant],
    budget: &mut Budget,
) -> Result<Option<Constant>, Refusal> {
    let x = *inputs.first().ok_or_else(|| Refusal::new("it has no input"))?;
    let made = match node.kind() {
        "Reshape" => reshaped(x, node)?,
        "Flatten" => {
            let at = node.int("axis", 1);
            let at = if at == x.shape.len() as i64 { x.shape.len() } else { axis(at, x.shape.len())? };
            let shape = vec![x.shape[..at].iter().product(), x.shape[at..].iter().product()];
            Constant { shape, numbers: x.numbers.clone() }
        }
        "Squeeze" => {
            let shape = squeezed(&x.shape, node.ints_or_input("axes", 1)?)?;
            Constant { shape, numbers: x.numbers.clone() }
        }
        "Unsqueeze" => {
            let axes = node.ints_or_input("axes", 1)?.unwrap_or_default();
            Constant { shape: unsqueezed(x.shape.clone(), &axes, 1)?, numbers: x.numbers.clone() }
        }
        "Transpose" => {
            let order = order(node, x.shape.len())?;
            let steps = strides(&x.shape);
            let shape: Vec<usize> = order.iter().map(|&axis| x.shape[axis]).collect();
            let steps: Vec<usize> = order.iter().map(|&axis| steps[axis]).collect();
            let count = budget.take(&shape)?;
            picked(x, shape.clone(), places(&shape, &steps, count))?
        }
        "Slice" => sliced(x, node, budget)?,
        "Gather" => gathered(x, node, budget)?,
        "Concat" => concatenated(inputs, node, budget)?,
        "Expand" => {
            let Some(target) = node.constant(1)?.as_integers() else { return Ok(None) };
            expanded(x, &target, budget)?
        }
        _ => return Ok(None), // Tile
    };
    Ok(Some(made))
}

fn reshaped(x: &Constant, node: &Node<'_>) -> Result<Constant, Refusal> {
    let target = node.ints_or_input("shape", 1)?.ok_or_else(|| Refusal::new("it has no shape"))?;
    let wrong = || Refusal::new(format!("{:?} cannot become {target:?}", x.shape));
    let copied = target.iter().enumerate().map(|(at, &side)| match side {
        0 if node.int("allowzero", 0) == 0 => x.shape.get(at).map(|&side| side as i64),
        side => Some(side),
    });
    let target_sides = copied.collect::<Option<Vec<i64>>>().ok_or_else(wrong)?;
    let known = target_sides.iter().filter(|&&side| side != -1);
    let known =
        known.copied().try_fold(1_i64, |product, side| product.checked_mul(side)).ok_or_else(wrong)?;
    let known = usize::try_from(known).map_err(|_| wrong())?;
    let rest = x.len().checked_div(known).unwrap_or(0);
    let side = |&side: &i64| if side == -1 { Some(rest) } else { usize::try_from(side).ok() };
    let shape = target_sides.iter().map(side).collect::<Option<Vec<usize>>>().ok_or_else(wrong)?;
    if count(&shape) != Some(x.len()) {
        return Err(wrong());
    }
    Ok(Constant { shape, numbers: x.numbers.clone() })
}

/// `shape` without these axes of length 1, or without all such axes.
fn squeezed(shape: &[usize], axes: Option<Vec<i64>>) -> Result<Vec<usize>, Refusal> {
    let Some(axes) = axes else { return Ok(shape.iter().copied().filter(|&side| side != 1).collect()) };
    let axes = axes.iter().map(|&at| axis(at, shape.len())).collect::<Result<Vec<_>, _>>()?;
    if axes.iter().any(|&axis| shape[axis] != 1) {
        return Err(Refusal::new(format!("an axis of {shape:?} that is not 1 is removed")));
    }
    Ok(shape.iter().enumerate().filter(|(at, _)| !axes.contains(at)).map(|(_, &side)| side).collect())
}

/// `shape` with an additional `one` at each of these axes of the result.
pub(in super::super) fn unsqueezed<T: Copy>(shape: Vec<T>, axes: &[i64], one: T) -> Result<Vec<T>, Refusal> {
    let count = shape.len() + axes.len();
    let mut axes = axes.iter().map(|&at| axis(at, count)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    let mut shape = shape;
    for at in axes {
        if at > shape.len() {
            return Err(Refusal::new("an axis is added twice"));
        }
        shape.insert(at, one);
    }
    Ok(shape)
}

/// The order of axes of a Transpose; reversed if none is stated.
pub(in super::super) fn order(node: &Node<'_>, axes: usize) -> Result<Vec<usize>, Refusal> {
    let Some(order) = node.ints("perm") else { return Ok((0..axes).rev().collect()) };
    let order = order.iter().map(|&at| axis(at, axes)).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..axes) {
        return Ok(order);
    }
    Err(Refusal::new(format!("perm is {order:?} for {axes} axes")))
}

/// One axis of a Slice: axis, start, number of entries, step.
pub(in super::super) type Cut = (usize, i64, i64, i64);

/// The cuts of a Slice of `shape`.
pub(in super::super) fn cuts(node: &Node<'_>, shape: &[Option<i64>]) -> Result<Vec<Cut>, Refusal> {
    let absent = || Refusal::new("it has no starts or ends");
    let starts = node.ints_or_input("starts", 1)?.ok_or_else(absent)?;
    let ends = node.ints_or_input("ends", 2)?.ok_or_else(absent)?;
    let axes = node.ints_or_input("axes", 3)?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node.ints_or_input("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(Refusal::new("its starts, ends, axes and steps are not equally many"));
    }
    let cut = |at: usize| -> Result<Cut, Refusal> {
        let axis = axis(axes[at], shape.len())?;
        let length = shape[axis];
        let (start, end, step) = (starts[at], ends[at], steps[at]);
        let Some(length) = length else {
            return Err(Refusal::new("it would select crops of the batch"));
        };
        let from_start = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
        let (start, end) = (from_start(start), from_start(end));
        let (start, count) = match step {
            0 => return Err(Refusal::new("a step of 0")),
            1.. => {
                let (start, end) = (start.clamp(0, length), end.clamp(0, length));
                (start, (end - start).max(0).div_euclid(step) + i64::from((end - start).max(0) % step != 0))
            }
            _ => {
                let (start, end) = (start.clamp(-1, length - 1), end.clamp(-1, length - 1));
                let (width, back) = ((start - end).max(0), step.saturating_neg());
                (start, width / back + i64::from(width % back != 0))
            }
        };
        Ok((axis, start, count, step))
    };
    (0..starts.len()).map(cut).collect()
}

fn sliced(x: &Constant, node: &Node<'_>, budget: &mut Budget) -> Result<Constant, Refusal> {
    let mut result = x.clone();
    let known: Vec<Option<i64>> = x.shape.iter().map(|&side| Some(side as i64)).collect();
    for (axis, start, count, step) in cuts(node, &known)? {
        let entries = (0..count).map(|at| (start + at * step) as usize).collect();
        result = along(&result, axis, entries, budget)?;
    }
    Ok(result)
}

/// These entries of `axis`.
fn along(x: &Constant, axis: usize, entries: Vec<usize>, budget: &mut Budget) -> Result<Constant, Refusal> {
    let mut shape = x.shape.clone();
    shape[axis] = entries.len();
    budget.take(&shape)?;
    if entries.iter().any(|&entry| entry >= x.shape[axis]) {
        return Err(Refusal::new(format!("an index beyond the {} of an axis", x.shape[axis])));
    }
    let inner: usize = x.shape[axis + 1..].iter().product();
    let outer: usize = x.shape[..axis].iter().product();
    let block = x.shape[axis] * inner;
    let entries = &entries;
    let row = |o: usize| entries.iter().flat_map(move |e| (0..inner).map(move |i| o * block + e * inner + i));
    picked(x, shape, (0..outer).flat_map(row))
}

/// The indices of a Gather along an axis of `length`, counted from 0.
pub(in super::super) fn indices(constant: &Constant, length: i64) -> Result<Vec<i64>, Refusal> {
    let indices = constant.as_integers().ok_or_else(|| Refusal::new("its indices are not known"))?;
    let index = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let indices: Vec<i64> = indices.into_iter().map(index).collect();
    match indices.iter().find(|index| !(0..length).contains(*index)) {
        Some(index) => Err(Refusal::new(format!("index {index} of an axis of {length}"))),
        None => Ok(indices),
    }
}

fn gathered(x: &Constant, node: &Node<'_>, budget: &mut Budget) -> Result<Constant, Refusal> {
    let at = axis(node.int("axis", 0), x.shape.len())?;
    let index = node.constant(1)?;
    let entries = indices(index, x.shape[at] as i64)?.iter().map(|&index| index as usize).collect();
    let mut result = along(x, at, entries, budget)?;
    result.shape.splice(at..=at, index.shape.iter().copied());
    Ok(result)
}

fn concatenated(inputs: &[&Constant], node: &Node<'_>, budget: &mut Budget) -> Result<Constant, Refusal> {
    let first = inputs[0];
    let at = axis(node.int("axis", 0), first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[at] = 0;
    for x in inputs {
        let alike = x.shape.len() == shape.len()
            && x.shape.iter().zip(&shape).enumerate().all(|(axis, (a, b))| axis == at || a == b);
        if !alike {
            return Err(Refusal::new(format!("{:?} and {:?} do not fit together", first.shape, x.shape)));
        }
        shape[at] = shape[at].checked_add(x.shape[at]).ok_or_else(|| Refusal::new("its shape overflows"))?;
    }
    budget.take(&shape)?;
    let outer: usize = shape[..at].iter().product();
    let chunk = |x: &Constant| x.shape[at..].iter().product::<usize>();
    let all_floats: Option<Vec<_>> = inputs
        .iter()
        .map(|x| match &x.numbers {
            Numbers::Float(numbers) => Some((numbers, chunk(x))),
            Numbers::Whole(_) => None,
        })
        .collect();
    if let Some(parts) = all_floats {
        let row = |o: usize| parts.iter().flat_map(move |(x, size)| x[o * size..][..*size].iter().copied());
        return Ok(Constant::floats(shape, (0..outer).flat_map(row).collect()));
    }
    let all_wholes: Option<Vec<_>> = inputs
        .iter()
        .map(|x| match &x.numbers {
            Numbers::Whole(numbers) => Some((numbers, chunk(x))),
            Numbers::Float(_) => None,
        })
        .collect();
    let parts = all_wholes.ok_or_else(|| Refusal::new("floats and whole numbers together"))?;
    let row = |o: usize| parts.iter().flat_map(move |(x, size)| x[o * size..][..*size].iter().copied());
    Ok(Constant::wholes(shape, (0..outer).flat_map(row).collect()))
}

/// Repeats axes of length 1, up to the common shape with `target`.
fn expanded(x: &Constant, target: &[i64], budget: &mut Budget) -> Result<Constant, Refusal> {
    let wrong = || Refusal::new(format!("{:?} cannot be repeated to {target:?}", x.shape));
    let target = target.iter().map(|&side| usize::try_from(side).ok()).collect::<Option<Vec<usize>>>();
    let target = target.ok_or_else(wrong)?;
    let count = target.len().max(x.shape.len());
    let padded = |shape: &[usize]| [vec![1; count - shape.len()], shape.to_vec()].concat();
    let (from, to) = (padded(&x.shape), padded(&target));
    let joined = from.iter().zip(&to).map(|(&from, &to)| match (from, to) {
        (from, to) if from == to || to == 1 => Some(from),
        (1, to) => Some(to),
        _ => None,
    });
    let shape = joined.collect::<Option<Vec<usize>>>().ok_or_else(wrong)?;
    let count = budget.take(&shape)?;
    let steps: Vec<usize> =
        strides(&from).iter().zip(&from).map(|(&step, &side)| if side == 1 { 0 } else { step }).collect();
    picked(x, shape.clone(), places(&shape, &steps, count))
}

/// The lengths of the parts of a Split of an axis of `length`.
pub(in super::super) fn parts(node: &Node<'_>, length: i64) -> Result<Vec<i64>, Refusal> {
    let count = node.proto.output.len() as i64;
    if let Some(parts) = node.ints_or_input("split", 1)? {
        let sum = parts.iter().try_fold(0_i64, |sum, part| sum.checked_add((*part).max(0)));
        if parts.len() as i64 != count || sum != Some(length) || parts.iter().any(|&part| part < 0) {
            return Err(Refusal::new(format!("parts {parts:?} of an axis of {length} in {count} outputs")));
        }
        return Ok(parts);
    }
    let each = length / count.max(1) + i64::from(length % count.max(1) != 0);
    let part = |at: i64| (length - at * each).clamp(0, each);
    Ok((0..count).map(part).collect())
}

pub(super) fn split(node: &Node<'_>, budget: &mut Budget) -> Result<Vec<Value>, Refusal> {
    let x = node.constant(0)?;
    let at = axis(node.int("axis", 0), x.shape.len())?;
    let mut start = 0;
    let mut made = Vec::new();
    for part in parts(node, x.shape[at] as i64)? {
        let entries = (start..start + part).map(|entry| entry as usize).collect();
        made.push(Value::Constant(along(x, at, entries, budget)?));
        start += part;
    }
    Ok(made)
}
