// One person: the templates, and everything that corrects them.

import { merge, move, removeFaces, rename } from './corrections.js';
import { button, el, focusHeading, icon, svg } from './dom.js';
import { enrollPhotos } from './enroll.js';
import { erase } from './erasure.js';
import { altOf, picture } from './pictures.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';

export function mount(root, id) {
  const place = el('div', {});
  let asked = 0;
  root.append(
    el('p', {}, el('a', { class: 'back', href: '#/people' }, icon('left'), el('span', { text: S.person.all }))),
    place,
  );

  async function read() {
    asked += 1;
    const mine = asked;
    try {
      const person = await session.api.get(session.path(`/subjects/${encodeURIComponent(id)}`));
      if (mine === asked) show(place, person);
    } catch (problem) {
      if (mine !== asked) return;
      if (problem.status === 404)
        place.replaceChildren(el('h1', { text: S.nav.people }), el('p', { text: S.person.gone }));
      else place.replaceChildren(problemNote(problem, read));
    }
  }

  session.addEventListener('changed', read);
  read();
  return () => {
    asked += 1;
    session.removeEventListener('changed', read);
  };
}

function show(place, person) {
  const isFirst = !place.children.length;
  const focused = place.contains(document.activeElement) ? document.activeElement.textContent : null;
  const selected = new Set();
  const mayCorrect = session.may('admin');
  const n = person.templates.length;
  document.title = S.title(person.subject);
  const tools = el(
    'div',
    { class: 'row person-tools' },
    session.may('enroll') &&
      button(S.person.enroll, () => enrollPhotos([], { name: person.subject }), { iconName: 'plus' }),
    mayCorrect && button(S.person.rename, () => rename(person)),
    mayCorrect &&
      button(S.person.merge, async () => {
        const done = await merge(person);
        if (done) location.hash = `#/people/${done.into}`;
      }),
    mayCorrect &&
      button(
        S.person.erase,
        async () => {
          if (await erase(person)) location.hash = '#/people';
        },
        { kind: 'danger-quiet' },
      ),
  );

  const chosen = el('p', { class: 'selection-text', role: 'status' });
  const bar = el(
    'div',
    { class: 'selection', hidden: true },
    chosen,
    el(
      'div',
      { class: 'row' },
      button(S.person.move, () => move(person, [...selected])),
      button(S.person.removeFaces, () => removeFaces(person, [...selected]), { kind: 'danger-quiet' }),
      button(null, () => pick([]), { kind: 'quiet square', iconName: 'cross', label: S.person.clear }),
    ),
  );
  const boxes = new Map();
  const pick = (ids) => {
    selected.clear();
    ids.forEach((each) => selected.add(each));
    boxes.forEach((box, face) => {
      box.checked = selected.has(face);
    });
    update();
  };
  const update = () => {
    bar.hidden = selected.size === 0;
    chosen.textContent = selected.size ? S.person.selected(selected.size) : '';
  };
  const tiles = person.templates.map((template, i) => {
    const box =
      mayCorrect &&
      el('input', {
        type: 'checkbox',
        'aria-label': S.person.pick(i + 1),
        on: {
          change: () => {
            if (box.checked) selected.add(template.face_id);
            else selected.delete(template.face_id);
            update();
          },
        },
      });
    if (box) boxes.set(template.face_id, box);
    return tile(person, template, box);
  });

  place.replaceChildren(
    el(
      'div',
      { class: 'person-head' },
      picture(person.templates[0]?.face_id, person.subject, { size: 'large' }),
      el('div', {}, el('h1', { text: person.subject }), el('p', { class: 'hint', text: S.person.templates(n) })),
      tools,
    ),
    el(
      'section',
      { 'aria-labelledby': 'faces' },
      el(
        'div',
        { class: 'section-head' },
        el('h2', { id: 'faces', text: S.person.facesHeading }),
        mayCorrect &&
          n > 1 &&
          button(S.person.selectAll, () => pick(person.templates.map(({ face_id: face }) => face)), { kind: 'quiet' }),
      ),
      mayCorrect && el('p', { class: 'hint', text: S.person.facesHint }),
      el('ul', { class: 'face-tiles plain-list' }, ...tiles),
      bar,
    ),
  );
  if (isFirst) focusHeading(place);
  else if (focused !== null) {
    // What had the focus was replaced: its successor has the same text.
    const successor = [...tools.querySelectorAll('button')].find((each) => each.textContent === focused);
    if (successor) successor.focus();
    else focusHeading(place);
  }
}

function tile({ subject }, { face_id: id, path, row, face }, box) {
  const quality = face?.quality?.overall ?? null;
  const meter =
    quality === null
      ? el('p', { class: 'hint', text: S.person.noQuality })
      : el(
          'p',
          { class: 'quality' },
          qualityBar(quality),
          el('span', { class: 'hint', text: S.person.quality(quality) }),
        );
  const shown = [
    picture(id, subject, { size: 'tile', alt: altOf(subject) }),
    box && el('span', { class: 'tile-box' }, box),
  ];
  // The whole picture is the label of the box, so that a click on it selects the template.
  return el(
    'li',
    { class: 'face-tile' },
    el(box ? 'label' : 'div', { class: 'tile-picture' }, ...shown),
    meter,
    el('p', { class: 'hint tile-source', title: path, text: path ? fileName(path) : S.person.template(id) }),
    row !== null && row !== undefined && el('p', { class: 'hint', text: S.person.row(row) }),
  );
}

function qualityBar(quality) {
  return svg(
    'svg',
    { class: 'quality-bar', width: '100%', height: 6, role: 'img', 'aria-label': S.person.qualityMeter(quality) },
    svg('rect', { class: 'bar-track', width: '100%', height: 6, rx: 3 }),
    svg('rect', { class: 'bar-value', width: `${quality}%`, height: 6, rx: 3 }),
  );
}

const fileName = (path) => path.split(/[\\/]/u).at(-1);
