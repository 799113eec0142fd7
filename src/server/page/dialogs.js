// Dialogs that ask before something is changed.

import { button, el } from './dom.js';
import { attempt } from './problem.js';
import { S } from './strings.js';

let number = 0;

/**
 * Shows a dialog. `act` does the work when the user confirms; while it fails, the dialog stays open and shows the problem.
 * `check` returns a text if something is missing. The promise gives the result of `act`, or null if the user cancelled.
 */
export function ask({ heading, content, action, act, danger = false, ready = () => true }) {
  return new Promise((resolve) => {
    number += 1;
    let result = null;
    const place = el('div', {});
    const confirm = button(action, null, { kind: danger ? 'danger' : 'primary', type: 'submit' });
    const update = () => {
      confirm.disabled = !ready();
    };
    const submit = async (event) => {
      event.preventDefault();
      confirm.disabled = true;
      const done = await attempt(place, async () => {
        result = await act();
      });
      if (done) dialog.close();
      else update();
    };
    const dialog = el(
      'dialog',
      { class: 'dialog', 'aria-labelledby': `dialog-${number}` },
      el(
        'form',
        { class: 'stack', novalidate: true, on: { submit, input: update, change: update } },
        el('h2', { id: `dialog-${number}`, text: heading }),
        ...content,
        place,
        el(
          'div',
          { class: 'row end' },
          button(S.cancel, () => dialog.close()),
          confirm,
        ),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    update();
    dialog.showModal();
    (dialog.querySelector('input') ?? dialog.querySelector('button'))?.focus();
    dialog.querySelector('input[type=text]')?.select();
  });
}
