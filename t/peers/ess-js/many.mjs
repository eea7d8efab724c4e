// Subscribes and unsubscribes at random, and says what it does and gets, in
// lines of JSON; it ends with its standard input.

import process from "node:process";
import { EventStreams } from "ess-event-streams";

const { WebSocket = (await import("ws")).default } = globalThis;
const [url, plain, keyed, keys] = process.argv.slice(2);
const streams = new EventStreams(url, { WebSocket, backoff: [50, 500] });
const say = (what) => console.log(JSON.stringify(what));
const below = (n) => Math.floor(Math.random() * n);
const open = [];
let last = 0;

function subscribe() {
  const number = below(Number(plain) + Number(keyed));
  const stream = number < plain ? `plain${number}` : `keyed${number - plain}`;
  const some = number < plain ? undefined
    : [...new Set(Array.from({ length: 3 }, () => `k${below(Number(keys))}`))];
  const from = below(3) ? 0 : undefined;
  const h = last++;
  try {
    const handle = streams.subscribe(stream, {
      keys: some, from,
      onevent: ({ data }) => say({ h, n: data.n, key: data.key }),
      ongap: (gap) => say({ h, gap }),
      onend: (end) => say({ h, end }),
    });
    say({ h, stream, keys: some ?? null, all: from === 0 });
    open.push({ h, handle });
  } catch (error) {
    if (!error.message.includes("would not hold"))
      throw error;
  }
}

function unsubscribe() {
  const [{ h, handle }] = open.splice(below(open.length), 1);
  handle.unsubscribe();
  say({ h, left: true });
}

for (let i = 0; i < 100; i++)
  subscribe();

const timer = setInterval(() => {
  if (below(2))
    subscribe();
  else if (open.length > 50)
    unsubscribe();
}, 20);

process.stdin.on("data", () => {          // no more of that: what is there shall be complete
  clearInterval(timer);
  say({ quiet: true });
});
process.stdin.on("end", () => streams.close());
