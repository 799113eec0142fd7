// The candidate list of a reply.

import { el, link } from './dom.js';
import { picture } from './pictures.js';
import { rangeOf, scoreAxis, scoreBar } from './score_bar.js';
import { session } from './session.js';
import { S } from './strings.js';
import { score } from './words.js';

/** The candidates of `reply`, best first, each with its picture and its score on a bar. */
export function candidates(reply) {
  return el(
    'div',
    { class: 'candidates' },
    el('ol', { class: 'plain-list' }, ...reply.matches.map((each) => candidate(each, reply))),
    session.me.scores ? scoreAxis(reply) : el('p', { class: 'hint', text: S.candidates.hidden }),
  );
}

function candidate(match, reply) {
  // A token without scores gets them in bands, which say less than the decision.
  const isScored = session.me.scores;
  const range = isScored ? rangeOf(match.similarity, reply) : match.match ? 'match' : 'below';
  return el(
    'li',
    { class: `candidate ${range}` },
    picture(match.face_id, match.subject),
    el(
      'div',
      { class: 'candidate-head' },
      session.may('enroll')
        ? link(match.subject, `people/${match.subject_id}`, { class: 'candidate-name' })
        : el('span', { class: 'candidate-name', text: match.subject }),
      el('span', { class: 'candidate-range', text: S.candidates[range] }),
      isScored && el('span', { class: 'candidate-score', text: score(match.similarity) }),
    ),
    isScored &&
      el(
        'div',
        { class: 'candidate-bar' },
        scoreBar(match.similarity, reply),
        match.false_alarm_rate !== undefined &&
          el('p', { class: 'hint', text: S.candidates.alarm(match.false_alarm_rate) }),
      ),
  );
}
