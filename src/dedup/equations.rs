//! The normal equations of a Gauss-Newton step: sums over pixels of products of the derivatives and the difference.
//!
//! The sums are formed for each column, so every loop runs over a line of pixels, and the order of additions is the same on every
//! machine. In a column x is constant, so it is multiplied in the end.

use std::ops::Range;

use nalgebra::{SMatrix, SVector};

use super::level::Line;
use super::thumbnail::SIDE;
use super::vectors::total;

/// The equations for scale and shift in x, scale and shift in y, gain and bias.
pub(super) struct Equations {
    side: usize,
    /// 1 for the columns that count.
    counts: [f32; SIDE],
    sums: Box<Sums>,
}

/// Weighted products of the derivatives in x (`s`) and y (`f`), the value (`v`) and the difference (`d`), and of these with y (`y`) and its
/// square (`yy`), for each column.
struct Sums {
    ss: [f32; SIDE],
    sf: [f32; SIDE],
    sfy: [f32; SIDE],
    sv: [f32; SIDE],
    s: [f32; SIDE],
    sd: [f32; SIDE],
    ff: [f32; SIDE],
    ffy: [f32; SIDE],
    ffyy: [f32; SIDE],
    fv: [f32; SIDE],
    fvy: [f32; SIDE],
    f: [f32; SIDE],
    fy: [f32; SIDE],
    fd: [f32; SIDE],
    fdy: [f32; SIDE],
    vv: [f32; SIDE],
    v: [f32; SIDE],
    vd: [f32; SIDE],
    w: [f32; SIDE],
    d: [f32; SIDE],
}

/// A row of pixels of one picture, and the rows of the other one between which it is.
pub(super) struct Row<'a> {
    /// The row as a share of the side.
    pub y: f32,
    pub own: &'a [f32],
    pub lines: &'a [Line; 2],
    /// How far it is from the first line to the second.
    pub share: f32,
}

impl Equations {
    /// Equations of rows of `side` pixels, at most 128, of which those in `across` count.
    pub fn of(side: usize, across: &Range<usize>) -> Self {
        let counts = std::array::from_fn(|at| if across.contains(&at) { 1.0 } else { 0.0 });
        let zero = [0.0; SIDE];
        let sums = Sums {
            ss: zero,
            sf: zero,
            sfy: zero,
            sv: zero,
            s: zero,
            sd: zero,
            ff: zero,
            ffy: zero,
            ffyy: zero,
            fv: zero,
            fvy: zero,
            f: zero,
            fy: zero,
            fd: zero,
            fdy: zero,
            vv: zero,
            v: zero,
            vd: zero,
            w: zero,
            d: zero,
        };
        Self { side, counts, sums: Box::new(sums) }
    }

    /// Adds a row; the other picture is seen with this gain and bias.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // one place in many lines
    pub fn add(&mut self, row: &Row<'_>, (gain, bias): (f32, f32), weight: impl Fn(f32) -> f32) {
        let (side, share, y) = (self.side.min(SIDE), row.share, row.y);
        let unit = gain * side as f32;
        let [above, below] = row.lines;
        let (own, top, bottom) = (&row.own[..side], &above.values[..side], &below.values[..side]);
        let (top_slope, bottom_slope) = (&above.slopes[..side], &below.slopes[..side]);
        let sums = &mut *self.sums;
        for at in 0..side {
            let fall = bottom[at] - top[at];
            let v = top[at] + fall * share;
            let s = unit * (top_slope[at] + (bottom_slope[at] - top_slope[at]) * share);
            let f = unit * fall;
            let d = own[at] - (gain * v + bias);
            let w = weight(d) * self.counts[at];
            let (ws, wf, wv) = (w * s, w * f, w * v);
            let (sf, ff, fv, fd) = (ws * f, wf * f, wf * v, wf * d);
            sums.ss[at] += ws * s;
            sums.sf[at] += sf;
            sums.sfy[at] += y * sf;
            sums.sv[at] += ws * v;
            sums.s[at] += ws;
            sums.sd[at] += ws * d;
            sums.ff[at] += ff;
            sums.ffy[at] += y * ff;
            sums.ffyy[at] += y * (y * ff);
            sums.fv[at] += fv;
            sums.fvy[at] += y * fv;
            sums.f[at] += wf;
            sums.fy[at] += y * wf;
            sums.fd[at] += fd;
            sums.fdy[at] += y * fd;
            sums.vv[at] += wv * v;
            sums.v[at] += wv;
            sums.vd[at] += wv * d;
            sums.w[at] += w;
            sums.d[at] += w * d;
        }
    }

    /// The step. `None` if there is none.
    pub fn solved(&self) -> Option<[f32; 6]> {
        let side = self.side.min(SIDE);
        let x: [f32; SIDE] = std::array::from_fn(|at| (at as f32 + 0.5) / side as f32);
        let xx = x.map(|x| x * x);
        let by = |column: &[f32; SIDE], factors: &[f32; SIDE]| {
            total(&column[..side], &factors[..side], |sum, factor| sum * factor)
        };
        let (whole, by_x) = (|column| by(column, &[1.0; SIDE]), |column| by(column, &x));
        let Sums { ss, sf, sfy, sv, s, sd, ff, ffy, ffyy, fv, fvy, f, fy, fd, fdy, vv, v, vd, w, d } =
            &*self.sums;
        let upper = [
            [by(ss, &xx), by_x(ss), by_x(sfy), by_x(sf), by_x(sv), by_x(s)],
            [0.0, whole(ss), whole(sfy), whole(sf), whole(sv), whole(s)],
            [0.0, 0.0, whole(ffyy), whole(ffy), whole(fvy), whole(fy)],
            [0.0, 0.0, 0.0, whole(ff), whole(fv), whole(f)],
            [0.0, 0.0, 0.0, 0.0, whole(vv), whole(v)],
            [0.0, 0.0, 0.0, 0.0, 0.0, whole(w)],
        ];
        let right = [by_x(sd), whole(sd), whole(fdy), whole(fd), whole(vd), whole(d)];
        let mut matrix = SMatrix::<f32, 6, 6>::from_fn(|row, column| upper[row.min(column)][row.max(column)]);
        // A flat direction keeps its value.
        let trace = matrix.trace();
        for at in 0..6 {
            matrix[(at, at)] += 1e-7 * trace + 1e-6;
        }
        Some(matrix.cholesky()?.solve(&SVector::from(right)).into())
    }
}
