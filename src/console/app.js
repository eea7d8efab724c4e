"use strict";

const PAGE = 25;            // streams
const SUBSCRIBERS = 50;     // of a page
const PERIOD = 2000;        // ms, between two looks
const POINTS = 30;          // of a sparkline
const SHOWN = 200;          // events of a tail
const DATABASES = {sqlite: "SQLite", postgresql: "PostgreSQL"};

const $ = (id) => document.getElementById(id);

const state = {
  after: [0],               // the id before each page, up to this one
  more: false,
  histories: new Map(),     // by id: rates of a stream
  totals: null,             // events in and out, and when
  open: null,               // the stream that is looked at
  subscribersAfter: 0,
};

/* The API, relative to the page: below the console's own location. */

async function call(method, path, body, type) {
  const headers = {"Accept": "application/json", "X-ESS-Console": "1"};
  if (type) {
    headers["Content-Type"] = type;
  }
  const r = await fetch(path, {method, headers, body, cache: "no-store",
                               credentials: "same-origin"});
  const text = await r.text();
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // nginx's own error page
  }
  if (!r.ok) {
    const e = new Error(json && json.detail || `${r.status} ${r.statusText}`);
    e.status = r.status;
    throw e;
  }
  return json;
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
  clearTimeout(notice.timer);
  if (text) {
    notice.timer = setTimeout(() => notice(""), 8000);
  }
}

function number(n, digits = 0) {
  return n === null || n === undefined ? "–" : n.toLocaleString("en", {
    maximumFractionDigits: digits});
}

function rate(n) {
  return n === null ? "–" : number(n, n < 10 ? 1 : 0);
}

function bytes(n) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024 || unit === "GiB") {
      return `${number(n, n < 10 ? 1 : 0)} ${unit}`;
    }
    n /= 1024;
  }
}

function element(name, text, className) {
  const e = document.createElement(name);
  if (text !== undefined) {
    e.textContent = text;
  }
  if (className) {
    e.className = className;
  }
  return e;
}

/* Figures and health. */

async function figures() {
  const m = await call("GET", "metrics?format=json");
  const sum = (o) => Object.values(o).reduce((a, b) => a + b, 0);
  const now = performance.now();
  const totals = {now, in: m.received_events_total,
                  out: sum(m.sent_events_total)};
  const before = state.totals;
  state.totals = totals;
  $("nstreams").textContent = number(m.streams);
  $("nsubscribers").textContent = number(sum(m.subscribers));
  const commands = Object.entries(m.commands_total);
  some("ncreated", m.created_streams);
  some("nmade", m.streams_created_total.subscription
                + m.streams_created_total.publication);
  some("nsubscriptions", m.subscriptions);
  some("ncommands", sum(m.commands_total));
  some("nrefused", commands.reduce(
    (n, [command, count]) => command.endsWith(" 200") ? n : n + count, 0));
  some("nkeyless", m.no_key_total);
  some("nskipped", m.template_skipped_total);
  if (before) {
    const s = (now - before.now) / 1000;
    $("in").textContent = rate(Math.max(0, totals.in - before.in) / s);
    $("out").textContent = rate(Math.max(0, totals.out - before.out) / s);
  }
  const used = m.zone_bytes.used / sum(m.zone_bytes);
  $("zone").value = used;
  $("zone-text").textContent = `${number(used * 100)} %`;
  queues(m);
  logs(m);
  const workers = Object.values(m.amqp_connected || {});
  $("broker").textContent = `${sum(workers)} of ${workers.length}`;
  $("broker").parentElement.hidden = !m.amqp_connected;
}

/* Messages of queues that become requests, and calls: only with ess_consume and
   ess_rpc. */

function queues(m) {
  const calls = m.rpc_requests_total || {};
  const answered = (calls.reply || 0) + (calls.error || 0);
  const all = Object.values(calls).reduce((a, b) => a + b, 0);
  const of = Object.entries(m.consume_messages_total || {});
  some("nwork", m.consume_in_work || 0);
  some("ncalls", all);
  some("nfailed", all - answered);
  $("queues").hidden = !of.length;
  $("queue-rows").replaceChildren(...of.map(([name, n]) => {
    const tr = element("tr");
    const th = element("th", name);
    th.scope = "row";
    tr.append(th, ...[m.consume_consumers[name], n.ack + n.gone, n.reply,
                      n.retry, n.dead, n.expired].map(
      (x, i) => element("td", number(x),
                        [2, 3, 5].includes(i) ? "number wide" : "number")));
    return tr;
  }));
}

/* Durable logs: only with ess_event_log.  What was refused is the sender's
   fault, what was not stored the database's. */

