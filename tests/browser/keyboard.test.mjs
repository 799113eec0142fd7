// The page without a pointer.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { close, enrollDirectly, FOUR, launch, open, photo } from './browser.mjs';
import { startServer } from './server.mjs';

let server;
let browser;
let view;
/** What the next file dialog answers. */
let chosen = [];

before(async () => {
  server = await startServer();
  await enrollDirectly(server, 'Ada Lovelace', photo('001'));
  await enrollDirectly(server, 'Grace Hopper', photo('003'));
  browser = await launch();
  // Listened to from the start: a listener that begins with the key press can miss the dialog.
  view = await open(browser, server, {
    prepare: async (page) => {
      page.on('filechooser', (dialog) => dialog.setFiles(chosen));
    },
  });
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function reload(page) {
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Presses Tab until the focused element has this name. */
async function tabTo(page, name, most = 40) {
  const seen = [];
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const node = document.activeElement;
      const style = getComputedStyle(node);
      return {
        name: node.getAttribute('aria-label') ?? node.labels?.[0]?.textContent ?? node.textContent.trim(),
        ring: style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2,
      };
    });
    seen.push(focused.name);
    if (focused.name === name || (name instanceof RegExp && name.test(focused.name))) {
      assert.ok(focused.ring, `${focused.name} shows no focus`);
      return focused.name;
    }
  }
  throw new Error(`Tab does not reach ${name}; it reaches ${seen.join(', ')}`);
}

test('the first stop leads past the navigation', async () => {
  await tabTo(view.page, 'Skip to content', 1);
  await view.page.keyboard.press('Enter');
  assert.equal(await view.page.evaluate(() => document.activeElement.id), 'main');
});

test('a photo is chosen, and its faces are visited with the arrow keys', async () => {
  await reload(view.page);
  await tabTo(view.page, 'Choose a photo');
  chosen = [FOUR];
  await view.page.keyboard.press('Enter');
  await view.page.locator('.verdict-word').waitFor();
  await tabTo(view.page, /^Face \d of 4/u);
  const before = await view.page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  await view.page.keyboard.press('ArrowRight');
  const state = await view.page.evaluate(() => ({
    label: document.activeElement.getAttribute('aria-label'),
    checked: document.activeElement.getAttribute('aria-checked'),
  }));
  assert.notEqual(state.label, before);
  assert.equal(state.checked, 'true');
});

test('the result of a selected face is announced', async () => {
  await view.page.waitForFunction(() => document.getElementById('announcer').textContent.trim() !== '');
  assert.match(await view.page.locator('#announcer').innerText(), /match|inconclusive/u);
});

test('a person is enrolled with a suggested name', async () => {
  await reload(view.page);
  await tabTo(view.page, 'Enroll');
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('heading', { level: 1, name: 'Enroll' }).waitFor();
  await tabTo(view.page, 'Choose photos');
  chosen = [photo('001', 'smiling')];
  await view.page.keyboard.press('Enter');
  await view.page.locator('.thumbnail').waitFor();
  await tabTo(view.page, 'Name');
  await view.page.keyboard.type('ada');
  await view.page.getByRole('option', { name: /^Ada Lovelace/u }).waitFor();
  await view.page.keyboard.press('ArrowDown');
  await view.page.keyboard.press('Enter');
  assert.equal(await view.page.getByLabel('Name').inputValue(), 'Ada Lovelace');
  await view.page.keyboard.press('Enter');
  await view.page.locator('.enroll-result.enrolled').waitFor();
});

test('a person is renamed; the dialog keeps the focus and gives it back', async () => {
  await tabTo(view.page, 'Open Ada Lovelace', 60);
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor();
  await tabTo(view.page, 'Rename');
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('dialog').waitFor();
  await view.page.keyboard.press('Escape');
  assert.equal(await view.page.evaluate(() => document.activeElement.textContent), 'Rename');
  await view.page.keyboard.press('Enter');
  await view.page.keyboard.press('ControlOrMeta+A');
  await view.page.keyboard.type('Ada King');
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('heading', { level: 1, name: 'Ada King' }).waitFor();
});

test('the message offers its undo to the keyboard', async () => {
  await tabTo(view.page, 'Undo', 60);
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor();
});

test('a person is erased', async () => {
  await view.page.getByRole('heading', { level: 1 }).focus();
  await tabTo(view.page, 'Erase …');
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('dialog').waitFor();
  await view.page.keyboard.press('Space');
  await tabTo(view.page, 'Erase');
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('heading', { name: 'Receipt: Ada Lovelace was erased' }).waitFor();
  await close(view);
});
