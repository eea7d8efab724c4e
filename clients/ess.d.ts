/** Many event streams of ngx_ess_module over one WebSocket. */
export class EventStreams {
  /**
   * Connects at the first subscription, and comes back when the connection is lost.
   *
   * @param url of a location with `ess_subscribe multi`: `wss:`, `https:`, or relative to the page
   * @throws Error where there is no WebSocket, as in Node.js 20, and none is given
   */
  constructor(url: string | URL, options?: EventStreamsOptions);

  /**
   * Begins in the next connection, if there is none now.  The same stream, or the same key, may be
   * subscribed several times: with `from` only the first time.  Use either its name or its uuid.
   *
   * @throws Error where it is subscribed already and `from` is given, and where of one stream both
   *     keys and all of it are subscribed; TypeError for a stream or a key of more than 255
   *     characters, an empty list of keys, and after close()
   */
  subscribe<T = unknown>(stream: string, options?: SubscribeOptions<T>): Subscription<T>;

  /** Ends all subscriptions, for good; their `onend` is not called. */
  close(): void;
}

export interface EventStreamsOptions {
  /**
   * A JSON Web Token, or what fetches one: for the first connection, before the token expires, and
   * after it was refused.  Give it a limit of time: nothing is connected while it is waited for.
   */
  token?: string | (() => string | null | undefined | Promise<string | null | undefined>);

  /** In place of the global one: `import WebSocket from "ws"`. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;

  /** Milliseconds of silence after which nginx is asked whether it is there; 30000. */
  ping?: number;

  /**
   * Milliseconds: how long it waits at most before it connects again, first and in the end; each
   * time in vain it is twice as long.  It is a random part of that.  [1000, 30000].
   */
  backoff?: [number, number];

  /** A connection is there: what is subscribed is asked for. */
  onopen?: () => void;

  /** A connection is lost.  again: it comes back; if not, each subscription has ended. */
  onclose?: (close: { code: number; reason: string; again: boolean }) => void;

  /** What went wrong with the connection or the token; it goes on all the same. */
  onerror?: (error: Error & { code?: number }) => void;
}

export interface SubscribeOptions<T = unknown> {
  /** Events with one of these keys only. */
  keys?: string | readonly string[] | null;

  /**
   * What follows the event with this id, or this ordinal (0: all that there is), or what came at
   * this time or later.  Without it, or null: what comes from now on.
   */
  from?: string | number | Date | null;

  /** Each event once, in order; of each key, if one of the keys was subscribed before. */
  onevent?: (event: StreamEvent<T>, subscription: Subscription<T>) => void;

  /**
   * Events are gone; for a subscription of keys they are those of the whole stream.
   * `to` is null where nobody knows how many.
   */
  ongap?: (gap: { from: number | null; to: number | null }, subscription: Subscription<T>) => void;

  /** It is over: refused (404, 403 …), or ended (1000: the stream was deleted, 3003: the token). */
  onend?: (end: { code: number; reason: string }, subscription: Subscription<T>) => void;
}

export interface Subscription<T = unknown> {
  readonly stream: string;
  readonly keys: readonly string[] | null;

  /** Where it would go on: for `from`, in another page or process; undefined before it began. */
  readonly position: string | number | Date | undefined;

  onevent?: SubscribeOptions<T>["onevent"];
  ongap?: SubscribeOptions<T>["ongap"];
  onend?: SubscribeOptions<T>["onend"];

  /** Nothing comes any more, and `onend` is not called: its handlers are dropped. */
  unsubscribe(): void;
}

/** `data` is the value of a JSON body, or the text, or the bytes of what is neither. */
export type StreamEvent<T = unknown> = {
  readonly stream: string;
  readonly id: string;

  /** Milliseconds since 1970; null where it is not known. */
  readonly time: number | null;
  readonly key: string | undefined;
} & (
  | { readonly type: "json"; readonly data: T }
  | { readonly type: "text"; readonly data: string }
  | { readonly type: "binary"; readonly data: Uint8Array }
);

/** What is used of a WebSocket. */
export interface WebSocketLike {
  onopen: ((event: any) => any) | null;
  onmessage: ((event: any) => any) | null;
  onclose: ((event: any) => any) | null;
  onerror: ((event: any) => any) | null;
  send(data: string): void;
  close(code?: number): void;
}
