// The API's objects. Made from docs/openapi.yaml by clients/make-types; not to be edited by hand.

/** Of another caller's notify that was kept, to whoever may act for his own alone, the id and `kept` alone. */
export interface Accepted {
  id: Id;
  state?: State | "removed";
  /** Null: held without a due time. Missing where `state` is `removed`. */
  due_at?: Time | null;
  lane?: string;
  mode?: Mode;
  /** The idempotency key was seen before. */
  duplicate?: true;
  /** `on_held` keep: this one is held already. */
  kept?: true;
}

export interface AcceptedBatch {
  items: Array<Accepted>;
}

/** All that are given must hold. A `fatal_on`, `later_on` or `only_on` must give one at least. */
export interface AnswerPattern {
  /** Numbers, or classes. An `expect` without it keeps `["2xx"]`. */
  status?: Array<number | string> | null;
  /** A substring of the trimmed body, whatever the case. */
  contains?: string | null;
  /** JSON Pointer to the value that must be there. */
  json?: Record<string, unknown> | null;
}

export interface AnswerPatternView {
  /** Numbers, or classes. An `expect` without it keeps `["2xx"]`. */
  status: Array<number | string> | null;
  /** A substring of the trimmed body, whatever the case. */
  contains: string | null;
  /** JSON Pointer to the value that must be there. */
  json: Record<string, unknown> | null;
}

export interface Attempt {
  number: number;
  started_at: Time;
  duration_ms: number;
  /** 0 where no answer came. */
  status: number;
  /** Absent on success, else a stable word. */
  error?: string;
  /** For people. Where a redirect was followed, it ends with `after a redirect to` and the URL. */
  detail?: string;
  /** Its beginning. Missing without the scope read_bodies. */
  response_body?: string;
  /** Of a service, which it went to. */
  instance?: string;
  /** The answer decided the outcome, but what was to be recorded of its body broke off or stayed away. */
  truncated?: true;
}

export interface Bulk {
  /**
   * A token that is bound to lanes must name one of these in `lane`, one that is bound to fkeys one of these, or some, in `fkey` or
   * `fkey_prefix`: else 403.
   */
  filter: Filter;
  /** What the call before gave as `next`. */
  cursor?: string | null;
  /** Counts only. */
  dry_run?: boolean | null;
  limit?: number | null;
}

export interface BulkDone {
  count: number;
  /** The cursor of the next call; null: all were looked at. */
  next: string | null;
}

/** The answer to one line of NDJSON. `index` counts the lines that are not blank, from 0. */
export interface BulkLine {
  index?: number;
  id?: Id;
  duplicate?: true;
  kept?: true;
  /** With `duplicate`: the notify that the key stands for is not there any more. */
  state?: "removed";
  error?: Problem;
  type?: "urn:notifyd:problem:stopping" | "urn:notifyd:problem:restarting" | "urn:notifyd:problem:unauthorized" |
    "urn:notifyd:problem:outcome-unknown";
  title?: string;
  status?: number;
  /** For people. */
  detail?: string;
  /** The first line of the request that was not taken. Missing with `outcome-unknown`. */
  next_index?: number;
}

/** The body of a notify to a `callback_url`: a POST of application/json. What is not set is null. */
export interface Callback {
  id: Id;
  state: "succeeded" | "failed" | "cancelled" | "expired";
  reason: string | null;
  url: string;
  lane: string;
  mode: Mode;
  fkey: string | null;
  caller: string;
  labels: Record<string, string> | null;
  /** The name of the service that it goes to; missing where it goes to none. So with the next six. */
  service?: string;
  event?: Id;
  topic?: string;
  subscription?: string;
  schedule?: string;
  scheduled_at?: Time;
  group_id?: Id;
  settled_at: Time;
  attempts_made: number;
  last_attempt: Attempt | null;
}

