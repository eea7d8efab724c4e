/*
 * A client of the WebSocket subprotocol "ess.v1" of ngx_ess_module: many event streams over one
 * connection, in browsers, Node.js and Deno.
 *
 * A subscribed stream is a topic.  It has a lane for each key, or one for all of it, whose key is
 * null.  Lanes that began together share a cursor: the place to go on from in the next connection.
 */

const AGAIN = [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3000];   // closes to come back from
const ENTRIES = 256, BYTES = 60000;     // of a message, which may have 64 KiB; half for an entry
const PATIENCE = 10000, STEADY = 5000;  // ms: silent so long it is dead; open so long it is good

const size = (text) => new TextEncoder().encode(text).length;
const epochOf = (id) => id.slice(0, id.lastIndexOf("-"));       // an id is "epoch-ordinal"
const ordinalOf = (id) => Number(id.slice(id.lastIndexOf("-") + 1));
const isNewer = (id, than) => typeof than !== "string" || epochOf(id) !== epochOf(than)
  || ordinalOf(id) > ordinalOf(than);
const placeOf = (from) => typeof from === "number" ? {ordinal: from}
  : from instanceof Date ? {timestamp: from.getTime()} : {from};
const bodyOf = ({data, text, base64}) => base64 !== undefined
  ? {type: "binary", data: Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))}
  : text !== undefined ? {type: "text", data: text} : {type: "json", data};
const isText = (text) => typeof text === "string" && text.length <= 255;
const isAlive = (lane) => lane.handles.size > 0;
const older = (from, other) => typeof from === "string" && isNewer(from, other) ? other : from;
const apart = (lanes, cursor = {...lanes[0].cursor}) =>         // to be replayed by themselves
  lanes.map((lane) => Object.assign(lane, {cursor}));

function expiryOf(token) {              // in seconds since 1970; NaN if it cannot be read
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).exp;
  } catch {
    return NaN;
  }
}

function tell(handler, ...args) {
  try {
    handler?.(...args);
  } catch (error) {                     // of the handler: it stops nothing here
    queueMicrotask(() => { throw error; });
  }
}

export class EventStreams {
  #url; #token; #asks; #options;
  #topics = new Map();                  // by name or uuid: {stream, lanes, cursor}
  #link = null;                         // the connection
  #busy = false; #timers = {}; #attempts = 0; #jwt = null; #expires = NaN; #id = 0;
  #closing = new AbortController();

