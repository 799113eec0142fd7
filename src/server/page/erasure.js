// Erasing a person, and the receipt: what was erased, when, and what is left.

import { ask } from './dialogs.js';
import { announce, button, el, icon } from './dom.js';
import { forgetPictures } from './pictures.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';
import { clearToasts } from './toasts.js';
import { when } from './words.js';

const POLL_MS = 700;

/** The receipts of this session, newest first. They stay until they are closed. */
let receipts = [];

/** Asks, and erases `person`. The result is null if the user cancelled. */
export async function erase(person) {
  const sure = el('input', { type: 'checkbox', id: 'sure' });
  const done = await ask({
    heading: S.erase.heading(person.subject),
    content: [
      el('p', { text: S.erase.body(person.subject, person.templates.length) }),
      el('p', {}, el('strong', { text: S.erase.final })),
      el('div', { class: 'check' }, sure, el('label', { for: 'sure', text: S.erase.confirm })),
    ],
    action: S.erase.action,
    danger: true,
    ready: () => sure.checked,
    act: () => session.api.delete(session.path(`/subjects/${person.subject_id}`)),
  });
  if (!done) return null;
  forgetPictures();
  // Messages have the name, and undoing one of them is no longer possible.
  clearToasts();
  receipts.unshift({ name: done.from, templates: done.templates, job: done.job, gallery: session.gallery.gallery });
  session.changed();
  return done;
}

/** The receipts in `root`, kept up to date until the returned function is called. */
export function showReceipts(root) {
  let timer = null;
  let stopped = false;
  const isOpen = (receipt) => receipt.job.state === 'queued' || receipt.job.state === 'running';
  const draw = () =>
    root.replaceChildren(
      ...receipts
        .filter(({ gallery }) => gallery === session.gallery.gallery)
        .map((receipt) =>
          card(receipt, isOpen(receipt), poll, () => {
            receipts = receipts.filter((each) => each !== receipt);
            draw();
          }),
        ),
    );
  async function poll() {
    for (const receipt of receipts.filter(isOpen)) {
      try {
        receipt.job = await session.api.get(`/jobs/${encodeURIComponent(receipt.job.id)}`);
        if (!isOpen(receipt)) announce(S.erase.done(receipt.name));
      } catch (problem) {
        receipt.lost = problem;
      }
    }
    if (stopped) return;
    draw();
    if (receipts.some((receipt) => isOpen(receipt))) timer = setTimeout(poll, POLL_MS);
  }
  draw();
  if (receipts.some(isOpen)) timer = setTimeout(poll, POLL_MS / 2);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function card(receipt, isOpen, poll, close) {
  const { name, templates, job, lost } = receipt;
  const whole = job.state === 'done' && isNothingLeft(job.result);
  const heading = isOpen ? S.erase.running(name) : whole ? S.erase.receipt(name) : S.erase.pending(name);
  return el(
    'section',
    { class: `receipt ${isOpen ? 'open' : whole ? 'whole' : 'partial'}`, 'aria-label': heading },
    el(
      'div',
      { class: 'receipt-head' },
      icon(isOpen ? 'dark' : whole ? 'check' : 'warning'),
      el('h2', { text: heading }),
      !isOpen && button(null, close, { kind: 'quiet square', iconName: 'cross', label: S.close }),
    ),
    isOpen && el('p', { class: 'busy', text: S.erase.hidden }),
    isOpen && lost && problemNote(lost),
    !isOpen &&
      el(
        'dl',
        {},
        row(S.erase.what, S.erase.removed(name, templates)),
        job.state === 'done' && row(S.erase.erasedBytes, erased(job.result, templates)),
        row(S.erase.finished, when(job.finished ?? job.created)),
        row(S.erase.left, ...left(job)),
        row(S.erase.job, job.id),
      ),
    !isOpen && el('div', { class: 'row' }, !whole && again(receipt, poll), save(receipt)),
  );
}

const row = (name, ...texts) =>
  el('div', {}, el('dt', { text: name }), el('dd', {}, ...texts.map((text) => el('p', { text }))));

function isNothingLeft(result) {
  return Boolean(result) && !result.held_by_views && !result.catalog_held && result.erased >= (result.removed ?? 0);
}

function erased(result, templates) {
  if (!result) return S.erase.leftUnknown;
  return result.removed > templates || result.erased < result.removed
    ? S.erase.erasedMany(result.erased, result.removed)
    : S.erase.erased(result.erased);
}

function left({ state, result, problem }) {
  if (state === 'cancelled') return [S.erase.cancelled];
  if (state === 'failed') return [S.erase.failed, problem?.detail].filter(Boolean);
  if (!result) return [S.erase.leftUnknown];
  if (isNothingLeft(result)) return [S.erase.leftNothing];
  return [
    result.held_by_views ? S.erase.leftViews(result.held_by_views) : null,
    result.catalog_held ? S.erase.leftCatalog : null,
  ].filter(Boolean);
}

/** Starts another job for what is left. */
function again(receipt, poll) {
  const start = button(
    S.erase.again,
    async () => {
      start.disabled = true;
      try {
        receipt.job = await session.api.post(session.path('/purge'));
        poll();
      } catch (problem) {
        start.replaceWith(problemNote(problem));
      }
    },
    { kind: 'primary' },
  );
  return start;
}

/** Saves the receipt as the server gave it. */
function save({ name, templates, job }) {
  return button(S.erase.save, () => {
    const url = URL.createObjectURL(
      new Blob([JSON.stringify({ removed: name, templates, job }, null, 2)], { type: 'application/json' }),
    );
    el('a', { href: url, download: S.erase.fileName(job.id) }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  });
}