export interface Explained {
  id: Id;
  state: State;
  reasons: Array<ExplainedReasons>;
  /**
   * The earliest time at which it can be sent; null where that depends on others, as of one that is `behind` or at a cap, where it expires
   * before, or it is settled.
   */
  expected_at: Time | null;
}

export interface ExplainedReasons {
  /**
   * `no_instance`: its service has no instance that begins anything new: none was ever registered, all have gone, or all drain.
   * `breaker_open`: its host, or all instances that there are, cannot be reached. `subscription_paused`, and beside it `lane_paused`: its lane
   * is paused by somebody, or by itself, too, and does not go on with the subscription. `expires`: its time is over before it could be sent.
   */
  code: "not_due" | "held" | "group_turn" | "waiting_to_retry" | "sending" | "behind" | "blocked_by_head" | "lane_paused" | "lane_at_cap" |
    "host_at_cap" | "caller_at_cap" | "broker_at_cap" | "namespace_at_cap" | "namespace_at_share" | "host_paused" | "caller_paused" |
    "host_rate_limited" | "rate_limited" | "breaker_open" | "no_instance" | "subscription_paused" | "expires" | "next" | "loading" | "stopping" |
    "settled";
  /** For people. */
  detail: string;
}

/** As the list's query parameters. */
export interface Filter {
  /** One or several; as a string with commas. */
  state: string | Array<State>;
  lane?: string | null;
  mode?: "concurrent" | "fifo" | null;
  fkey?: string | null;
  fkey_prefix?: string | null;
  caller?: string | null;
  url_prefix?: string | null;
  host?: string | null;
  error?: string | null;
  service?: string | null;
  topic?: string | null;
  subscription?: string | null;
  schedule?: string | null;
  event?: string | null;
  group_id?: string | null;
  /** `key:value`; several as a list, all of them. */
  label?: string | Array<string> | null;
  /** Inclusive. */
  created_after?: TimeGiven | null;
  /** Exclusive. */
  created_before?: TimeGiven | null;
  /** Inclusive; of settled ones alone. */
  settled_after?: TimeGiven | null;
  /** Exclusive; of settled ones alone. */
  settled_before?: TimeGiven | null;
  /** Only this one, where the other filters take it. */
  id?: string | null;
}

export interface Group {
  id: Id;
  /** `removed`: a duplicate of a group that is not kept any more. */
  state: "pending" | "settled" | "removed";
  /** The idempotency key was seen before. */
  duplicate?: boolean;
  created_at?: Time;
  /** When all were settled for the first time. */
  settled_at?: Time | null;
  /** Of its first notify. */
  caller?: string;
  labels?: Record<string, string> | null;
  on_failure?: "continue" | "cancel_rest";
  sequential?: boolean;
  /** What waits is cancelled, by request or by `on_failure`. */
  stopped?: boolean;
  callback_url?: string | null;
  /** The notify that tells that all are settled. */
  callback_id?: string | null;
  count?: number;
  counts?: GroupCounts;
  /** In the order in which they were given. */
  notifies?: Array<GroupMember>;
}

export interface GroupCallback {
  id: Id;
  state: "settled";
  count: number;
  counts: GroupCallbackCounts;
  caller: string;
  labels: Record<string, string> | null;
  created_at: Time;
  settled_at: Time;
}

export interface GroupCallbackCounts {
  succeeded: number;
  failed: number;
  cancelled: number;
  expired: number;
}

export interface GroupCounts {
  held?: number;
  scheduled?: number;
  ready?: number;
  sending?: number;
  retrying?: number;
  succeeded?: number;
  failed?: number;
  cancelled?: number;
  expired?: number;
}

export interface GroupMember {
  id: Id;
  state: State;
  /** Why cancelled or failed; `group_failed`: `on_failure` cancelled it. */
  reason: string | null;
  /** Of the answer that settled it; null where it was cancelled or expired between two attempts, or without any. */
  status: number | null;
  attempts_made: number;
  settled_at: Time | null;
  /**
   * The answer that is kept for it (`keep_response_bytes`), with the scope read_bodies or for who submitted the group. Of all together 1 MiB
   * of bodies is shown; others are at their notifies.
   */
  response?: KeptResponse;
}

