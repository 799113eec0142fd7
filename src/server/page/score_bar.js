// Scores on a bar from -0.2 to 1, against the thresholds. A threshold that is not calibrated is dashed, and the range above it is
// hatched, so that it cannot be mistaken for one with a known error rate.

import { el, svg } from './dom.js';
import { S } from './strings.js';
import { score as text } from './words.js';

const LOW = -0.2;
const HIGH = 1;
const HEIGHT = 24;
const MIDDLE = HEIGHT / 2;

const at = (value) => (100 * (Math.min(HIGH, Math.max(LOW, value)) - LOW)) / (HIGH - LOW);
const x = (value) => `${at(value).toFixed(3)}%`;
const width = (from, to) => `${Math.max(0, at(to) - at(from)).toFixed(3)}%`;

/** Where a score lies: `match`, `between` or `below`. */
export function rangeOf(value, { threshold, no_match_below: low }) {
  if (value >= threshold) return 'match';
  return value >= low ? 'between' : 'below';
}

/** The bar of one score. `reply` has the thresholds and their origin. */
export function scoreBar(value, reply) {
  const { threshold, no_match_below: low, calibration } = reply;
  const label = S.candidates.bar(text(value), text(threshold), text(low));
  return svg(
    'svg',
    {
      class: `bar ${rangeOf(value, reply)} ${calibration.origin}`,
      width: '100%',
      height: HEIGHT,
      role: 'img',
      'aria-label': label,
    },
    svg('rect', { class: 'bar-track', x: 0, y: MIDDLE - 4, width: '100%', height: 8, rx: 4 }),
    svg('rect', { class: 'bar-above', x: x(threshold), y: MIDDLE - 4, width: width(threshold, HIGH), height: 8 }),
    low < threshold &&
      svg('rect', { class: 'bar-between', x: x(low), y: MIDDLE - 4, width: width(low, threshold), height: 8 }),
    svg('rect', {
      class: 'bar-value',
      x: x(Math.min(0, value)),
      y: MIDDLE - 2,
      width: width(Math.min(0, value), Math.max(0, value)),
      height: 4,
    }),
    svg('line', { class: 'bar-zero', x1: x(0), x2: x(0), y1: MIDDLE - 6, y2: MIDDLE + 6 }),
    low < threshold && line('bar-threshold low', low),
    line('bar-threshold', threshold),
    svg('circle', { class: 'bar-dot', cx: x(value), cy: MIDDLE, r: 5.5 }),
  );
}

/** The axis below a list of bars: ticks, and what the thresholds are. */
export function scoreAxis({ threshold, no_match_below: low, calibration }) {
  const two = low < threshold;
  const ticks = [LOW, 0, 0.5, HIGH];
  const anchor = (value) => (value === LOW ? 'start' : value === HIGH ? 'end' : 'middle');
  // The label is on the side that has room for it; of two labels, the lower one is on the left.
  const side = two || threshold < 0.6 ? { anchor: 'start', dx: 5 } : { anchor: 'end', dx: -5 };
  const name = two ? S.basis.axisHigh(text(threshold)) : S.basis.axisOne(text(threshold));
  return el(
    'div',
    { class: 'axis-frame', 'aria-hidden': 'true' },
    svg(
      'svg',
      { class: `bar axis ${calibration.origin}`, width: '100%', height: 40 },
      svg('line', { class: 'axis-line', x1: 0, x2: '100%', y1: 20, y2: 20 }),
      ...ticks.map((value) => svg('line', { class: 'axis-line', x1: x(value), x2: x(value), y1: 20, y2: 24 })),
      ...ticks.map((value) =>
        svg('text', { class: 'axis-tick', x: x(value), y: 37, 'text-anchor': anchor(value) }, tick(value)),
      ),
      two && svg('line', { class: 'bar-threshold low', x1: x(low), x2: x(low), y1: 2, y2: 20 }),
      two &&
        svg('text', { class: 'axis-name', x: x(low), y: 13, dx: -5, 'text-anchor': 'end' }, S.basis.axisLow(text(low))),
      svg('line', { class: 'bar-threshold', x1: x(threshold), x2: x(threshold), y1: 2, y2: 20 }),
      svg('text', { class: 'axis-name', x: x(threshold), y: 13, dx: side.dx, 'text-anchor': side.anchor }, name),
    ),
  );
}

const tick = (value) => String(value).replace('-', '\u2212');
const line = (kind, value) => svg('line', { class: kind, x1: x(value), x2: x(value), y1: 1, y2: HEIGHT - 1 });
