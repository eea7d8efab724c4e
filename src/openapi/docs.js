"use strict";
/* Shows an OpenAPI document, and sends what is tried to the server that has it.
   All text is set as text: nothing is HTML. */
(function () {
  const main = document.getElementById("api");
  const path = document.querySelector("meta[name=openapi]").content;
  const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
  const SCHEMAS = "#/components/schemas/";
  const DEEP = 8;             // schemas in each other, in a view or an example
  const SHOWN = 100000;       // letters of an answer
  let spec;

  function make(name, parent, text, type) {
    const e = document.createElement(name);
    if (text !== undefined) { e.textContent = text; }
    if (type) { e.className = type; }
    if (parent) { parent.append(e); }
    return e;
  }

  function resolve(part) {
    for (let i = 0; part && part.$ref && i < 16; i++) {
      part = part.$ref.split("/").slice(1).reduce(
        (o, k) => o && o[decodeURIComponent(k).replace(/~1/g, "/").replace(/~0/g, "~")], spec);
    }
    return part || {};
  }

  /* Schemas. */

  function kind(s) {
    if (s.const !== undefined) { return JSON.stringify(s.const); }
    if (s.enum) { return s.enum.map((v) => JSON.stringify(v)).join(" | "); }
    const words = [[].concat(s.type || (s.properties ? "object" : [])).join(" | ")];
    if (s.format) { words.push(s.format); }
    if (s.pattern) { words.push("/" + s.pattern + "/"); }
    for (const [low, high, unit] of [["minimum", "maximum", ""],
      ["exclusiveMinimum", "exclusiveMaximum", " (not itself)"], ["minLength", "maxLength", " letters"],
      ["minItems", "maxItems", " items"], ["minProperties", "maxProperties", " members"]]) {
      if (s[low] !== undefined || s[high] !== undefined) {
        words.push((s[low] ?? "") + "…" + (s[high] ?? "") + unit);
      }
    }
    if (s.default !== undefined) { words.push("default " + JSON.stringify(s.default)); }
    if (s["x-ess-time"]) { words.push("in the " + (s["x-ess-time"] === "past" ? "past" : "future")); }
    return words.filter(Boolean).join(", ");
  }

  function named(ref) {
    const name = ref.startsWith(SCHEMAS) ? ref.slice(SCHEMAS.length) : "/";
    return name.includes("/") ? "" : name;
  }

  /* What a schema says, without its members. */

  function line(parent, s, required) {
    if (s.$ref && named(s.$ref)) {
      make("a", parent, named(s.$ref)).href = "#schema-" + named(s.$ref);
    } else if (s.type === "array" && s.items && s.items.$ref && named(s.items.$ref)) {
      parent.append("list of ");
      make("a", parent, named(s.items.$ref)).href = "#schema-" + named(s.items.$ref);
      const more = kind(Object.assign({}, s, { type: undefined }));
      if (more) { parent.append(", " + more); }
    } else {
      make("code", parent, kind(s.$ref ? resolve(s) : s));
    }
    if (required) { make("em", parent, "required"); }
    const text = [s.title, s.description].filter(Boolean).join(". ");
    if (text) { make("span", parent, text); }
  }

  /* The members of a schema and of those in it, but not of those that have a
     name: these are links. */

  function members(parent, s, deep) {
    if (!s || typeof s !== "object" || deep > DEEP || (s.$ref && named(s.$ref))) { return; }
    s = resolve(s);
    const props = Object.entries(s.properties || {});
    if (props.length) {
      const list = make("ul", parent, undefined, "members");
      for (const [name, of] of props) {
        const item = make("li", list);
        make("b", item, name);
        line(item, of, (s.required || []).includes(name));
        members(item, of, deep + 1);
      }
    }
    const parts = [];
    if (s.items && !(s.items.$ref && named(s.items.$ref))) { parts.push(["Each", s.items]); }
    for (const [key, say] of [["oneOf", "One of"], ["anyOf", "Any of"], ["allOf", "And"]]) {
      for (const of of s[key] || []) { parts.push([say, of]); }
    }
    for (const [key, say] of [["if", "If"], ["then", "Then"], ["else", "Else"], ["not", "Not"]]) {
      if (s[key]) { parts.push([say, s[key]]); }
    }
    for (const [say, of] of parts) {
      const box = make("div", parent, undefined, "part");
      make("b", box, say);
      line(box, of);
      members(box, of, deep + 1);
    }
  }

  function schema(parent, s) {
    line(make("p", parent), s);
    members(parent, s, 0);
  }

  /* A value that a schema might take: what it has as examples, or nearly. */

  function example(s, deep) {
    s = resolve(s);
    if (s.examples && s.examples.length) { return s.examples[0]; }
    for (const v of [s.example, s.default, s.const, (s.enum || [])[0]]) {
      if (v !== undefined) { return v; }
    }
    if (deep > DEEP) { return null; }
    const one = (s.oneOf || s.anyOf || [])[0];
    const parts = [one, ...(s.allOf || []), s.if, s.if && s.then].filter(Boolean);
    const type = [].concat(s.type || (s.properties || parts.length ? "object" : "string"))[0];
    if (type === "object") {
      const made = {};
      for (const [name, of] of Object.entries(s.properties || {})) {
        if (!s.required || s.required.includes(name)) { made[name] = example(of, deep + 1); }
      }
      for (const part of parts) {
        const more = example(part, deep + 1);
        if (more === null || typeof more !== "object" || Array.isArray(more)) {
          if (part === one && !Object.keys(made).length) { return more; }
          continue;
        }
        Object.assign(made, more);
      }
      return made;
    }
    if (type === "array") { return s.items ? [example(s.items, deep + 1)] : []; }
    if (type === "integer" || type === "number") { return s.minimum ?? 0; }
    if (type === "boolean") { return true; }
    if (type === "null") { return null; }
    return { "date-time": "2024-01-01T00:00:00Z", date: "2024-01-01", email: "ann@example.com",
      uuid: "00000000-0000-4000-8000-000000000000", uri: "urn:example:1",
      ipv4: "192.0.2.1", ipv6: "2001:db8::1" }[s.format] || "string";
  }

  /* What is tried. */

  function field(parent, label, hint, tag) {
    const row = make("label", parent, undefined, "field");
    make("span", row, label);
    const input = make(tag || "input", row);
    input.autocomplete = "off";
    input.spellcheck = false;
    if (hint) { input.placeholder = hint; }
    return input;
  }

  function asked(url, method, inputs, body, type) {
    const headers = {};
    const query = new URLSearchParams();
    for (const [p, input] of inputs) {
      if (p.in === "path") {
        url = url.replace("{" + p.name + "}", encodeURIComponent(input.value));
      } else if (input.value && p.in === "query") {
        query.append(p.name, input.value);
      } else if (input.value && p.in === "header") {
        headers[p.name] = input.value;
      }
    }
    const rights = document.getElementById("authorization").value;
    if (rights) { headers.Authorization = rights; }
    if (type) { headers["Content-Type"] = type; }
    return { url: new URL(url + (query.size ? "?" + query : ""), location.origin).href,
      method: method.toUpperCase(), headers, body: body ? body.value : undefined };
  }

  function curl(a) {
    const quoted = (text) => "'" + text.replace(/'/g, "'\\''") + "'";
    return ["curl " + quoted(a.url), ...(a.method !== (a.body === undefined ? "GET" : "POST")
      ? [a.method === "HEAD" ? "-I" : "-X " + a.method] : []),
    ...Object.entries(a.headers).map(([k, v]) => "-H " + quoted(k + ": " + v)),
    ...(a.body === undefined ? [] : ["--data-raw " + quoted(a.body)])].join(" \\\n  ");
  }

  async function send(a, signal, status, out) {
    const start = performance.now();
    let text = "";
    status.className = "";
    status.textContent = "Sending …";
    out.hidden = true;
    try {
      const r = await fetch(a.url, { method: a.method, headers: a.headers, body: a.body, signal,
        cache: "no-store", credentials: "same-origin" });
      status.className = r.ok ? "good" : "bad";
      status.textContent = r.status + " " + r.statusText + ", "
        + Math.round(performance.now() - start) + " ms"
        + ["Content-Type", "Location", "Link", "Retry-After", "Allow"].map((h) =>
          r.headers.get(h) ? "\n" + h + ": " + r.headers.get(h) : "").join("");
      const json = (r.headers.get("Content-Type") || "").includes("json");
      const decoder = new TextDecoder();
      const reader = r.body ? r.body.getReader() : null;
      for (;;) {
        const part = reader ? await reader.read() : { done: true };
        text += part.done ? decoder.decode() : decoder.decode(part.value, { stream: true });
        out.hidden = !text;
        if (part.done) { break; }
        if (!json) { text = text.slice(-SHOWN); }
        out.textContent = text.slice(0, SHOWN);
      }
      /* unless that would show other numbers than were sent */
      if (json && JSON.stringify(JSON.parse(text)) === text.trim()) {
        text = JSON.stringify(JSON.parse(text), null, 2);
      }
    } catch (e) {
      if (e.name === "AbortError") {
        status.textContent += status.textContent.startsWith("Sending") ? " stopped" : "\nstopped";
      } else if (!text) {
        status.className = "bad";
        status.textContent = String(e.message || e);
      }
    }
    out.textContent = text.slice(0, SHOWN);
  }

  /* of an operation that has several kinds of answers, one is asked for */

  function accept(op) {
    const types = Object.keys(resolve((op.responses || {})["200"]).content || {});
    return types.length > 1 ? [{ name: "Accept", in: "header", schema: { enum: types } }] : [];
  }

  function form(parent, url, method, parameters, content) {
    const box = make("form", parent);
    const inputs = parameters.map((p) => {
      const s = resolve(p.schema);
      const input = s.enum ? field(box, p.name, "", "select")
        : field(box, p.name, s.default === undefined ? p.in : String(s.default));
      for (const v of s.enum ? [...(p.required ? [] : [""]), ...s.enum] : []) { make("option", input, v); }
      input.required = Boolean(p.required);
      return [p, input];
    });
    const [type, media] = Object.entries(content || {})[0] || [];
    let body;
    if (type) {
      body = field(box, type, "", "textarea");
      body.rows = 8;
      if (media.schema) {
        const value = media.examples ? Object.values(media.examples).map(resolve)[0].value
          : media.example ?? example(media.schema, 0);
        body.value = typeof value === "string" && !type.includes("json") ? value
          : JSON.stringify(value, null, 2);
      }
    }
    const bar = make("div", box, undefined, "bar");
    make("button", bar, "Send", "main").type = "submit";
    const stop = make("button", bar, "Stop");
    stop.type = "button";
    stop.disabled = true;
    const command = make("pre", box, undefined, "curl");
    command.tabIndex = 0;
    const status = make("p", box, undefined);
    status.setAttribute("role", "status");
    const out = make("pre", box, undefined, "answer");
    out.tabIndex = 0;
    out.hidden = true;
    const now = () => asked(url, method, inputs, body, type && (type === "*/*" ? "text/plain" : type));
    const update = () => { command.textContent = curl(now()); };
    if (navigator.clipboard) {
      const copy = make("button", bar, "Copy curl");
      copy.type = "button";
      copy.addEventListener("click", () => navigator.clipboard.writeText(curl(now())).then(
        () => { copy.textContent = "Copied"; }, () => { copy.textContent = "Not allowed"; }));
    }
    let abort;
    box.addEventListener("input", update);
    document.getElementById("authorization").addEventListener("input", update);
    box.addEventListener("submit", async (e) => {
      e.preventDefault();
      if (abort) { abort.abort(); }
      const mine = abort = new AbortController();
      stop.disabled = false;
      await send(now(), mine.signal, status, out);
      if (abort === mine) { stop.disabled = true; }
    });
    stop.addEventListener("click", () => abort.abort());
    update();
  }

  /* Operations. */

  function contents(parent, content) {
    for (const [type, media] of Object.entries(content || {})) {
      const s = media.schema;
      make("p", parent, undefined, "type").append(make("code", null, type));
      if (s) { schema(parent, s); }
    }
  }

  function operation(parent, url, method, item, op) {
    const box = make("details", parent, undefined, "operation");
    box.id = method + "-" + url;
    box.words = [method, url, op.summary, ...(op.tags || [])].join(" ").toLowerCase();
    const head = make("summary", box);
    make("b", head, method.toUpperCase(), "method " + method);
    make("code", head, url);
    make("span", head, op.summary || "");
    box.addEventListener("toggle", () => {
      if (box.open && box.childElementCount === 1) { detail(make("div", box), url, method, item, op); }
    });
  }

  /* Made when it is looked at. */

  function detail(body, url, method, item, op) {
    for (const text of [item.description, op.description]) {
      if (text) { make("p", body, text); }
    }
    const parameters = [...(item.parameters || []), ...(op.parameters || [])].map(resolve);
    if (parameters.length) {
      make("h3", body, "Parameters");
      const list = make("ul", body, undefined, "members");
      for (const p of parameters) {
        const row = make("li", list);
        make("b", row, p.name);
        make("i", row, p.in);
        line(row, Object.assign({}, resolve(p.schema), { title: "", description: p.description }), p.required);
      }
    }
    const sent = resolve(op.requestBody);
    if (sent.content) {
      make("h3", body, "Body");
      if (sent.description) { make("p", body, sent.description); }
      contents(body, sent.content);
    }
    make("h3", body, "Answers");
    for (const [status, answer] of Object.entries(op.responses || {})) {
      const a = resolve(answer);
      const inner = make("details", body, undefined, "status");
      const head = make("summary", inner);
      make("b", head, status, status < "400" ? "good" : "bad");
      make("span", head, a.description || "");
      for (const [name, header] of Object.entries(a.headers || {})) {
        const row = make("p", inner);
        make("b", row, name + ": ");
        row.append(resolve(header).description || "");
      }
      contents(inner, a.content);
      if (inner.childElementCount === 1) {
        /* there is nothing to open */
        inner.remove();
        make("p", body, undefined, "status").append(...head.childNodes);
      }
    }
    make("h3", body, "Try it");
    form(body, url, method, [...parameters, ...accept(op)], sent.content);
  }

  /* The page. */

  function show() {
    document.title = spec.info.title;
    main.replaceChildren();
    const top = make("header", main);
    const title = make("h1", top, spec.info.title + " ");
    make("small", title, spec.info.version || "");
    if (spec.info.description) { make("p", top, spec.info.description); }
    const bar = make("div", top, undefined, "bar");
    const search = field(bar, "Filter", "path, method, word  ( / )");
    search.id = "filter";
    search.type = "search";
    const rights = field(bar, "Authorization", "Bearer …, for what is tried");
    rights.id = "authorization";
    make("a", bar, path).href = path;
    const none = make("p", main, "Nothing matches.");
    none.hidden = true;
    none.setAttribute("role", "status");
    const groups = new Map();
    for (const [url, item] of Object.entries(spec.paths || {})) {
      for (const method of METHODS.filter((m) => item[m])) {
        const tag = (item[method].tags || ["other"])[0];
        if (!groups.has(tag)) {
          groups.set(tag, make("section", main));
          make("h2", groups.get(tag), tag);
        }
        operation(groups.get(tag), url, method, item, item[method]);
      }
    }
    const all = make("section", main);
    make("h2", all, "schemas");
    for (const [name, of] of Object.entries((spec.components || {}).schemas || {})) {
      const box = make("details", all);
      box.id = "schema-" + name;
      box.words = name.toLowerCase();
      make("code", make("summary", box), name);
      box.addEventListener("toggle", () => {
        if (!box.open || box.childElementCount > 1) { return; }
        const body = make("div", box);
        schema(body, of);
        const raw = make("details", body, undefined, "raw");
        make("summary", raw, "JSON Schema");
        make("pre", raw, JSON.stringify(of, null, 2)).tabIndex = 0;
      });
    }
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/);
      let some = false;
      for (const section of main.querySelectorAll("section")) {
        const boxes = [...section.children].filter((e) => e.words);
        for (const box of boxes) { box.hidden = !words.every((w) => box.words.includes(w)); }
        section.hidden = boxes.every((box) => box.hidden);
        some = some || !section.hidden;
      }
      none.hidden = some;
    });
    document.addEventListener("keydown", (e) => {
      if (e.key === "/" && !e.target.matches("input, textarea, select")) {
        e.preventDefault();
        search.focus();
      }
    });
  }

  function open() {
    let e;
    try {
      e = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch (malformed) {
      return;
    }
    if (e && e.tagName === "DETAILS") {
      e.hidden = e.parentElement.hidden = false;
      e.open = true;
      e.scrollIntoView();
      e.firstChild.focus();
    }
  }

  addEventListener("hashchange", open);
  /* a link to where one is already changes no hash */
  main.addEventListener("click", (e) => {
    if (e.target.matches("a[href^='#']") && e.target.hash === location.hash) { open(); }
  });
  fetch(path, { headers: { Accept: "application/json" }, credentials: "same-origin" })
    .then((r) => r.ok ? r.json() : Promise.reject(new Error(path + ": " + r.status + " " + r.statusText)))
    .then((s) => { spec = s; show(); open(); })
    .catch((e) => {
      main.replaceChildren();
      make("p", main, String(e.message || e), "bad").setAttribute("role", "alert");
    });
})();
