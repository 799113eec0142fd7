// Start, navigation between the views, and the controls of the header.

import { showAccess } from './access.js';
import { button, el, focusHeading, note } from './dom.js';
import * as enroll from './enroll.js';
import * as history from './history.js';
import * as identify from './identify.js';
import * as people from './people.js';
import * as person from './person.js';
import { forgetPictures } from './pictures.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import * as status from './status.js';
import { S } from './strings.js';
import { clearToasts } from './toasts.js';

/** The views in the order of the navigation: which module shows one, and the scope that its requests need. */
const VIEWS = [
  { route: 'identify', scope: 'identify', view: identify },
  { route: 'enroll', scope: 'enroll', view: enroll },
  { route: 'people', scope: 'enroll', view: people, detail: person },
  { route: 'history', scope: 'admin', view: history },
  { route: 'status', scope: 'admin', view: status },
];

const main = document.getElementById('main');
let leave = null;
let shown = null;

function allowed() {
  return VIEWS.filter(({ scope }) => session.may(scope));
}

function route() {
  if (session.takeTokenFromAddress()) {
    start();
    return;
  }
  if (session.me) show();
}

function show() {
  const [name, detail] = location.hash.replace(/^#\/?/u, '').split('/');
  const entry = allowed().find((each) => each.route === name) ?? allowed()[0];
  const first = shown === null;
  leave?.();
  leave = null;
  shown = entry;
  for (const item of document.querySelectorAll('#nav a')) {
    if (item.dataset.route === entry?.route) item.setAttribute('aria-current', 'page');
    else item.removeAttribute('aria-current');
  }
  const root = el('div', { class: 'view' });
  main.replaceChildren(root);
  if (!entry) {
    root.append(note('caution', el('p', { text: S.problem.notAllowed })));
    return;
  }
  document.title = S.title(S.nav[entry.route]);
  if (!session.gallery) {
    root.append(el('h1', { text: S.nav[entry.route] }), note('plain', el('p', { text: S.galleries.none })));
    return;
  }
  try {
    leave = (detail && entry.detail ? entry.detail : entry.view).mount(root, detail) ?? null;
  } catch (error) {
    console.error(error);
    root.replaceChildren(problemNote(error));
  }
  // A reader of the screen starts at the heading of the new view; at the first load the browser decides.
  if (!first) {
    focusHeading(root);
    scrollTo(0, 0);
  }
}

function showHeader() {
  document.getElementById('top').hidden = false;
  document
    .getElementById('nav')
    .replaceChildren(
      ...allowed().map(({ route: name }) => el('a', { href: `#/${name}`, 'data-route': name, text: S.nav[name] })),
    );
  const choice = document.getElementById('gallery-choice');
  if (session.galleries.length < 2) {
    choice.replaceChildren();
    return;
  }
  const select = el(
    'select',
    { class: 'input', 'aria-label': S.galleries.label, on: { change: () => session.select(select.value) } },
    ...session.galleries.map(({ gallery }) =>
      el('option', { value: gallery, text: gallery, selected: gallery === session.gallery.gallery }),
    ),
  );
  choice.replaceChildren(select);
}

function askForToken(said = null) {
  leave?.();
  leave = null;
  shown = null;
  document.getElementById('top').hidden = true;
  document.title = S.title(S.access.heading);
  showAccess(main, opened, said);
}

function opened() {
  showHeader();
  show();
}

async function start() {
  if (!session.token) {
    askForToken();
    return;
  }
  try {
    await session.open();
    opened();
  } catch (problem) {
    if (problem.status === 401) askForToken(S.access.refused);
    else
      main.replaceChildren(
        el(
          'div',
          { class: 'view' },
          problemNote(problem, start),
          el(
            'p',
            {},
            button(S.access.leave, () => session.close('left')),
          ),
        ),
      );
  }
}

function fillTexts() {
  const text = (key) => key.split('.').reduce((strings, part) => strings[part], S);
  document.querySelectorAll('[data-text]').forEach((node) => {
    node.textContent = text(node.dataset.text);
  });
  document.querySelectorAll('[data-label]').forEach((node) => {
    node.setAttribute('aria-label', text(node.dataset.label));
    if (node.localName === 'button') node.title = text(node.dataset.label);
  });
}

fillTexts();
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
document.getElementById('leave').addEventListener('click', () => session.close('left'));
session.addEventListener('closed', ({ detail: why }) => {
  forgetPictures();
  identify.forget();
  enroll.forget();
  clearToasts();
  askForToken(why === 'expired' ? S.access.expired : null);
});
session.addEventListener('gallery', () => {
  forgetPictures();
  identify.forget();
  clearToasts();
  if (location.hash.split('/').length > 2) location.hash = `#/${shown.route}`;
  else show();
});
window.addEventListener('hashchange', route);
session.takeTokenFromAddress();
start();
