// Messages about what was done. They stay until they are dismissed, so that an undo cannot be missed.

import { announce, button, el, focusHeading } from './dom.js';
import { S } from './strings.js';
import { sentence } from './problem.js';
import { session } from './session.js';

const MOST = 3;

/** Shows `text`. With the ids of journal entries it offers to undo them. */
export function toast(text, journalIds = []) {
  const region = document.getElementById('toasts');
  const message = el('p', { text });
  const undoing =
    journalIds.length > 0 &&
    button(
      S.correct.undo,
      async () => {
        undoing.disabled = true;
        try {
          let verb = null;
          for (const id of journalIds.toReversed()) ({ verb } = await undo(id));
          take();
          toast(S.correct.undone[verb]);
        } catch (problem) {
          undoing.remove();
          message.textContent = sentence(problem);
          announce(message.textContent);
        }
      },
      { kind: 'on-toast' },
    );
  const dismiss = button(null, () => take(), {
    kind: 'quiet square on-toast',
    iconName: 'cross',
    label: S.toasts.dismiss,
  });
  const shown = el('div', { class: 'toast' }, message, undoing, dismiss);
  const take = () => {
    const hadFocus = shown.contains(document.activeElement);
    shown.remove();
    if (hadFocus) focusHeading();
  };
  region.append(shown);
  while (region.children.length > MOST) region.firstElementChild.remove();
  announce(text);
}

/** Takes the messages away, for example when the gallery changes. */
export function clearToasts() {
  document.getElementById('toasts').replaceChildren();
}

/** Undoes an entry of the journal and has the views read again. */
export async function undo(id) {
  const undone = await session.api.post(session.path(`/journal/${id}/undo`));
  session.changed();
  return undone;
}
