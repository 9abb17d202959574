// Take every viewer to a slide, in to full resolution and out again, and report every request.
//
//     node tour.mjs --chromium PROGRAM --screenshots FOLDER < JOBS
//
// JOBS is a list of {name, viewer, open}. Prints a report for each, by its name, as JSON.

import path from 'node:path';
import { parseArgs } from 'node:util';
import { text } from 'node:stream/consumers';
import { launch, servePages, watch } from './browser.mjs';

const WINDOW = { width: 1000, height: 700 };
const STEPS = 8;

const { values: options } = parseArgs({
  options: { chromium: { type: 'string' }, screenshots: { type: 'string' } },
});

/** Wait until nothing has been asked for during half a second. */
async function settle(page, report) {
  let count = -1;
  for (let round = 0; round < 40 && count !== report.requests.length; round += 1) {
    count = report.requests.length;
    await page.waitForTimeout(400);
  }
}

async function visit(context, base, job) {
  const page = await context.newPage();
  const report = watch(page);
  await page.goto(`${base}/pages/viewers.html?viewer=${job.viewer}&open=${encodeURIComponent(job.open)}`);
  await page.waitForTimeout(800);
  await settle(page, report);
  await page.mouse.move(WINDOW.width / 2, WINDOW.height / 2);
  // One viewer leaves the wheel to the page and has buttons alone.
  const buttons = { in: page.getByRole('button', { name: /zoom in/i }), out: page.getByRole('button', { name: /zoom out/i }) };
  const step = async (direction) => {
    if (job.viewer === 'clover') await buttons[direction].first().click();
    else await page.mouse.wheel(0, direction === 'in' ? -240 : 240);
    await page.waitForTimeout(150);
  };
  for (let count = 0; count < STEPS; count += 1) await step('in');
  await settle(page, report);
  await page.screenshot({ path: path.join(options.screenshots, `${job.name}.png`) });
  for (let count = 0; count < STEPS; count += 1) await step('out');
  await settle(page, report);
  await page.close();
  return report;
}

const jobs = JSON.parse(await text(process.stdin));
const server = await servePages();
const browser = await launch(options.chromium);
try {
  const base = `http://127.0.0.1:${server.address().port}`;
  const reports = {};
  const context = await browser.newContext({ viewport: WINDOW });
  const waiting = [...jobs];
  const guide = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      reports[job.name] = await visit(context, base, job).catch((error) => ({ complaints: [`driver: ${error.message}`] }));
    }
  };
  await Promise.all([guide(), guide(), guide()]);
  console.log(JSON.stringify(reports, null, 1));
} finally {
  await browser.close();
  server.close();
}
