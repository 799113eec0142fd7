// Rename, merge, move and remove. Each returns null if the user cancelled.

import { Problem } from './api.js';
import { ask } from './dialogs.js';
import { el } from './dom.js';
import { nameField } from './name_field.js';
import { session } from './session.js';
import { S } from './strings.js';
import { toast } from './toasts.js';

/** Asks for another name of `person`. */
export async function rename(person) {
  const name = el('input', {
    class: 'input',
    type: 'text',
    id: 'rename',
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 200,
  });
  name.value = person.subject;
  const typed = () => name.value.trim();
  const done = await ask({
    heading: S.correct.renameHeading(person.subject),
    content: [el('div', { class: 'field' }, el('label', { for: 'rename', text: S.correct.renameLabel }), name)],
    action: S.correct.renameAction,
    ready: () => typed() && typed() !== person.subject,
    act: () => session.api.patch(session.path(`/subjects/${person.subject_id}`), { name: typed() }),
  });
  if (done) tell(S.correct.renamed(done.from, done.to), done);
  return done;
}

/** Asks for the person that `person` is merged into. The result has `into`, the id of that person. */
export async function merge(person) {
  const target = nameField({ label: S.correct.mergeLabel, without: person.subject_id });
  const done = await ask({
    heading: S.correct.mergeHeading(person.subject),
    content: [el('p', { text: S.correct.mergeBody(person.subject, person.templates.length) }), target.node],
    action: S.correct.mergeAction,
    ready: () => target.value() !== '',
    act: async () => {
      const into = await target.person();
      if (!into) throw new Problem({ detail: S.correct.mergeUnknown });
      const merged = await session.api.post(session.path(`/subjects/${person.subject_id}/merge`), {
        into: into.subject_id,
      });
      return { ...merged, into: into.subject_id };
    },
  });
  if (done) tell(S.correct.merged(done.from, done.to), done);
  return done;
}

/** Asks whom the selected templates show, and moves them there. */
export async function move(person, faceIds) {
  const target = nameField({ label: S.correct.moveLabel, hint: S.enroll.nameHint, without: person.subject_id });
  const done = await ask({
    heading: S.correct.moveHeading(faceIds.length),
    content: [target.node],
    action: S.correct.moveAction,
    ready: () => target.value() !== '',
    act: () => session.api.post(session.path('/faces/move'), { face_ids: faceIds, to: target.value() }),
  });
  if (done) {
    const more = [
      done.to_is_new && S.correct.movedNew(done.to),
      done.subjects_gone.length && S.correct.gone(done.subjects_gone),
    ];
    tell([S.correct.moved(done.templates, done.to), ...more].filter(Boolean).join(' '), done);
  }
  return done;
}

/** Asks before the selected templates are removed. */
export async function removeFaces(person, faceIds) {
  const done = await ask({
    heading: S.correct.removeHeading(faceIds.length),
    content: [
      el('p', { text: S.correct.removeBody }),
      faceIds.length === person.templates.length && el('p', {}, el('strong', { text: S.correct.removeLast })),
    ].filter(Boolean),
    action: S.correct.removeAction,
    danger: true,
    act: async () => {
      const gone = [];
      for (const id of faceIds) gone.push(...(await session.api.delete(session.path(`/faces/${id}`))).subjects_gone);
      return { templates: faceIds.length, subjects_gone: gone };
    },
  });
  if (done)
    tell(
      [S.correct.removed(done.templates), done.subjects_gone.length ? S.correct.gone(done.subjects_gone) : '']
        .join(' ')
        .trim(),
      done,
    );
  return done;
}

/** A move is as many corrections as it has former subjects. */
function tell(text, { journal_id: id, journal_ids: ids = id === undefined || id === null ? [] : [id] }) {
  toast(text, ids);
  session.changed();
}
