// Errors in words, with the code and the id that the server's log has too.

import { announce, button, el, note } from './dom.js';
import { S } from './strings.js';

/** The sentence that says what went wrong. */
export function sentence(problem) {
  if (problem.code === 'unreachable') return S.problem.unreachable;
  if (problem.code === 'unexpected_answer') return S.problem.unexpected;
  return problem.detail || problem.title || problem.message || S.problem.page;
}

/** A note about `problem`. With `again`, it has a button; after a 429 the button waits as long as the server asked. */
export function problemNote(problem, again = null) {
  const fields = problem.errors?.length
    ? el('ul', {}, ...problem.errors.map((each) => el('li', { text: S.problem.field(each) })))
    : null;
  const reference = S.problem.reference(problem.code, problem.id);
  const shown = note(
    'error',
    el('p', { text: sentence(problem) }),
    fields,
    problem.retryAfter ? waiting(problem.retryAfter, again) : again && el('p', {}, button(S.problem.again, again)),
    reference && el('p', { class: 'reference', text: reference }),
  );
  return shown;
}

/** Runs `work`, and shows its problem in `place`. Returns whether it went well. */
export async function attempt(place, work) {
  place.replaceChildren();
  try {
    await work();
    return true;
  } catch (problem) {
    if (problem.name === 'AbortError') return false;
    if (problem.name !== 'Problem') console.error(problem);
    place.replaceChildren(problemNote(problem));
    return false;
  }
}

function waiting(seconds, again) {
  const text = el('p', { text: S.problem.later(seconds) });
  const retry = again && button(S.problem.again, again, { disabled: true });
  let left = seconds;
  const timer = setInterval(() => {
    left -= 1;
    if (!text.isConnected) return clearInterval(timer);
    if (left > 0) {
      text.textContent = S.problem.later(left);
      return undefined;
    }
    clearInterval(timer);
    text.textContent = S.problem.now;
    announce(S.problem.now);
    if (retry) retry.disabled = false;
    return undefined;
  }, 1000);
  // Read out once, not every second.
  return el('div', { 'aria-live': 'off' }, text, retry && el('p', {}, retry));
}
