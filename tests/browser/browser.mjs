// What every driver needs: a server for the pages of the viewers, a browser, and a record of all that happens.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const HERE = import.meta.dirname;
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.png': 'image/png',
  '.svg': 'image/svg+xml', '.json': 'application/json', '.woff2': 'font/woff2', '.gif': 'image/gif',
};
const FLAGS = [
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Serve this folder from an origin of its own, so that whatever a viewer needs a CORS header for needs it here. */
export async function servePages() {
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

/** Without a GPU, WebGL is slow: viewers draw without it unless it is asked for. */
export function launch(program, { webgl = false } = {}) {
  const args = webgl ? FLAGS : [...FLAGS, '--disable-3d-apis'];
  return chromium.launch({ executablePath: program, headless: true, chromiumSandbox: false, args });
}

/** Note every request and every complaint of a page. */
export function watch(page) {
  const report = { requests: [], failures: [], complaints: [] };
  page.on('response', (response) => {
    report.requests.push(response.url());
    if (response.status() >= 400) report.failures.push(`${response.status()} ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    // A viewer that has moved on gives up what it does not need any more.
    const reason = request.failure()?.errorText;
    if (reason !== 'net::ERR_ABORTED') report.failures.push(`${reason} ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') report.complaints.push(message.text());
  });
  page.on('pageerror', (error) => report.complaints.push(`uncaught: ${error.message}`));
  page.on('dialog', (dialog) => {
    report.complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return report;
}