export interface GroupPage {
  items: Array<GroupRow>;
  /** What goes into `cursor` to go on. */
  next: string | null;
}

export interface GroupRow {
  id: Id;
  state: "pending" | "settled";
  created_at: Time;
  settled_at: Time | null;
  caller: string;
  labels: Record<string, string> | null;
  on_failure: "continue" | "cancel_rest";
  sequential: boolean;
  stopped: boolean;
  callback_url: string | null;
  callback_id: string | null;
  count: number;
  counts: GroupRowCounts;
}

export interface GroupRowCounts {
  pending: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  expired: number;
}

/** Opaque; sorts in the order of submission. */
export type Id = string;

export interface IdAndState {
  id: Id;
  state: State;
}

/** What a receiver answered. `body` where that is text, else `body_base64`. A content coding is undone. */
export interface KeptResponse {
  status: number;
  /** Content-Type, Content-Language, ETag, Last-Modified, Location, Retry-After, and those that `results.headers` names. */
  headers: Record<string, string>;
  body?: string;
  body_base64?: string;
  /** There was more of the body. */
  truncated: boolean;
  received_at: string;
}

export interface Lane {
  name: string;
  mode: Mode;
  paused: boolean;
  states: States;
  /** Cancelled ones whose attempt has not ended included. */
  in_flight: number;
  /** Of the head; null where none is ready. */
  oldest_due_at: Time | null;
  /** How long ago that was. */
  head_age_ms: number | null;
  settings: LaneSettings;
  own: LaneOwn;
}

export interface LaneList {
  items: Array<Lane>;
  /** The cursor of the next page. */
  next: string | null;
}

/** What was set for this lane alone, by PATCH or by itself. */
export interface LaneOwn {
  paused?: true;
  /** failure: `on_failure` is pause, and the head failed or expired. */
  paused_by?: "request" | "failure";
  paused_until?: Time;
  /** Of the pause that holds. */
  paused_since?: Time;
  /** Who paused it, as the audit names them: `token ID`. Left out where nobody is asked who they are, and where it paused itself. */
  paused_who?: string;
  /** Why, as they put it. */
  paused_reason?: string;
  /** With `paused_by` failure: the notify that failed or expired. */
  paused_notify?: Id;
  concurrency?: number;
  rate_per_s?: number;
  burst?: number;
  on_retry?: "block" | "skip";
  on_failure?: "continue" | "pause";
}

export interface LanePatch {
  /** True without `paused_until`: until somebody resumes it. */
  paused?: boolean | null;
  /**
   * Paused, and resumed by itself at this time; one that is over resumes at once. Refused beside `paused` false. Null: a lane that is paused
   * stays so until somebody resumes it. So it does where its head fails meanwhile and `on_failure` is pause. At most 1,000 lanes of a
   * namespace at a time (409).
   */
  paused_until?: TimeGiven | null;
  /**
   * Why it is paused, at most 600 bytes: shown with the lane, by explain and by alerts until it is resumed. Goes with `paused` true or
   * `paused_until`; of a lane that is paused already it puts another reason, and its author, in place; a time alone leaves both. A lane that
   * is paused with a subscription is then paused by hand: it does not go on with that.
   */
  reason?: string | null;
  /** Attempts in flight at once. Concurrent lanes only. */
  concurrency?: number | null;
  /** Attempts started in a second. */
  rate_per_s?: number | null;
  /** What may be sent at once after a rest. Refused where no rate holds; goes with its rate where that is taken back. */
  burst?: number | null;
  /**
   * skip: while one waits for its next attempt, those behind it are sent; it does so to its next attempt, also where this becomes block
   * meanwhile. Fifo lanes only.
   */
  on_retry?: "block" | "skip" | null;
  /** pause: the lane pauses itself where its head fails, or expires after an attempt. Fifo lanes only. */
  on_failure?: "continue" | "pause" | null;
}

