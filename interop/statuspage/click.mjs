// Clicks through the status page of a running service in headless Chromium and fails at the first thing that is not as a
// reader would expect it. With --screenshot it keeps what it has seen.
//
//   node click.mjs --modules DIR --url URL --token TOKEN [--screenshot FILE]
import { createRequire } from "node:module";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import assert from "node:assert/strict";

const { values: given } = parseArgs({ options: { modules: { type: "string" }, url: { type: "string" }, token: { type: "string" }, screenshot: { type: "string" } } });
const { chromium } = createRequire(join(resolve(given.modules), "package.json"))("playwright-core");

const profile = await mkdtemp(join(tmpdir(), "statuspage-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
  viewport: { width: 1360, height: 800 },
  colorScheme: "light",
});
let failed = false;
try {
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A status that the page expects is a line of the browser's all the same.
    if (message.type() === "error" && !/status of 40[13]/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(given.url) && !request.url().startsWith("data:")) complaints.push(`request: ${request.url()}`);
  });
  const text = async (selector) => (await page.textContent(selector)).trim();
  const visible = (selector) => page.locator(selector).waitFor({ state: "visible", timeout: 15000 });
  const numberOf = async (selector) => Number((await text(selector)).replace(/[^0-9]/g, ""));
  const until = async (what, check) => {
    const end = Date.now() + 30000;
    while (!(await check())) {
      assert.ok(Date.now() < end, `never came true: ${what}`);
      await new Promise((done) => setTimeout(done, 100));
    }
  };

  // Without a token there is a question and no data.
  const answer = await page.goto(given.url + "/");
  assert.equal(answer.status(), 200);
  await visible("#ask");
  assert.ok(!(await page.isVisible("#board")));
  assert.equal(await text("#head"), "–");

  // A wrong token is told apart from a right one.
  await page.fill("#token", "not the token");
  await page.click("#ask button");
  await visible("#refused");
  assert.match(await text("#refused"), /not the token/);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);

  await page.fill("#token", given.token);
  await page.press("#token", "Enter");
  await visible("#board");
  await until("the stream is live", async () => (await text("#live-text")) === "live");
  const first = await numberOf("#head");
  assert.ok(first > 0, "no head");
  await until("the head moves", async () => (await numberOf("#head")) >= first + 2);
  assert.ok((await page.locator("#feed li").count()) >= 2, "no events in the feed");
  assert.ok((await page.locator("#rhythm rect").count()) >= 1, "no rhythm");
  assert.match(await text("#rhythm-text"), /^a block every [0-9.]+ s$/);

  // What the page shows is what the service says.
  const status = await page.evaluate(async (token) => {
    const answer = await fetch("/api/_unstable/openaccess/status", { headers: { Authorization: "Bearer " + token } });
    return answer.json();
  }, given.token);
  assert.ok(Math.abs((await numberOf("#head")) - status.head.number) <= 3);
  const cells = (id, column) => page.locator(`#${id} tbody tr td:nth-child(${column})`).allTextContents();
  assert.deepEqual(await cells("nodes", 2), status.nodes.map((node) => node.name));
  assert.ok((await cells("nodes", 3)).includes("healthy"));
  assert.deepEqual(await cells("identities", 1), status.identities.map((identity) => identity.name));
  assert.deepEqual(await cells("caches", 1), status.caches.map((cache) => cache.name));
  assert.ok(status.subnets.length > 0, "no subnet is in memory");
  assert.deepEqual((await cells("subnets", 1)).map(Number), status.subnets.map((subnet) => subnet.netuid));
  assert.equal(await page.isVisible("#intents-card"), Boolean(status.intents));
  assert.equal(status.event_readers, 1);

  // The token outlives a reload, and nothing but the tab.
  await page.reload();
  await visible("#board");
  await until("the stream is live again", async () => (await text("#live-text")) === "live");
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal((await context.cookies()).length, 0);

  if (given.screenshot) {
    await until("there is a rhythm to see", async () => (await page.locator("#rhythm rect").count()) >= 16);
    await page.screenshot({ path: given.screenshot, fullPage: true });
  }

  // Narrow screens and dark ones have no overflow.
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 800 });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wider <= 0, `the page is ${wider} pixels wider than a phone`);

  await page.click("#forget");
  await visible("#ask");
  assert.ok(!(await page.isVisible("#board")));
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await text("#live-text"), "not connected");

  // The links at the foot lead somewhere.
  for (const link of await page.locator("footer a").all()) {
    const target = await context.request.get(new URL(await link.getAttribute("href"), given.url).href);
    assert.equal(target.status(), 200, target.url());
  }
  assert.deepEqual(complaints, []);
  console.log("the status page works");
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
