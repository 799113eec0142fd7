// Every view in both themes and three widths: accessible, within the window, and as in screenshots/.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { close, enrollDirectly, FOUR, launch, open, photo } from './browser.mjs';
import { startServer } from './server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = fileURLToPath(new URL('screenshots/', import.meta.url));
const WIDTHS = [360, 820, 1280];
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const PEOPLE = ['001', '003', '004', '005', '006', '008', '012', '013', '017', '020', '021', '024'];

let server;
let browser;
let ada;

before(async () => {
  server = await startServer();
  for (const number of PEOPLE) await enrollDirectly(server, `London ${number}`, photo(number));
  await enrollDirectly(server, 'London 001', photo('001', 'smiling'));
  const { subjects } = await server.api('GET', '/galleries/main/subjects?limit=50');
  ada = subjects.find(({ subject }) => subject === 'London 001').subject_id;
  const other = subjects.find(({ subject }) => subject === 'London 024').subject_id;
  await server.api('PATCH', `/galleries/main/subjects/${other}`, {
    name: 'A person with a long name, Countess of Somewhere-upon-the-River',
  });
  if (process.env.SCREENSHOTS) mkdirSync(SHOTS, { recursive: true });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const identified = (file) => async (page) => {
  await page.locator('input[type=file]').setInputFiles(file);
  await page.locator('.verdict-word').waitFor();
};
const hash = (route) => async (page) => {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/${route}`);
};
const steps =
  (...all) =>
  async (page) => {
    for (const step of all) await step(page);
  };

/** How to reach each view from the start view. */
const VIEWS = {
  'sign-in': async (page) => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
  },
  start: async () => {},
  match: identified(photo('003', 'smiling')),
  stranger: identified(photo('099')),
  group: identified(FOUR),
  enroll: steps(hash('enroll'), async (page) => {
    await page.locator('input[type=file]').setInputFiles([photo('030'), photo('030', 'smiling')]);
    await page.getByLabel('Name').fill('Lon');
    await page.locator('.suggestions li').first().waitFor();
  }),
  enrolled: steps(hash('enroll'), async (page) => {
    await page.locator('input[type=file]').setInputFiles([photo('037'), photo('001')]);
    await page.getByLabel('Name').fill('London 037');
    await page.getByRole('button', { name: 'Enroll 2 photos' }).click();
    await page.locator('.enroll-summary').waitFor();
  }),
  people: steps(hash('people'), (page) => page.locator('.person-tile img').first().waitFor()),
  person: steps(
    (page) => hash(`people/${ada}`)(page),
    async (page) => {
      await page.getByRole('checkbox', { name: 'Select template 2' }).check();
      await page.locator('.face-tile img').nth(1).waitFor();
    },
  ),
  erase: steps(
    (page) => hash(`people/${ada}`)(page),
    async (page) => {
      await page.getByRole('button', { name: 'Erase' }).click();
      await page.getByRole('dialog').waitFor();
    },
  ),
  receipt: async (page) => {
    await enrollDirectly(server, 'London 030', photo('030'));
    await hash('people')(page);
    await page.getByRole('link', { name: /^London 030/u }).click();
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('New name').fill('London 30');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'London 30' }).waitFor();
    await page.getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('dialog').getByRole('checkbox').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('heading', { name: 'Receipt: London 30 was erased' }).waitFor();
  },
  history: steps(hash('history'), (page) => page.locator('.history-row').first().waitFor()),
  status: steps(hash('status'), async (page) => {
    await page.getByRole('button', { name: 'Pause updates' }).click();
    await page.locator('.card-latency').waitFor();
  }),
};

for (const theme of ['light', 'dark']) {
  for (const [name, reach] of Object.entries(VIEWS)) {
    test(`the view ${name} in ${theme} is accessible and fits every width`, async () => {
      const view = await open(browser, server, { colorScheme: theme, reducedMotion: 'reduce' });
      const { page } = view;
      await page.getByRole('heading', { level: 1, name: 'Identify' }).waitFor();
      await reach(page);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 860 });
        await picturesOf(page);
        const { beyond, widest } = await page.evaluate(() => ({
          beyond: document.documentElement.scrollWidth - window.innerWidth,
          widest: [...document.querySelectorAll('body *')]
            .filter((node) => node.getBoundingClientRect().right > window.innerWidth + 1)
            .map((node) => node.className)
            .slice(0, 5),
        }));
        assert.ok(beyond <= 0, `${width} px: ${beyond} px too wide: ${widest}`);
        assert.deepEqual(await serious(page), [], `${width} px`);
        if (process.env.SCREENSHOTS)
          await page.screenshot({
            path: `${SHOTS}${name}-${width}-${theme}.png`,
            fullPage: name !== 'erase',
            animations: 'disabled',
          });
      }
      await close(view);
    });
  }
}

/** Waits until the visible pictures are there. */
async function picturesOf(page) {
  await page.waitForLoadState('networkidle');
  await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode().catch(() => {}))));
}

/** The serious and critical findings of axe-core. */
async function serious(page) {
  // The policy of the page forbids inline scripts, but not code that the debugger brings in.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), TAGS);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html, failureSummary }) => `${html} ${failureSummary}`)
          .slice(0, 3)
          .join(' | ')}`,
    );
}
