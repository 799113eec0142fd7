// The page of `gallerist dedup plan --page`.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { close, launch, open, photo } from './browser.mjs';

const PROGRAM = process.env.GALLERIST_PROGRAM;
let browser;
let folder;

const dedup = (...words) => execFileSync(PROGRAM, ['dedup', ...words], { encoding: 'utf8' });

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gallerist-copies-'));
  for (const name of ['one', 'two']) mkdirSync(join(folder, 'photos', name), { recursive: true });
  const write = (name, bytes) => writeFileSync(join(folder, 'photos', name), bytes);
  const [first, second] = [photo('001'), photo('003')].map((path) => readFileSync(path));
  write('one/first.jpg', first);
  write('two/first.jpg', first);
  write('one/second.jpg', second);
  // A name with an accent in two parts, as some systems write it.
  const [third, fourth] = [photo('004'), photo('005')].map((path) => readFileSync(path));
  write('one/Zoe\u0308.jpg', third);
  write('two/Zoe\u0308.jpg', third);
  // Names that are not Unicode.
  for (const name of ['one', 'two']) {
    writeFileSync(Buffer.concat([Buffer.from(join(folder, 'photos', name) + '/'), Buffer.from([0x62, 0xff, 0x2e, 0x6a, 0x70, 0x67])]), fourth);
  }
  // The same picture in other bytes.
  write('two/second.jpg', Buffer.concat([second, Buffer.from('more')]));
  const files = ['--cache', join(folder, 'cache'), '--decisions', join(folder, 'decisions')];
  const page = ['--out', join(folder, 'plan.json'), '--page', join(folder, 'page.html')];
  dedup('plan', join(folder, 'photos'), ...page, ...files);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const show = () => open(browser, { url: pathToFileURL(folder).href }, { path: '/page.html' });

test('the page of copies shows the groups that are asked for', async () => {
  const view = await show();
  const shown = () => view.page.locator('section[data-group]:visible').count();
  assert.equal(await shown(), 4);
  await view.page.getByLabel('Show').selectOption('exact');
  assert.equal(await shown(), 3);
  await view.page.getByRole('heading', { name: 'Equal files' }).first().waitFor();
  await view.page.getByLabel('Show').selectOption('all');
  await view.page.getByLabel('Path').fill('SECOND');
  assert.equal(await shown(), 1);
  await view.page.getByText('1 group shown').waitFor();
  for (const part of ['zo\u00eb', 'b\ufffd.jpg']) {
    await view.page.getByLabel('Path').fill(part);
    assert.equal(await shown(), 1, part);
  }
  await view.page.getByLabel('Path').fill('');
  await view.page.getByLabel('Show').selectOption('changed');
  assert.equal(await shown(), 0);
  await close(view);
});

test('files with equal bytes show the picture that is embedded once', async () => {
  const view = await show();
  const pictures = view.page.locator('section', { hasText: 'first.jpg' }).locator('img');
  const sources = await pictures.evaluateAll((images) => images.map((image) => image.src));
  assert.equal(sources.length, 2);
  assert.ok(sources[0].startsWith('data:image/jpeg;base64,') && sources[0] === sources[1]);
  await close(view);
});

test('choices on the page of copies are saved as a plan, which is applied', async () => {
  const view = await show();
  const group = view.page.locator('section', { hasText: 'first.jpg' });
  // The first one is kept.
  const [kept, other] = [0, 1].map((at) => group.getByRole('checkbox', { name: 'move' }).nth(at));
  await kept.check();
  await group.getByText('Keep at least one.').waitFor();
  assert.ok(await view.page.getByRole('button', { name: 'Save plan' }).isDisabled());
  await other.uncheck();
  const download = view.page.waitForEvent('download');
  await view.page.getByRole('button', { name: 'Save plan' }).click();
  const plan = join(folder, 'saved.json');
  await (await download).saveAs(plan);
  dedup('apply', plan, '--yes', '--decisions', join(folder, 'decisions'));
  const names = ['one/first.jpg', 'two/first.jpg'].filter((name) => existsSync(join(folder, 'photos', name)));
  assert.equal(names.length, 1);
  const unchanged = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
  const before = unchanged.groups.flatMap((one) => one.members).filter((member) => member.action === 'keep');
  assert.ok(before.every((member) => member.photo !== join(folder, 'photos', names[0])));
  dedup('undo', plan);
  await close(view);
});
