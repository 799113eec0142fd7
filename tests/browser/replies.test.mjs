// What the page says about replies that a small gallery does not give: calibrations, approximate searches, doubts, tokens without scores.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { close, enrollDirectly, launch, open, photo } from './browser.mjs';
import { startServer } from './server.mjs';

let server;
let browser;

before(async () => {
  server = await startServer();
  for (const number of ['001', '003', '004']) await enrollDirectly(server, `London ${number}`, photo(number));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const point = (target, threshold, interval) => ({
  target_fpir: target,
  threshold,
  fpir_ci95: interval,
  method: 'counted',
  extrapolated: false,
  lowest_target: 0.001,
});
const ONE = {
  origin: 'calibrated',
  id: 1,
  nonmated_searches: 999,
  n_subjects: 30,
  n_templates: 30,
  fusion: 'max',
  stale: [],
  ...point(0.01, 0.5, [0.006, 0.015]),
};
const TWO = { ...ONE, ...point(0.001, 0.6, [0.0004, 0.002]), no_match: point(0.01, 0.45, [0.006, 0.015]) };

/** Identifies a photo; `change` changes the reply of the server before the page reads it. */
async function shown(change) {
  const prepare = async (page) => {
    await page.exposeFunction('changedReply', (reply) => {
      change(reply);
      return reply;
    });
    // Chromium does not give the files of a form to an interceptor, so the reply is changed within the page.
    await page.addInitScript(() => {
      const { fetch } = window;
      window.fetch = async (url, options) => {
        const response = await fetch(url, options);
        if (!String(url).endsWith('/identify')) return response;
        const body = await response.json();
        body.replies[0] = await window.changedReply(body.replies[0]);
        return new Response(JSON.stringify(body), { status: response.status, headers: response.headers });
      };
    });
  };
  const view = await open(browser, server, { prepare });
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page.locator('input[type=file]').setInputFiles(photo('001', 'smiling'));
  await view.page.locator('.verdict-word').waitFor();
  return { view, text: (selector) => view.page.locator(selector).innerText() };
}
const dashes = (view) =>
  view.page
    .locator('.candidate .bar-threshold')
    .first()
    .evaluate((line) => getComputedStyle(line).strokeDasharray);

test('a calibrated threshold is a solid line with its error rate and interval', async () => {
  const { view, text } = await shown((reply) =>
    Object.assign(reply, { calibration: ONE, threshold: 0.5, no_match_below: 0.5 }),
  );
  assert.match(
    await text('.basis'),
    /0\.500, for a false positive rate \(FPIR\) of 1\s%\.\s+A stranger is named in about 1 in 100 searches; with 95\s% confidence in 0\.6 to 1\.5\s%\./u,
  );
  assert.match(await text('.basis'), /Measured with 999 searches/u);
  assert.equal(await dashes(view), 'none');
  assert.equal(await view.page.locator('.note.caution').count(), 0);
  await close(view);
});

test('between two thresholds nothing is decided, and both are shown', async () => {
  const { view, text } = await shown((reply) => {
    Object.assign(reply, {
      calibration: TWO,
      threshold: 0.6,
      no_match_below: 0.45,
      decision: 'inconclusive',
      doubt: 'between_thresholds',
    });
    Object.assign(reply.matches[0], { similarity: 0.52, match: false, false_alarm_rate: 0.004 });
  });
  assert.equal(await text('.verdict-word'), 'INCONCLUSIVE');
  assert.match(await text('.verdict'), /lies between the two thresholds/u);
  assert.equal(await text('.candidate >> nth=0 >> .candidate-range'), 'between the thresholds');
  assert.match(await text('.candidate >> nth=0'), /0\.4\s% of searches for strangers score this high/u);
  assert.equal(await view.page.locator('.candidate').first().locator('.bar-threshold').count(), 2);
  assert.equal(
    await view.page.locator('.candidate').first().locator('.bar').getAttribute('aria-label'),
    'Score 0.520 of 1, match from 0.600, no match below 0.450',
  );
  assert.match(await text('.basis'), /Match from\s+0\.600, for a false positive rate \(FPIR\) of 0\.1\s%/u);
  assert.match(await text('.basis'), /No match below\s+0\.450, for a false positive rate \(FPIR\) of 1\s%/u);
  await close(view);
});

test('a threshold that was given by hand is dashed and called so', async () => {
  const { view, text } = await shown((reply) =>
    Object.assign(reply, { calibration: { origin: 'user' }, threshold: 0.6, no_match_below: 0.6 }),
  );
  assert.notEqual(await dashes(view), 'none');
  assert.match(await text('.basis'), /0\.600, given by hand\./u);
  await close(view);
});

test('a calibration that is out of date says why', async () => {
  const stale = ['the gallery has 3 times as many subjects'];
  const { view, text } = await shown((reply) =>
    Object.assign(reply, { calibration: { ...ONE, stale, extrapolated: true }, threshold: 0.5, no_match_below: 0.5 }),
  );
  assert.match(await text('.note.caution'), /out of date[\s\S]*3 times as many subjects/u);
  assert.match(await text('.basis'), /Extrapolated/u);
  await close(view);
});

test('each kind of certificate is described', async () => {
  const kinds = [
    [{ kind: 'bounded', delta: 1e-5, complete: true }, /Bounded: .* missed with probability 1e-5/u],
    [
      { kind: 'sampled', miss_rate: 0.002, interval: [0.001, 0.004], complete: false },
      /Approximate: .* misses 0\.2\s% .* at most 0\.4\s%/u,
    ],
    [{ kind: 'none', complete: false }, /Approximate and not audited/u],
  ];
  for (const [certificate, expected] of kinds) {
    const { view, text } = await shown((reply) => {
      const { delta, ...rest } = reply.certificate;
      reply.certificate = { ...rest, ...certificate };
    });
    assert.match(await text('.basis'), expected);
    await close(view);
  }
});

test('an incomplete search without a match is no decision', async () => {
  const { view, text } = await shown((reply) => {
    Object.assign(reply, {
      decision: 'inconclusive',
      doubt: 'incomplete_search',
      certificate: { ...reply.certificate, kind: 'none', complete: false },
    });
    for (const match of reply.matches) Object.assign(match, { similarity: 0.2, match: false });
  });
  assert.equal(await text('.verdict-word'), 'INCONCLUSIVE');
  assert.match(await text('.verdict'), /cannot prove that nobody matches/u);
  await close(view);
});

test('several matches ask for a comparison', async () => {
  const { view, text } = await shown((reply) => Object.assign(reply.matches[1], { similarity: 0.7, match: true }));
  assert.match(await text('.verdict-whole'), /2 candidates reach the threshold/u);
  await close(view);
});
