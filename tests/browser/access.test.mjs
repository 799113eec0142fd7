// Tokens, errors, and the limits of what the page may do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { close, enrollDirectly, identify, launch, open, photo } from './browser.mjs';
import { startServer } from './server.mjs';

let server;
let browser;

before(async () => {
  server = await startServer({ galleries: ['main', 'visitors'], keepPhotos: false });
  await enrollDirectly(server, 'Ada Lovelace', photo('001'));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('without a token the page asks for one, and refuses a wrong one in words', async () => {
  const view = await open(browser, server, { path: '/' });
  await view.page.getByLabel('Token').fill('wrong');
  await view.page.getByRole('button', { name: 'Sign in' }).click();
  await view.page.getByRole('alert').getByText('does not accept this token').waitFor();
  await view.page.getByLabel('Token').fill(server.token);
  await view.page.keyboard.press('Enter');
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page.reload();
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page.getByRole('button', { name: 'Sign out' }).click();
  await view.page.getByLabel('Token').waitFor();
  assert.equal(await view.page.evaluate(() => sessionStorage.getItem('gallerist.token')), null);
  await close(view);
});

test('a token that ends while the page is open leads back to the form', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page.route('**/v1/**', (route) =>
    route.fulfill({
      status: 401,
      contentType: 'application/problem+json',
      body: JSON.stringify({
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        code: 'unauthorized',
        id: 'r-1',
        detail: 'the token is not valid',
      }),
    }),
  );
  await view.page.getByRole('navigation').getByRole('link', { name: 'People' }).click();
  await view.page.getByText('The server no longer accepts your token').waitFor();
  await close(view);
});

test('a token sees the views that its scope allows, and no scores without the right to them', async () => {
  const views = async (scope) => {
    const view = await open(browser, server, { path: `/#token=${server.makeToken(scope, scope)}` });
    await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
    return { view, names: await view.page.getByRole('navigation').getByRole('link').allInnerTexts() };
  };
  const enroll = await views('enroll');
  assert.deepEqual(enroll.names, ['Identify', 'Enroll', 'People']);
  await enroll.view.page.getByRole('link', { name: 'People' }).click();
  await enroll.view.page.getByRole('link', { name: /^Ada Lovelace/u }).click();
  await enroll.view.page.getByRole('button', { name: 'Add photos' }).waitFor();
  assert.equal(await enroll.view.page.getByRole('button', { name: /Rename|Merge|Erase/u }).count(), 0);
  await close(enroll.view);

  const { view, names } = await views('identify');
  assert.deepEqual(names, ['Identify']);
  const found = await identify(view.page, photo('001', 'smiling'));
  assert.deepEqual(found, { word: 'MATCH', name: 'Ada Lovelace' });
  assert.equal(await view.page.locator('.candidate-score, .bar').count(), 0);
  await view.page.getByText('Your token shows neither scores nor').waitFor();
  assert.equal(await view.page.getByRole('button', { name: 'Enroll this person as' }).count(), 0);
  await close(view);
});

test('an overloaded server is asked again after the time that it names', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page.route(
    '**/identify',
    (route) =>
      route.fulfill({
        status: 429,
        headers: { 'retry-after': '2' },
        contentType: 'application/problem+json',
        body: JSON.stringify({
          type: 'about:blank',
          title: 'Too Many Requests',
          status: 429,
          code: 'overloaded',
          id: 'r-2',
          detail: 'too many requests are waiting',
        }),
      }),
    { times: 1 },
  );
  await view.page.locator('input[type=file]').setInputFiles(photo('001', 'smiling'));
  await view.page.getByText('Try again in 2 seconds.').waitFor();
  await view.page.getByText('code overloaded, id r-2').waitFor();
  const again = view.page.getByRole('button', { name: 'Try again' });
  assert.equal(await again.isDisabled(), true);
  await view.page.getByText('You can try again now.').first().waitFor();
  await again.click();
  await view.page.locator('.verdict-name', { hasText: 'Ada Lovelace' }).waitFor();
  await close(view);
});

