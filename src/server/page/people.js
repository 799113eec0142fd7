// The people of a gallery, with search and pages.

import { button, el, icon, link } from './dom.js';
import { showReceipts } from './erasure.js';
import { picture } from './pictures.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';

const PAGE = 48;
const PAUSE_MS = 200;

/** The text that was searched for; it stays while other views are shown. */
let searched = '';

export function mount(root) {
  const lede = el('p', { class: 'lede' });
  const search = el('input', {
    class: 'input',
    type: 'search',
    id: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const list = el('ul', { class: 'people plain-list' });
  const foot = el('div', { class: 'people-foot' });
  const said = el('p', { class: 'hint', role: 'status' });
  const receipts = el('div', { class: 'receipts' });
  let asked = 0;
  let timer = null;
  search.value = searched;
  root.append(
    el('h1', { text: S.people.heading }),
    lede,
    receipts,
    el(
      'div',
      { class: 'field search' },
      el('label', { for: 'search', text: S.people.search }),
      el('div', { class: 'with-icon' }, icon('search'), search),
    ),
    said,
    list,
    foot,
  );
  const stopReceipts = showReceipts(receipts);

  const showLede = () => {
    lede.textContent = S.people.lede(session.gallery.gallery, session.gallery.sizes);
  };
  showLede();

  async function read(cursor = null) {
    asked += 1;
    const mine = asked;
    foot.replaceChildren();
    try {
      const { subjects, next } = await session.api.get(session.path('/subjects'), {
        contains: searched,
        limit: PAGE,
        cursor,
      });
      if (mine !== asked) return;
      if (cursor === null) list.replaceChildren();
      // A search of a very large gallery answers in parts, and a part may be empty.
      if (!subjects.length && next !== null) {
        read(next);
        return;
      }
      const first = list.children.length;
      list.append(...subjects.map(tile));
      if (cursor !== null) list.children[first]?.querySelector('a').focus();
      showFoot(next);
    } catch (problem) {
      if (mine === asked) foot.replaceChildren(problemNote(problem, () => read(cursor)));
    }
  }

  function showFoot(next) {
    const n = list.children.length;
    const isPart = searched !== '' || next !== null;
    said.textContent = n
      ? isPart
        ? S.people.shown(n, next === null)
        : ''
      : searched
        ? S.people.nothing(searched)
        : S.people.empty;
    if (next !== null) foot.replaceChildren(button(S.more, () => read(next)));
    else if (!n && !searched && session.may('enroll'))
      foot.replaceChildren(link(S.people.emptyAction, 'enroll', { class: 'button primary' }));
  }

  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      searched = search.value.trim();
      read();
    }, PAUSE_MS);
  });
  const refresh = () => {
    read();
    session.refresh().then(showLede, () => {});
  };
  session.addEventListener('changed', refresh);
  refresh();
  return () => {
    clearTimeout(timer);
    asked += 1;
    stopReceipts();
    session.removeEventListener('changed', refresh);
  };
}

function tile({ subject_id: id, subject, templates, face_id: face }) {
  return el(
    'li',
    {},
    el(
      'a',
      { class: 'person-tile', href: `#/people/${id}` },
      picture(face, subject),
      el(
        'span',
        { class: 'person-text' },
        el('span', { class: 'person-name', text: subject }),
        el('span', { class: 'hint', text: S.people.templates(templates) }),
      ),
    ),
  );
}