/** What holds: what was set for this lane, else the first rule of the configuration that matches, else the defaults. */
export interface LaneSettings {
  paused: boolean;
  /** 1 in a fifo lane. */
  concurrency: number;
  /** Null: no limit. */
  rate_per_s: number | null;
  /** Null where there is no rate. */
  burst: number | null;
  /** Null in a concurrent lane. */
  on_retry: "block" | "skip" | null;
  /** Null in a concurrent lane. */
  on_failure: "continue" | "pause" | null;
}

/** A notify with its defaults filled in; null where an optional field is not set. */
export interface ListedNotify {
  /** Its namespace, in a list of all of them. */
  namespace?: string;
  id: Id;
  state: State;
  /** Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced. */
  reason: string | null;
  created_at: Time;
  settled_at: Time | null;
  next_attempt_at: Time | null;
  due_at: Time | null;
  /** As submitted. */
  delay_ms: number | null;
  expires_at: Time | null;
  /** As submitted. */
  ttl_ms: number | null;
  url: string;
  pool: string | null;
  pool_fallback: string | null;
  instance: string | null;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  /** Values of secret ones are ***. */
  headers: Record<string, string>;
  content_type: string;
  lane: string;
  group: string | null;
  mode: Mode;
  /** Null in a fifo lane. */
  priority: number | null;
  reply: "expected" | "none";
  expect: AnswerPatternView;
  retry: RetryView;
  timeout_ms: number;
  connect_timeout_ms: number;
  fkey: string | null;
  /** Null without an fkey. */
  on_held: "reject" | "replace" | "keep" | null;
  idempotency_key: string | null;
  caller: string;
  order_by: string | null;
  partitions: number | null;
  order_by_missing: "refuse" | "spread" | null;
  labels: Record<string, string> | null;
  compress: "gzip" | null;
  follow_redirects: boolean | null;
  keep_response_bytes: number;
  callback_url: string | null;
  /** The name of the service that it goes to; missing where it goes to none. So with the next six. */
  service?: string;
  event?: Id;
  topic?: string;
  subscription?: string;
  schedule?: string;
  scheduled_at?: Time;
  group_id?: Id;
  /** The number of the newest attempt that ended. */
  attempts_made: number;
}

/** A fifo lane sends one at a time in order, a concurrent one several at once. A fifo and a concurrent lane of one name are two lanes. */
export type Mode = "concurrent" | "fifo";

/** `content_type` goes with a raw body. `idempotency_key` counts a topic. With `fkey` it is held, and fanned out once that is triggered. */
export interface NewEvent {
  /** What it is about. A subscription with `order_by` `key` keeps the order of the events of one key. */
  key?: string | null;
  /**
   * Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
   * string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
   * Excludes `body` and `body_base64`.
   */
  data?: unknown;
  /** The raw body. */
  body?: string | null;
  /** The raw body. */
  body_base64?: string | null;
  /**
   * application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
   * without a Content-Type.
   */
  content_type?: string | null;
  /** What lists are filtered by, and callbacks and logs have. A key holds no `:`. */
  labels?: Record<string, string> | null;
  /** From now. Excludes `due_at`. */
  delay_ms?: number | null;
  /** At most ten years ahead; one in the past is due now. */
  due_at?: TimeGiven | null;
  /** Hold until it is triggered. Unique among held notifies. */
  fkey?: string | null;
  /** What is done where the fkey is held already. Goes with an fkey only. */
  on_held?: "reject" | "replace" | "keep" | null;
  /**
   * Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
   * first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data`
   * by its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse
   * what is new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole
   * request that is too large.
   */
  idempotency_key?: string | null;
  /** Who submits, for filters and logs. Without control characters. */
  caller?: string | null;
}

