
"use strict";
/* shows an OpenAPI document: all text is set as text, nothing is HTML */
(function () {
  const main = document.getElementById("api");
  const path = document.querySelector("meta[name=openapi]").content;
  const methods = ["get", "post", "put", "patch", "delete", "head", "options"];
  let spec;

  function make(name, parent, text) {
    const e = document.createElement(name);
    if (text !== undefined) { e.textContent = text; }
    parent.append(e);
    return e;
  }

  function resolve(part) {
    for (let i = 0; part && part.$ref && i < 16; i++) {
      part = part.$ref.split("/").slice(1).reduce(
        (o, k) => o && o[decodeURIComponent(k).replace(/~1/g, "/").replace(/~0/g, "~")], spec);
    }
    return part || {};
  }

  function schema(parent, of) {
    const name = of.$ref && of.$ref.startsWith("#/components/schemas/")
      ? of.$ref.split("/").pop() : "";
    if (name) {
      const link = make("a", make("p", parent), name);
      link.href = "#schema-" + name;
    } else {
      make("pre", parent, JSON.stringify(of, null, 2));
    }
  }

  function bodies(parent, content) {
    for (const [type, media] of Object.entries(content || {})) {
      make("p", parent, type);
      if (media.schema) { schema(parent, media.schema); }
    }
  }

  function operation(parent, url, method, item, op) {
    const box = make("details", parent);
    const head = make("summary", box);
    make("b", head, method.toUpperCase());
    make("code", head, url);
    make("span", head, " " + (op.summary || ""));
    const body = make("div", box);
    if (op.description) { make("p", body, op.description); }
    const parameters = [...(item.parameters || []), ...(op.parameters || [])].map(resolve);
    if (parameters.length) {
      make("h3", body, "Parameters");
      const list = make("dl", body);
      for (const p of parameters) {
        const s = p.schema || {};
        const range = s.minimum !== undefined || s.maximum !== undefined
          ? ", " + (s.minimum ?? "") + "–" + (s.maximum ?? "") : "";
        make("dt", list, p.name);
        make("dd", list, p.in + (p.required ? ", required" : "") + ": "
          + [].concat(s.enum || s.type || "").join(" | ") + range
          + (p.description ? ". " + p.description : ""));
      }
    }
    const sent = resolve(op.requestBody);
    if (sent.content) {
      make("h3", body, "Body");
      bodies(body, sent.content);
    }
    make("h3", body, "Answers");
    for (const [status, answer] of Object.entries(op.responses || {})) {
      const a = resolve(answer);
      make("p", body, status + ": " + (a.description || ""));
      bodies(body, a.content);
    }
  }

  function show() {
    document.title = spec.info.title;
    main.replaceChildren();
    make("h1", main, spec.info.title);
    if (spec.info.description) { make("p", main, spec.info.description); }
    const link = make("a", make("p", main), path);
    link.href = path;
    make("h2", main, "Paths");
    for (const [url, item] of Object.entries(spec.paths || {})) {
      if (item.description) { make("p", main, item.description); }
      for (const method of methods) {
        if (item[method]) { operation(main, url, method, item, item[method]); }
      }
    }
    make("h2", main, "Schemas");
    for (const [name, of] of Object.entries((spec.components || {}).schemas || {})) {
      const box = make("details", main);
      box.id = "schema-" + name;
      make("summary", box, name);
      make("pre", make("div", box), JSON.stringify(of, null, 2));
    }
  }

  function open() {
    const e = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (e && e.tagName === "DETAILS") { e.open = true; e.scrollIntoView(); }
  }

  addEventListener("hashchange", open);
  fetch(path, { headers: { Accept: "application/json" } })
    .then((r) => r.ok ? r.json() : Promise.reject(new Error(path + ": " + r.status)))
    .then((s) => { spec = s; show(); open(); })
    .catch((e) => { main.replaceChildren(); make("p", main, String(e.message || e)).setAttribute("role", "alert"); });
})();
