// The candidate list of a reply.

import { el, link } from './dom.js';
import { picture } from './pictures.js';
import { rangeOf, scoreAxis, scoreBar } from './score_bar.js';
import { S } from './strings.js';
import { score } from './words.js';

/** The candidates of `reply`, best first, each with its picture and its score on a bar. */
export function candidates(reply) {
  if (!reply.matches.length) return el('p', { class: 'hint', text: S.candidates.none });
  return el('div', { class: 'candidates' },
    el('ol', { class: 'plain-list' }, ...reply.matches.map((each) => candidate(each, reply))),
    scoreAxis(reply));
}

function candidate(match, reply) {
  const range = rangeOf(match.similarity, reply);
  return el('li', { class: `candidate ${range}` },
    picture(match.face_id, match.subject),
    el('div', { class: 'candidate-head' },
      link(match.subject, `people/${match.subject_id}`, { class: 'candidate-name' }),
      el('span', { class: 'candidate-range', text: S.candidates[range] }),
      el('span', { class: 'candidate-score', text: score(match.similarity) })),
    el('div', { class: 'candidate-bar' },
      scoreBar(match.similarity, reply),
      match.false_alarm_rate !== undefined && el('p', { class: 'hint', text: S.candidates.alarm(match.false_alarm_rate) })));
}