export interface NewGroup {
  /** Without `fkey` and `idempotency_key`. */
  notifies: Array<Notify>;
  /** Of the group, in place of any of its notifies. The header Idempotency-Key says the same. */
  idempotency_key?: string | null;
  /** Told once all are settled. */
  callback_url?: string | null;
  /** Of the group, 16 at most: for its callback. */
  labels?: Record<string, string> | null;
  /** What becomes of those that wait when one has failed or expired. */
  on_failure?: "continue" | "cancel_rest" | null;
  /**
   * Each waits, held, until the one before succeeded, or with `continue` is settled at all. Its delay and ttl count from then, and its retries
   * are part of its turn.
   */
  sequential?: boolean | null;
}

export interface NewTopicEvent {
  topic: string;
  /** What it is about. A subscription with `order_by` `key` keeps the order of the events of one key. */
  key?: string | null;
  /**
   * Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
   * string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
   * Excludes `body` and `body_base64`.
   */
  data?: unknown;
  /** The raw body. */
  body?: string | null;
  /** The raw body. */
  body_base64?: string | null;
  /**
   * application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
   * without a Content-Type.
   */
  content_type?: string | null;
  /** What lists are filtered by, and callbacks and logs have. A key holds no `:`. */
  labels?: Record<string, string> | null;
  /** From now. Excludes `due_at`. */
  delay_ms?: number | null;
  /** At most ten years ahead; one in the past is due now. */
  due_at?: TimeGiven | null;
  /** Hold until it is triggered. Unique among held notifies. */
  fkey?: string | null;
  /** What is done where the fkey is held already. Goes with an fkey only. */
  on_held?: "reject" | "replace" | "keep" | null;
  /**
   * Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
   * first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data`
   * by its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse
   * what is new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole
   * request that is too large.
   */
  idempotency_key?: string | null;
  /** Who submits, for filters and logs. Without control characters. */
  caller?: string | null;
}

export interface Notify {
  /**
   * Absolute http or https URL, ASCII, without user info. Path and query are sent byte for byte, the fragment is not. Or `command:NAME`, a
   * program that the broker's file lets this namespace and caller run.
   */
  url: string;
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | null;
  /**
   * Sent as they are; shown as *** where they carry credentials. Host, Content-Length, Transfer-Encoding, Connection, TE, Trailer, Upgrade,
   * Expect and Notify-* are refused, Content-Type too beside `content_type`. Blanks at the ends of a value are no part of it (RFC 9110,
   * section 5.5): receivers do not get them. A value of *** is refused: it is how a hidden one is shown. A valid `traceparent` is taken as the
   * notify's trace context.
   */
  headers?: Record<string, string> | null;
  /**
   * Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
   * string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
   * Excludes `body` and `body_base64`.
   */
  data?: unknown;
  /** The raw body. */
  body?: string | null;
  /** The raw body. */
  body_base64?: string | null;
  /**
   * application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
   * without a Content-Type.
   */
  content_type?: string | null;
  /** From now. Excludes `due_at`. */
  delay_ms?: number | null;
  /** At most ten years ahead; one in the past is due now. */
  due_at?: TimeGiven | null;
  /** Hold until it is triggered. Unique among held notifies. */
  fkey?: string | null;
  /** What is done where the fkey is held already. Goes with an fkey only. */
  on_held?: "reject" | "replace" | "keep" | null;
  /** Default is the URL without query and fragment, plus */
  lane?: string | null;
  /** Splits a URL's default lane. Beside `lane` it is shown and has no effect. */
  group?: string | null;
  mode?: "concurrent" | "fifo" | null;
  /** 9 first. Refused in a fifo lane. */
  priority?: number | null;
  /** none: one attempt, which succeeded once the whole request was written. */
  reply?: "expected" | "none" | null;
  /** What answer counts as success. */
  expect?: AnswerPattern | null;
  retry?: Retry | null;
  /** One whole attempt. At most what the setting `limits.timeout_ms` says (default: 3600000). */
  timeout_ms?: number | null;
  /** An attempt's connecting. */
  connect_timeout_ms?: number | null;
  /** After that no attempt starts. Excludes `expires_at`. */
  ttl_ms?: number | null;
  /** As `ttl_ms`, as a time that has not passed. */
  expires_at?: TimeGiven | null;
  /**
   * Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
   * first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data`
   * by its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse
   * what is new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole
   * request that is too large.
   */
  idempotency_key?: string | null;
  /** Who submits, for filters and logs. Without control characters. */
  caller?: string | null;
  /** Of a service: an instance of this pool takes it. */
  pool?: string | null;
  /** Of a service: one of this where that has none to take it. */
  pool_fallback?: string | null;
  /** Of a service: this one takes it, and no other. */
  instance?: string | null;
  /**
   * A JSON Pointer into `data`. Those with the same value there keep their order: the lane is the one it would be, with `~n` behind it and
   * fifo, where n is the xxHash64 (seed 0) of the value's canonical JSON (RFC 8785; integers of 64 bits whole, keys by code point), modulo
   * `partitions`. Decided at submit.
   */
  order_by?: string | null;
  /** Goes with `order_by`; 16 without it. After a change of it order holds once the lanes of before are empty. */
  partitions?: number | null;
  /** Goes with `order_by`: what becomes of one without such a value; refused by default. */
  order_by_missing?: "refuse" | "spread" | null;
  /** What lists are filtered by, and callbacks and logs have. A key holds no `:`. */
  labels?: Record<string, string> | null;
  /** The body is sent so, with a Content-Encoding; signatures are over what is sent. `headers` must not name one. */
  compress?: "gzip" | null;
  /**
   * Whether up to 5 redirects of its receiver are followed; null: as the settings say (`redirects.follow`). A `[[destination]]` rule about
   * them comes before both.
   */
  follow_redirects?: boolean | null;
  /** So much of the answer that ends it is kept as long as it is itself (`GET /v1/notifies/{id}/response`); `results.keep_bytes` bounds it. */
  keep_response_bytes?: number | null;
  /** Once this one is settled, it gets a POST of what became of it (`Callback`), as a notify of its own. As `url`. */
  callback_url?: string | null;
}

