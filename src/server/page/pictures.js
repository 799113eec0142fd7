// Pictures of enrolled faces. They need the token, so each is fetched and shown through a blob URL; without one, the initials show.

import { el } from './dom.js';
import { session } from './session.js';
import { S } from './strings.js';
import { initials } from './words.js';

const MOST = 300;
/** URL of each picture by gallery and face, the least recently used first. */
const kept = new Map();

// Pictures far below the visible part are not fetched.
const visible = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    visible.unobserve(target);
    load(target);
  }
}, { rootMargin: '200px' });

const wanted = new WeakMap();

/** The picture of template `faceId` of the person `name`. `alt` is empty where the name stands beside it. */
export function picture(faceId, name, { size = '', alt = '' } = {}) {
  const frame = el('span', { class: `picture ${size}` }, el('span', { class: 'initials', 'aria-hidden': 'true', text: initials(name) }));
  if (alt) {
    frame.setAttribute('role', 'img');
    frame.setAttribute('aria-label', alt);
  }
  if (session.gallery.keeps_photos && session.may('enroll') && faceId !== null && faceId !== undefined) {
    wanted.set(frame, session.path(`/faces/${faceId}/picture`));
    visible.observe(frame);
  }
  return frame;
}

/** Forgets all pictures, after somebody was erased or the gallery changed. */
export function forgetPictures() {
  for (const url of kept.values()) url.then(URL.revokeObjectURL, () => {});
  kept.clear();
}

async function load(frame) {
  const path = wanted.get(frame);
  let url = kept.get(path);
  kept.delete(path);
  url ??= session.api.blob(path).then((blob) => URL.createObjectURL(blob));
  kept.set(path, url);
  trim();
  try {
    const image = el('img', { src: await url, alt: '', decoding: 'async' });
    await image.decode();
    frame.replaceChildren(image);
  } catch {
    kept.delete(path);
  }
}

function trim() {
  for (const [path, url] of kept) {
    if (kept.size <= MOST) return;
    kept.delete(path);
    url.then(URL.revokeObjectURL, () => {});
  }
}

/** The text for a picture that stands alone. */
export const altOf = (name) => S.candidates.picture(name);
