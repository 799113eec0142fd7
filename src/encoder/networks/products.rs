//! Products of rows with rows for joins, as products of matrices.

use gallerist::encoder::{Device, EncoderError};
use gallerist::gallery::{Products, Side, Tile};
use tch::{Kind, Tensor};

use super::{choose, failure};

/// What is named in errors.
const NAME: &str = "libtorch";

/// Rows on a device.
pub(crate) struct TorchProducts {
    device: tch::Device,
    sides: [Tensor; 2],
}

/// The first CUDA device; `None` if [`Device::Auto`] finds none.
///
/// # Errors
/// It was requested, and there is none.
pub(crate) fn new(device: Device) -> Result<Option<Box<dyn Products>>, EncoderError> {
    let device = choose(device)?;
    Ok(device.is_cuda().then(|| Box::new(TorchProducts::on(device)) as Box<dyn Products>))
}

impl TorchProducts {
    pub(crate) fn on(device: tch::Device) -> Self {
        Self { device, sides: [Tensor::new(), Tensor::new()] }
    }

    /// The pairs of the tile whose product reaches `cut`, a row of two positions each; `None`: more than `most`.
    fn pairs(&self, tile: &Tile, cut: f32, most: usize) -> Result<Option<Vec<i64>>, tch::TchError> {
        let _guard = tch::no_grad_guard();
        let [probes, rows] = &self.sides;
        let part =
            |of: &Tensor, rows: &std::ops::Range<usize>| of.f_narrow(0, rows.start as i64, rows.len() as i64);
        let products = part(probes, &tile.probes)?.f_matmul(&part(rows, &tile.rows)?.f_tr()?)?;
        let reached = products.f_ge(f64::from(cut))?;
        let count = i64::try_from(&reached.f_sum(Kind::Int64)?)?;
        if count == 0 {
            return Ok(Some(Vec::new()));
        }
        if count > most as i64 {
            return Ok(None);
        }
        let places = reached.f_nonzero()?.f_to_device(tch::Device::Cpu)?.f_reshape([-1])?;
        Vec::<i64>::try_from(&places).map(Some)
    }
}

impl Products for TorchProducts {
    /// For components that are rounded to the 11 significant bits of TF32 on their way (libtorch does not round them unless it is told to), and
    /// sums in f32 of any order, rounded or cut: Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    fn error(&self, dimension: usize) -> f32 {
        let (component, sum) = (2.0f32.powi(-10), dimension as f32 * 2.0f32.powi(-22));
        2.0 * component + component * component + sum
    }

    fn load(&mut self, side: Side, rows: &[f32], dimension: usize) -> Result<(), String> {
        // The old rows make room first.
        self.sides[side as usize] = Tensor::new();
        let loaded = Tensor::f_from_slice(rows)
            .and_then(|rows| rows.f_reshape([-1, dimension as i64])?.f_to_device(self.device));
        self.sides[side as usize] = loaded.map_err(|error| failure(NAME, &error).to_string())?;
        Ok(())
    }

    fn reached(
        &mut self,
        tile: &Tile,
        cut: f32,
        most: usize,
        found: &mut Vec<[u32; 2]>,
    ) -> Result<bool, String> {
        let pairs = self.pairs(tile, cut, most).map_err(|error| failure(NAME, &error).to_string())?;
        let Some(pairs) = pairs else { return Ok(false) };
        let at = |from: &std::ops::Range<usize>, place: i64| (from.start + place as usize) as u32;
        found.extend(pairs.chunks_exact(2).map(|pair| [at(&tile.probes, pair[0]), at(&tile.rows, pair[1])]));
        Ok(true)
    }
}
