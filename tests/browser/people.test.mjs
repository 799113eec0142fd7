// People through their whole life in a gallery: enrolled, found, corrected, erased.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { close, enroll, FOUR, go, identify, launch, open, photo } from './browser.mjs';
import { startServer } from './server.mjs';

let server;
let browser;
let view;

before(async () => {
  server = await startServer();
  browser = await launch();
  view = await open(browser, server);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const openPerson = async (page, name) => {
  await go(page, 'People');
  await page.getByRole('link', { name: new RegExp(`^${name}`, 'u') }).click();
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
};
const names = async (page) => {
  await go(page, 'People');
  await page.locator('.people-foot, .person-tile').first().waitFor({ state: 'attached' });
  await page.waitForLoadState('networkidle');
  return page.locator('.person-name').allInnerTexts();
};

test('the token leaves the address', async () => {
  await view.page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
  assert.equal(new URL(view.page.url()).hash, '#/identify');
  assert.equal((await view.page.evaluate(() => history.length)) <= 2, true);
});

test('photos are enrolled under a name', async () => {
  const [first] = await enroll(view.page, 'Ada Lovelace', photo('001'));
  assert.match(first, /Enrolled/u);
  const [second] = await enroll(view.page, 'Grace Hopper', photo('003'));
  assert.match(second, /Enrolled/u);
  assert.deepEqual(await names(view.page), ['Ada Lovelace', 'Grace Hopper']);
});

test('a photo beyond the limits is refused in words, and nobody is enrolled', async () => {
  await go(view.page, 'Enroll');
  await view.page.getByText('Limits').click();
  await view.page.getByLabel('Refuse photos that show more than one face').check();
  await view.page.locator('input[type=file]').setInputFiles(FOUR);
  await view.page.getByLabel('Name').fill('A group');
  await view.page.getByRole('button', { name: 'Enroll 1 photo' }).click();
  await view.page.locator('.enroll-summary').waitFor();
  assert.match(
    await view.page.locator('.enroll-result.skipped').innerText(),
    /Refused[\s\S]*shows more than one face/u,
  );
  assert.equal((await names(view.page)).includes('A group'), false);
});

test('a photo that is enrolled already is unchanged', async () => {
  const [again] = await enroll(view.page, 'Ada Lovelace', photo('001'));
  assert.match(again, /Unchanged[\s\S]*in the gallery already/u);
  const [other] = await enroll(view.page, 'Somebody Else', photo('001'));
  assert.match(other, /Unchanged[\s\S]*under another name/u);
});

test('another photo of an enrolled person is a match with the right name', async () => {
  const found = await identify(view.page, photo('001', 'smiling'));
  assert.deepEqual(found, { word: 'MATCH', name: 'Ada Lovelace' });
  const scores = (await view.page.locator('.candidate-score').allInnerTexts()).map((text) =>
    Number(text.replace('\u2212', '-')),
  );
  assert.ok(scores[0] > 0.5 && scores[1] < 0.5, String(scores));
  await view.page
    .getByText('Exact: every one of the 2 templates was compared, or excluded by a bound that always holds.')
    .waitFor();
});

test('a threshold that is not calibrated is shown as such', async () => {
  await view.page.locator('.note.caution').getByText('Uncalibrated').waitFor();
  assert.equal(await view.page.locator('.candidate .bar.uncalibrated').count(), 2);
  const dashes = await view.page
    .locator('.candidate .bar-threshold')
    .first()
    .evaluate((line) => getComputedStyle(line).strokeDasharray);
  assert.notEqual(dashes, 'none');
});

test('candidates have pictures where the gallery keeps photos', async () => {
  await view.page.locator('.candidate .picture img').first().waitFor();
  const width = await view.page
    .locator('.candidate .picture img')
    .first()
    .evaluate((image) => image.naturalWidth);
  assert.ok(width >= 64, `the picture is ${width} pixels wide`);
});

test('a stranger is no match, and can be enrolled from there', async () => {
  const found = await identify(view.page, photo('099'));
  assert.equal(found.word, 'NO MATCH');
  await view.page.getByRole('button', { name: 'Enroll this person as' }).click();
  await view.page.getByLabel('Name').fill('Katherine Johnson');
  await view.page.getByRole('button', { name: 'Enroll 1 photo' }).click();
  await view.page.locator('.enroll-result.enrolled').waitFor();
  await go(view.page, 'Identify');
  await view.page.locator('.verdict-word', { hasText: /^MATCH$/u }).waitFor();
  assert.equal(await view.page.locator('.verdict-name').innerText(), 'Katherine Johnson');
});

test('every face of a photo is outlined, and one of them can be enrolled', async () => {
  await identify(view.page, FOUR);
  const marks = view.page.getByRole('radio');
  assert.equal(await marks.count(), 4);
  const label = await marks.nth(2).getAttribute('aria-label');
  await marks.nth(2).click();
  assert.equal(await marks.nth(2).getAttribute('aria-checked'), 'true');
  assert.match(label, /^Face 3 of 4: /u);
  await view.page.getByRole('button', { name: 'Enroll this person as' }).click();
  await view.page.getByText('The part of the photo around the selected face is enrolled.').waitFor();
  await view.page.getByLabel('Name').fill('From a group');
  await view.page.getByRole('button', { name: 'Enroll 1 photo' }).click();
  await view.page.locator('.enroll-result.enrolled').waitFor();
  await identify(view.page, FOUR);
  const labels = await view.page
    .getByRole('radio')
    .evaluateAll((all) => all.map((mark) => mark.getAttribute('aria-label')));
  assert.deepEqual(
    labels.map((text) => /match, From a group/u.test(text)),
    [false, false, true, false],
  );
});

test('a rename is undone by its message', async () => {
  await openPerson(view.page, 'Grace Hopper');
  await view.page.getByRole('button', { name: 'Rename' }).click();
  await view.page.getByLabel('New name').fill('Grace B. Hopper');
  await view.page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await view.page.getByRole('heading', { level: 1, name: 'Grace B. Hopper' }).waitFor();
  await view.page.getByRole('region', { name: 'Messages' }).getByRole('button', { name: 'Undo' }).click();
  await view.page.getByRole('heading', { level: 1, name: 'Grace Hopper', exact: true }).waitFor();
});

test('a name that is taken is refused in words, and the dialog stays', async () => {
  await view.page.getByRole('button', { name: 'Rename' }).click();
  await view.page.getByLabel('New name').fill('Ada Lovelace');
  await view.page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  const said = view.page.getByRole('dialog').getByRole('alert');
  await said.getByText(/code name_taken, id /u).waitFor();
  await view.page.keyboard.press('Escape');
});

test('a merge is undone from the history', async () => {
  await view.page.getByRole('button', { name: 'Merge into' }).click();
  await view.page.getByLabel('Person to keep').fill('Ada');
  await view.page.getByRole('option', { name: /^Ada Lovelace/u }).click();
  await view.page.getByRole('dialog').getByRole('button', { name: 'Merge', exact: true }).click();
  await view.page.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor();
  await view.page.getByText('2 templates', { exact: true }).waitFor();
  assert.equal((await names(view.page)).includes('Grace Hopper'), false);
  await go(view.page, 'History');
  await view.page.getByRole('button', { name: 'Undo: Merged Grace Hopper into Ada Lovelace (1 template)' }).click();
  await view.page.getByText('The merge was undone.').last().waitFor();
  assert.equal((await names(view.page)).includes('Grace Hopper'), true);
});

test('selected templates move to another name, and back', async () => {
  await enroll(view.page, 'Ada Lovelace', photo('001', 'smiling'));
  await openPerson(view.page, 'Ada Lovelace');
  await view.page.getByRole('checkbox', { name: 'Select template 2' }).check();
  await view.page.getByRole('button', { name: 'Move to' }).click();
  await view.page.getByLabel('Name of the person').fill('A. Lovelace');
  await view.page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
  await view.page.getByText('Moved 1 template to A. Lovelace.').last().waitFor();
  assert.equal((await names(view.page)).includes('A. Lovelace'), true);
  await view.page.getByRole('region', { name: 'Messages' }).getByRole('button', { name: 'Undo' }).last().click();
  await view.page.getByText('The move was undone.').last().waitFor();
  assert.equal((await names(view.page)).includes('A. Lovelace'), false);
});

test('a search finds people by a part of their name', async () => {
  await go(view.page, 'People');
  await view.page.getByLabel('Search by name').fill('hop');
  await view.page.getByText('1 person', { exact: true }).waitFor();
  assert.deepEqual(await view.page.locator('.person-name').allInnerTexts(), ['Grace Hopper']);
  await view.page.getByLabel('Search by name').fill('nobody at all');
  await view.page.getByText('Nobody has a name with').waitFor();
  await view.page.getByLabel('Search by name').fill('');
});

test('an erased person is in no answer, and the receipt says what is left', async () => {
  await openPerson(view.page, 'Ada Lovelace');
  await view.page.getByRole('button', { name: 'Erase' }).click();
  const dialog = view.page.getByRole('dialog');
  assert.equal(await dialog.getByRole('button', { name: 'Erase' }).isDisabled(), true);
  await dialog.getByRole('checkbox').check();
  await dialog.getByRole('button', { name: 'Erase' }).click();
  await view.page.getByRole('heading', { name: 'Receipt: Ada Lovelace was erased' }).waitFor();
  const receipt = await view.page.locator('.receipt').innerText();
  assert.match(receipt, /Ada Lovelace with 2 templates/u);
  assert.match(receipt, /Nothing is left in the files of the gallery\./u);
  assert.match(receipt, /Finished\s+\d+ \w+ \d{4}/u);
  assert.equal((await names(view.page)).includes('Ada Lovelace'), false);
  const found = await identify(view.page, photo('001', 'smiling'));
  assert.equal(found.word, 'NO MATCH');
});

test('names are shown as text, whatever they contain', async () => {
  const name = '<img src=x onerror=alert(1)>';
  await enroll(view.page, name, photo('012'));
  assert.equal((await names(view.page)).includes(name), true);
  assert.equal(await view.page.locator('img[src="x"]').count(), 0);
});

test('the page ran without errors and asked nobody else', async () => {
  await close(view);
});
