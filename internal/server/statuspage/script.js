"use strict";
// The page asks for the status when a block comes, and every few seconds; between, ages are counted here. Whatever comes
// from the service is put in as text, never as markup.
(() => {
  const api = "/api/_unstable/openaccess/";
  const storageKey = "pylon-token";
  const $ = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en");

  let token = sessionStorage.getItem(storageKey) || "";
  let status = null;      // the newest answer
  let statusAt = 0;       // when it came
  let heads = [];         // when the newest blocks came, for the rhythm
  let streaming = null;   // the AbortController of the open stream
  let lastID = "";
  let refreshing = false;
  let refreshAgain = false;

  const headers = () => (token ? { Authorization: "Bearer " + token } : {});

  // --- small helpers for the DOM

  function node(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function rows(id, list, cells, empty) {
    const body = $(id).tBodies[0];
    $(id).className = list.length === 0 ? "empty" : "";
    const columns = $(id).tHead.rows[0].cells.length;
    const made = list.map((item) => {
      const row = node("tr");
      row.append(...cells(item));
      return row;
    });
    if (made.length === 0) {
      const cell = node("td", empty, "quiet");
      cell.colSpan = columns;
      const row = node("tr");
      row.append(cell);
      made.push(row);
    }
    body.replaceChildren(...made);
  }

  function duration(seconds) {
    const s = Math.max(0, Math.round(seconds));
    if (s < 90) return s + " s";
    if (s < 5400) return Math.round(s / 60) + " min";
    if (s < 172800) return Math.round(s / 3600) + " h";
    return Math.round(s / 86400) + " days";
  }

  function size(bytes) {
    if (bytes < 1024) return bytes + " B";
    if (bytes < 1048576) return (bytes / 1024).toFixed(0) + " KiB";
    return (bytes / 1048576).toFixed(1) + " MiB";
  }

  const plural = (count, word) => number.format(count) + " " + word + (count === 1 ? "" : "s");
  const clock = (at) => at.toLocaleTimeString("en-GB");
  const stateClass = (state) => (state === "healthy" ? "good" : state === "idle" ? "idle" : state === "connecting" ? "warn" : "bad");

  // --- what is shown

  function show(what) {
    $("ask").hidden = what !== "ask";
    $("board").hidden = what !== "board";
    $("forget").hidden = !(what === "board" && token);
  }

  function notice(text) {
    $("notice").textContent = text;
    $("notice").hidden = text === "";
  }

  function live(state, text) {
    $("live").dataset.state = state;
    $("live-text").textContent = text;
  }

  function draw() {
    const s = status;
    $("about").textContent = [s.version && "version " + s.version, s.network, "up " + duration(s.uptime_seconds)].filter(Boolean).join(" · ");
    drawBlocks();
    const healthy = s.nodes.filter((n) => n.state === "healthy").length;
    const idle = s.nodes.filter((n) => n.state === "idle").length;
    $("healthy").textContent = healthy + " / " + s.nodes.length;
    $("healthy").className = "big " + (healthy === 0 ? "bad" : healthy + idle < s.nodes.length ? "warn" : "");
    $("healthy-text").textContent = "healthy" + (idle ? ", " + idle + " idle" : "");
    $("clients").textContent = number.format(s.connections);
    $("clients-text").textContent = (s.connections === 1 ? "connection" : "connections") + ", " + plural(s.event_readers, "event reader");

    rows("nodes", s.nodes, (n) => {
      const state = node("td", "", "");
      state.append(node("span", n.state.replaceAll("_", " "), "state " + stateClass(n.state)));
      if (n.last_error) state.title = "last error: " + n.last_error;
      return [
        node("td", n.role), node("td", n.name, "mono"), state,
        node("td", n.head ? number.format(n.head) : "–", "n"), node("td", n.head ? duration(n.head_age_seconds) : "–", "n"),
        node("td", number.format(n.reconnects), "n"),
      ];
    }, "No nodes.");
    rows("subnets", s.subnets, (n) => {
      const behind = s.head ? Math.max(0, s.head.number - n.block) : 0;
      return [
        node("td", n.netuid), node("td", number.format(n.neurons), "n"), node("td", number.format(n.block), "n"),
        node("td", behind === 0 ? "–" : plural(behind, "block"), "n"), node("td", n.kept, "n"),
      ];
    }, "None yet: a subnet is kept while somebody asks for it.");
    rows("identities", s.identities, (i) => [node("td", i.name), node("td", i.netuid, "n")], "No identities are configured.");
    rows("caches", s.caches, (c) => {
      const filled = node("td");
      const bar = node("progress");
      bar.max = Math.max(1, c.limit);
      bar.value = Math.min(c.bytes, c.limit);
      bar.title = size(c.bytes) + " of " + size(c.limit);
      filled.append(bar);
      const asked = c.hits + c.misses;
      return [
        node("td", c.name), filled, node("td", size(c.bytes), "n"), node("td", number.format(c.entries), "n"),
        node("td", asked ? ((100 * c.hits) / asked).toFixed(1) + " %" : "–", "n"),
      ];
    }, "No caches.");
    $("intents-card").hidden = !s.intents;
    rows("intents", s.intents || [], (i) => [node("td", i.identity), node("td", i.state), node("td", number.format(i.count), "n")], "None.");
    rows("errors", s.recent_errors, (e) => [
      node("td", clock(new Date(e.at))), node("td", e.status, "bad"), node("td", e.method + " " + e.route, "mono"),
      node("td", e.detail), node("td", e.request_id, "mono quiet"), node("td", number.format(e.count), "n"),
    ], "None since the start.");
  }

  function drawBlocks() {
    const since = (performance.now() - statusAt) / 1000;
    const { head, finalized } = status;
    $("head").textContent = head ? number.format(head.number) : "–";
    $("head").title = head ? head.hash : "";
    $("head-age").textContent = head ? duration(head.age_seconds + since) + " ago" : "no block yet";
    $("finalized").textContent = finalized ? number.format(finalized.number) : "–";
    $("finalized").title = finalized ? finalized.hash : "";
    $("finalized-age").textContent = finalized && head ? plural(Math.max(0, head.number - finalized.number), "block") + " behind" : "";
  }

  function drawRhythm() {
    const times = heads.slice(1).map((at, i) => (at - heads[i]) / 1000);
    const slots = Math.max(times.length, 24), width = 240 / slots, highest = Math.max(...times, 0.001);
    const bars = times.map((seconds, i) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = Math.max(1.5, (46 * seconds) / highest);
      for (const [name, value] of Object.entries({ x: (slots - times.length + i) * width + 0.6, y: 48 - height, width: width - 1.2, height, rx: 0.8 })) {
        bar.setAttribute(name, value);
      }
      return bar;
    });
    $("rhythm").replaceChildren(...bars);
    const mean = times.reduce((sum, t) => sum + t, 0) / times.length;
    $("rhythm-text").textContent = times.length ? "a block every " + mean.toFixed(1) + " s" : "waiting for blocks";
  }

  function feed(kind, text) {
    const item = node("li");
    const at = new Date();
    const when = node("time", clock(at));
    when.dateTime = at.toISOString();
    item.append(node("span", kind, "kind " + kind), node("span", text), when);
    $("feed").prepend(item);
    while ($("feed").children.length > 60) $("feed").lastChild.remove();
  }

  // --- what is asked

  async function refresh() {
    if (refreshing) {
      refreshAgain = true;
      return;
    }
    refreshing = true;
    const asked = token;
    try {
      const answer = await fetch(api + "status", { headers: headers(), cache: "no-store" });
      const body = await answer.json().catch(() => ({}));
      if (asked !== token) {
        refreshAgain = true; // that was the answer to another question
      } else if (answer.ok) {
        status = body;
        statusAt = performance.now();
        notice("");
        show("board");
        draw();
        if (!streaming) listen();
      } else {
        refused(answer.status, body.detail || answer.statusText);
      }
    } catch {
      notice("The service does not answer. Trying again…");
    } finally {
      refreshing = false;
    }
    if (refreshAgain) {
      refreshAgain = false;
      setTimeout(refresh, 300);
    }
  }

  function refused(code, detail) {
    if (code !== 401 && code !== 403 && code !== 429) {
      notice("The status can not be read: " + code + " " + detail);
      return;
    }
    const text = code === 429 ? detail + ". Try again in a moment." : token ? "That is not the token of this service." : "";
    if (code !== 429) forget();
    show("ask");
    notice("");
    $("refused").textContent = text;
    $("refused").hidden = text === "";
    $("token").focus();
  }

  function forget() {
    token = "";
    status = null;
    sessionStorage.removeItem(storageKey);
    if (streaming) streaming.abort();
    streaming = null;
    lastID = "";
    heads = [];
    $("feed").replaceChildren();
    live("off", "not connected");
  }

  // listen reads the stream of events. EventSource can not send a token, fetch can.
  async function listen() {
    const mine = (streaming = new AbortController());
    while (streaming === mine) {
      live("waiting", "connecting…");
      try {
        const answer = await fetch(api + "events", {
          headers: { ...headers(), ...(lastID && { "Last-Event-ID": lastID }) }, cache: "no-store", signal: mine.signal,
        });
        if (!answer.ok) throw new Error(String(answer.status));
        live("on", "live");
        await read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
      } catch {
        // The pause below is for every end alike.
      }
      if (streaming !== mine) return;
      live("waiting", "connection lost, trying again…");
      await new Promise((resolve) => setTimeout(resolve, 3000));
      refresh();
    }
  }

  async function read(reader) {
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      blocks.forEach(handle);
    }
  }

  function handle(block) {
    let kind = "", data = "";
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      const value = line.slice(colon + 1).trimStart();
      switch (line.slice(0, colon)) {
        case "id": lastID = value; break;
        case "event": kind = value; break;
        case "data": data = value; break;
      }
    }
    if (!kind || !status) return;
    const event = JSON.parse(data);
    switch (kind) {
      case "head":
        heads = [...heads.slice(-40), performance.now()];
        status.head = { ...event, age_seconds: -(performance.now() - statusAt) / 1000 };
        feed(kind, "block " + number.format(event.number));
        drawRhythm();
        drawBlocks();
        refresh();
        break;
      case "finalized":
        status.finalized = { ...event, age_seconds: 0 };
        feed(kind, "block " + number.format(event.number));
        drawBlocks();
        break;
      case "epoch":
        feed(kind, "subnet " + event.netuid + " at block " + number.format(event.block.number));
        break;
      case "gap":
        feed(kind, "some events were missed");
        break;
    }
  }

  $("ask").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    token = $("token").value.trim();
    $("token").value = "";
    sessionStorage.setItem(storageKey, token);
    refresh();
  });
  $("forget").addEventListener("click", () => {
    forget();
    $("refused").hidden = true;
    show("ask");
  });
  setInterval(() => status && drawBlocks(), 1000);
  setInterval(() => $("ask").hidden && !document.hidden && refresh(), 5000);
  drawRhythm();
  refresh();
})();