function logs(m) {
  const of = Object.entries(m.event_log_inserts_total || {});
  $("logs").hidden = !of.length;
  sources(of.map(([name]) => name));
  $("log-rows").replaceChildren(...of.map(([name, n]) => {
    const tr = element("tr");
    const th = element("th", name);
    const up = m.event_log_up[name];
    const size = (m.event_log_bytes || {})[name];
    const {sum, count} = m.event_log_seconds[name].insert;
    th.scope = "row";
    tr.append(th,
      element("td", DATABASES[m.event_log_info[name]], "wide"),
      element("td", number((m.event_log_events || {})[name]), "number"),
      element("td", size === undefined ? "–" : bytes(size), "number wide"),
      element("td", number(n.stored), "number"),
      element("td", number(n.same), "number wide"),
      element("td", number(n.duplicate + n.invalid + n.undone), "number"),
      element("td", number(n.unavailable), "number"),
      element("td", count ? number(sum / count * 1000, 1) : "–",
              "number wide"),
      element("td", up ? "up" : "no database", up ? "good" : "bad"));
    return tr;
  }));
}

/* Of what few have, only where there is some. */

function some(id, n) {
  $(id).textContent = number(n);
  $(id).parentElement.hidden = !n;
}

async function health() {
  const chip = $("health");
  let text = "healthy", good = true;
  try {
    const h = await call("GET", "health");
    text = h && h.publishing || text;
  } catch (e) {
    text = e.status === 503 ? e.message : `unreachable: ${e.message}`;
    good = false;
  }
  if (chip.textContent !== text) {
    chip.textContent = text;
  }
  chip.classList.toggle("good", good);
  chip.classList.toggle("bad", !good);
}

/* Streams. */

function uuid(stream) {
  return stream.location.split("/").pop();
}

function remember(stream) {
  let h = state.histories.get(stream.id);
  const now = performance.now();
  if (!h) {
    h = {rates: [], last: null, now};
    state.histories.set(stream.id, h);
  }
  if (stream.last_ordinal === null) {
    h.last = null;
  } else {
    if (h.last !== null && now > h.now) {
      h.rates.push(Math.max(0, stream.last_ordinal - h.last)
                   / (now - h.now) * 1000);
      h.rates.splice(0, h.rates.length - POINTS);
    }
    h.last = stream.last_ordinal;
  }
  h.now = now;
  return h;
}

function spark(svg, rates) {
  const top = Math.max(1, ...rates);
  svg.firstChild.setAttribute("points", rates.map((r, i) => `${
    (i + POINTS - rates.length) * 100 / (POINTS - 1)},${
    23 - r / top * 22}`).join(" "));
}

function newSpark() {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 100 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(ns, "polyline"));
  return svg;
}

/* What an operator knows it by. */

function title(stream) {
  return stream.name && stream.name !== stream.routing_key
    ? `${stream.name} (${stream.routing_key})` : stream.routing_key;
}

/* Whose it is to remove it, if not the operator's alone. */

function origin(stream) {
  return stream.declared ? "of nginx.conf" : stream.created ? "on demand" : "";
}

function newRow(stream) {
  const row = element("tr");
  const open = element("button", title(stream), "link");
  open.type = "button";
  open.addEventListener("click", () => openStream(row.stream));
  const key = element("th");
  key.scope = "row";
  key.append(open);
  if (origin(stream)) {
    key.append(" ", element("small", origin(stream)));
  }
  const sparkline = element("td", undefined, "spark");
  sparkline.append(newSpark());
  const remove = element("button", "Delete", "danger");
  remove.type = "button";
  remove.setAttribute("aria-label", `Delete ${title(stream)}`);
  remove.disabled = Boolean(stream.declared);
  remove.addEventListener("click", () => deleteStream(row.stream));
  const actions = element("td");
  actions.append(remove);
  row.append(key, element("td", "", "number"), element("td", "", "number"),
             sparkline, element("td", "", "number wide"), actions);
  return row;
}

function fillRow(row, stream) {
  const h = remember(stream);
  row.stream = stream;
  row.cells[1].textContent = number(stream.subscribers);
  row.cells[2].textContent = rate(h.rates.length ? h.rates.at(-1) : null);
  spark(row.cells[3].firstChild, h.rates);
  row.cells[4].textContent = number(stream.last_ordinal);
  row.classList.toggle("open", state.open !== null
                               && state.open.id === stream.id);
}

/* Rows stay while what they show does, so that focus and pointer do, too.
   Returns those that went. */

