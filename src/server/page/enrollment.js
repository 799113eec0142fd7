// The enrollment of one photo, and its result in words.

import { el } from './dom.js';
import { sentence } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';

/** The statuses of a refused photo. */
const REFUSED = [413, 422];

/** The result for one photo. A refusal of the photo is a result; any other problem is thrown. */
export async function enrollOne(subject, file, photos, signal) {
  const form = new FormData();
  form.append('request', JSON.stringify({ photos }));
  form.append('subject', subject);
  form.append('image', file, file.name || 'photo');
  try {
    return (await session.api.post(session.path('/faces'), form, signal)).faces[0];
  } catch (problem) {
    if (!REFUSED.includes(problem.status) || !(problem.code in S.reasons)) throw problem;
    return { result: 'skipped', reason: problem.code, detail: sentence(problem) };
  }
}

/** The row of a photo in the list of results. */
export function resultOf({ file, url }, face) {
  const words = { enrolled: S.enroll.enrolled, unchanged: S.enroll.unchanged, skipped: S.enroll.refused };
  const about =
    face.result === 'enrolled'
      ? [
          S.enroll.detail(face.subject, face.quality?.overall ?? null),
          face.faces > 1 ? S.enroll.severalFaces(face.faces) : null,
        ]
      : [
          S.reasons[face.reason] ?? S.reasons.skipped,
          face.reason === 'other_name' && face.subject ? S.enroll.otherName(face.subject) : face.detail,
        ];
  return el(
    'li',
    { class: `enroll-result ${face.result}` },
    el('img', { class: 'result-photo', src: url, alt: '' }),
    el(
      'div',
      {},
      el('p', {}, el('strong', { text: words[face.result] }), ` ${file.name}`),
      ...about.filter(Boolean).map((text, i) => el('p', { class: i ? 'hint' : '', text })),
    ),
  );
}
