// Opens a page of `nest-wire report` in Chromium and prints what is seen, as one line of JSON:
//
//     node report/look.mjs PAGE [WORDS]
//
// WORDS is what is typed into the filter. The browser comes from npm; it is unpacked once, into
// `node_modules`.

import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { chromium } from 'playwright-core';

const [file, words = 'no such word'] = process.argv.slice(2);
const url = pathToFileURL(resolve(file)).href;
// The rows that a reader sees.
const SHOWN = '.packets tbody:not([hidden]) tr:not([hidden])';
// Elements and attributes that the page does not have: only a payload could bring them in. (The
// tool that drives the browser sets the style of inputs.)
const STRANGERS = 'img, iframe, object, embed, base, form, [onerror], [onload], [style]:not(input)';

const browser = await launch();
try {
  console.log(JSON.stringify({
    ...(await withScripts()),
    without_scripts: await withoutScripts(),
    hashes: hashes(),
  }));
} finally {
  await browser.close();
}

/** Returns what a usual reader sees and does. */
async function withScripts() {
  const seen = await open({ colorScheme: 'light' });
  const { page } = seen;
  const facts = {
    seconds: seen.seconds,
    renderer_seconds: await rendererSeconds(),
    title: await page.title(),
    rows: await count(page, SHOWN),
    bars: await count(page, 'g.lane rect'),
    dots: await count(page, 'g.lane circle'),
    notches: await count(page, 'g.lane .notch'),
    strangers: await page.locator(STRANGERS).evaluateAll((all) => all.map((one) => one.outerHTML.slice(0, 200))),
    scripts: await count(page, 'script'),
    light: await colors(page),
    filter: await filter(page),
    click: await click(page),
  };
  await page.emulateMedia({ colorScheme: 'dark' });
  facts.dark = await colors(page);
  await page.context().close();
  return { ...facts, console: seen.console, requests: seen.requests };
}

async function withoutScripts() {
  const { page, ...seen } = await open({ javaScriptEnabled: false });
  const facts = {
    rows: await count(page, SHOWN),
    filter_visible: await page.locator('.filter').isVisible(),
    click: await click(page),
    requests: seen.requests,
  };
  await page.context().close();
  return facts;
}

/** Opens the page; notes what it says and asks for, and how long it takes until it is painted. */
async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { page, console: [], requests: [] };
  page.on('console', (message) => seen.console.push(message.text()));
  page.on('pageerror', (error) => seen.console.push(String(error)));
  page.on('dialog', (dialog) => {
    seen.console.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== url) seen.requests.push(request.url());
  });
  const begun = performance.now();
  await page.goto(url);
  // The second frame begins after everything in sight has been laid out and painted in the first.
  // (A screenshot would tell too, but fails on a machine that is busy.)
  if (options.javaScriptEnabled !== false) {
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
  }
  seen.seconds = (performance.now() - begun) / 1000;
  return seen;
}

/** Types into the filter, counts, and empties it again. */
async function filter(page) {
  const input = page.locator('.filter input');
  const output = page.locator('.filter output');
  const before = await count(page, SHOWN);
  await input.fill(words);
  await page.waitForFunction(() => document.querySelector('.filter output').textContent !== '');
  const facts = { shown: await count(page, SHOWN), output: await output.textContent() };
  await input.fill('');
  await page.waitForFunction(() => document.querySelector('.filter output').textContent === '');
  facts.again = (await count(page, SHOWN)) === before;
  return facts;
}

/** Clicks the last bar that is a link. Returns where that leads, and whether the row is in sight. */
async function click(page) {
  const at = await page.evaluate(() => {
    const bar = [...document.querySelectorAll('g.lane a rect')].at(-1);
    bar?.scrollIntoView({ block: 'center' });
    const box = bar?.getBoundingClientRect();
    return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  });
  if (!at) return null;
  await page.mouse.click(at.x, at.y);
  await page.waitForFunction(() => location.hash !== '');
  const hash = new URL(page.url()).hash;
  const row = page.locator(`tr${hash}`);
  return {
    hash,
    in_sight: await row.evaluate((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return row.matches(':target') && top >= 0 && bottom <= innerHeight;
    }),
    row: await row.innerText(),
  };
}

/** Counts with the browser's own selectors: the driver's take minutes for 100,000 packets. */
function count(page, selector) {
  return page.evaluate((selector) => document.querySelectorAll(selector).length, selector);
}

function colors(page) {
  return page.evaluate(() => {
    const { backgroundColor, color } = getComputedStyle(document.body);
    return `${color} on ${backgroundColor}`;
  });
}

/** Returns whether the policy of the page names the hashes of its style and its script. */
function hashes() {
  const html = readFileSync(file, 'utf8');
  const [, policy] = html.match(/Content-Security-Policy content="([^"]*)"/);
  const named = (element) => {
    const [, text] = html.match(new RegExp(`<${element}>([^]*?)</${element}>`));
    const hash = createHash('sha256').update(text).digest('base64');
    return policy.includes(`'sha256-${hash}'`) ? 'named' : `not named: '${element}-src 'sha256-${hash}'`;
  };
  return { style: named('style'), script: named('script') };
}

/** Returns the processor time of the processes that draw pages, so far. */
async function rendererSeconds() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return renderers.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

async function launch() {
  const folder = await unpacked();
  return chromium.launch({
    executablePath: `${folder}/chromium`,
    args: ['--headless=shell', '--no-sandbox'],
    // Beside the browser lie libraries and fonts: a system may lack them.
    env: { ...process.env, LD_LIBRARY_PATH: `${folder}/al2023/lib`, FONTCONFIG_FILE: `${folder}/fonts.conf` },
  });
}

/** Returns the folder of the browser. Unpacks it if it is not there. */
async function unpacked() {
  const modules = fileURLToPath(new URL('node_modules/', import.meta.url));
  const folder = `${modules}.chromium`;
  if (existsSync(folder)) return folder;
  const temporary = mkdtempSync(`${modules}.chromium-`);
  // The package unpacks into the folder for temporary files, with its libraries where this is set.
  const { TMPDIR } = process.env;
  Object.assign(process.env, { TMPDIR: temporary, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' });
  const { default: packed } = await import('@sparticuz/chromium');
  await packed.executablePath();
  delete process.env.AWS_LAMBDA_JS_RUNTIME;
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  writeFileSync(
    `${temporary}/fonts.conf`,
    `<fontconfig><dir>${folder}/fonts/fonts</dir><cachedir>${folder}/cache</cachedir></fontconfig>\n`,
  );
  try {
    // Whole or not at all: another process may be doing the same.
    renameSync(temporary, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(temporary, { recursive: true });
  }
  return folder;
}
