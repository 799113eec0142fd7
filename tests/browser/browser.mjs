// A browser, and what a user does with the page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** Path of a photo of the test set: person `number`, `neutral` or `smiling`. */
export const photo = (number, expression = 'neutral') =>
  fileURLToPath(new URL(`../faces/${number}/${expression}.jpg`, import.meta.url));
/** A photo of four people. */
export const FOUR = fileURLToPath(new URL('../golden/four_faces.png', import.meta.url));

const WAIT_MS = 20_000;

/** Starts the browser. A container without user namespaces cannot have Chromium's sandbox; the pages are the server's own. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.PLAYWRIGHT_CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  });
}

/** Opens a page, after `prepare`. `faults` collects what a correct page never has: errors of scripts, violations of the policy, requests to others. */
export async function open(
  browser,
  server,
  { path = `/#token=${server.token}`, prepare = async () => {}, ...options } = {},
) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // The browser logs every answer of 400 and more; the tests of errors ask for those.
    if (message.type() === 'error' && !/Failed to load resource: the server responded/u.test(message.text()))
      faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith('blob:'))
      faults.push(`request to ${request.url()}`);
  });
  await prepare(page);
  await page.goto(server.url + path);
  return { page, context, faults };
}

/** Asserts that the page had no faults, and closes it. */
export async function close({ context, faults }) {
  await context.close();
  assert.deepEqual(faults, []);
}

/** Goes to a view by its link in the navigation. */
export async function go(page, name) {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Enrolls photos through the page and returns the texts of the results. */
export async function enroll(page, name, ...files) {
  await go(page, 'Enroll');
  await page.locator('input[type=file]').setInputFiles(files);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: /^Enroll \d+ photo/u }).click();
  await page.locator('.enroll-summary').waitFor();
  return page.locator('.enroll-result').allInnerTexts();
}

/** Identifies a photo through the page and returns the decision and the headline. */
export async function identify(page, file) {
  await go(page, 'Identify');
  const answered = page.waitForResponse((response) => response.url().endsWith('/identify'));
  await page.locator('input[type=file]').setInputFiles(file);
  await answered;
  await page.locator('.verdict-word').waitFor();
  return {
    word: await page.locator('.verdict-word').innerText(),
    name: await page.locator('.verdict-name').innerText(),
  };
}

/** Enrolls photos through the API, for tests that are about something else. */
export async function enrollDirectly(server, name, ...files) {
  const form = new FormData();
  form.append('subject', name);
  for (const file of files) form.append('image', new Blob([readFileSync(file)]), file);
  return server.api('POST', '/galleries/main/faces', form);
}