export interface NotifyList {
  items: Array<ListedNotify>;
  /** The cursor of the next page; null: the list is complete. */
  next: string | null;
  /** With `namespaces=all`, of a cluster: the members that did not answer, and whose namespaces are not in it. */
  missing?: Array<string>;
}

/** What is not named stays as it is. Other fields of a notify are refused. */
export interface NotifyPatch {
  due_at?: TimeGiven | null;
  /** From now. */
  delay_ms?: number | null;
  /** As in `Notify`; merged over what is there where both are objects. */
  data?: unknown;
  body?: string | null;
  body_base64?: string | null;
  headers?: Record<string, string | null> | null;
  priority?: number | null;
  retry?: Retry | null;
  expect?: AnswerPattern | null;
  /** From now. */
  ttl_ms?: number | null;
  expires_at?: TimeGiven | null;
}

/** A `ListedNotify` with what it sends and what was tried. */
export interface NotifyView {
  id: Id;
  state: State;
  /** Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced. */
  reason: string | null;
  created_at: Time;
  settled_at: Time | null;
  next_attempt_at: Time | null;
  due_at: Time | null;
  /** As submitted. */
  delay_ms: number | null;
  expires_at: Time | null;
  /** As submitted. */
  ttl_ms: number | null;
  url: string;
  pool: string | null;
  pool_fallback: string | null;
  instance: string | null;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  /** Values of secret ones are ***. */
  headers: Record<string, string>;
  content_type: string;
  lane: string;
  group: string | null;
  mode: Mode;
  /** Null in a fifo lane. */
  priority: number | null;
  reply: "expected" | "none";
  expect: AnswerPatternView;
  retry: RetryView;
  timeout_ms: number;
  connect_timeout_ms: number;
  fkey: string | null;
  /** Null without an fkey. */
  on_held: "reject" | "replace" | "keep" | null;
  idempotency_key: string | null;
  caller: string;
  order_by: string | null;
  partitions: number | null;
  order_by_missing: "refuse" | "spread" | null;
  labels: Record<string, string> | null;
  compress: "gzip" | null;
  follow_redirects: boolean | null;
  keep_response_bytes: number;
  callback_url: string | null;
  /** The name of the service that it goes to; missing where it goes to none. So with the next six. */
  service?: string;
  event?: Id;
  topic?: string;
  subscription?: string;
  schedule?: string;
  scheduled_at?: Time;
  group_id?: Id;
  /** The number of the newest attempt that ended. */
  attempts_made: number;
  /** As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two. */
  data?: unknown;
  body?: string | null;
  body_base64?: string | null;
  /** Oldest first, the newest 20. */
  attempts: Array<Attempt>;
}

