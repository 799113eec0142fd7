// Pictures of enrolled faces. They need the token, so each is fetched and shown through a blob URL. Without one,
// the initials are shown.

import { el } from './dom.js';
import { session } from './session.js';
import { S } from './strings.js';
import { initials } from './words.js';

const MOST = 300;
/** The bytes of each picture by its path, the least recently used first. */
const kept = new Map();

// Pictures far below the visible part are not fetched.
const visible = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      visible.unobserve(target);
      load(target);
    }
  },
  { rootMargin: '200px' },
);

const wanted = new WeakMap();

/** The picture of template `faceId` of the person `name`. `alt` is empty where the name stands beside it. */
export function picture(faceId, name, { size = '', alt = '' } = {}) {
  const frame = el(
    'span',
    { class: `picture ${size}` },
    el('span', { class: 'initials', 'aria-hidden': 'true', text: initials(name) }),
  );
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
  kept.clear();
}

async function load(frame) {
  const path = wanted.get(frame);
  const bytes = kept.get(path) ?? session.api.blob(path);
  kept.delete(path);
  kept.set(path, bytes);
  if (kept.size > MOST) kept.delete(kept.keys().next().value);
  let url = null;
  try {
    url = URL.createObjectURL(await bytes);
    const image = el('img', { src: url, alt: '' });
    await image.decode();
    frame.replaceChildren(image);
  } catch {
    if (kept.get(path) === bytes) kept.delete(path);
  } finally {
    // An image that is loaded needs its URL no more.
    if (url) URL.revokeObjectURL(url);
  }
}

/** The text for a picture that stands alone. */
export const altOf = (name) => S.candidates.picture(name);
