// What a decision rests on: the threshold and its error rate, the completeness of the search, the quality of the face.

import { el, note } from './dom.js';
import { S } from './strings.js';
import { percent, score } from './words.js';

/** Notes that must be seen before the decision is used: a threshold that is not calibrated, a calibration that is out of date. */
export function warnings({ calibration, threshold }) {
  const { origin, note: said, stale } = calibration ?? {};
  return [
    origin === 'uncalibrated' &&
      note(
        'caution',
        el(
          'p',
          {},
          el('strong', { text: S.basis.uncalibrated(threshold === undefined ? null : score(threshold)) }),
          `: ${said ?? S.basis.uncalibratedNote}.`,
        ),
      ),
    stale?.length > 0 &&
      note(
        'caution',
        el('p', {}, el('strong', { text: S.basis.stale })),
        el('ul', {}, ...stale.map((why) => el('li', { text: why }))),
      ),
  ].filter(Boolean);
}

/** The section below the candidates. */
export function basis(reply) {
  return el(
    'section',
    { class: 'basis', 'aria-labelledby': 'basis' },
    el('h3', { id: 'basis', text: S.basis.heading }),
    el('dl', {}, ...thresholds(reply), entry(S.basis.search, certificate(reply)), ...face(reply.probe)),
  );
}

function entry(name, ...texts) {
  return el(
    'div',
    {},
    el('dt', { text: name }),
    el('dd', {}, ...texts.filter(Boolean).map((text) => el('p', { text }))),
  );
}

function thresholds({ calibration, threshold: value, no_match_below: low }) {
  if (!calibration || value === undefined) return [];
  if (calibration.origin === 'uncalibrated') return [entry(S.basis.threshold, S.basis.uncalibratedLine(score(value)))];
  if (calibration.origin === 'user') {
    return [
      entry(
        S.basis.threshold,
        S.basis.user(score(value)),
        S.basis.userNote,
        low < value && S.basis.userBetween(score(low), score(value)),
      ),
    ];
  }
  const {
    target_fpir: target,
    fpir_ci95: ci,
    nonmated_searches: searches,
    n_subjects: subjects,
    no_match: second,
  } = calibration;
  const isExtrapolated = calibration.extrapolated || second?.extrapolated;
  return [
    entry(
      second ? S.basis.matchFrom : S.basis.threshold,
      S.basis.rate(score(value), target),
      S.basis.calibratedNote(target, ci),
    ),
    second &&
      entry(
        S.basis.noMatchBelow,
        S.basis.rate(score(second.threshold), second.target_fpir),
        S.basis.noMatchNote(second.target_fpir, second.fpir_ci95),
      ),
    searches !== undefined &&
      entry(S.basis.calibration, S.basis.measured(searches, subjects), isExtrapolated && S.basis.extrapolated),
  ].filter(Boolean);
}

/** The certificate in words. */
export function certificate({ certificate: proof, search }) {
  if (proof.kind === 'exact') return S.basis.exact(search.templates);
  if (proof.kind === 'bounded') return S.basis.bounded(search.templates, (proof.delta ?? 0).toExponential(0));
  if (proof.kind === 'sampled' && proof.interval)
    return S.basis.sampled(proof.searched, percent(proof.miss_rate), percent(proof.interval[1]));
  return S.basis.none(proof.searched);
}

function face({ quality, turned }) {
  const texts = [quality && `${S.identify.quality(quality.overall)}.`, turned > 0 && S.identify.turned(turned)].filter(
    Boolean,
  );
  return texts.length ? [entry(S.basis.face, ...texts)] : [];
}