/** RFC 9457. */
export interface Problem {
  type: "urn:notifyd:problem:malformed" | "urn:notifyd:problem:unauthorized" | "urn:notifyd:problem:forbidden" | "urn:notifyd:problem:not-found" |
    "urn:notifyd:problem:method-not-allowed" | "urn:notifyd:problem:too-slow" | "urn:notifyd:problem:conflict" |
    "urn:notifyd:problem:precondition-failed" | "urn:notifyd:problem:too-large" | "urn:notifyd:problem:target-too-long" |
    "urn:notifyd:problem:unsupported-media-type" | "urn:notifyd:problem:expectation" | "urn:notifyd:problem:misdirected" |
    "urn:notifyd:problem:unacceptable" | "urn:notifyd:problem:too-many" | "urn:notifyd:problem:head-too-large" | "urn:notifyd:problem:internal" |
    "urn:notifyd:problem:not-implemented" | "urn:notifyd:problem:unavailable" | "urn:notifyd:problem:stopping" | "urn:notifyd:problem:restarting" |
    "urn:notifyd:problem:outcome-unknown" | "urn:notifyd:problem:http-version" | "urn:notifyd:problem:disk-full" | "urn:notifyd:problem:loop";
  title: string;
  status: number;
  /** For people. */
  detail: string;
  /** A JSON Pointer to the field at fault, or / and the name of a query parameter. */
  field?: string;
  /** With 409: the notify in the way. */
  id?: string;
}

export interface PublishLine {
  /** Which line it is about */
  index: number;
  id?: Id;
  matched?: number | null;
  duplicate?: true;
  kept?: true;
  error?: Problem;
}

export interface PublishedBatch {
  items: Array<PublishedEvent>;
}

export interface PublishedEvent {
  id: Id;
  /** How many notifies it becomes; null: that is found later. */
  matched: number | null;
  /** Where the idempotency key was seen before. */
  duplicate?: true;
  /** `on_held` says keep: nothing was published, and `id` is what the fkey holds, an event or a notify. */
  kept?: true;
}

export interface Remembered {
  remembered: true;
}

/** A trigger that waits for the next submit with its fkey. */
export interface RememberedTrigger {
  fkey: string;
  remembered: true;
  /** It waits no longer than this. */
  expires_at: string;
  /** When that notify will be due; null: at once. */
  due_at: Time | null;
  /** What will be merged over its data; null where there is none. Missing without the scope read_bodies. */
  data?: unknown;
}

/** `schedule_ms` excludes `initial_ms` and `factor`. */
export interface Retry {
  max_attempts?: number | null;
  /** The first wait. */
  initial_ms?: number | null;
  /** Each wait is so many times the one before. */
  factor?: number | null;
  /** The longest wait. */
  max_ms?: number | null;
  /** A wait is taken times 1 ± jitter, which makes none longer than max_ms. */
  jitter?: number | null;
  /** The waits one by one, the last repeated. */
  schedule_ms?: Array<number> | null;
  /** Answers that fail it at once; looked at first. */
  fatal_on?: AnswerPattern | null;
  /** Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`. */
  later_on?: AnswerPattern | null;
  /**
   * The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried again
   * as ever.
   */
  only_on?: AnswerPattern | null;
}

