// The decision about one face, in large words, with everything that belongs to it.

import { basis, warnings } from './basis.js';
import { candidates } from './candidates.js';
import { el, icon, note } from './dom.js';
import { session } from './session.js';
import { S } from './strings.js';
import { score } from './words.js';

const SIGNS = { match: 'check', no_match: 'cross', inconclusive: 'question' };

/** Whether the photo or face gave no template, so that nothing was searched. */
export const isRefusal = (reply) => !reply.certificate;

/** Why a refused face or photo was not used, in words. */
export function refusal({ probe }) {
  const known = probe.reasons?.map((code) => S.reasons[code] ?? S.reasons.skipped) ?? [];
  return known.length ? known : [S.reasons.skipped];
}

/** A short text about a reply, for outlines and screen readers: `match, Ada Lovelace`. */
export function shortVerdict(reply) {
  if (isRefusal(reply)) return refusal(reply)[0];
  const word = {
    match: S.candidates.match,
    no_match: S.verdict.no_match.toLowerCase(),
    inconclusive: S.verdict.inconclusive.toLowerCase(),
  }[reply.decision];
  return reply.decision === 'match' ? `${word}, ${reply.matches[0].subject}` : word;
}

/** The decision of `reply`. `actions` are buttons below it. */
export function verdict(reply, actions) {
  if (isRefusal(reply)) return refused(reply, actions);
  return el(
    'div',
    { class: 'verdict-whole' },
    el(
      'div',
      { class: `verdict ${reply.decision}` },
      el('h2', { class: 'verdict-word' }, icon(SIGNS[reply.decision]), el('span', { text: S.verdict[reply.decision] })),
      el('p', { class: 'verdict-name', text: headline(reply) }),
      ...lines(reply).map((text) => el('p', { class: 'verdict-line', text })),
    ),
    ...warnings(reply),
    several(reply),
    el('div', { class: 'row' }, ...actions),
    reply.matches.length > 0 &&
      el(
        'section',
        { 'aria-labelledby': 'candidates' },
        el('h3', { id: 'candidates', text: S.candidates.heading }),
        candidates(reply),
      ),
    basis(reply),
  );
}

function headline({ decision, matches, search }) {
  if (decision === 'match') return matches[0].subject;
  if (decision === 'inconclusive') return S.verdict.inconclusiveHead;
  return search?.templates === 0 ? S.verdict.noMatchNobody : S.verdict.noMatchHead;
}

function lines({ decision, doubt, matches, threshold, no_match_below: low, calibration }) {
  const named = (value) => S.verdict.thresholds[calibration.origin](score(value));
  const best = matches[0]?.similarity;
  // A token without scores sees the decision only.
  const isKnown = best !== undefined && session.me.scores;
  if (decision === 'match') return isKnown ? [S.verdict.matchLine(score(best), named(threshold))] : [];
  if (decision === 'no_match') return isKnown ? [S.verdict.noMatchLine(score(best), named(low))] : [];
  return [S.verdict.doubt[doubt] ?? doubt].filter(Boolean);
}

function several({ matches }) {
  const reached = matches.filter((each) => each.match).length;
  return reached > 1 && note('caution', el('p', { text: S.verdict.several(reached) }));
}

function refused(reply, actions) {
  const isPhoto = reply.probe.bounds === undefined;
  const isEmpty = isPhoto && reply.probe.reasons?.includes('no_face');
  const heading = isEmpty ? S.verdict.noFaceHead : isPhoto ? S.verdict.photoHead : S.verdict.refusedHead;
  return el(
    'div',
    { class: 'verdict-whole' },
    el(
      'div',
      { class: 'verdict inconclusive' },
      el('h2', { class: 'verdict-word' }, icon(SIGNS.inconclusive), el('span', { text: S.verdict.inconclusive })),
      el('p', { class: 'verdict-name', text: heading }),
      ...refusal(reply).map((text) => el('p', { class: 'verdict-line', text })),
      reply.probe.detail && el('p', { class: 'hint', text: reply.probe.detail }),
    ),
    el('div', { class: 'row' }, ...actions),
  );
}