function reconcile(body, items, make, fill) {
  const there = new Map([...body.rows].map((r) => [Number(r.dataset.id), r]));
  items.forEach((item, i) => {
    const row = there.get(item.id) || make(item);
    there.delete(item.id);
    row.dataset.id = item.id;
    fill(row, item);
    if (body.rows[i] !== row) {
      body.insertBefore(row, body.rows[i] || null);
    }
  });
  for (const row of there.values()) {
    row.remove();
  }
  return [...there.values()];
}

async function list() {
  const search = $("search").value.trim();
  const query = new URLSearchParams({details: 1, limit: PAGE + 1,
                                     after: state.after.at(-1)});
  if (search) {
    query.set("search", search);
  }
  const asked = list.asked = {};
  const streams = (await call("GET", `api/?${query}`)).event_streams;
  if (list.asked !== asked) {
    return;                 // somebody typed on
  }
  state.more = streams.length > PAGE;
  streams.splice(PAGE);

  for (const row of reconcile($("rows"), streams, newRow, fillRow)) {
    if (state.histories.size > 1000) {
      state.histories.delete(Number(row.dataset.id));
    }
  }
  $("none").hidden = streams.length > 0;
  $("none").textContent = search ? "No stream matches." : "There is no stream.";
  $("previous").disabled = state.after.length === 1;
  $("next").disabled = !state.more;
  list.last = streams.length ? streams.at(-1).id : 0;
}

function firstPage() {
  state.after = [0];
  return refresh();
}

/* Dialogs. */

function ask(dialog) {
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener(
    "close", () => resolve(dialog.returnValue !== "cancel"), {once: true}));
}

function confirm(title, text, yes) {
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = yes;
  $("confirm-yes").value = "yes";
  return ask($("confirm"));
}

async function deleteStream(stream) {
  if (!await confirm("Delete the stream?", `“${title(stream)}” has ${
    number(stream.subscribers)} subscribers, who will be disconnected.`,
                     "Delete")) {
    return;
  }
  if (state.open && state.open.id === stream.id) {
    closeStream();
  }
  await refresh.work;       // so that nobody looks at it any more
  try {
    await call("DELETE", `api/${stream.id}`);
  } catch (e) {
    notice(e.message);
  }
  $("streams").focus();
  await refresh();
}

/* An event log is chosen among those that there are. */

function sources(logs) {
  if ([...$("log").options].map((o) => o.value).join() !== logs.join()) {
    const chosen = $("log").value;
    $("log").replaceChildren(...logs.map((name) => element("option", name)));
    $("log").value = logs.includes(chosen) ? chosen : logs[0];
  }
  $("source-log").hidden = !logs.length;
  if (!logs.length && source() === "event_log") {
    document.querySelector("input[name=source]").checked = true;
  }
  showSource();
}

function source() {
  return document.querySelector("input[name=source]:checked").value;
}

function showSource() {
  const log = source() === "event_log";
  $("of-key").hidden = $("key").disabled = log;
  $("of-log").hidden = !log;
}

async function createStream(event) {
  event.preventDefault();
  const body = {routing_key: $(source() === "event_log" ? "log" : "key").value};
  if (source()) {
    body.source = source();
  }
  try {
    const made = await call("POST", "api/", JSON.stringify(body),
                            "application/json");
    $("create-dialog").close("created");
    $("search").value = "";
    await firstPage();
    await openStream(await call("GET", `api/${made.id}`));
  } catch (e) {
    $("create-error").textContent = e.message;
    $("create-error").hidden = false;
  }
}

/* One stream. */

async function openStream(stream) {
  closeTail();
  state.open = stream;
  state.subscribersAfter = 0;
  $("stream-title").textContent = title(stream);
  $("stream").hidden = false;
  document.querySelector("main").classList.add("two");
  $("events").replaceChildren();
  $("subscribers").replaceChildren();
  $("published").textContent = "";
  showTab("tail");
  facts(stream);
  openTail();
  $("stream").focus();
  await refresh();
}

function closeStream() {
  closeTail();
  state.open = null;
  $("stream").hidden = true;
  document.querySelector("main").classList.remove("two");
  for (const row of $("rows").rows) {
    row.classList.remove("open");
  }
}

function facts(stream) {
  const all = {
    "Id": stream.id,
    "Location": stream.location,
    "Source": {stream: "RabbitMQ stream", event_log: "event log"}[stream.source]
      || "exchange",
    "Made": origin(stream) || "by the API",
    "Keys of events": stream.key || "–",
    "Subscribers": number(stream.subscribers),
    "Log": `${number(stream.events)} events, ${bytes(stream.bytes)}`,
    "Ordinals": stream.last_ordinal === null ? "–"
      : `${number(stream.first_ordinal)} to ${number(stream.last_ordinal)}`,
  };
  const dl = $("facts");
  if (dl.children.length === 0) {
    for (const name of Object.keys(all)) {
      dl.append(element("dt", name), element("dd"));
    }
  }
  Object.values(all).forEach((value, i) => {
    const dd = dl.children[2 * i + 1];
    if (dd.textContent !== String(value)) {
      dd.textContent = value;
    }
  });
}

