// The state of the gallery and of the server. It is read again every few seconds while it is visible.

import { announce, button, el, icon, note } from './dom.js';
import { problemNote } from './problem.js';
import { session } from './session.js';
import { S } from './strings.js';
import { bytes, count, duration, milliseconds, when } from './words.js';

const EVERY_MS = 3000;
const SIZES = ['subjects', 'templates', 'unknown', 'removed', 'segments', 'buffered', 'index_bytes', 'catalog_bytes'];

export function mount(root) {
  const place = el('div', { class: 'status' });
  const updated = el('span', { class: 'hint' });
  const pause = button(
    S.status.pause,
    () => {
      paused = !paused;
      pause.replaceChildren(
        icon(paused ? 'play' : 'pause'),
        el('span', { text: paused ? S.status.resume : S.status.pause }),
      );
      if (!paused) read();
    },
    { iconName: 'pause' },
  );
  let paused = false;
  let timer = null;
  let isLeft = false;
  root.append(
    el(
      'div',
      { class: 'section-head' },
      el('h1', { text: S.status.heading }),
      el('div', { class: 'row' }, updated, pause),
    ),
    place,
  );

  async function read() {
    clearTimeout(timer);
    try {
      const [gallery, server, jobs] = await Promise.all([
        session.refresh(),
        session.api.get('/status'),
        session.api.get('/jobs'),
      ]);
      if (isLeft) return;
      draw(place, gallery, server, jobs.jobs, read);
      updated.textContent = S.status.updated(new Date().toLocaleTimeString('en-GB'));
    } catch (problem) {
      if (isLeft || problem.status === 401) return;
      place.replaceChildren(problemNote(problem, read));
    }
    if (!paused) timer = setTimeout(read, EVERY_MS);
  }

  const onVisible = () => {
    if (document.hidden) clearTimeout(timer);
    else if (!paused) read();
  };
  document.addEventListener('visibilitychange', onVisible);
  read();
  return () => {
    isLeft = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisible);
  };
}

function draw(place, gallery, server, jobs, again) {
  // The button that has the focus keeps it across an update.
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(
    section(
      'gallery',
      S.status.gallery(gallery.gallery),
      el(
        'dl',
        { class: 'figures' },
        ...SIZES.filter((key) => gallery.sizes[key] !== undefined && (key !== 'unknown' || gallery.sizes[key] > 0)).map(
          (key) =>
            figure(S.status.sizes[key], key.endsWith('bytes') ? bytes(gallery.sizes[key]) : count(gallery.sizes[key])),
        ),
      ),
      el(
        'dl',
        { class: 'pairs' },
        pair(S.status.model, S.status.modelOf(gallery.model)),
        pair(S.status.photos, gallery.keeps_photos ? S.status.keeps : S.status.keepsNot),
      ),
    ),
    section('calibration', S.status.calibration, ...calibration(gallery.calibration)),
    section('latency', S.status.latency, latency(server.latency)),
    section(
      'server',
      S.status.server,
      el(
        'dl',
        { class: 'pairs' },
        pair(S.status.ready, server.ready ? S.status.isReady : S.status.isNotReady),
        pair(S.status.uptime, duration(server.uptime_s)),
        pair(S.status.requests, S.status.requestsOf(server.requests)),
        pair(S.status.photosWaiting, S.status.photosWaitingOf(server.photos_waiting ?? 0)),
        ...server.galleries
          .filter((each) => each.gallery === gallery.gallery)
          .map((each) => pair(S.status.waiting, S.status.waitingOf(each.searches_waiting, each.writes_waiting))),
      ),
    ),
    section('jobs', S.status.jobs, jobList(jobs, again)),
  );
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

const section = (id, heading, ...content) =>
  el(
    'section',
    { class: `card card-${id}`, 'aria-labelledby': `status-${id}` },
    el('h2', { id: `status-${id}`, text: heading }),
    ...content,
  );
const figure = (name, value) => el('div', {}, el('dt', { text: name }), el('dd', { text: value }));
const pair = (name, value) => el('div', {}, el('dt', { text: name }), el('dd', { text: value }));

function calibration(made) {
  if (!made) return [note('caution', el('p', { text: S.status.uncalibrated }))];
  if (made.error !== undefined)
    return [note('error', el('p', {}, el('strong', { text: S.status.unreadable })), el('p', { text: made.error }))];
  const { operating, stale } = made;
  return [
    el(
      'p',
      { class: 'badges' },
      el(
        'span',
        { class: `badge ${stale.length ? 'caution' : 'good'}` },
        icon(stale.length ? 'warning' : 'check'),
        stale.length ? S.status.stale : S.status.fresh,
      ),
      operating?.extrapolated && el('span', { class: 'badge caution' }, icon('warning'), S.status.extrapolated),
    ),
    stale.length > 0 && el('ul', {}, ...stale.map((text) => el('li', { text }))),
    el('p', { text: operating ? S.status.operating(operating) : S.status.noOperating }),
    el('p', { class: 'hint', text: S.status.made(made) }),
  ];
}

function latency(stages) {
  const measured = stages.filter((stage) => stage.count > 0);
  if (!measured.length) return el('p', { class: 'hint', text: S.status.latencyNone });
  const head = [S.status.stage, S.status.half, S.status.most, S.status.number];
  return el(
    'table',
    { class: 'table', 'aria-labelledby': 'status-latency' },
    el('thead', {}, el('tr', {}, ...head.map((text) => el('th', { scope: 'col', text })))),
    el(
      'tbody',
      {},
      ...measured.map((stage) =>
        el(
          'tr',
          { class: stage.stage },
          el('th', { scope: 'row', text: S.status.stages[stage.stage] ?? stage.stage }),
          ...[milliseconds(stage.p50_ms), milliseconds(stage.p99_ms), count(stage.count)].map((text) =>
            el('td', { text }),
          ),
        ),
      ),
    ),
  );
}

function jobList(jobs, again) {
  if (!jobs.length) return el('p', { class: 'hint', text: S.status.jobsNone });
  return el('ul', { class: 'jobs plain-list' }, ...jobs.map((job) => jobRow(job, again)));
}

function jobRow(job, again) {
  const isOpen = job.state === 'queued' || job.state === 'running';
  const cancel =
    isOpen &&
    button(
      S.status.cancel,
      async () => {
        cancel.disabled = true;
        await session.api.delete(`/jobs/${encodeURIComponent(job.id)}`).catch((problem) => announce(problem.message));
        again();
      },
      { label: S.status.cancelOf(job.id), 'data-key': job.id },
    );
  const { progress } = job;
  const known = progress && progress.total;
  return el(
    'li',
    { class: `job ${job.state}` },
    el(
      'div',
      {},
      el('p', {}, el('strong', { text: S.status.kinds[job.kind] ?? job.kind }), ` ${job.gallery ?? ''}`),
      el('p', {
        class: 'hint',
        text: [S.status.states[job.state] ?? job.state, job.id, when(job.finished ?? job.created)].join(' · '),
      }),
      job.problem && el('p', { text: job.problem.detail ?? job.problem.title }),
      isOpen &&
        known &&
        el('progress', { max: progress.total, value: progress.done, 'aria-label': S.status.progress(progress) }),
      isOpen && progress && el('p', { class: 'hint', text: S.status.progress(progress) }),
    ),
    cancel,
  );
}