/**
 * `initial_ms` and `factor` are null where there is a schedule, `max_attempts` where it is tried for as long as it lives, as messages of
 * alerts are.
 */
export interface RetryView {
  max_attempts: number | null;
  /** The first wait. */
  initial_ms: number | null;
  /** Each wait is so many times the one before. */
  factor: number | null;
  /** The longest wait. */
  max_ms: number | null;
  /** A wait is taken times 1 ± jitter, which makes none longer than max_ms. */
  jitter: number | null;
  /** The waits one by one, the last repeated. */
  schedule_ms: Array<number> | null;
  /** Answers that fail it at once; looked at first. */
  fatal_on: AnswerPattern | null;
  /** Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`. */
  later_on: AnswerPattern | null;
  /**
   * The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried again
   * as ever.
   */
  only_on: AnswerPattern | null;
}

export type State = "held" | "scheduled" | "ready" | "sending" | "retrying" | "succeeded" | "failed" | "cancelled" | "expired";

/** Notifies that are not settled, by state. */
export interface States {
  held: number;
  scheduled: number;
  ready: number;
  sending: number;
  retrying: number;
}

export type Time = string;

/**
 * RFC 3339 with an offset, or milliseconds since the epoch; a number from 1000000000 to 31535999999 is refused, since it is more likely one of
 * seconds.
 */
export type TimeGiven = string | number;

export interface Trigger {
  /** Merged over the held data, key by key at the top level; a held notify without data or body takes it whole. */
  data?: Record<string, unknown> | null;
  /** Postpones it. Excludes `due_at`. */
  delay_ms?: number | null;
  due_at?: TimeGiven | null;
}

/** A settled notify with up to 64 KiB of what its receiver answered. */
export interface WaitedView {
  id: Id;
  state: State;
  /** Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced. */
  reason: string | null;
  created_at: Time;
  settled_at: Time | null;
  next_attempt_at: Time | null;
  due_at: Time | null;
  /** As submitted. */
  delay_ms: number | null;
  expires_at: Time | null;
  /** As submitted. */
  ttl_ms: number | null;
  url: string;
  pool: string | null;
  pool_fallback: string | null;
  instance: string | null;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  /** Values of secret ones are ***. */
  headers: Record<string, string>;
  content_type: string;
  lane: string;
  group: string | null;
  mode: Mode;
  /** Null in a fifo lane. */
  priority: number | null;
  reply: "expected" | "none";
  expect: AnswerPatternView;
  retry: RetryView;
  timeout_ms: number;
  connect_timeout_ms: number;
  fkey: string | null;
  /** Null without an fkey. */
  on_held: "reject" | "replace" | "keep" | null;
  idempotency_key: string | null;
  caller: string;
  order_by: string | null;
  partitions: number | null;
  order_by_missing: "refuse" | "spread" | null;
  labels: Record<string, string> | null;
  compress: "gzip" | null;
  follow_redirects: boolean | null;
  keep_response_bytes: number;
  callback_url: string | null;
  /** The name of the service that it goes to; missing where it goes to none. So with the next six. */
  service?: string;
  event?: Id;
  topic?: string;
  subscription?: string;
  schedule?: string;
  scheduled_at?: Time;
  group_id?: Id;
  /** The number of the newest attempt that ended. */
  attempts_made: number;
  /** As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two. */
  data?: unknown;
  body?: string | null;
  body_base64?: string | null;
  /** Oldest first, the newest 20. */
  attempts: Array<Attempt>;
  /** Its idempotency key was seen before. */
  duplicate?: true;
  /** `on_held` says keep, and this one was held. */
  kept?: true;
  /**
   * Null where no answer came, or where none is kept and it settled before this request came, or its last attempt had begun before anybody
   * waited; and where it is another caller's (`on_held` says keep), without the scope read_bodies.
   */
  response: KeptResponse | null;
}

export interface Withdrawn {
  remembered: false;
}