async function look() {
  const stream = state.open;
  try {
    const now = await call("GET", `api/${stream.id}`);
    if (state.open === stream) {
      state.open = now;
      facts(now);
    }
  } catch (e) {
    if (e.status === 404 && state.open === stream) {
      notice(`“${title(stream)}” was deleted.`);
      closeStream();
    }
  }
}

const TABS = ["tail", "subscribers", "publish"];

function showTab(name, focus) {
  state.tab = name;
  for (const t of TABS) {
    $(`tab-${t}`).setAttribute("aria-selected", t === name);
    $(`tab-${t}`).tabIndex = t === name ? 0 : -1;
    $(`panel-${t}`).hidden = t !== name;
  }
  if (focus) {
    $(`tab-${name}`).focus();
  }
  if (name === "subscribers") {
    refresh();
  }
}

/* The live tail. */

const tail = {source: null, waiting: [], paused: false, held: 0, frame: 0};

function openTail() {
  tail.waiting = [];
  tail.source = new EventSource(`tail/${uuid(state.open)}`);
  pauseTail(false);
  tail.source.addEventListener("open", tailState);
  tail.source.addEventListener("error", tailState);
  for (const type of ["message", "binary", "gap"]) {
    tail.source.addEventListener(type, gotEvent);
  }
}

function tailState() {
  let text = tail.held ? `Paused, ${number(tail.held)} new.` : "Paused.";
  if (tail.source.readyState === EventSource.CLOSED) {
    text = "The tail has ended.";
  } else if (tail.source.readyState === EventSource.CONNECTING) {
    text = "Connecting …";
  } else if (!tail.paused) {
    text = "Live: events appear as they come.";
  }
  $("tail-state").textContent = text;
}

/* A binary body comes in base64, a gap as what is missing. */

function gotEvent(e) {
  tail.waiting.push({id: e.lastEventId, type: e.type, data: e.data,
                     time: new Date()});
  if (tail.waiting.length > SHOWN) {
    tail.waiting.shift();
  }
  if (tail.paused) {
    tail.held++;
    tailState();
  } else if (!tail.frame) {
    tail.frame = requestAnimationFrame(showEvents);
  }
}

function closeTail() {
  if (tail.source) {
    tail.source.close();
    tail.source = null;
  }
  cancelAnimationFrame(tail.frame);
  tail.frame = 0;
}

function format(data) {
  if ($("json").checked) {
    try {
      return JSON.stringify(JSON.parse(data), null, 2);
    } catch {
      // not JSON
    }
  }
  return data;
}

function matches(data) {
  const filter = $("filter").value.toLowerCase();
  return !filter || data.toLowerCase().includes(filter);
}

function showEvents() {
  tail.frame = 0;
  const events = $("events");
  for (const {id, type, data, time} of tail.waiting) {
    const li = element("li");
    li.data = data;
    li.hidden = !matches(data);
    li.append(element("small", `${time.toLocaleTimeString()}  ${
      type === "message" ? "" : `${type}  `}${id}`),
              element("pre", format(data)));
    events.prepend(li);
  }
  tail.waiting = [];
  while (events.children.length > SHOWN) {
    events.lastChild.remove();
  }
}

function pauseTail(paused) {
  tail.paused = paused;
  tail.held = 0;
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").textContent = paused ? "Go on" : "Pause";
  tailState();
  if (!paused) {
    showEvents();
  }
}

function formatAgain() {
  for (const li of $("events").children) {
    li.hidden = !matches(li.data);
    li.lastChild.textContent = format(li.data);
  }
}

/* Subscribers. */

function newSubscriber(s) {
  const row = element("tr");
  const remove = element("button", "Disconnect", "danger");
  remove.type = "button";
  remove.setAttribute("aria-label", `Disconnect ${s.address}, number ${s.id}`);
  remove.addEventListener("click", () => disconnect(state.open, s));
  const actions = element("td");
  actions.append(remove);
  row.append(element("td", s.address), element("td", s.transport),
             element("td", new Date(s.since).toLocaleString(), "wide"),
             element("td", "", "number"), element("td", "", "number wide"),
             element("td", "", "number"), actions);
  return row;
}