test('a photo without a face is refused in words', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  const blank = await view.page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 400;
    canvas.height = 300;
    const context = canvas.getContext('2d');
    context.fillStyle = '#8899aa';
    context.fillRect(0, 0, 400, 300);
    const blob = await new Promise((resolve) => {
      canvas.toBlob(resolve, 'image/png');
    });
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  const file = { name: 'blank.png', mimeType: 'image/png', buffer: Buffer.from(blank) };
  const found = await identify(view.page, file);
  assert.equal(found.word, 'INCONCLUSIVE');
  assert.equal(found.name, 'No face was found');
  await view.page.locator('.verdict-line').getByText('No face was found in this photo.').waitFor();
  await close(view);
});

test('a photo that is larger than the server accepts is refused in words', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page
    .locator('input[type=file]')
    .setInputFiles({ name: 'large.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(17 << 20, 1) });
  await view.page
    .getByRole('alert')
    .getByText(/code too_large/u)
    .waitFor();
  view.faults.splice(0, view.faults.length, ...view.faults.filter((fault) => !fault.includes('ERR_')));
  await close(view);
});

test('another gallery is selected, and its people are shown', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page.getByText('in the gallery main, which has 1 person.').waitFor();
  await view.page.getByLabel('Gallery').selectOption('visitors');
  await view.page.getByText('The gallery visitors is empty. Enroll people first.').waitFor();
  await view.page.reload();
  await view.page.getByText('The gallery visitors is empty. Enroll people first.').waitFor();
  await view.page.getByRole('link', { name: 'People' }).click();
  await view.page.getByText('Nobody is enrolled yet.').waitFor();
  await view.page.getByLabel('Gallery').selectOption('main');
  await view.page.getByRole('link', { name: /^Ada Lovelace/u }).waitFor();
  await close(view);
});

test('without kept photos the initials are shown, and no pictures are asked for', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  let asked = 0;
  view.page.on('request', (request) => {
    asked += request.url().endsWith('/picture') ? 1 : 0;
  });
  await view.page.getByRole('link', { name: 'People' }).click();
  assert.equal(await view.page.locator('.person-tile .initials').innerText(), 'AL');
  await view.page.waitForLoadState('networkidle');
  assert.equal(asked, 0);
  await close(view);
});

test('what is not a photo is refused without asking the server', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  await view.page
    .locator('input[type=file]')
    .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
  await view.page.getByText('There is no photo in what you dropped or pasted.').waitFor();
  await close(view);
});

test('a photo is dropped on the page', async () => {
  const view = await open(browser, server);
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  const { readFileSync } = await import('node:fs');
  const data = readFileSync(photo('001', 'smiling')).toString('base64');
  await view.page.evaluate((base64) => {
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    transfer.items.add(new File([bytes], 'dropped.jpg', { type: 'image/jpeg' }));
    document
      .querySelector('.drop')
      .dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, data);
  await view.page.locator('.verdict-name', { hasText: 'Ada Lovelace' }).waitFor();
  await close(view);
});

test('the camera takes a photo', async () => {
  const view = await open(browser, server, { permissions: ['camera'] });
  await view.page.getByRole('button', { name: 'Use the camera' }).click();
  const dialog = view.page.getByRole('dialog', { name: 'Camera' });
  const sent = view.page.waitForRequest((request) => request.url().endsWith('/identify'));
  await dialog.getByRole('button', { name: 'Take the photo' }).click();
  await sent;
  await view.page.locator('.verdict-word').waitFor();
  await close(view);
});

test('the theme is kept', async () => {
  const view = await open(browser, server, { colorScheme: 'light' });
  const ground = () => view.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const toggle = view.page.getByRole('button', { name: 'Dark theme' });
  assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
  await toggle.click();
  assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
  const dark = await ground();
  assert.notEqual(dark, light);
  await view.page.reload();
  assert.equal(await ground(), dark);
  await close(view);
});
