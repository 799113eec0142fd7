// Adds photos of one person.

import { announce, button, el, link, note } from './dom.js';
import { enrollOne, resultOf } from './enrollment.js';
import { nameField } from './name_field.js';
import { photoInput } from './photo_input.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';

/** The photos that were chosen, and a name for them; they stay while other views are shown. */
let draft = empty();

function empty() {
  return { photos: [], name: '', isCut: false };
}

/** Forgets the chosen photos. */
export function forget() {
  draft.photos.forEach(({ url }) => URL.revokeObjectURL(url));
  draft = empty();
}

/** Shows the view with `files` chosen, and with a name if there is one. */
export function enrollPhotos(files, { name = null, isCut = false } = {}) {
  forget();
  draft = { photos: files.map(photoOf), name: name ?? '', isCut };
  location.hash = '#/enroll';
}

const photoOf = (file) => ({ file, url: URL.createObjectURL(file) });

export function mount(root) {
  const { gallery, encodes_photos: takesPhotos } = session.gallery;
  root.append(el('h1', { text: S.enroll.heading }), el('p', { class: 'lede', text: S.enroll.lede(gallery) }));
  if (takesPhotos === false) {
    root.append(note('plain', el('p', { text: S.identify.foreign })));
    return null;
  }
  const input = photoInput({ many: true, onPhotos: add });
  const chosen = el('ul', { class: 'thumbnails plain-list' });
  const name = nameField({
    label: S.enroll.name,
    hint: S.enroll.nameHint,
    value: draft.name,
    onInput: () => {
      draft.name = name.value();
    },
  });
  const single = el('input', { type: 'checkbox', id: 'single', 'aria-describedby': 'single-hint' });
  const quality = el('input', {
    class: 'input short',
    type: 'number',
    id: 'quality',
    min: 0,
    max: 100,
    step: 1,
    value: 0,
    inputmode: 'numeric',
  });
  const place = el('div', {});
  const submit = button(S.enroll.submitNone, null, { kind: 'primary', type: 'submit' });
  const results = el('section', { class: 'enroll-results', 'aria-labelledby': 'results', hidden: true });
  const stop = button(S.enroll.stop, () => run?.abort(), { hidden: true });
  let run = null;
  let shown = [];
  const free = () => {
    shown.forEach(({ url }) => URL.revokeObjectURL(url));
    shown = [];
  };
  root.append(
    el(
      'form',
      { class: 'enroll stack', novalidate: true, on: { submit: send } },
      el(
        'section',
        { 'aria-labelledby': 'photos' },
        el('h2', { class: 'small-head', id: 'photos', text: S.enroll.photos }),
        input.node,
        chosen,
      ),
      name.node,
      el(
        'details',
        { class: 'options' },
        el('summary', { text: S.enroll.options }),
        el(
          'div',
          { class: 'stack' },
          el(
            'div',
            { class: 'check' },
            single,
            el(
              'div',
              {},
              el('label', { for: 'single', text: S.enroll.single }),
              el('p', { class: 'hint', id: 'single-hint', text: S.enroll.singleHint }),
            ),
          ),
          el('div', { class: 'field' }, el('label', { for: 'quality', text: S.enroll.quality }), quality),
        ),
      ),
      place,
      el('div', { class: 'row' }, submit, stop),
    ),
    results,
  );
  showChosen();

  function add(files) {
    draft.photos.push(...files.map(photoOf));
    place.replaceChildren();
    showChosen();
  }

  function showChosen() {
    input.setCompact(draft.photos.length > 0);
    chosen.replaceChildren(
      ...draft.photos.map((photo) =>
        el(
          'li',
          { class: 'thumbnail' },
          el('img', { src: photo.url, alt: S.enroll.thumbnail(photo.file.name) }),
          el('span', { class: 'thumbnail-name', text: photo.file.name }),
          button(null, () => leaveOut(photo), {
            kind: 'quiet square',
            iconName: 'cross',
            label: S.enroll.without(photo.file.name),
          }),
        ),
      ),
    );
    if (draft.isCut) chosen.append(el('li', { class: 'hint', text: S.enroll.cut }));
    submit.querySelector('span').textContent = draft.photos.length
      ? S.enroll.submit(draft.photos.length)
      : S.enroll.submitNone;
  }

  function leaveOut(photo) {
    URL.revokeObjectURL(photo.url);
    draft.photos = draft.photos.filter((each) => each !== photo);
    if (!draft.photos.length) draft.isCut = false;
    showChosen();
    (chosen.querySelector('button') ?? input.node.querySelector('button')).focus();
  }

  async function send(event) {
    event.preventDefault();
    const missing = !draft.photos.length ? S.enroll.needPhoto : !name.value() ? S.enroll.needName : null;
    if (missing) {
      place.replaceChildren(note('error', el('p', { text: missing })));
      (draft.photos.length ? name.input : input.node.querySelector('button')).focus();
      return;
    }
    const subject = name.value();
    const photos = { min_quality: Number(quality.value) || 0, single_face: single.checked };
    const list = el('ul', { class: 'results plain-list' });
    const tally = { enrolled: 0, unchanged: 0, skipped: 0 };
    results.hidden = false;
    results.replaceChildren(el('h2', { id: 'results', class: 'small-head', text: S.enroll.results }), list);
    free();
    run = new AbortController();
    submit.disabled = true;
    stop.hidden = false;
    const total = draft.photos.length;
    let done = 0;
    let person = null;
    try {
      // One request per photo: a photo that is refused, or a server that is busy, costs only this one.
      while (draft.photos.length) {
        place.replaceChildren(el('p', { class: 'busy', text: S.enroll.progress(done + 1, total) }));
        const [photo] = draft.photos;
        const face = await enrollOne(subject, photo.file, photos, run.signal);
        person = face.subject_id !== undefined ? face : person;
        tally[face.result] += 1;
        list.append(resultOf(photo, face));
        shown.push(draft.photos.shift());
        done += 1;
        showChosen();
      }
      place.replaceChildren();
      draft = empty();
      name.set('');
      showChosen();
    } catch (problem) {
      place.replaceChildren(
        problem.name === 'AbortError' ? note('plain', el('p', { text: S.enroll.stopped })) : problemNote(problem),
      );
    }
    run = null;
    submit.disabled = false;
    stop.hidden = true;
    const summary = S.enroll.summary(tally.enrolled, tally.unchanged, tally.skipped);
    if (done)
      results.append(
        el(
          'div',
          { class: 'row' },
          el('p', { class: 'enroll-summary', text: summary }),
          person && link(S.enroll.open(person.subject), `people/${person.subject_id}`),
        ),
      );
    announce(summary);
    if (tally.enrolled) {
      session.changed();
      session.refresh().catch(() => {});
    }
  }

  return () => {
    run?.abort();
    free();
    input.detach();
  };
}
