// The enrollment of one photo, and its result in words.

import { el } from './dom.js';
import { sentence } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';

/** The result for one photo. A refusal of the photo is a result; any other problem is thrown. */
export async function enrollOne(subject, file, photos, signal) {
  const hasLimits = photos.min_quality > 0 || photos.single_face;
  try {
    const body = hasLimits ? { faces: [{ subject, image: await base64(file) }], photos } : formOf(subject, file);
    return (await session.api.post(session.path('/faces'), body, signal)).faces[0];
  } catch (problem) {
    if (problem.status !== 422 || !(problem.code in S.reasons)) throw problem;
    return { result: 'skipped', reason: problem.code, detail: sentence(problem) };
  }
}

function formOf(subject, file) {
  const form = new FormData();
  form.append('subject', subject);
  form.append('image', file, file.name || 'photo');
  return form;
}

/** A file in base64. A form cannot carry limits for its photos, so such a request is JSON. */
function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
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
