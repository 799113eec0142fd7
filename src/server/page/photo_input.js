// Where photos come from: dropped, pasted, chosen, or taken with the camera.

import { openCamera } from './camera.js';
import { announce, button, el, icon } from './dom.js';
import { S } from './strings.js';

/**
 * A field for photos. `onPhotos` gets an array of at least one file. Dropping and pasting work anywhere on the page until
 * `detach` is called. `setCompact` leaves only the buttons, for when there is a photo already.
 */
export function photoInput({ many = false, onPhotos }) {
  const chooser = el('input', {
    type: 'file',
    accept: 'image/*,.heic,.heif',
    multiple: many,
    class: 'unseen',
    tabindex: '-1',
    'aria-hidden': 'true',
  });
  const said = el('p', { class: 'drop-said', role: 'alert' });
  const take = (files) => {
    const photos = [...files].filter(
      (file) => file.type.startsWith('image/') || /\.(heic|heif|avif|jpe?g|png|webp|tiff?|bmp|gif)$/iu.test(file.name),
    );
    said.textContent = photos.length ? '' : S.photo.notAPhoto;
    if (photos.length) onPhotos(many ? photos : photos.slice(0, 1));
  };
  chooser.addEventListener('change', () => {
    take(chooser.files);
    // The same file can be chosen again.
    chooser.value = '';
  });
  const choose = button('', () => chooser.click(), { iconName: 'photo' });
  const chooseText = el('span', {});
  const cameraText = el('span', {});
  choose.append(chooseText);
  const camera = button(
    '',
    async () => {
      const shot = await openCamera();
      if (shot) onPhotos([shot]);
    },
    { iconName: 'camera' },
  );
  camera.append(cameraText);
  const node = el(
    'div',
    {},
    el('div', { class: 'drop-sign' }, icon('photo')),
    el('p', { class: 'drop-head', text: many ? S.photo.dropMany : S.photo.dropOne }),
    el('p', { class: 'hint', text: S.photo.paste }),
    el('div', { class: 'row' }, choose, camera, chooser),
    said,
  );
  const setCompact = (isCompact) => {
    node.className = isCompact ? 'drop compact' : 'drop';
    choose.classList.toggle('primary', !isCompact);
    cameraText.textContent = isCompact ? S.photo.cameraShort : S.photo.camera;
    chooseText.textContent = many
      ? isCompact
        ? S.photo.more
        : S.photo.chooseMany
      : isCompact
        ? S.photo.another
        : S.photo.chooseOne;
  };
  setCompact(false);
  return { node, setCompact, detach: listen(node, take) };
}

function listen(node, take) {
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const mark = (on) => node.classList.toggle('over', on);
  const listeners = {
    dragover: (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      if (!node.classList.contains('over')) announce(S.photo.release);
      mark(true);
    },
    dragleave: (event) => {
      if (!event.relatedTarget) mark(false);
    },
    drop: (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      mark(false);
      take(event.dataTransfer.files);
    },
    paste: (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      // Text that is pasted into a field is not meant as a photo.
      if (files.length) {
        event.preventDefault();
        take(files);
      }
    },
  };
  Object.entries(listeners).forEach(([name, listener]) => document.addEventListener(name, listener));
  return () => Object.entries(listeners).forEach(([name, listener]) => document.removeEventListener(name, listener));
}
