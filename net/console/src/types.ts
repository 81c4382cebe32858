// What the API answers, as far as the console reads it. docs/openapi.yaml has the whole of it.
export type State = "held" | "scheduled" | "ready" | "sending" | "retrying" | "succeeded" | "failed" | "cancelled" | "expired";
export const kPending: State[] = ["held", "scheduled", "ready", "sending", "retrying"];
export const kStates: State[] = [...kPending, "succeeded", "failed", "cancelled", "expired"];
export const isPending = (state: State): boolean => kPending.includes(state);

export interface Attempt {
  number: number;
  started_at: string;
  duration_ms: number;
  status: number;
  error?: string;
  detail?: string;
  response_body?: string;
  instance?: string;
  truncated?: boolean;
}

export interface Notify {
  id: string;
  state: State;
  reason: string | null;
  created_at: string;
  settled_at: string | null;
  next_attempt_at: string | null;
  due_at: string | null;
  expires_at: string | null;
  delay_ms: number | null;
  ttl_ms: number | null;
  url: string;
  method: string;
  headers: Record<string, string>;
  content_type: string;
  lane: string;
  mode: "fifo" | "concurrent";
  group: string | null;
  order_by: string | null;
  partitions: number | null;
  order_by_missing: "refuse" | "spread" | null;
  priority: number | null;
  reply: "expected" | "none";
  retry: { max_attempts: number | null; schedule_ms: number[] | null; initial_ms: number | null; factor: number | null; max_ms: number; jitter: number; fatal_on: object | null; later_on: object | null; only_on: object | null };
  expect: object;
  compress: "gzip" | null;
  follow_redirects: boolean | null;
  timeout_ms: number;
  connect_timeout_ms: number;
  fkey: string | null;
  on_held: "reject" | "replace" | "keep" | null;
  idempotency_key: string | null;
  caller: string;
  labels: Record<string, string> | null;
  callback_url: string | null;
  keep_response_bytes: number;
  pool: string | null;
  pool_fallback: string | null;
  instance: string | null;
  service?: string;
  event?: string;
  topic?: string;
  subscription?: string;
  schedule?: string;
  scheduled_at?: string;
  group_id?: string;
  namespace?: string;
  attempts_made: number;
  attempts?: Attempt[];
  data?: unknown;
  body?: string | null;
  body_base64?: string | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  missing?: string[]; // members of a cluster that did not answer
}

export interface Explained {
  id: string;
  state: State;
  reasons: { code: string; detail: string }[];
  expected_at: string | null;
}

export type States = Record<"held" | "scheduled" | "ready" | "sending" | "retrying", number>;

export interface Stats {
  pid: number;
  version: string;
  member?: string; // of a cluster: whose process this is
  started_at: string;
  uptime_ms: number;
  pending: number;
  states: States;
  totals: Record<"accepted" | "revived" | "succeeded" | "failed" | "cancelled" | "expired" | "attempts" | "retries", number>;
  // By its engine: sizes of one on a disk of its own, `database_lost` of one in PostgreSQL.
  store?: { disk_bytes?: number; wal_bytes?: number; free_bytes?: number; database_lost?: number };
  memory?: { rss_bytes: number };
  loaded: { notifies: number; lanes: number; hosts: number; in_flight: number };
  connections?: number;
}

export interface FailingHost {
  host: string;
  in_flight: number;
  paused: boolean;
  breaker: Breaker["state"];
  open_since: string | null;
  figures: HostFigures | null;
}

export interface Live {
  at: string | number;
  stats: Stats;
  rates: Record<"accepted" | "attempts" | "succeeded" | "failed", number>;
  polled?: true; // made of /v1/stats, which knows less: what is null is not known then
  lag_ms: number | null;
  lateness_p99_ms: number | null;
  commit_p99_ms?: number | null; // to an admin of all, as the next
  cpu?: number;
  failing_hosts: FailingHost[] | null; // null: this broker does not tell
  failing_count?: number;              // of all hosts: failing_hosts has ten at most
  alerts: { firing: number; undelivered: number } | null;
}

