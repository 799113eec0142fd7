// The form that asks for a token.

import { button, el, icon, note } from './dom.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';

/** Shows the form in `root`. `onOpen` is called when the server has accepted a token; `said` is shown above the form. */
export function showAccess(root, onOpen, said = null) {
  const place = el('div', {}, said && note('caution', el('p', { text: said })));
  const field = el('input', {
    class: 'input',
    type: 'password',
    id: 'token',
    name: 'token',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'token-kept',
  });
  const submit = button(S.access.submit, null, { kind: 'primary', type: 'submit' });
  const open = async (event) => {
    event.preventDefault();
    const token = field.value.trim().replace(/^.*#token=/u, '');
    if (!token) {
      place.replaceChildren(note('error', el('p', { text: S.access.empty })));
      field.focus();
      return;
    }
    submit.disabled = true;
    try {
      await session.open(token);
      onOpen();
    } catch (problem) {
      place.replaceChildren(
        problem.status === 401 ? note('error', el('p', { text: S.access.refused })) : problemNote(problem),
      );
      submit.disabled = false;
      field.focus();
    }
  };
  root.replaceChildren(
    el(
      'section',
      { class: 'access' },
      el('p', { class: 'access-brand' }, icon('mark'), el('span', { text: S.product })),
      el('h1', { text: S.access.heading }),
      el('p', { class: 'lede', text: S.access.lede }),
      place,
      el(
        'form',
        { class: 'stack', on: { submit: open } },
        el(
          'div',
          { class: 'field' },
          el('label', { for: 'token', text: S.access.label }),
          field,
          el('p', { class: 'hint', id: 'token-kept', text: S.access.kept }),
        ),
        el('div', {}, submit),
      ),
    ),
  );
  field.focus();
}
