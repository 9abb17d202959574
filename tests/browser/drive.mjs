// Look at a slide as a user would, and report every request.
//
//     node drive.mjs --page openseadragon --info URL --screenshots FOLDER [--chromium PROGRAM]
//
// Opens the page of that viewer, shows the slide at every scale from the whole of it down to twice its full
// resolution, in the corners and between, and goes back out. Prints what happened as JSON. The page comes from
// another origin than the slide, so that whatever needs a CORS header needs it here too.

import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const HERE = import.meta.dirname;
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.png': 'image/png' };
const FLAGS = [
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

const WINDOW = { width: 900, height: 600 };

// Fractions of the width and height: the corners, the middle, and two places between.
const PLACES = [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.23, 0.71], [0.64, 0.37]];

const { values: options } = parseArgs({
  options: {
    page: { type: 'string' },
    info: { type: 'string' },
    screenshots: { type: 'string' },
    chromium: { type: 'string', default: 'chromium' },
  },
});

async function servePages() {
  const server = createServer(async (request, response) => {
    const file = path.join(HERE, path.normalize(new URL(request.url, 'http://localhost').pathname));
    try {
      const body = await readFile(file);
      response.writeHead(200, { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function watch(page) {
  const report = { requests: [], failures: [], complaints: [] };
  page.on('response', (response) => {
    report.requests.push({ url: response.url(), status: response.status() });
    if (response.status() >= 400) report.failures.push(`${response.status()} ${response.url()}`);
  });
  page.on('requestfailed', (request) => report.failures.push(`${request.failure()?.errorText} ${request.url()}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) report.complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => report.complaints.push(`uncaught: ${error.message}`));
  return report;
}

async function settle(page) {
  // A view asks for its tiles in the frames after it changed.
  await page.evaluate(() => new Promise((resolve) => {
    let frames = 3;
    const wait = () => (frames-- ? requestAnimationFrame(wait) : resolve());
    wait();
  }));
  await page.waitForFunction(() => window.subject.isSettled(), null, { timeout: 30_000 });
}

async function lookAround(page, size, shoot) {
  await settle(page);
  await shoot('whole');
  const scales = [];
  const smallest = Math.max(size.width / WINDOW.width, size.height / WINDOW.height, 1);
  for (let scale = 0.5; scale < 4 * smallest; scale *= 2) scales.push(scale);
  for (const [index, [x, y]] of PLACES.entries()) {
    // In from far to near at one place, out again at the next.
    for (const scale of index % 2 ? scales : scales.toReversed()) {
      await page.evaluate((view) => window.subject.show(...view), [x * size.width, y * size.height, scale]);
      await settle(page);
      if (scale === 1) await shoot(`place-${index}`);
    }
  }
  await page.evaluate(() => window.subject.showAll());
  await settle(page);
  await shoot('again');
}

const server = await servePages();
const profile = await mkdtemp(path.join(tmpdir(), 'browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: options.chromium,
  headless: true,
  chromiumSandbox: false,
  args: FLAGS,
  viewport: WINDOW,
});
try {
  const page = context.pages()[0] ?? (await context.newPage());
  const report = watch(page);
  await page.goto(`http://127.0.0.1:${server.address().port}/pages/${options.page}.html`);
  const size = await page.evaluate((info) => window.subject.open(info), options.info);
  const shoot = (name) => page.screenshot({ path: path.join(options.screenshots, `${name}.png`) });
  await lookAround(page, size, shoot).catch((error) => report.complaints.push(`driver: ${error.message}`));
  const version = await page.evaluate(() => window.subject.version);
  console.log(JSON.stringify({ version, size, ...report }, null, 1));
} finally {
  await context.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