function fillSubscriber(row, s) {
  row.cells[3].textContent = number(s.events);
  row.cells[4].textContent = bytes(s.bytes);
  row.cells[5].textContent = number(s.lag);
}

async function subscribers() {
  const stream = state.open;
  const found = (await call("GET", `api/${stream.id}/subscribers?limit=${
    SUBSCRIBERS + 1}&after=${state.subscribersAfter}`)).subscribers;
  if (state.open === null || state.open.id !== stream.id) {
    return;
  }
  const more = found.length > SUBSCRIBERS;
  found.splice(SUBSCRIBERS);
  reconcile($("subscribers"), found, newSubscriber, fillSubscriber);
  $("no-subscribers").hidden = found.length > 0;
  $("subscribers-first").disabled = state.subscribersAfter === 0;
  $("subscribers-next").disabled = !more;
  subscribers.last = found.length ? found.at(-1).id : 0;
}

async function disconnect(stream, s) {
  if (!await confirm("Disconnect the subscriber?",
                     `${s.address}, since ${
                       new Date(s.since).toLocaleString()}.`, "Disconnect")) {
    return;
  }
  try {
    await call("DELETE", `api/${stream.id}/subscribers/${s.id}`);
  } catch (e) {
    notice(e.message);
  }
  $("tab-subscribers").focus();
  await refresh();
}

/* Publishing. */

async function publish(event) {
  event.preventDefault();
  const out = $("published");
  out.className = "";
  out.textContent = "Publishing …";
  try {
    await call("POST", `publish/${uuid(state.open)}?by=uuid`, $("body").value,
               "text/plain");
    out.textContent = `Published at ${new Date().toLocaleTimeString()}.`;
  } catch (e) {
    out.className = "error";
    out.textContent = e.message;
  }
}

/* All of it, again and again. */

async function refresh() {
  clearTimeout(refresh.timer);
  if (!document.hidden) {
    const work = [health(), figures(), list()];
    if (state.open) {
      work.push(look());
      if (state.tab === "subscribers") {
        work.push(subscribers());
      }
    }
    refresh.work = Promise.allSettled(work);
    const failed = (await refresh.work).find((r) => r.status === "rejected");
    if (failed && failed.reason.status !== 404) {
      notice(failed.reason.message);
    }
  }
  clearTimeout(refresh.timer);
  refresh.timer = setTimeout(refresh, PERIOD);
}

function start() {
  let typed;
  $("search").addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(firstPage, 200);
  });
  $("previous").addEventListener("click", () => {
    state.after.pop();
    refresh();
  });
  $("next").addEventListener("click", () => {
    state.after.push(list.last);
    refresh();
  });
  $("create").addEventListener("click", () => {
    $("key").value = $("search").value.trim();
    $("create-error").hidden = true;
    ask($("create-dialog"));
  });
  for (const radio of document.querySelectorAll("input[name=source]")) {
    radio.addEventListener("change", showSource);
  }
  $("create-dialog").querySelector("form").addEventListener("submit",
                                                            createStream);
  for (const b of document.querySelectorAll("dialog button[value=cancel]")) {
    b.addEventListener("click", () => b.closest("dialog").close("cancel"));
  }
  $("close").addEventListener("click", closeStream);
  for (const [i, name] of TABS.entries()) {
    $(`tab-${name}`).addEventListener("click", () => showTab(name));
    $(`tab-${name}`).addEventListener("keydown", (e) => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[e.key];
      if (step) {
        showTab(TABS[(i + step + TABS.length) % TABS.length], true);
      }
    });
  }
  $("pause").addEventListener("click", () => pauseTail(!tail.paused));
  $("clear").addEventListener("click", () => $("events").replaceChildren());
  $("filter").addEventListener("input", formatAgain);
  $("json").addEventListener("change", formatAgain);
  $("subscribers-first").addEventListener("click", () => {
    state.subscribersAfter = 0;
    refresh();
  });
  $("subscribers-next").addEventListener("click", () => {
    state.subscribersAfter = subscribers.last;
    refresh();
  });
  $("panel-publish").addEventListener("submit", publish);
  document.addEventListener("keydown", (e) => {
    const writing = e.target.matches("input, select, textarea");
    if (e.key === "/" && !writing && !document.querySelector("dialog[open]")) {
      e.preventDefault();
      $("search").focus();
    } else if (e.key === "Escape" && state.open && !writing
               && !document.querySelector("dialog[open]")) {
      closeStream();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      refresh();
    }
  });
  call("GET", "api/version").then(
    (v) => { $("version").textContent = v.version; }, () => {});
  refresh();
}

start();
