// checked by the compiler, and not run

import { EventStreams, type StreamEvent, type Subscription } from "ess-event-streams";
import WebSocket from "ws";

interface Price {
  symbol: string;
  price: number;
}

const streams = new EventStreams("ws://localhost/events", {
  WebSocket,
  token: async () => "a.b.c",
  backoff: [1000, 30000],
  onclose: ({ code, reason, again }) => console.log(code.toFixed(), reason.trim(), again === true),
  onerror: (error) => console.log(error.message, error.code?.toFixed()),
});

const prices: Subscription<Price> = streams.subscribe<Price>("prices", {
  keys: ["a", "b"],
  from: new Date(),
  onevent(event, subscription) {
    if (event.type === "json")
      console.log(event.data.price.toFixed(), event.key?.trim(), subscription.stream);
    else if (event.type === "binary")
      console.log(event.data.byteLength);
    else
      console.log(event.data.trim());
  },
  ongap: ({ to }) => console.log(to === null ? "nobody knows" : to.toFixed()),
  onend: ({ code }) => console.log(code.toFixed()),
});

function show(event: StreamEvent): string {
  return event.id;
}

streams.subscribe("news", { from: prices.position, onevent: show });
streams.subscribe("kept", { from: localStorage.getItem("place") });
new EventStreams(new URL("ws://localhost/events"), { WebSocket: globalThis.WebSocket, token: "a" });

// @ts-expect-error: a stream has a name
streams.subscribe(1);
// @ts-expect-error: there is no such option
streams.subscribe("news", { form: 0 });
// @ts-expect-error: what it is about is not known
streams.subscribe("news", { onevent: (event) => event.data.price });
// @ts-expect-error: it is read only
prices.stream = "news";

prices.unsubscribe();
streams.close();