export interface Breaker {
  state: "closed" | "open" | "probing" | "ramp";
  open_since: string | null;
  next_probe: string | null;
}

export interface HostFigures {
  attempts?: number;
  failed?: number;
  failing_since?: string | null;
  last_error?: string | null;
  last_status?: number | null;
  p50_ms?: number | null;
  p99_ms?: number | null;
}

export interface Host {
  host: string;
  paused: boolean;
  concurrency: number | null;
  rate_per_s: number | null;
  effective: { concurrency: number | null; rate_per_s: number | null };
  in_flight: number;
  waiting_lanes: number;
  queued: number;
  sleeping_lanes: boolean;
  at_cap: boolean;
  breaker: Breaker;
  figures?: HostFigures | null;
}

export interface Lane {
  name: string;
  mode: "fifo" | "concurrent";
  paused: boolean;
  states: States;
  in_flight: number;
  oldest_due_at: string | null;
  head_age_ms: number | null;
  // Null: nothing is known of the lane. A list never has such a one.
  settings: { paused: boolean; concurrency: number; rate_per_s: number | null; burst: number | null; on_retry: string | null; on_failure: string | null } | null;
  own: { paused?: true; paused_by?: "request" | "failure"; paused_until?: string; paused_since?: string; paused_who?: string; paused_reason?: string; paused_notify?: string; concurrency?: number; rate_per_s?: number; burst?: number; on_retry?: string; on_failure?: string };
}

export interface Service {
  name: string;
  balance: string;
  pool: string | null;
  https: boolean;
  failover_max: number;
  instances: { alive: number; draining: number; unreachable: number };
  from_file: boolean;
}

export interface Instance {
  id: string;
  url: string;
  weight: number;
  pools: string[];
  state: "alive" | "draining" | "unreachable";
  in_flight: number;
  expires_at: string | null;
  breaker: Breaker;
  figures?: HostFigures | null;
}

export type CallerCounts = Record<"accepted" | "failed" | "late" | "bytes", number>;
export interface Caller extends CallerCounts {
  caller: string;
  others?: boolean;
  paused: boolean;
  submits_per_s: number | null;
  in_flight: number;
  minute: CallerCounts;
  hour: CallerCounts;
  day: CallerCounts;
  day_before: CallerCounts;
}

export interface Whoami {
  name: string;
  asked: boolean;
  scopes: string[];
  namespaces: "*" | string[];
  caller: string | null;
  lanes: string[];
  fkeys: string[];
  services: string[];
  member: string | null; // of a cluster: who was asked
  expires_at: string | null;
}

export interface Member {
  name: string;
  address: string;
  version: string | null;
  self: boolean;
  leading: boolean;
  draining: boolean;
  alive: boolean;
  namespaces: number;
  heartbeat_age_ms: number;
  unreached_by?: string[];
  cut_off?: boolean;
}

export interface Cluster {
  members: Member[];
  namespaces: { name: string; owner: string | null; placed: string | null; epoch: number; load: number; cell?: string | null }[];
  moves: { at: string; namespace: string | null; from: string | null; to: string }[] | null;
  missing?: string[];
}

export interface Namespace {
  name: string;
  state: "active" | "deleting";
  created_at: string;
  member?: string | null; // of a cluster: who serves it
  moving?: { to: string; state: "queued" | "beginning" | "copying" | "following" | "standing_still" | "switching" | "ending" | null; copied_keys: number | null; waits_for: string | null };
  // Null: whoever serves it did not say.
  awake: boolean | null;
  pending: number | null;
  in_flight: number | null;
  may_be_in_flight: number | null;
  stored_bytes: number | null;
  submits_last_minute: number | null;
  attempts_last_minute: number | null;
  settings: Record<string, unknown>;
  signing: { keys: { name: string; kind: string; created_at: string; valid_until: string | null }[] };
}

export interface Due {
  from: string | number;
  step_ms: number;
  counts: number[];
  later?: number;
  since?: string | null;
}

export interface History {
  from: string | number;
  step_ms: number;
  series: Record<string, (number | null)[]>;
}
