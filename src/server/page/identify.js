// The start view: who is in this photo?

import { announce, button, el, note } from './dom.js';
import { enrollPhotos } from './enroll.js';
import { cutFace, facesPhoto, fit, inReadingOrder } from './faces.js';
import { photoInput } from './photo_input.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';
import { isRefusal, shortVerdict, verdict } from './verdict.js';
import { milliseconds } from './words.js';

/** Candidates that are asked for. */
const CANDIDATES = 5;

/** The last photo and its replies. They stay while other views are shown. */
let last = null;
/** Whether people changed since, so that the replies may have old names. */
let outdated = false;
session.addEventListener('changed', () => {
  outdated = true;
});

/** Forgets the photo and its replies. */
export function forget() {
  if (last) URL.revokeObjectURL(last.url);
  last = null;
}

export function mount(root) {
  const { gallery, sizes, encodes_photos: takesPhotos } = session.gallery;
  const place = el('div', {});
  const input = photoInput({ onPhotos: ([photo]) => search(photo) });
  let current = null;
  root.append(
    el('h1', { text: S.identify.heading }),
    el('p', { class: 'lede', text: S.identify.lede(gallery, sizes) }),
    place,
  );
  if (takesPhotos === false) {
    input.detach();
    place.append(note('plain', el('p', { text: S.identify.foreign })));
    return null;
  }
  if (last && outdated) search(last.photo);
  else if (last) showReplies();
  else showStart();

  function showStart() {
    input.setCompact(false);
    place.replaceChildren(
      sizes.templates === 0 ? note('plain', el('p', { text: S.identify.empty(gallery) })) : '',
      input.node,
      el('p', { class: 'hint centred', text: S.identify.dropped }),
    );
  }

  async function search(photo) {
    current?.abort();
    const run = new AbortController();
    current = run;
    outdated = false;
    forget();
    const url = URL.createObjectURL(photo);
    const frame = el(
      'div',
      { class: 'faces searching' },
      el('img', {
        class: 'faces-photo',
        src: url,
        alt: S.identify.alt,
        on: { load: ({ target }) => fit(frame, target) },
      }),
    );
    place.replaceChildren(
      el('div', { class: 'identify' }, frame, el('p', { class: 'busy', role: 'status', text: S.identify.searching })),
    );
    const form = new FormData();
    form.append(
      'request',
      new Blob([JSON.stringify({ top_k: CANDIDATES, photos: { faces: 'all' } })], { type: 'application/json' }),
    );
    form.append('image', photo, photo.name || 'photo');
    try {
      const answer = await session.api.post(session.path('/identify'), form, run.signal);
      const [replies, { timings }] = [inReadingOrder(answer.replies), answer];
      last = { photo, url, replies, timings, selected: bestOf(replies) };
      showReplies(true);
    } catch (problem) {
      URL.revokeObjectURL(url);
      if (problem.name === 'AbortError' || problem.status === 401) return;
      showStart();
      place.prepend(problemNote(problem, () => search(photo)));
    }
  }

  function showReplies(isNew = false) {
    const { url, replies, timings, selected } = last;
    const result = el('section', { class: 'result', 'aria-label': S.nav.identify });
    const outlined = replies.filter((reply) => reply.probe.bounds).length;
    const select = (index, say = true) => {
      last.selected = index;
      result.replaceChildren(verdict(replies[index], actions(last, index)));
      if (say) announce(shortVerdict(replies[index]));
    };
    input.setCompact(true);
    place.replaceChildren(
      input.node,
      el(
        'div',
        { class: 'identify' },
        el(
          'div',
          { class: 'photo-side' },
          facesPhoto({ url, replies, selected, onSelect: select }),
          el(
            'p',
            { class: 'tally' },
            tally(replies, outlined),
            timings ? el('span', { class: 'hint', text: S.identify.took(milliseconds(timings.total_ms)) }) : null,
          ),
          outlined > 1 ? el('p', { class: 'hint', text: S.identify.hint }) : '',
        ),
        result,
      ),
    );
    select(selected, isNew);
  }

  return () => {
    current?.abort();
    input.detach();
  };
}

/** The face that is shown first: the best match, otherwise the first one that was searched for. */
function bestOf(replies) {
  const best = replies.map((reply) => (isRefusal(reply) ? -2 : (reply.matches[0]?.similarity ?? -1)));
  return best.indexOf(Math.max(...best));
}

function tally(replies, outlined) {
  if (!outlined) return el('span', { text: S.identify.noFace });
  const counts = new Map();
  for (const reply of replies.filter((each) => each.probe.bounds)) {
    const state = isRefusal(reply) ? 'refused' : reply.decision;
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const parts = [...counts].map(([state, n]) => S.identify.tally[state](n));
  return el('span', { text: `${S.identify.found(outlined)}: ${parts.join(', ')}` });
}

function actions({ photo, replies }, index) {
  const reply = replies[index];
  if (!session.may('enroll') || !reply.probe.bounds || isRefusal(reply)) return [];
  const name = reply.decision === 'match' ? reply.matches[0].subject : null;
  const enroll = async () => {
    const one = replies.length === 1;
    const picked = one
      ? photo
      : await cutFace(photo, reply.probe.bounds, `${S.enroll.cutName(photo.name.replace(/\.\w+$/u, ''))}.png`);
    enrollPhotos([picked], { name, isCut: !one });
  };
  return [button(S.identify.enroll, enroll, { kind: name ? '' : 'primary', iconName: 'plus' })];
}
