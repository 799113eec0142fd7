// The page of `gallerist cluster --page`.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { close, launch, open } from './browser.mjs';

const PROGRAM = process.env.GALLERIST_PROGRAM;
const DIMENSION = 8;
let browser;
let folder;
let gallery;

const gallerist = (...words) => execFileSync(PROGRAM, words, { encoding: 'utf8' });
const subjects = () =>
  Object.fromEntries(
    gallerist('subject', 'list', gallery, '--format', 'json')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ subject, templates }) => [subject, templates]),
  );

// A file of templates: `counts[n]` of them near the axis n.
function npy(counts) {
  const rows = counts.flatMap((count, axis) =>
    Array.from({ length: count }, (_, image) => {
      const row = new Float32Array(DIMENSION);
      row[axis] = 1;
      row[counts.length + (image % 4)] = 0.2 + image / 100;
      return Buffer.from(row.buffer);
    }),
  );
  const shape = `(${rows.length}, ${DIMENSION})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + '\n';
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0]);
  return Buffer.concat([start, Buffer.from(text), ...rows]);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gallerist-clusters-'));
  gallery = join(folder, 'gallery');
  writeFileSync(join(folder, 'faces.npy'), npy([4, 3, 2]));
  const names = [...Array(4).fill('Person 1'), ...Array(3).fill('Person 2'), ...Array(2).fill('Nobody')];
  writeFileSync(join(folder, 'names.txt'), `${names.join('\n')}\n`);
  gallerist('init', gallery, '--dimension', String(DIMENSION));
  gallerist('import', gallery, join(folder, 'faces.npy'), '--subjects', join(folder, 'names.txt'));
  gallerist('subject', 'reject', gallery, 'Nobody', '--template', '8,9');
  gallerist('cluster', gallery, '--threshold', '0.8', '--page', join(folder, 'page.html'));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const show = () => open(browser, { url: pathToFileURL(folder).href }, { path: '/page.html' });
const section = (view, name) => view.page.locator('section', { hasText: name });
const save = (view) => view.page.getByRole('button', { name: 'Save review' });

test('what has no effect on the page of people is told and not counted', async () => {
  const view = await show();
  const unnamed = section(view, 'without a name');
  await unnamed.getByRole('checkbox').first().check();
  await unnamed.getByText('the selection is not saved').waitFor();
  assert.ok(await save(view).isDisabled());
  await unnamed.getByLabel('Name').fill('Carl');
  assert.ok(await save(view).isEnabled());
  await unnamed.getByLabel('Name').fill('');
  const named = section(view, 'Person 1');
  await named.getByLabel('Name').fill('');
  await named.getByText('The name stays').waitFor();
  assert.ok(await save(view).isDisabled());
  await named.getByLabel('Name').fill('Person 1');
  await named.getByLabel('Selected faces are').fill('Eve');
  await named.getByText('Select the faces of Eve.').waitFor();
  await named.getByRole('checkbox').first().check();
  await named.getByLabel('Selected faces are').fill('Person 1');
  await named.getByText('The selected faces are Person 1 already.').waitFor();
  assert.ok(await save(view).isDisabled());
  await close(view);
});

test('names, rejections and a split on the page of people are saved as a review, which is applied', async () => {
  const view = await show();
  const [one, two, unnamed] = ['Person 1', 'Person 2', 'without a name'].map((name) => section(view, name));
  // The two change their names, and two faces show somebody else.
  await one.getByLabel('Name').fill('Person 2');
  await one.getByRole('checkbox').nth(0).check();
  await one.getByRole('checkbox').nth(1).check();
  await one.getByLabel('Selected faces are').fill('Eve <b>');
  await two.getByLabel('Name').fill('Person 1');
  await two.getByRole('checkbox').first().check();
  await unnamed.getByLabel('Name').fill('Carl');
  await view.page.getByText('3 clusters changed').waitFor();
  const download = view.page.waitForEvent('download');
  await save(view).click();
  const review = join(folder, 'review.json');
  await (await download).saveAs(review);
  const saved = JSON.parse(readFileSync(review, 'utf8'));
  assert.match(saved.gallery, /^[0-9a-f]{32}$/u);
  assert.deepEqual(
    saved.clusters.map((one) => one.shown),
    ['Person 1', 'Person 2', null],
  );
  gallerist('cluster', gallery, '--apply', review);
  assert.deepEqual(subjects(), { Carl: 2, 'Eve <b>': 2, 'Person 1': 2, 'Person 2': 2 });
  await close(view);
});
