// The corrections of a gallery, with undo.

import { button, el } from './dom.js';
import { problemNote, sentence } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';
import { toast, undo } from './toasts.js';
import { when } from './words.js';

const PAGE = 50;

export function mount(root) {
  const list = el('ol', { class: 'history plain-list' });
  const foot = el('div', {});
  let asked = 0;
  root.append(el('h1', { text: S.history.heading }), el('p', { class: 'lede', text: S.history.lede }), list, foot);

  async function read(cursor = null) {
    asked += 1;
    const mine = asked;
    try {
      const { entries, next } = await session.api.get(session.path('/journal'), { limit: PAGE, cursor });
      if (mine !== asked) return;
      if (cursor === null) list.replaceChildren();
      list.append(...entries.map(row));
      foot.replaceChildren();
      if (next !== null && next !== undefined) foot.append(button(S.more, () => read(next)));
      else if (!list.children.length) foot.append(el('p', { class: 'hint', text: S.history.empty }));
    } catch (problem) {
      if (mine === asked) foot.replaceChildren(problemNote(problem, () => read(cursor)));
    }
  }

  const again = () => read();
  session.addEventListener('changed', again);
  read();
  return () => {
    asked += 1;
    session.removeEventListener('changed', again);
  };
}

function row(entry) {
  const what = describe(entry);
  const place = el('span', { class: 'history-undo' });
  if (entry.undoable) {
    const back = button(
      S.history.undo,
      async () => {
        back.disabled = true;
        try {
          const { verb } = await undo(entry.id);
          toast(S.correct.undone[verb]);
        } catch (problem) {
          place.replaceChildren(el('span', { class: 'hint', role: 'alert', text: sentence(problem) }));
        }
      },
      { label: S.history.undoOf(what) },
    );
    place.append(back);
  } else place.append(el('span', { class: 'hint', text: entry.undone_by ? S.history.undone : S.history.final }));
  return el(
    'li',
    { class: 'history-row' },
    el('div', {}, el('p', { class: 'history-what', text: what }), el('p', { class: 'hint', text: when(entry.at) })),
    place,
  );
}

/** An entry of the journal in words. A person whose name was erased has a number. */
export function describe({ verb, detail }) {
  const named = (id, name) =>
    detail[name] ??
    (detail[id] === null || detail[id] === undefined ? S.history.unknownFaces : S.history.subject(detail[id]));
  const n = Array.isArray(detail.templates)
    ? detail.templates.length
    : (detail.templates ?? detail.template_ids?.length ?? 0);
  const renamed = [named('subject', 'from'), named('subject', 'to')];
  const moved = [named('from', 'from_name'), named('into', 'into_name'), n];
  switch (verb) {
    case 'rename':
      return detail.from === undefined ? S.history.renameForgotten(renamed[0]) : S.history.rename(...renamed);
    case 'merge':
      return S.history.merge(...moved);
    case 'move':
      return S.history.move(...moved);
    case 'remove':
      return S.history.remove(detail.subject === undefined ? null : named('subject', 'name'), n);
    case 'undo':
      if (detail.undone !== 'rename') return S.history.undoMove(detail.undone, ...moved);
      return detail.from === undefined ? S.history.renameForgotten(renamed[0]) : S.history.undoRename(...renamed);
    case 'threshold':
      return S.history.threshold(detail.from, detail.to);
    default:
      return S.history.other(verb);
  }
}
