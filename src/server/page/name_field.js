// A field for a name with suggestions from the gallery: a combobox whose list opens below it.

import { announce, el } from './dom.js';
import { session } from './session.js';
import { S } from './strings.js';

const MOST = 6;
const PAUSE_MS = 150;
let number = 0;

/**
 * The field. `value()` is the typed name, `person()` the suggestion with exactly this name or null. `without` is the id of a person
 * who is not suggested.
 */
export function nameField({ label, hint = null, value = '', without = null, onInput = () => {} }) {
  number += 1;
  const id = `name-${number}`;
  const input = el('input', {
    class: 'input',
    id,
    type: 'text',
    role: 'combobox',
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 200,
    'aria-autocomplete': 'list',
    'aria-expanded': 'false',
    'aria-controls': `${id}-list`,
    'aria-describedby': hint ? `${id}-hint` : null,
  });
  input.value = value;
  const list = el('ul', {
    class: 'suggestions',
    id: `${id}-list`,
    role: 'listbox',
    'aria-label': S.names.suggestions,
    hidden: true,
  });
  const node = el(
    'div',
    { class: 'field' },
    el('label', { for: id, text: label }),
    el('div', { class: 'combobox' }, input, list),
    hint && el('p', { class: 'hint', id: `${id}-hint`, text: hint }),
  );
  let found = [];
  let active = -1;
  let timer = null;
  let asked = 0;

  const open = (on) => {
    list.hidden = !on;
    input.setAttribute('aria-expanded', String(on));
    if (!on) point(-1);
  };
  const point = (index) => {
    active = index;
    [...list.children].forEach((option, i) => option.setAttribute('aria-selected', String(i === index)));
    if (index < 0) input.removeAttribute('aria-activedescendant');
    else {
      input.setAttribute('aria-activedescendant', list.children[index].id);
      list.children[index].scrollIntoView({ block: 'nearest' });
    }
  };
  const pick = (index) => {
    input.value = found[index].subject;
    open(false);
    onInput();
  };
  async function suggest() {
    asked += 1;
    const mine = asked;
    const { subjects } = await session.api.get(session.path('/subjects'), {
      contains: input.value.trim(),
      limit: MOST + 1,
    });
    if (mine !== asked || document.activeElement !== input) return;
    found = subjects.filter(({ subject_id: subject }) => subject !== without).slice(0, MOST);
    list.replaceChildren(
      ...found.map((person, i) =>
        el(
          'li',
          {
            id: `${id}-${i}`,
            role: 'option',
            'aria-selected': 'false',
            // The press must not take the focus from the field, which would close the list before the click.
            on: { pointerdown: (event) => event.preventDefault(), click: () => pick(i) },
          },
          el('span', { class: 'suggestion-name', text: person.subject }),
          el('span', { class: 'hint', text: S.enroll.existing(person.templates) }),
        ),
      ),
    );
    active = -1;
    open(found.length > 0);
    if (input.value.trim()) announce(found.length ? S.names.found(found.length) : S.names.none);
  }
  // Suggestions are a help; without them the field still works.
  const later = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(() => suggest().catch(() => open(false)), wait);
  };
  input.addEventListener('input', () => {
    onInput();
    later(PAUSE_MS);
  });
  input.addEventListener('click', () => {
    if (list.hidden) later(0);
  });
  input.addEventListener('blur', () => {
    clearTimeout(timer);
    open(false);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (list.hidden) later(0);
      else point((active + (event.key === 'ArrowDown' ? 1 : -1) + found.length) % found.length);
    } else if (event.key === 'Enter' && active >= 0) {
      event.preventDefault();
      pick(active);
    } else if (event.key === 'Escape' && !list.hidden) {
      // Only the list closes, not a dialog around it.
      event.preventDefault();
      event.stopPropagation();
      open(false);
    }
  });

  return {
    node,
    input,
    value: () => input.value.trim(),
    set: (text) => {
      input.value = text;
    },
    person: async () => {
      const { subjects } = await session.api.get(session.path('/subjects'), { name: input.value.trim(), limit: 2 });
      return (
        subjects.find(
          ({ subject, subject_id: subjectId }) => subject === input.value.trim() && subjectId !== without,
        ) ?? null
      );
    },
  };
}
