<?php

// Made from docs/openapi.yaml by clients/make-types; not to be edited by hand.

namespace Notifyd;

/**
 * The API's objects, as arrays with these shapes, and its words. To have a program checked by PHPStan or Psalm, name in the comment of a class what it
 * uses: `@phpstan-import-type Notify from \Notifyd\Types`, then `@var Notify`.
 *
 * Of another caller's notify that was kept, to whoever may act for his own alone, the id and `kept` alone.
 * @phpstan-type Accepted array{id: Id, state?: State|'removed', due_at?: Time|null, lane?: string, mode?: Mode, duplicate?: true, kept?: true, ...}
 *
 * @phpstan-type AcceptedBatch array{items: list<Accepted>, ...}
 *
 * All that are given must hold. A `fatal_on`, `later_on` or `only_on` must give one at least.
 * @phpstan-type AnswerPattern array{status?: list<int|string>|null, contains?: string|null, json?: array<string, mixed>|\stdClass|null}
 *
 * @phpstan-type AnswerPatternView array{status: list<int|string>|null, contains: string|null, json: array<string, mixed>|\stdClass|null, ...}
 *
 * @phpstan-type Attempt array{number: int, started_at: Time, duration_ms: int, status: int, error?: string, detail?: string, response_body?:
 *     string, instance?: string, truncated?: true, ...}
 *
 * @phpstan-type Bulk array{filter: Filter, cursor?: string|null, dry_run?: bool|null, limit?: int|null}
 *
 * @phpstan-type BulkDone array{count: int, next: string|null, ...}
 *
 * The answer to one line of NDJSON. `index` counts the lines that are not blank, from 0.
 * @phpstan-type BulkLine array{index?: int, id?: Id, duplicate?: true, kept?: true, state?: 'removed', error?: Problem, type?:
 *     'urn:notifyd:problem:stopping'|'urn:notifyd:problem:restarting'|'urn:notifyd:problem:unauthorized'|'urn:notifyd:problem:outcome-unknown',
 *     title?: string, status?: int, detail?: string, next_index?: int, ...}
 *
 * The body of a notify to a `callback_url`: a POST of application/json. What is not set is null.
 * @phpstan-type Callback array{id: Id, state: 'succeeded'|'failed'|'cancelled'|'expired', reason: string|null, url: string, lane: string, mode:
 *     Mode, fkey: string|null, caller: string, labels: array<string, string>|\stdClass|null, service?: string, event?: Id, topic?: string,
 *     subscription?: string, schedule?: string, scheduled_at?: Time, group_id?: Id, settled_at: Time, attempts_made: int, last_attempt:
 *     Attempt|null, ...}
 *
 * @phpstan-type Explained array{id: Id, state: State, reasons: list<ExplainedReasons>, expected_at: Time|null, ...}
 *
 * @phpstan-type ExplainedReasons array{code:
 *     'not_due'|'held'|'group_turn'|'waiting_to_retry'|'sending'|'behind'|'blocked_by_head'|'lane_paused'|'lane_at_cap'|'host_at_cap'|'caller_at_cap'|'broker_at_cap'|'namespace_at_cap'|'namespace_at_share'|'host_paused'|'caller_paused'|'host_rate_limited'|'rate_limited'|'breaker_open'|'no_instance'|'subscription_paused'|'expires'|'next'|'loading'|'stopping'|'settled',
 *     detail: string, ...}
 *
 * As the list's query parameters.
 * @phpstan-type Filter array{state: string|list<State>, lane?: string|null, mode?: 'concurrent'|'fifo'|null, fkey?: string|null, fkey_prefix?:
 *     string|null, caller?: string|null, url_prefix?: string|null, host?: string|null, error?: string|null, service?: string|null, topic?:
 *     string|null, subscription?: string|null, schedule?: string|null, event?: string|null, group_id?: string|null, label?:
 *     string|list<string>|null, created_after?: TimeGiven|null, created_before?: TimeGiven|null, settled_after?: TimeGiven|null, settled_before?:
 *     TimeGiven|null, id?: string|null}
 *
 * @phpstan-type Group array{id: Id, state: 'pending'|'settled'|'removed', duplicate?: bool, created_at?: Time, settled_at?: Time|null, caller?:
 *     string, labels?: array<string, string>|\stdClass|null, on_failure?: 'continue'|'cancel_rest', sequential?: bool, stopped?: bool,
 *     callback_url?: string|null, callback_id?: string|null, count?: int, counts?: GroupCounts, notifies?: list<GroupMember>, ...}
 *
 * @phpstan-type GroupCallback array{id: Id, state: 'settled', count: int, counts: GroupCallbackCounts, caller: string, labels: array<string,
 *     string>|\stdClass|null, created_at: Time, settled_at: Time, ...}
 *
 * @phpstan-type GroupCallbackCounts array{succeeded: int, failed: int, cancelled: int, expired: int, ...}
 *
 * @phpstan-type GroupCounts array{held?: int, scheduled?: int, ready?: int, sending?: int, retrying?: int, succeeded?: int, failed?: int,
 *     cancelled?: int, expired?: int, ...}
 *
 * @phpstan-type GroupMember array{id: Id, state: State, reason: string|null, status: int|null, attempts_made: int, settled_at: Time|null,
 *     response?: KeptResponse, ...}
 *
 * @phpstan-type GroupPage array{items: list<GroupRow>, next: string|null, ...}
 *
 * @phpstan-type GroupRow array{id: Id, state: 'pending'|'settled', created_at: Time, settled_at: Time|null, caller: string, labels: array<string,
 *     string>|\stdClass|null, on_failure: 'continue'|'cancel_rest', sequential: bool, stopped: bool, callback_url: string|null, callback_id:
 *     string|null, count: int, counts: GroupRowCounts, ...}
 *
 * @phpstan-type GroupRowCounts array{pending: int, succeeded: int, failed: int, cancelled: int, expired: int, ...}
 *
 * Opaque; sorts in the order of submission.
 * @phpstan-type Id string
 *
 * @phpstan-type IdAndState array{id: Id, state: State, ...}
 *
 * What a receiver answered. `body` where that is text, else `body_base64`. A content coding is undone.
 * @phpstan-type KeptResponse array{status: int, headers: array<string, string>|\stdClass, body?: string, body_base64?: string, truncated: bool,
 *     received_at: string, ...}
 *
 * @phpstan-type Lane array{name: string, mode: Mode, paused: bool, states: States, in_flight: int, oldest_due_at: Time|null, head_age_ms: int|null,
 *     settings: LaneSettings, own: LaneOwn, ...}
 *
 * @phpstan-type LaneList array{items: list<Lane>, next: string|null, ...}
 *
 * What was set for this lane alone, by PATCH or by itself.
 * @phpstan-type LaneOwn array{paused?: true, paused_by?: 'request'|'failure', paused_until?: Time, paused_since?: Time, paused_who?: string,
 *     paused_reason?: string, paused_notify?: Id, concurrency?: int, rate_per_s?: int|float, burst?: int, on_retry?: 'block'|'skip', on_failure?:
 *     'continue'|'pause', ...}
 *
 * @phpstan-type LanePatch array{paused?: bool|null, paused_until?: TimeGiven|null, reason?: string|null, concurrency?: int|null, rate_per_s?:
 *     int|float|null, burst?: int|null, on_retry?: 'block'|'skip'|null, on_failure?: 'continue'|'pause'|null}
 *
 * What holds: what was set for this lane, else the first rule of the configuration that matches, else the defaults.
 * @phpstan-type LaneSettings array{paused: bool, concurrency: int, rate_per_s: int|float|null, burst: int|null, on_retry: 'block'|'skip'|null,
 *     on_failure: 'continue'|'pause'|null, ...}
 *
 * A notify with its defaults filled in; null where an optional field is not set.
 * @phpstan-type ListedNotify array{namespace?: string, id: Id, state: State, reason: string|null, created_at: Time, settled_at: Time|null,
 *     next_attempt_at: Time|null, due_at: Time|null, delay_ms: int|null, expires_at: Time|null, ttl_ms: int|null, url: string, pool: string|null,
 *     pool_fallback: string|null, instance: string|null, method: 'GET'|'POST'|'PUT'|'PATCH'|'DELETE'|'HEAD', headers: array<string,
 *     string>|\stdClass, content_type: string, lane: string, group: string|null, mode: Mode, priority: int|null, reply: 'expected'|'none', expect:
 *     AnswerPatternView, retry: RetryView, timeout_ms: int, connect_timeout_ms: int, fkey: string|null, on_held: 'reject'|'replace'|'keep'|null,
 *     idempotency_key: string|null, caller: string, order_by: string|null, partitions: int|null, order_by_missing: 'refuse'|'spread'|null, labels:
 *     array<string, string>|\stdClass|null, compress: 'gzip'|null, follow_redirects: bool|null, keep_response_bytes: int, callback_url:
 *     string|null, service?: string, event?: Id, topic?: string, subscription?: string, schedule?: string, scheduled_at?: Time, group_id?: Id,
 *     attempts_made: int, ...}
 *
 * A fifo lane sends one at a time in order, a concurrent one several at once. A fifo and a concurrent lane of one name are two lanes.
 * @phpstan-type Mode 'concurrent'|'fifo'
 *
 * `content_type` goes with a raw body. `idempotency_key` counts a topic. With `fkey` it is held, and fanned out once that is triggered.
 * @phpstan-type NewEvent array{key?: string|null, data?: mixed, body?: string|null, body_base64?: string|null, content_type?: string|null, labels?:
 *     array<string, string>|\stdClass|null, delay_ms?: int|null, due_at?: TimeGiven|null, fkey?: string|null, on_held?:
 *     'reject'|'replace'|'keep'|null, idempotency_key?: string|null, caller?: string|null}
 *
 * @phpstan-type NewGroup array{notifies: list<Notify>, idempotency_key?: string|null, callback_url?: string|null, labels?: array<string,
 *     string>|\stdClass|null, on_failure?: 'continue'|'cancel_rest'|null, sequential?: bool|null}
 *
 * @phpstan-type NewTopicEvent array{topic: string, key?: string|null, data?: mixed, body?: string|null, body_base64?: string|null, content_type?:
 *     string|null, labels?: array<string, string>|\stdClass|null, delay_ms?: int|null, due_at?: TimeGiven|null, fkey?: string|null, on_held?:
 *     'reject'|'replace'|'keep'|null, idempotency_key?: string|null, caller?: string|null}
 *
 * @phpstan-type Notify array{url: string, method?: 'GET'|'POST'|'PUT'|'PATCH'|'DELETE'|'HEAD'|null, headers?: array<string, string>|\stdClass|null,
 *     data?: mixed, body?: string|null, body_base64?: string|null, content_type?: string|null, delay_ms?: int|null, due_at?: TimeGiven|null, fkey?:
 *     string|null, on_held?: 'reject'|'replace'|'keep'|null, lane?: string|null, group?: string|null, mode?: 'concurrent'|'fifo'|null, priority?:
 *     int|null, reply?: 'expected'|'none'|null, expect?: AnswerPattern|null, retry?: Retry|null, timeout_ms?: int|null, connect_timeout_ms?:
 *     int|null, ttl_ms?: int|null, expires_at?: TimeGiven|null, idempotency_key?: string|null, caller?: string|null, pool?: string|null,
 *     pool_fallback?: string|null, instance?: string|null, order_by?: string|null, partitions?: int|null, order_by_missing?:
 *     'refuse'|'spread'|null, labels?: array<string, string>|\stdClass|null, compress?: 'gzip'|null, follow_redirects?: bool|null,
 *     keep_response_bytes?: int|null, callback_url?: string|null}
 *
 * @phpstan-type NotifyList array{items: list<ListedNotify>, next: string|null, missing?: list<string>, ...}
 *
 * What is not named stays as it is. Other fields of a notify are refused.
 * @phpstan-type NotifyPatch array{due_at?: TimeGiven|null, delay_ms?: int|null, data?: mixed, body?: string|null, body_base64?: string|null,
 *     headers?: array<string, string|null>|\stdClass|null, priority?: int|null, retry?: Retry|null, expect?: AnswerPattern|null, ttl_ms?: int|null,
 *     expires_at?: TimeGiven|null}
 *
 * A `ListedNotify` with what it sends and what was tried.
 * @phpstan-type NotifyView array{id: Id, state: State, reason: string|null, created_at: Time, settled_at: Time|null, next_attempt_at: Time|null,
 *     due_at: Time|null, delay_ms: int|null, expires_at: Time|null, ttl_ms: int|null, url: string, pool: string|null, pool_fallback: string|null,
 *     instance: string|null, method: 'GET'|'POST'|'PUT'|'PATCH'|'DELETE'|'HEAD', headers: array<string, string>|\stdClass, content_type: string,
 *     lane: string, group: string|null, mode: Mode, priority: int|null, reply: 'expected'|'none', expect: AnswerPatternView, retry: RetryView,
 *     timeout_ms: int, connect_timeout_ms: int, fkey: string|null, on_held: 'reject'|'replace'|'keep'|null, idempotency_key: string|null, caller:
 *     string, order_by: string|null, partitions: int|null, order_by_missing: 'refuse'|'spread'|null, labels: array<string, string>|\stdClass|null,
 *     compress: 'gzip'|null, follow_redirects: bool|null, keep_response_bytes: int, callback_url: string|null, service?: string, event?: Id,
 *     topic?: string, subscription?: string, schedule?: string, scheduled_at?: Time, group_id?: Id, attempts_made: int, data?: mixed, body?:
 *     string|null, body_base64?: string|null, attempts: list<Attempt>, ...}
 *
 * RFC 9457.
 * @phpstan-type Problem array{type:
 *     'urn:notifyd:problem:malformed'|'urn:notifyd:problem:unauthorized'|'urn:notifyd:problem:forbidden'|'urn:notifyd:problem:not-found'|'urn:notifyd:problem:method-not-allowed'|'urn:notifyd:problem:too-slow'|'urn:notifyd:problem:conflict'|'urn:notifyd:problem:precondition-failed'|'urn:notifyd:problem:too-large'|'urn:notifyd:problem:target-too-long'|'urn:notifyd:problem:unsupported-media-type'|'urn:notifyd:problem:expectation'|'urn:notifyd:problem:misdirected'|'urn:notifyd:problem:unacceptable'|'urn:notifyd:problem:too-many'|'urn:notifyd:problem:head-too-large'|'urn:notifyd:problem:internal'|'urn:notifyd:problem:not-implemented'|'urn:notifyd:problem:unavailable'|'urn:notifyd:problem:stopping'|'urn:notifyd:problem:restarting'|'urn:notifyd:problem:outcome-unknown'|'urn:notifyd:problem:http-version'|'urn:notifyd:problem:disk-full'|'urn:notifyd:problem:loop',
 *     title: string, status: int, detail: string, field?: string, id?: string, ...}
 *
 * @phpstan-type PublishLine array{index: int, id?: Id, matched?: int|null, duplicate?: true, kept?: true, error?: Problem, ...}
 *
 * @phpstan-type PublishedBatch array{items: list<PublishedEvent>, ...}
 *
 * @phpstan-type PublishedEvent array{id: Id, matched: int|null, duplicate?: true, kept?: true, ...}
 *
 * @phpstan-type Remembered array{remembered: true, ...}
 *
 * A trigger that waits for the next submit with its fkey.
 * @phpstan-type RememberedTrigger array{fkey: string, remembered: true, expires_at: string, due_at: Time|null, data?: mixed, ...}
 *
 * `schedule_ms` excludes `initial_ms` and `factor`.
 * @phpstan-type Retry array{max_attempts?: int|null, initial_ms?: int|null, factor?: int|float|null, max_ms?: int|null, jitter?: int|float|null,
 *     schedule_ms?: list<int>|null, fatal_on?: AnswerPattern|null, later_on?: AnswerPattern|null, only_on?: AnswerPattern|null}
 *
 * `initial_ms` and `factor` are null where there is a schedule, `max_attempts` where it is tried for as long as it lives, as messages of alerts are.
 * @phpstan-type RetryView array{max_attempts: int|null, initial_ms: int|null, factor: int|float|null, max_ms: int|null, jitter: int|float|null,
 *     schedule_ms: list<int>|null, fatal_on: AnswerPattern|null, later_on: AnswerPattern|null, only_on: AnswerPattern|null, ...}
 *
 * @phpstan-type State 'held'|'scheduled'|'ready'|'sending'|'retrying'|'succeeded'|'failed'|'cancelled'|'expired'
 *
 * Notifies that are not settled, by state.
 * @phpstan-type States array{held: int, scheduled: int, ready: int, sending: int, retrying: int, ...}
 *
 * @phpstan-type Time string
 *
 * RFC 3339 with an offset, or milliseconds since the epoch; a number from 1000000000 to 31535999999 is refused, since it is more likely one of
 * seconds.
 * @phpstan-type TimeGiven string|int
 *
 * @phpstan-type Trigger array{data?: array<string, mixed>|\stdClass|null, delay_ms?: int|null, due_at?: TimeGiven|null}
 *
 * A settled notify with up to 64 KiB of what its receiver answered.
 * @phpstan-type WaitedView array{id: Id, state: State, reason: string|null, created_at: Time, settled_at: Time|null, next_attempt_at: Time|null,
 *     due_at: Time|null, delay_ms: int|null, expires_at: Time|null, ttl_ms: int|null, url: string, pool: string|null, pool_fallback: string|null,
 *     instance: string|null, method: 'GET'|'POST'|'PUT'|'PATCH'|'DELETE'|'HEAD', headers: array<string, string>|\stdClass, content_type: string,
 *     lane: string, group: string|null, mode: Mode, priority: int|null, reply: 'expected'|'none', expect: AnswerPatternView, retry: RetryView,
 *     timeout_ms: int, connect_timeout_ms: int, fkey: string|null, on_held: 'reject'|'replace'|'keep'|null, idempotency_key: string|null, caller:
 *     string, order_by: string|null, partitions: int|null, order_by_missing: 'refuse'|'spread'|null, labels: array<string, string>|\stdClass|null,
 *     compress: 'gzip'|null, follow_redirects: bool|null, keep_response_bytes: int, callback_url: string|null, service?: string, event?: Id,
 *     topic?: string, subscription?: string, schedule?: string, scheduled_at?: Time, group_id?: Id, attempts_made: int, data?: mixed, body?:
 *     string|null, body_base64?: string|null, attempts: list<Attempt>, duplicate?: true, kept?: true, response: KeptResponse|null, ...}
 *
 * @phpstan-type Withdrawn array{remembered: false, ...}
 */
final class Types
{
    public const MODE = ['concurrent', 'fifo'];
    public const STATE = ['held', 'scheduled', 'ready', 'sending', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired'];
    /** Fields that are objects, also where they are empty. */
    public const OBJECTS = ['expect', 'fatal_on', 'filter', 'headers', 'json', 'labels', 'later_on', 'only_on', 'retry'];
    /** Fields that hold JSON of the user's own. */
    public const OF_THE_USER = ['data', 'json'];
}