  constructor(url, {token, WebSocket = globalThis.WebSocket, ...options} = {}) {
    this.#options = {WebSocket, ping: 30000, backoff: [1000, 30000], ...options};
    if (!WebSocket)
      throw new Error("there is no WebSocket: give { WebSocket }, for example of the package ws");
    this.#url = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href
      .replace(/^http/, "ws").replace(/#.*/, "");
    this.#asks = typeof (this.#token = token) === "function";
    for (const type of ["online", "pageshow", "visibilitychange"])
      globalThis.addEventListener?.(type, () => this.#wake(), {signal: this.#closing.signal});
  }

  subscribe(stream, {keys, from, ...handlers} = {}) {
    const all = [...new Set([].concat(keys ?? [null]))];
    if (this.#closing.signal.aborted || !all.length || ![stream, ...keys ? all : []].every(isText))
      throw new TypeError("closed, or no keys, or a key or a stream that is no short text");
    const topic = this.#topics.get(stream) ?? {stream, lanes: new Map(), cursor: null};
    const fresh = all.filter((key) => !topic.lanes.has(key));
    if (topic.lanes.size && topic.lanes.has(null) !== (all[0] === null))
      throw new Error(`${stream}: all of it or keys of it, on one connection`);
    from ??= undefined;                 // null: what a storage says that has none
    if (from !== undefined && fresh.length < all.length)
      throw new Error(`${stream} is subscribed already: "from" would not hold`);
    if (from === undefined && topic.cursor?.link !== this.#link)
      topic.cursor = {link: this.#link};        // it has nothing to catch up with there
    const cursor = from === undefined ? topic.cursor : {from};
    fresh.forEach((key) => topic.lanes.set(key, {key, cursor, handles: new Set(), link: null}));
    const lanes = all.map((key) => topic.lanes.get(key));
    const handle = {stream, keys: keys ? all : null, ...handlers,
                    get position() { return lanes.map(({cursor}) => cursor.from).reduce(older); },
                    unsubscribe: () => this.#leave(topic, lanes, handle)};
    lanes.forEach(({handles}) => handles.add(handle));
    this.#topics.set(stream, topic);
    this.#ask(topic, lanes.filter((lane) => lane.handles.size === 1));
    this.#later();
    return handle;
  }

  close() {
    this.#closing.abort();
    for (const {lanes} of this.#topics.values())
      lanes.forEach(({handles}) => handles.forEach((handle) => handle.unsubscribe()));
    this.#timer("again");
    this.#link && this.#lost({code: 1000, reason: "closed"});
  }

  #wake() {
    this.#link?.opened && !globalThis.document?.hidden && this.#watch(true);
    this.#attempts = 0;
    this.#timer("again");
    this.#later();
  }

  #timer(name, ms, due) {               // one of a name; none without due
    clearTimeout(this.#timers[name]);
    this.#timers[name] = due && setTimeout(due, Math.min(ms, 2 ** 31 - 1));
  }

  #later() {
    const [least, most] = this.#options.backoff;
    const limit = this.#attempts && Math.min(most, least * 2 ** (this.#attempts - 1));
    if (this.#topics.size && !this.#link && !this.#busy && !this.#timers.again)
      this.#timer("again", Math.random() * limit, () => this.#connect());
  }

  async #connect(link) {                // or renews the token of a connection
    this.#timer("again");
    this.#busy = true;
    try {
      if (this.#asks && (link || this.#expires * 1000 < Date.now() + STEADY))
        this.#jwt = null;
      this.#jwt ??= await (this.#asks ? this.#token() : this.#token);
      if (link && link === this.#link)
        this.#send(`"token":${JSON.stringify(this.#jwt ?? "")}`);
      else if (!link && this.#topics.size)
        this.#open(new this.#options.WebSocket(
          this.#url, this.#jwt ? ["ess.v1", "ess.jwt", this.#jwt] : ["ess.v1"]));
    } catch (error) {
      this.#jwt = null;
      this.#attempts++;
      this.#renewBefore(this.#expires);
      tell(this.#options.onerror, error);
    }
    this.#busy = false;
    this.#later();
  }

  #open(socket) {
    const link = this.#link = {socket, numbers: new Map(), asked: new Map(), queue: [], heard: 0};
    this.#timer("watch", PATIENCE, () => this.#lost({code: 1006, reason: "no answer"}));
    socket.onopen = () => {
      link.opened = Date.now();
      this.#watch(false);
      this.#renewBefore(expiryOf(this.#jwt));
      this.#topics.forEach((topic) => this.#ask(topic));
      tell(this.#options.onopen);
    };
    socket.onmessage = ({data}) => this.#receive(JSON.parse(data));
    socket.onclose = ({code, reason}) => this.#lost({code: code || 1006, reason});     // Deno: 0
    socket.onerror = (e) => e.message && tell(this.#options.onerror, new Error(e.message));
  }

  #lost({code, reason}) {
    const {socket, opened} = this.#link;
    const again = AGAIN.includes(code) && (code !== 3000 || this.#asks);
    socket.onopen = socket.onmessage = socket.onclose = this.#link = null;
    socket.onerror = () => {};
    socket.close(1000);
    ["watch", "renew"].forEach((name) => this.#timer(name));
    this.#attempts = opened && Date.now() - opened > STEADY ? 1 : this.#attempts + 1;
    if (this.#asks && (code === 3000 || !opened))       // perhaps refused because of it
      this.#jwt = null;
    again || [...this.#topics.values()].forEach((topic) => this.#end(topic, {code, reason}));
    this.#later();
    tell(this.#options.onclose, {code, reason, again});
  }

  #watch(probes, link = this.#link, {heard} = link) {   // it may be gone without a word
    probes && this.#send('"ping":0');
    this.#timer("watch", probes ? PATIENCE : this.#options.ping, () =>
      heard === link.heard && probes ? this.#lost({code: 1006, reason: "silence"})
        : this.#watch(heard === link.heard));
  }

  #renewBefore(expires) {
    const ms = ((this.#expires = expires) * 1000 - Date.now()) * (0.7 + 0.2 * Math.random());
    if (this.#asks && this.#link && ms > 0)
      this.#timer("renew", Math.max(1000, ms), () => this.#connect(this.#link));
  }

  #send(command, entries = []) {
    this.#link.socket.send(`{"id":${++this.#id},${command}}`);
    this.#link.asked.set(this.#id, entries);
  }

  #ask(topic, lanes = [...topic.lanes.values()]) {
    apart(lanes.filter(({link, cursor}) => !link && cursor.link && cursor.link !== this.#link),
          {link: this.#link});          // nobody has told them yet from when on
    for (const cursor of new Set(lanes.map((lane) => lane.cursor)))
      this.#put("subscribe", topic, lanes.filter((lane) => lane.cursor === cursor),
                cursor.link === this.#link ? {} : placeOf(cursor.from));
  }

  #put(command, topic, lanes, place, {stream} = topic) {
    if (!this.#link?.opened)            // when it opens, it asks for all
      return;
    const keys = lanes[0].key === null ? undefined : lanes.map((lane) => lane.key);
    const text = JSON.stringify(keys || place ? {stream, keys, ...place} : stream);
    if (lanes.length > 1 && size(text) > BYTES / 2)
      for (const half of [lanes.splice(lanes.length / 2), lanes])
        this.#put(command, topic, apart(half), place);
    else if (this.#link.queue.push({command, text, topic, lanes}) === 1)
      queueMicrotask(() => this.#flush(this.#link?.queue.splice(0) ?? []));
  }

  #flush(queue) {
    for (let n = 0, bytes = 0; queue.length; n = bytes = 0) {
      while (n < ENTRIES && queue[n]?.command === queue[0].command
             && (bytes += size(queue[n].text) + 1) < BYTES)
        n++;
      const some = queue.splice(0, n || 1);
      this.#send(`"${some[0].command}":[${some.map((entry) => entry.text)}]`, some);
    }
  }

  #leave(topic, lanes, handle) {
    const gone = lanes.filter((lane) => lane.handles.delete(handle) && !lane.handles.size
      && topic.lanes.get(lane.key) === lane && topic.lanes.delete(lane.key));
    handle.onevent = handle.ongap = handle.onend = undefined;   // also of what is being told
    if (!topic.lanes.size && this.#topics.get(topic.stream) === topic
        && this.#topics.delete(topic.stream))
      this.#link?.numbers.delete(topic.number);
    gone.length && this.#put("unsubscribe", topic, gone);
  }

  #receive(message) {
    const {id, s, gap, end, subscribed, token, error} = message;
    const topic = this.#link.numbers.get(s), asked = this.#link.asked.get(id) ?? [];
    this.#link.heard++;
    this.#link.asked.delete(id);
    end && this.#link.numbers.delete(s);
    if (topic && !end)
      gap ? this.#gap(topic, gap) : this.#event(topic, message);
    else if (topic && AGAIN.includes(end.code))         // it may be back, like a connection
      this.#answered({topic, lanes: [...topic.lanes.values()]}, {error: {retry: 1}});
    else if (topic)
      this.#end(topic, end);
    else if (token)
      this.#renewBefore(token.expires);
    else if (error && asked[0]?.command !== "subscribe")
      tell(this.#options.onerror, Object.assign(new Error(error.message), {code: error.code}));
    else if (error && asked.length > 1) // which of them is it?
      asked.filter(({lanes}) => lanes.some(isAlive)).forEach((entry) => this.#flush([entry]));
    else if (error || subscribed)
      asked.forEach((it, i) => this.#link && this.#answered(it, error ? {error} : subscribed[i]));
  }

  #answered({topic, lanes}, {s, at, error}, link = this.#link) {
    const left = lanes.filter(isAlive), {cursor} = lanes[0], other = link.numbers.get(s);
    if (other && other !== topic)
      error = {code: 409, message: `it is subscribed as ${other.stream}`};
    if (error?.retry !== undefined) {
      left.forEach((lane) => lane.link &&= (lane.cursor.link = null));
      setTimeout(() => link === this.#link && this.#ask(topic, left.filter(isAlive)),
                 error.retry * 1000 * (0.5 + Math.random()));
    } else if (error && left.length > 1) {      // which of them is it?
      left.forEach((lane) => this.#ask(topic, apart([lane])));
    } else if (error) {
      this.#end(topic, {code: error.code, reason: error.message}, left);
    } else if (left.length) {
      link.numbers.set(topic.number = s, topic);
      left.forEach((lane) => Object.assign(lane, {link, last: lane.last ?? at}));
      cursor.at = at;                   // where a gap follows it keeps what it asked for
      cursor.from = typeof cursor.from !== "string" && !(cursor.from < ordinalOf(at)) ? at
        : cursor.link === link ? cursor.from : older(cursor.from, at);
    }
  }

  #event(topic, {id, t, key, ...body}) {
    const lane = topic.lanes.get(null) ?? topic.lanes.get(key);
    if (lane?.link !== this.#link || !isNewer(id, lane.last))
      return;
    lane.last = lane.cursor.from = id;
    const event = {stream: topic.stream, id, time: t, key, ...bodyOf(body)};
    for (const handle of [...lane.handles])
      tell(handle.onevent, event, handle);
  }

  #gap(topic, gap) {
    const lanes = [...topic.lanes.values()].filter((lane) => lane.link === this.#link);
    for (const cursor of new Set(lanes.map((lane) => lane.cursor))) {
      const id = gap.to === null ? cursor.at : `${epochOf(cursor.at)}-${gap.to}`;
      const isNew = isNewer(id, cursor.from);   // else it is another cursor's
      const its = lanes.filter((lane) => lane.cursor === cursor && (isNew || id === cursor.at));
      cursor.from = isNew ? id : cursor.from;
      gap.to ?? its.forEach((lane) => lane.last = undefined);   // its source may be another one
      for (const handle of new Set(its.flatMap((lane) => [...lane.handles])))
        tell(handle.ongap, gap, handle);
    }
  }

  #end(topic, end, lanes = [...topic.lanes.values()]) {
    lanes.forEach((lane) => topic.lanes.delete(lane.key));
    for (const handle of new Set(lanes.flatMap((lane) => [...lane.handles]))) {
      const {onend} = handle;           // it is deaf afterwards
      handle.unsubscribe();
      tell(onend, end, handle);
    }
  }
}
