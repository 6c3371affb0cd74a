// What the site is like in a real browser, without a network:
//
//     npm install --no-save playwright-core axe-core
//     node tools/browser.mjs [_docs] [width ...]          (CHROMIUM=/usr/bin/chromium)
//
// For every page and width: serious faults that axe finds, code blocks that are cut off, formulas that stay TeX,
// requests that leave the site, and kB. An explore page is played with as well: slider, pictures, questions must answer
// to mouse and keyboard, in both colour schemes. The exit status is 1 if there is any fault but weight.
import { createServer } from 'node:http';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const [site = '_docs', ...widths] = process.argv.slice(2);
const { chromium } = await import('playwright-core');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json',
                '.png': 'image/png', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };

const server = createServer(async (request, answer) => {
  let file = path.join(site, decodeURIComponent(new URL(request.url, 'http://x').pathname));
  if (file.endsWith('/')) file += 'index.html';
  try {
    const body = await readFile(file);
    answer.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(body);
  } catch { answer.writeHead(404).end(); }
}).listen(0);
const home = `http://localhost:${server.address().port}/`;

// In the page: code that is wider than its box, TeX that nobody typeset, and formulas in all.
const look = () => {
  const seen = e => e.getClientRects().length > 0 && e.checkVisibility();
  const clipped = [...document.querySelectorAll('pre')].filter(e => seen(e) && e.scrollWidth > e.clientWidth + 1);
  const math = [...document.querySelectorAll('.math')];
  return { clipped: clipped.length, first: clipped[0]?.textContent.slice(0, 60), formulas: math.length,
           raw: math.filter(e => !e.querySelector('.katex, mjx-container')).length };
};

// In an explore page: what a reader would see, to tell whether something changed.
const state = () => ({ told: document.getElementById('told').textContent,
                       pair: document.querySelector('#pair h3').textContent.match(/^Pair \d+/)[0],
                       sheet: [...document.querySelectorAll('img.step')].findIndex(e => e.checkVisibility()),
                       now: document.querySelectorAll('#pair canvas')[1].toDataURL(),
                       dots: [...document.querySelectorAll('.mine')].map(e => e.style.transform).join(),
                       answer: document.getElementById('answered').textContent });

// Play with an explore page; the faults, in words.
const play = async page => {
  await page.waitForSelector('#pair h3');
  const steps = +await page.getAttribute('#step', 'max') + 1, faults = [];
  const expect = async (what, act, same, changed) => {
    const before = await page.evaluate(state);
    await act();
    const after = await page.evaluate(state);
    const wrong = [...same.filter(k => before[k] !== after[k]), ...changed.filter(k => before[k] === after[k])];
    if (wrong.length) faults.push(`${what}: ${wrong.join(', ')}`);
    return after;
  };
  const focus = selector => page.focus(selector), press = key => page.keyboard.press(key);
  if (steps > 1) {
    await focus('#step'); await press('Home');
    const at = ['told', 'sheet', 'now', 'dots'];
    await expect('slider by key', () => press('End'), ['pair', 'answer'], at);
    for (let s = steps - 2; s >= 0; s--) {
      const { sheet } = await expect(`position ${s}`, () => press('ArrowLeft'), ['pair'], ['told', 'sheet']);
      if (sheet !== s) faults.push(`position ${s} shows sheet ${sheet}`);
    }
  }
  await expect('hover', () => page.hover('#cells button:nth-child(5)'), ['told', 'sheet'], ['pair', 'now']);
  await expect('focus', () => focus('#cells button:nth-child(2)'), ['told'], ['pair', 'now']);
  await expect('arrow in the grid', () => press('ArrowRight'), ['told'], ['pair', 'now']);
  await expect('question', () => page.selectOption('#question', '2'), ['told', 'pair'], ['answer']);
  return faults;
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
let bad = 0;
const docs = (await readdir(path.join(site, 'docs'), { recursive: true })).filter(f => f.endsWith('.html')).sort();
const grave = async page => (await page.evaluate(() => axe.run({ resultTypes: ['violations'] }))).violations
  .filter(v => ['serious', 'critical'].includes(v.impact));
for (const width of widths.length ? widths.map(Number) : [1280]) {
  for (const name of docs) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    let bytes = 0, away = [];
    await page.route('**/*', route => route.request().url().startsWith(home) ? route.continue()
      : (away.push(route.request().url()), route.abort()));
    page.on('response', async r => { try { bytes += (await r.body()).length; } catch {} });
    await page.goto(`${home}docs/${name}`, { waitUntil: 'load' });
    await page.waitForTimeout(300);
    const found = await page.evaluate(look);
    await page.addScriptTag({ path: axe });
    const wrong = await grave(page);
    let played = [];
    if (await page.$('#cells')) {
      played = await play(page);
      await page.emulateMedia({ colorScheme: 'dark' });
      wrong.push(...await grave(page));
    }
    const faults = wrong.length + found.clipped + found.raw + away.length + played.length;
    bad += faults;
    console.log(`${name} at ${width}: ${faults ? 'FAULTS' : 'fine'}; ${found.formulas} formulas, ${Math.round(bytes / 1000)} kB`);
    for (const what of played) console.log(`    explore: ${what}`);
    for (const v of wrong) console.log(`    axe: ${v.id}, ${v.nodes.length} times; ${v.nodes[0].html.slice(0, 100)}`);
    if (found.clipped) console.log(`    ${found.clipped} code blocks cut off; ${found.first}`);
    if (found.raw) console.log(`    ${found.raw} formulas left as TeX`);
    if (away.length) console.log(`    asks elsewhere: ${[...new Set(away)].join(' ').slice(0, 200)}`);
    await page.close();
  }
}
await browser.close();
server.close();
console.log(bad ? `${bad} faults` : 'no faults');
process.exit(bad ? 1 : 0);
