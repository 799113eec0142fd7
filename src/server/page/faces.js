// A photo with its faces outlined. The outlines are a group of radio buttons: one can be selected, by a click or by the arrow keys.

import { el } from './dom.js';
import { S } from './strings.js';
import { isRefusal, shortVerdict } from './verdict.js';

/** The photo at `url` with an outline for each of `replies` that has bounds. `onSelect` gets the index of a reply. */
export function facesPhoto({ url, replies, selected, onSelect }) {
  const image = el('img', { src: url, alt: S.identify.alt, class: 'faces-photo' });
  const outlined = replies.map((reply, index) => ({ reply, index })).filter(({ reply }) => reply.probe.bounds);
  const marks = outlined.map(({ reply, index }, place) => mark(reply, place + 1, outlined.length, () => select(index)));
  const group = el(
    'div',
    {
      class: marks.length > 1 ? 'faces-marks' : 'faces-marks single',
      role: 'radiogroup',
      'aria-label': S.identify.faces,
      on: { keydown: move },
    },
    ...marks,
  );
  const node = el('div', { class: 'faces' }, image, marks.length ? group : null);

  image.addEventListener('load', () => {
    fit(node, image);
    outlined.forEach(({ reply }, i) => put(marks[i], reply.probe.bounds, image));
  });
  image.addEventListener('error', () => {
    node.classList.add('unseen-photo');
    image.replaceWith(el('p', { class: 'hint', text: S.identify.undisplayable }));
  });

  function show(index) {
    outlined.forEach((each, i) => {
      marks[i].setAttribute('aria-checked', String(each.index === index));
      marks[i].tabIndex = each.index === index ? 0 : -1;
    });
  }
  function select(index) {
    show(index);
    onSelect(index);
  }
  function move(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const now = marks.indexOf(document.activeElement);
    if (!step || now < 0) return;
    event.preventDefault();
    const next = (now + step + marks.length) % marks.length;
    marks[next].focus();
    select(outlined[next].index);
  }
  show(selected);
  return node;
}

/** The replies row by row and from left to right, as the arrow keys move. Faces whose centres are at about one height are a row. */
export function inReadingOrder(replies) {
  const placed = replies.map((reply) => {
    const [left, top, right, bottom] = reply.probe.bounds ?? [0, 0, 0, 0];
    return { reply, x: left + right, y: top + bottom, height: bottom - top };
  });
  const rows = [];
  for (const face of placed.sort((one, other) => one.y - other.y)) {
    const row = rows.at(-1);
    if (row && face.y - row[0].y < row[0].height) row.push(face);
    else rows.push([face]);
  }
  return rows.flatMap((row) => row.sort((one, other) => one.x - other.x)).map(({ reply }) => reply);
}

function mark(reply, place, total, onClick) {
  const state = isRefusal(reply) ? 'refused' : reply.decision;
  const label = S.identify.face(place, total, shortVerdict(reply));
  return el(
    'button',
    {
      type: 'button',
      role: 'radio',
      class: `face-mark ${state}`,
      'aria-label': label,
      title: label,
      on: { click: onClick },
    },
    el('span', { class: 'face-number', text: String(place) }),
  );
}

/** Gives the frame of a photo its width: that of the column, or less for a photo that would be higher than the window. */
export function fit(node, { naturalWidth: width, naturalHeight: height }) {
  node.style.width = `min(100%, ${(width / height).toFixed(4)} * min(70vh, 44rem))`;
}

/** Places an outline over its face, in shares of the photo. Faces may extend beyond the photo; outlines do not. */
function put(node, [left, top, right, bottom], { naturalWidth: width, naturalHeight: height }) {
  const share = (value, whole) => 100 * Math.min(1, Math.max(0, value / whole));
  const [x, y] = [share(left, width), share(top, height)];
  node.style.left = `${x}%`;
  node.style.top = `${y}%`;
  node.style.width = `${share(right, width) - x}%`;
  node.style.height = `${share(bottom, height) - y}%`;
}

/** The part of the photo around `bounds`, with a margin, as a file; for enrolling one of several faces. */
export async function cutFace(file, [left, top, right, bottom], name) {
  const photo = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const margin = 0.5 * Math.max(right - left, bottom - top);
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)].map(Math.floor);
  const [w, h] = [Math.min(photo.width, right + margin) - x, Math.min(photo.height, bottom + margin) - y].map(
    Math.ceil,
  );
  const canvas = el('canvas', { width: w, height: h });
  canvas.getContext('2d').drawImage(photo, x, y, w, h, 0, 0, w, h);
  photo.close();
  const blob = await new Promise((resolve) => {
    canvas.toBlob(resolve, 'image/png');
  });
  return new File([blob], name, { type: 'image/png' });
}
