// Open pages of a tree as people do, on phones and desks, by day and by night, and report what happens.
//
//     node pages.mjs --chromium PROGRAM --screenshots FOLDER [--webgl] < JOBS
//
// JOBS is a list of {name, url, width, height, dark, axe, script, script_off, clicks, evaluate}. Prints a report for
// each, by its name, as JSON.

import path from 'node:path';
import { parseArgs } from 'node:util';
import { text } from 'node:stream/consumers';
import { launch, watch } from './browser.mjs';

const AXE = path.join(import.meta.dirname, 'node_modules/axe-core/axe.min.js');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

const { values: options } = parseArgs({
  options: { chromium: { type: 'string' }, screenshots: { type: 'string' }, webgl: { type: 'boolean' } },
});

async function look(browser, job) {
  const context = await browser.newContext({
    viewport: { width: job.width ?? 1280, height: job.height ?? 800 },
    colorScheme: job.dark ? 'dark' : 'light',
    javaScriptEnabled: !job.script_off,
    // The policy of a page is to be tested, and axe has to get past it all the same.
    bypassCSP: Boolean(job.axe),
  });
  const page = await context.newPage();
  const report = watch(page);
  const begun = Date.now();
  await page.goto(job.url, { waitUntil: 'load' });
  report.loadMilliseconds = Date.now() - begun;
  if (job.viewer) {
    await page.waitForFunction(() => window.slideViewer?.world.getItemAt(0)?.getFullyLoaded(), null, { timeout: 60_000 });
  }
  for (const selector of job.clicks ?? []) {
    await page.click(selector);
    await page.waitForTimeout(300);
  }
  await page.waitForTimeout(400);
  if (job.evaluate) report.value = await page.evaluate(job.evaluate);
  await page.screenshot({ path: path.join(options.screenshots, `${job.name}.png`) });
  if (job.axe) {
    await page.addScriptTag({ path: AXE });
    const found = await page.evaluate((tags) => window.axe.run({ runOnly: tags }), AXE_TAGS);
    report.axe = found.violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((node) => node.html.slice(0, 160)) }));
  }
  await context.close();
  return report;
}

const jobs = JSON.parse(await text(process.stdin));
const browser = await launch(options.chromium, options);
try {
  const reports = {};
  const waiting = [...jobs];
  const failed = (error) => ({ complaints: [`driver: ${error.message}`], failures: [], requests: [] });
  const visitor = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      reports[job.name] = await look(browser, job).catch(failed);
    }
  };
  await Promise.all([visitor(), visitor(), visitor(), visitor()]);
  console.log(JSON.stringify(reports, null, 1));
} finally {
  await browser.close();
}
