// The API's objects. Made from docs/openapi.yaml by clients/make-types; DO NOT EDIT.

package notifyd

import (
	"encoding/json"
	"time"
)

// Accepted: Of another caller's notify that was kept, to whoever may act for his own alone, the id and `kept` alone.
type Accepted struct {
	ID string `json:"id"`

	State State `json:"state"`

	// Null: held without a due time. Missing where `state` is `removed`.
	DueAt *time.Time `json:"due_at"`

	Lane string `json:"lane"`

	Mode Mode `json:"mode"`

	// The idempotency key was seen before.
	Duplicate bool `json:"duplicate"`

	// `on_held` keep: this one is held already.
	Kept bool `json:"kept"`
}

// AcceptedBatch: As the API says.
type AcceptedBatch struct {
	Items []Accepted `json:"items"`
}

// AnswerPattern: All that are given must hold. A `fatal_on`, `later_on` or `only_on` must give one at least.
type AnswerPattern struct {
	// Numbers, or classes. An `expect` without it keeps `["2xx"]`.
	Status []interface{} `json:"status,omitempty"`

	// A substring of the trimmed body, whatever the case.
	Contains string `json:"contains,omitempty"`

	// JSON Pointer to the value that must be there.
	JSON map[string]interface{} `json:"json,omitempty"`
}

// AnswerPatternView: As the API says.
type AnswerPatternView struct {
	// Numbers, or classes. An `expect` without it keeps `["2xx"]`.
	Status []interface{} `json:"status"`

	// A substring of the trimmed body, whatever the case.
	Contains string `json:"contains"`

	// JSON Pointer to the value that must be there.
	JSON map[string]json.RawMessage `json:"json"`
}

// Attempt: As the API says.
type Attempt struct {
	Number int64 `json:"number"`

	StartedAt time.Time `json:"started_at"`

	DurationMs int64 `json:"duration_ms"`

	// 0 where no answer came.
	Status int64 `json:"status"`

	// Absent on success, else a stable word.
	Error string `json:"error"`

	// For people. Where a redirect was followed, it ends with `after a redirect to` and the URL.
	Detail string `json:"detail"`

	// Its beginning. Missing without the scope read_bodies.
	ResponseBody string `json:"response_body"`

	// Of a service, which it went to.
	Instance string `json:"instance"`

	// The answer decided the outcome, but what was to be recorded of its body broke off or stayed away.
	Truncated bool `json:"truncated"`
}

// Bulk: As the API says.
type Bulk struct {
	// A token that is bound to lanes must name one of these in `lane`, one that is bound to fkeys one of these, or some, in `fkey` or
	// `fkey_prefix`: else 403.
	Filter Filter `json:"filter,omitempty"`

	// What the call before gave as `next`.
	Cursor string `json:"cursor,omitempty"`

	// Counts only.
	DryRun bool `json:"dry_run,omitempty"`

	Limit int64 `json:"limit,omitempty"`
}

// BulkDone: As the API says.
type BulkDone struct {
	Count int64 `json:"count"`

	// The cursor of the next call; null: all were looked at.
	Next string `json:"next"`
}

// BulkLine: The answer to one line of NDJSON. `index` counts the lines that are not blank, from 0.
type BulkLine struct {
	Index int64 `json:"index"`

	ID string `json:"id"`

	Duplicate bool `json:"duplicate"`

	Kept bool `json:"kept"`

	// With `duplicate`: the notify that the key stands for is not there any more.
	State string `json:"state"`

	Error *Problem `json:"error"`

	Type string `json:"type"`

	Title string `json:"title"`

	Status int64 `json:"status"`

	// For people.
	Detail string `json:"detail"`

	// The first line of the request that was not taken. Missing with `outcome-unknown`.
	NextIndex int64 `json:"next_index"`
}

// Callback: The body of a notify to a `callback_url`: a POST of application/json. What is not set is null.
type Callback struct {
	ID string `json:"id"`

	State string `json:"state"`

	Reason string `json:"reason"`

	URL string `json:"url"`

	Lane string `json:"lane"`

	Mode Mode `json:"mode"`

	Fkey string `json:"fkey"`

	Caller string `json:"caller"`

	Labels map[string]string `json:"labels"`

	// The name of the service that it goes to; missing where it goes to none. So with the next six.
	Service string `json:"service"`

	Event string `json:"event"`

	Topic string `json:"topic"`

	Subscription string `json:"subscription"`

	Schedule string `json:"schedule"`

	ScheduledAt *time.Time `json:"scheduled_at"`

	GroupID string `json:"group_id"`

	SettledAt time.Time `json:"settled_at"`

	AttemptsMade int64 `json:"attempts_made"`

	LastAttempt *Attempt `json:"last_attempt"`
}

// Explained: As the API says.
type Explained struct {
	ID string `json:"id"`

	State State `json:"state"`

	Reasons []ExplainedReasons `json:"reasons"`

	// The earliest time at which it can be sent; null where that depends on others, as of one that is `behind` or at a cap, where it expires
	// before, or it is settled.
	ExpectedAt *time.Time `json:"expected_at"`
}

// ExplainedReasons: As the API says.
type ExplainedReasons struct {
	// `no_instance`: its service has no instance that begins anything new: none was ever registered, all have gone, or all drain. `breaker_open`:
	// its host, or all instances that there are, cannot be reached. `subscription_paused`, and beside it `lane_paused`: its lane is paused by
	// somebody, or by itself, too, and does not go on with the subscription. `expires`: its time is over before it could be sent.
	Code string `json:"code"`

	// For people.
	Detail string `json:"detail"`
}

// Filter: As the list's query parameters.
type Filter struct {
	// One or several; as a string with commas.
	State []State `json:"state,omitempty"`

	Lane string `json:"lane,omitempty"`

	Mode Mode `json:"mode,omitempty"`

	Fkey string `json:"fkey,omitempty"`

	FkeyPrefix string `json:"fkey_prefix,omitempty"`

	Caller string `json:"caller,omitempty"`

	URLPrefix string `json:"url_prefix,omitempty"`

	Host string `json:"host,omitempty"`

	Error string `json:"error,omitempty"`

	Service string `json:"service,omitempty"`

	Topic string `json:"topic,omitempty"`

	Subscription string `json:"subscription,omitempty"`

	Schedule string `json:"schedule,omitempty"`

	Event string `json:"event,omitempty"`

	GroupID string `json:"group_id,omitempty"`

	// `key:value`; several as a list, all of them.
	Label []string `json:"label,omitempty"`

	// Inclusive.
	CreatedAfter *time.Time `json:"created_after,omitempty"`

	// Exclusive.
	CreatedBefore *time.Time `json:"created_before,omitempty"`

	// Inclusive; of settled ones alone.
	SettledAfter *time.Time `json:"settled_after,omitempty"`

	// Exclusive; of settled ones alone.
	SettledBefore *time.Time `json:"settled_before,omitempty"`

	// Only this one, where the other filters take it.
	ID string `json:"id,omitempty"`
}

// Group: As the API says.
type Group struct {
	ID string `json:"id"`

	// `removed`: a duplicate of a group that is not kept any more.
	State string `json:"state"`

	// The idempotency key was seen before.
	Duplicate bool `json:"duplicate"`

	CreatedAt *time.Time `json:"created_at"`

	// When all were settled for the first time.
	SettledAt *time.Time `json:"settled_at"`

	// Of its first notify.
	Caller string `json:"caller"`

	Labels map[string]string `json:"labels"`

	OnFailure string `json:"on_failure"`

	Sequential bool `json:"sequential"`

	// What waits is cancelled, by request or by `on_failure`.
	Stopped bool `json:"stopped"`

	CallbackURL string `json:"callback_url"`

	// The notify that tells that all are settled.
	CallbackID string `json:"callback_id"`

	Count int64 `json:"count"`

	Counts *GroupCounts `json:"counts"`

	// In the order in which they were given.
	Notifies []GroupMember `json:"notifies"`
}

// GroupCallback: As the API says.
type GroupCallback struct {
	ID string `json:"id"`

	State string `json:"state"`

	Count int64 `json:"count"`

	Counts GroupCallbackCounts `json:"counts"`

	Caller string `json:"caller"`

	Labels map[string]string `json:"labels"`

	CreatedAt time.Time `json:"created_at"`

	SettledAt time.Time `json:"settled_at"`
}

// GroupCallbackCounts: As the API says.
type GroupCallbackCounts struct {
	Succeeded int64 `json:"succeeded"`

	Failed int64 `json:"failed"`

	Cancelled int64 `json:"cancelled"`

	Expired int64 `json:"expired"`
}

// GroupCounts: As the API says.
type GroupCounts struct {
	Held int64 `json:"held"`

	Scheduled int64 `json:"scheduled"`

	Ready int64 `json:"ready"`

	Sending int64 `json:"sending"`

	Retrying int64 `json:"retrying"`

	Succeeded int64 `json:"succeeded"`

	Failed int64 `json:"failed"`

	Cancelled int64 `json:"cancelled"`

	Expired int64 `json:"expired"`
}

// GroupMember: As the API says.
type GroupMember struct {
	ID string `json:"id"`

	State State `json:"state"`

	// Why cancelled or failed; `group_failed`: `on_failure` cancelled it.
	Reason string `json:"reason"`

	// Of the answer that settled it; null where it was cancelled or expired between two attempts, or without any.
	Status *int64 `json:"status"`

	AttemptsMade int64 `json:"attempts_made"`

	SettledAt *time.Time `json:"settled_at"`

	// The answer that is kept for it (`keep_response_bytes`), with the scope read_bodies or for who submitted the group. Of all together 1 MiB of
	// bodies is shown; others are at their notifies.
	Response *KeptResponse `json:"response"`
}

// GroupPage: As the API says.
type GroupPage struct {
	Items []GroupRow `json:"items"`

	// What goes into `cursor` to go on.
	Next string `json:"next"`
}

// GroupRow: As the API says.
type GroupRow struct {
	ID string `json:"id"`

	State string `json:"state"`

	CreatedAt time.Time `json:"created_at"`

	SettledAt *time.Time `json:"settled_at"`

	Caller string `json:"caller"`

	Labels map[string]string `json:"labels"`

	OnFailure string `json:"on_failure"`

	Sequential bool `json:"sequential"`

	Stopped bool `json:"stopped"`

	CallbackURL string `json:"callback_url"`

	CallbackID string `json:"callback_id"`

	Count int64 `json:"count"`

	Counts GroupRowCounts `json:"counts"`
}

// GroupRowCounts: As the API says.
type GroupRowCounts struct {
	Pending int64 `json:"pending"`

	Succeeded int64 `json:"succeeded"`

	Failed int64 `json:"failed"`

	Cancelled int64 `json:"cancelled"`

	Expired int64 `json:"expired"`
}

// IDAndState: As the API says.
type IDAndState struct {
	ID string `json:"id"`

	State State `json:"state"`
}

// KeptResponse: What a receiver answered. `body` where that is text, else `body_base64`. A content coding is undone.
type KeptResponse struct {
	Status int64 `json:"status"`

	// Content-Type, Content-Language, ETag, Last-Modified, Location, Retry-After, and those that `results.headers` names.
	Headers map[string]string `json:"headers"`

	Body string `json:"body"`

	BodyBase64 []byte `json:"body_base64"`

	// There was more of the body.
	Truncated bool `json:"truncated"`

	ReceivedAt string `json:"received_at"`
}

// Lane: As the API says.
type Lane struct {
	Name string `json:"name"`

	Mode Mode `json:"mode"`

	Paused bool `json:"paused"`

	States States `json:"states"`

	// Cancelled ones whose attempt has not ended included.
	InFlight int64 `json:"in_flight"`

	// Of the head; null where none is ready.
	OldestDueAt *time.Time `json:"oldest_due_at"`

	// How long ago that was.
	HeadAgeMs *int64 `json:"head_age_ms"`

	Settings LaneSettings `json:"settings"`

	Own LaneOwn `json:"own"`
}

// LaneList: As the API says.
type LaneList struct {
	Items []Lane `json:"items"`

	// The cursor of the next page.
	Next string `json:"next"`
}

// LaneOwn: What was set for this lane alone, by PATCH or by itself.
type LaneOwn struct {
	Paused bool `json:"paused"`

	// failure: `on_failure` is pause, and the head failed or expired.
	PausedBy string `json:"paused_by"`

	PausedUntil *time.Time `json:"paused_until"`

	// Of the pause that holds.
	PausedSince *time.Time `json:"paused_since"`

	// Who paused it, as the audit names them: `token ID`. Left out where nobody is asked who they are, and where it paused itself.
	PausedWho string `json:"paused_who"`

	// Why, as they put it.
	PausedReason string `json:"paused_reason"`

	// With `paused_by` failure: the notify that failed or expired.
	PausedNotify string `json:"paused_notify"`

	Concurrency int64 `json:"concurrency"`

	RatePerS float64 `json:"rate_per_s"`

	Burst int64 `json:"burst"`

	OnRetry string `json:"on_retry"`

	OnFailure string `json:"on_failure"`
}

// LanePatch: As the API says.
type LanePatch struct {
	// True without `paused_until`: until somebody resumes it.
	Paused *bool `json:"paused,omitempty"`

	// Paused, and resumed by itself at this time; one that is over resumes at once. Refused beside `paused` false. Null: a lane that is paused
	// stays so until somebody resumes it. So it does where its head fails meanwhile and `on_failure` is pause. At most 1,000 lanes of a namespace
	// at a time (409).
	PausedUntil *time.Time `json:"paused_until,omitempty"`

	// Why it is paused, at most 600 bytes: shown with the lane, by explain and by alerts until it is resumed. Goes with `paused` true or
	// `paused_until`; of a lane that is paused already it puts another reason, and its author, in place; a time alone leaves both. A lane that is
	// paused with a subscription is then paused by hand: it does not go on with that.
	Reason *string `json:"reason,omitempty"`

	// Attempts in flight at once. Concurrent lanes only.
	Concurrency *int64 `json:"concurrency,omitempty"`

	// Attempts started in a second.
	RatePerS *float64 `json:"rate_per_s,omitempty"`

	// What may be sent at once after a rest. Refused where no rate holds; goes with its rate where that is taken back.
	Burst *int64 `json:"burst,omitempty"`

	// skip: while one waits for its next attempt, those behind it are sent; it does so to its next attempt, also where this becomes block
	// meanwhile. Fifo lanes only.
	OnRetry *string `json:"on_retry,omitempty"`

	// pause: the lane pauses itself where its head fails, or expires after an attempt. Fifo lanes only.
	OnFailure *string `json:"on_failure,omitempty"`

	// Names of the API's fields that go back to their default.
	Null []string `json:"-"`
}

// MarshalJSON writes null for what Null names.
func (p LanePatch) MarshalJSON() ([]byte, error) {
	type plain LanePatch
	return withNull(plain(p), p.Null)
}

// LaneSettings: What holds: what was set for this lane, else the first rule of the configuration that matches, else the defaults.
type LaneSettings struct {
	Paused bool `json:"paused"`

	// 1 in a fifo lane.
	Concurrency int64 `json:"concurrency"`

	// Null: no limit.
	RatePerS *float64 `json:"rate_per_s"`

	// Null where there is no rate.
	Burst *int64 `json:"burst"`

	// Null in a concurrent lane.
	OnRetry string `json:"on_retry"`

	// Null in a concurrent lane.
	OnFailure string `json:"on_failure"`
}

// ListedNotify: A notify with its defaults filled in; null where an optional field is not set.
type ListedNotify struct {
	// Its namespace, in a list of all of them.
	Namespace string `json:"namespace"`

	ID string `json:"id"`

	State State `json:"state"`

	// Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
	Reason string `json:"reason"`

	CreatedAt time.Time `json:"created_at"`

	SettledAt *time.Time `json:"settled_at"`

	NextAttemptAt *time.Time `json:"next_attempt_at"`

	DueAt *time.Time `json:"due_at"`

	// As submitted.
	DelayMs *int64 `json:"delay_ms"`

	ExpiresAt *time.Time `json:"expires_at"`

	// As submitted.
	TTLMs *int64 `json:"ttl_ms"`

	URL string `json:"url"`

	Pool string `json:"pool"`

	PoolFallback string `json:"pool_fallback"`

	Instance string `json:"instance"`

	Method string `json:"method"`

	// Values of secret ones are ***.
	Headers map[string]string `json:"headers"`

	ContentType string `json:"content_type"`

	Lane string `json:"lane"`

	Group string `json:"group"`

	Mode Mode `json:"mode"`

	// Null in a fifo lane.
	Priority *int64 `json:"priority"`

	Reply string `json:"reply"`

	Expect AnswerPatternView `json:"expect"`

	Retry RetryView `json:"retry"`

	TimeoutMs int64 `json:"timeout_ms"`

	ConnectTimeoutMs int64 `json:"connect_timeout_ms"`

	Fkey string `json:"fkey"`

	// Null without an fkey.
	OnHeld string `json:"on_held"`

	IdempotencyKey string `json:"idempotency_key"`

	Caller string `json:"caller"`

	OrderBy string `json:"order_by"`

	Partitions *int64 `json:"partitions"`

	OrderByMissing string `json:"order_by_missing"`

	Labels map[string]string `json:"labels"`

	Compress string `json:"compress"`

	FollowRedirects *bool `json:"follow_redirects"`

	KeepResponseBytes int64 `json:"keep_response_bytes"`

	CallbackURL string `json:"callback_url"`

	// The name of the service that it goes to; missing where it goes to none. So with the next six.
	Service string `json:"service"`

	Event string `json:"event"`

	Topic string `json:"topic"`

	Subscription string `json:"subscription"`

	Schedule string `json:"schedule"`

	ScheduledAt *time.Time `json:"scheduled_at"`

	GroupID string `json:"group_id"`

	// The number of the newest attempt that ended.
	AttemptsMade int64 `json:"attempts_made"`
}

// Mode: A fifo lane sends one at a time in order, a concurrent one several at once. A fifo and a concurrent lane of one name are two lanes.
type Mode string

// The values of Mode that are known.
const (
	ModeConcurrent Mode = "concurrent"
	ModeFifo       Mode = "fifo"
)

// NewEvent: `content_type` goes with a raw body. `idempotency_key` counts a topic. With `fkey` it is held, and fanned out once that is
// triggered.
type NewEvent struct {
	// What it is about. A subscription with `order_by` `key` keeps the order of the events of one key.
	Key string `json:"key,omitempty"`

	// Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
	// string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
	// Excludes `body` and `body_base64`.
	Data interface{} `json:"data,omitempty"`

	// The raw body.
	Body string `json:"body,omitempty"`

	// The raw body.
	BodyBase64 []byte `json:"body_base64,omitempty"`

	// application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
	// without a Content-Type.
	ContentType string `json:"content_type,omitempty"`

	// What lists are filtered by, and callbacks and logs have. A key holds no `:`.
	Labels map[string]string `json:"labels,omitempty"`

	// From now. Excludes `due_at`.
	DelayMs int64 `json:"delay_ms,omitempty"`

	// At most ten years ahead; one in the past is due now.
	DueAt *time.Time `json:"due_at,omitempty"`

	// Hold until it is triggered. Unique among held notifies.
	Fkey string `json:"fkey,omitempty"`

	// What is done where the fkey is held already. Goes with an fkey only.
	OnHeld string `json:"on_held,omitempty"`

	// Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
	// first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data` by
	// its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse what is
	// new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole request that
	// is too large.
	IdempotencyKey string `json:"idempotency_key,omitempty"`

	// Who submits, for filters and logs. Without control characters.
	Caller string `json:"caller,omitempty"`
}

// NewGroup: As the API says.
type NewGroup struct {
	// Without `fkey` and `idempotency_key`.
	Notifies []Notify `json:"notifies,omitempty"`

	// Of the group, in place of any of its notifies. The header Idempotency-Key says the same.
	IdempotencyKey string `json:"idempotency_key,omitempty"`

	// Told once all are settled.
	CallbackURL string `json:"callback_url,omitempty"`

	// Of the group, 16 at most: for its callback.
	Labels map[string]string `json:"labels,omitempty"`

	// What becomes of those that wait when one has failed or expired.
	OnFailure string `json:"on_failure,omitempty"`

	// Each waits, held, until the one before succeeded, or with `continue` is settled at all. Its delay and ttl count from then, and its retries
	// are part of its turn.
	Sequential bool `json:"sequential,omitempty"`
}

// NewTopicEvent: As the API says.
type NewTopicEvent struct {
	Topic string `json:"topic,omitempty"`

	// What it is about. A subscription with `order_by` `key` keeps the order of the events of one key.
	Key string `json:"key,omitempty"`

	// Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
	// string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
	// Excludes `body` and `body_base64`.
	Data interface{} `json:"data,omitempty"`

	// The raw body.
	Body string `json:"body,omitempty"`

	// The raw body.
	BodyBase64 []byte `json:"body_base64,omitempty"`

	// application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
	// without a Content-Type.
	ContentType string `json:"content_type,omitempty"`

	// What lists are filtered by, and callbacks and logs have. A key holds no `:`.
	Labels map[string]string `json:"labels,omitempty"`

	// From now. Excludes `due_at`.
	DelayMs int64 `json:"delay_ms,omitempty"`

	// At most ten years ahead; one in the past is due now.
	DueAt *time.Time `json:"due_at,omitempty"`

	// Hold until it is triggered. Unique among held notifies.
	Fkey string `json:"fkey,omitempty"`

	// What is done where the fkey is held already. Goes with an fkey only.
	OnHeld string `json:"on_held,omitempty"`

	// Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
	// first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data` by
	// its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse what is
	// new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole request that
	// is too large.
	IdempotencyKey string `json:"idempotency_key,omitempty"`

	// Who submits, for filters and logs. Without control characters.
	Caller string `json:"caller,omitempty"`
}

// Notify: As the API says.
type Notify struct {
	// Absolute http or https URL, ASCII, without user info. Path and query are sent byte for byte, the fragment is not. Or `command:NAME`, a
	// program that the broker's file lets this namespace and caller run.
	URL string `json:"url,omitempty"`

	Method string `json:"method,omitempty"`

	// Sent as they are; shown as *** where they carry credentials. Host, Content-Length, Transfer-Encoding, Connection, TE, Trailer, Upgrade,
	// Expect and Notify-* are refused, Content-Type too beside `content_type`. Blanks at the ends of a value are no part of it (RFC 9110, section
	// 5.5): receivers do not get them. A value of *** is refused: it is how a hidden one is shown. A valid `traceparent` is taken as the notify's
	// trace context.
	Headers map[string]string `json:"headers,omitempty"`

	// Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
	// string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
	// Excludes `body` and `body_base64`.
	Data interface{} `json:"data,omitempty"`

	// The raw body.
	Body string `json:"body,omitempty"`

	// The raw body.
	BodyBase64 []byte `json:"body_base64,omitempty"`

	// application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
	// without a Content-Type.
	ContentType string `json:"content_type,omitempty"`

	// From now. Excludes `due_at`.
	DelayMs int64 `json:"delay_ms,omitempty"`

	// At most ten years ahead; one in the past is due now.
	DueAt *time.Time `json:"due_at,omitempty"`

	// Hold until it is triggered. Unique among held notifies.
	Fkey string `json:"fkey,omitempty"`

	// What is done where the fkey is held already. Goes with an fkey only.
	OnHeld string `json:"on_held,omitempty"`

	// Default is the URL without query and fragment, plus
	Lane string `json:"lane,omitempty"`

	// Splits a URL's default lane. Beside `lane` it is shown and has no effect.
	Group string `json:"group,omitempty"`

	Mode Mode `json:"mode,omitempty"`

	// 9 first. Refused in a fifo lane.
	Priority *int64 `json:"priority,omitempty"`

	// none: one attempt, which succeeded once the whole request was written.
	Reply string `json:"reply,omitempty"`

	// What answer counts as success.
	Expect *AnswerPattern `json:"expect,omitempty"`

	Retry *Retry `json:"retry,omitempty"`

	// One whole attempt. At most what the setting `limits.timeout_ms` says (default: 3600000).
	TimeoutMs int64 `json:"timeout_ms,omitempty"`

	// An attempt's connecting.
	ConnectTimeoutMs int64 `json:"connect_timeout_ms,omitempty"`

	// After that no attempt starts. Excludes `expires_at`.
	TTLMs int64 `json:"ttl_ms,omitempty"`

	// As `ttl_ms`, as a time that has not passed.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`

	// Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
	// first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data` by
	// its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse what is
	// new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole request that
	// is too large.
	IdempotencyKey string `json:"idempotency_key,omitempty"`

	// Who submits, for filters and logs. Without control characters.
	Caller string `json:"caller,omitempty"`

	// Of a service: an instance of this pool takes it.
	Pool string `json:"pool,omitempty"`

	// Of a service: one of this where that has none to take it.
	PoolFallback string `json:"pool_fallback,omitempty"`

	// Of a service: this one takes it, and no other.
	Instance string `json:"instance,omitempty"`

	// A JSON Pointer into `data`. Those with the same value there keep their order: the lane is the one it would be, with `~n` behind it and fifo,
	// where n is the xxHash64 (seed 0) of the value's canonical JSON (RFC 8785; integers of 64 bits whole, keys by code point), modulo
	// `partitions`. Decided at submit.
	OrderBy string `json:"order_by,omitempty"`

	// Goes with `order_by`; 16 without it. After a change of it order holds once the lanes of before are empty.
	Partitions int64 `json:"partitions,omitempty"`

	// Goes with `order_by`: what becomes of one without such a value; refused by default.
	OrderByMissing string `json:"order_by_missing,omitempty"`

	// What lists are filtered by, and callbacks and logs have. A key holds no `:`.
	Labels map[string]string `json:"labels,omitempty"`

	// The body is sent so, with a Content-Encoding; signatures are over what is sent. `headers` must not name one.
	Compress string `json:"compress,omitempty"`

	// Whether up to 5 redirects of its receiver are followed; null: as the settings say (`redirects.follow`). A `[[destination]]` rule about them
	// comes before both.
	FollowRedirects bool `json:"follow_redirects,omitempty"`

	// So much of the answer that ends it is kept as long as it is itself (`GET /v1/notifies/{id}/response`); `results.keep_bytes` bounds it.
	KeepResponseBytes int64 `json:"keep_response_bytes,omitempty"`

	// Once this one is settled, it gets a POST of what became of it (`Callback`), as a notify of its own. As `url`.
	CallbackURL string `json:"callback_url,omitempty"`
}

// NotifyList: As the API says.
type NotifyList struct {
	Items []ListedNotify `json:"items"`

	// The cursor of the next page; null: the list is complete.
	Next string `json:"next"`

	// With `namespaces=all`, of a cluster: the members that did not answer, and whose namespaces are not in it.
	Missing []string `json:"missing"`
}

// NotifyPatch: What is not named stays as it is. Other fields of a notify are refused.
type NotifyPatch struct {
	DueAt *time.Time `json:"due_at,omitempty"`

	// From now.
	DelayMs *int64 `json:"delay_ms,omitempty"`

	// As in `Notify`; merged over what is there where both are objects.
	Data interface{} `json:"data,omitempty"`

	Body *string `json:"body,omitempty"`

	BodyBase64 []byte `json:"body_base64,omitempty"`

	Headers map[string]*string `json:"headers,omitempty"`

	Priority *int64 `json:"priority,omitempty"`

	Retry *Retry `json:"retry,omitempty"`

	Expect *AnswerPattern `json:"expect,omitempty"`

	// From now.
	TTLMs *int64 `json:"ttl_ms,omitempty"`

	ExpiresAt *time.Time `json:"expires_at,omitempty"`

	// Names of the API's fields that go back to their default.
	Null []string `json:"-"`
}

// MarshalJSON writes null for what Null names.
func (p NotifyPatch) MarshalJSON() ([]byte, error) {
	type plain NotifyPatch
	return withNull(plain(p), p.Null)
}

// NotifyView: A `ListedNotify` with what it sends and what was tried.
type NotifyView struct {
	ID string `json:"id"`

	State State `json:"state"`

	// Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
	Reason string `json:"reason"`

	CreatedAt time.Time `json:"created_at"`

	SettledAt *time.Time `json:"settled_at"`

	NextAttemptAt *time.Time `json:"next_attempt_at"`

	DueAt *time.Time `json:"due_at"`

	// As submitted.
	DelayMs *int64 `json:"delay_ms"`

	ExpiresAt *time.Time `json:"expires_at"`

	// As submitted.
	TTLMs *int64 `json:"ttl_ms"`

	URL string `json:"url"`

	Pool string `json:"pool"`

	PoolFallback string `json:"pool_fallback"`

	Instance string `json:"instance"`

	Method string `json:"method"`

	// Values of secret ones are ***.
	Headers map[string]string `json:"headers"`

	ContentType string `json:"content_type"`

	Lane string `json:"lane"`

	Group string `json:"group"`

	Mode Mode `json:"mode"`

	// Null in a fifo lane.
	Priority *int64 `json:"priority"`

	Reply string `json:"reply"`

	Expect AnswerPatternView `json:"expect"`

	Retry RetryView `json:"retry"`

	TimeoutMs int64 `json:"timeout_ms"`

	ConnectTimeoutMs int64 `json:"connect_timeout_ms"`

	Fkey string `json:"fkey"`

	// Null without an fkey.
	OnHeld string `json:"on_held"`

	IdempotencyKey string `json:"idempotency_key"`

	Caller string `json:"caller"`

	OrderBy string `json:"order_by"`

	Partitions *int64 `json:"partitions"`

	OrderByMissing string `json:"order_by_missing"`

	Labels map[string]string `json:"labels"`

	Compress string `json:"compress"`

	FollowRedirects *bool `json:"follow_redirects"`

	KeepResponseBytes int64 `json:"keep_response_bytes"`

	CallbackURL string `json:"callback_url"`

	// The name of the service that it goes to; missing where it goes to none. So with the next six.
	Service string `json:"service"`

	Event string `json:"event"`

	Topic string `json:"topic"`

	Subscription string `json:"subscription"`

	Schedule string `json:"schedule"`

	ScheduledAt *time.Time `json:"scheduled_at"`

	GroupID string `json:"group_id"`

	// The number of the newest attempt that ended.
	AttemptsMade int64 `json:"attempts_made"`

	// As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two.
	Data json.RawMessage `json:"data"`

	Body string `json:"body"`

	BodyBase64 []byte `json:"body_base64"`

	// Oldest first, the newest 20.
	Attempts []Attempt `json:"attempts"`
}

// Problem: RFC 9457.
type Problem struct {
	Type string `json:"type"`

	Title string `json:"title"`

	Status int64 `json:"status"`

	// For people.
	Detail string `json:"detail"`

	// A JSON Pointer to the field at fault, or / and the name of a query parameter.
	Field string `json:"field"`

	// With 409: the notify in the way.
	ID string `json:"id"`
}

// PublishLine: As the API says.
type PublishLine struct {
	// Which line it is about
	Index int64 `json:"index"`

	ID string `json:"id"`

	Matched *int64 `json:"matched"`

	Duplicate bool `json:"duplicate"`

	Kept bool `json:"kept"`

	Error *Problem `json:"error"`
}

// PublishedBatch: As the API says.
type PublishedBatch struct {
	Items []PublishedEvent `json:"items"`
}

// PublishedEvent: As the API says.
type PublishedEvent struct {
	ID string `json:"id"`

	// How many notifies it becomes; null: that is found later.
	Matched *int64 `json:"matched"`

	// Where the idempotency key was seen before.
	Duplicate bool `json:"duplicate"`

	// `on_held` says keep: nothing was published, and `id` is what the fkey holds, an event or a notify.
	Kept bool `json:"kept"`
}

// Remembered: As the API says.
type Remembered struct {
	Remembered bool `json:"remembered"`
}

// RememberedTrigger: A trigger that waits for the next submit with its fkey.
type RememberedTrigger struct {
	Fkey string `json:"fkey"`

	Remembered bool `json:"remembered"`

	// It waits no longer than this.
	ExpiresAt string `json:"expires_at"`

	// When that notify will be due; null: at once.
	DueAt *time.Time `json:"due_at"`

	// What will be merged over its data; null where there is none. Missing without the scope read_bodies.
	Data json.RawMessage `json:"data"`
}

// Retry: `schedule_ms` excludes `initial_ms` and `factor`.
type Retry struct {
	MaxAttempts int64 `json:"max_attempts,omitempty"`

	// The first wait.
	InitialMs *int64 `json:"initial_ms,omitempty"`

	// Each wait is so many times the one before.
	Factor float64 `json:"factor,omitempty"`

	// The longest wait.
	MaxMs *int64 `json:"max_ms,omitempty"`

	// A wait is taken times 1 ± jitter, which makes none longer than max_ms.
	Jitter *float64 `json:"jitter,omitempty"`

	// The waits one by one, the last repeated.
	ScheduleMs []int64 `json:"schedule_ms,omitempty"`

	// Answers that fail it at once; looked at first.
	FatalOn *AnswerPattern `json:"fatal_on,omitempty"`

	// Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`.
	LaterOn *AnswerPattern `json:"later_on,omitempty"`

	// The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried again as
	// ever.
	OnlyOn *AnswerPattern `json:"only_on,omitempty"`
}

// RetryView: `initial_ms` and `factor` are null where there is a schedule, `max_attempts` where it is tried for as long as it lives, as
// messages of alerts are.
type RetryView struct {
	MaxAttempts *int64 `json:"max_attempts"`

	// The first wait.
	InitialMs *int64 `json:"initial_ms"`

	// Each wait is so many times the one before.
	Factor *float64 `json:"factor"`

	// The longest wait.
	MaxMs *int64 `json:"max_ms"`

	// A wait is taken times 1 ± jitter, which makes none longer than max_ms.
	Jitter *float64 `json:"jitter"`

	// The waits one by one, the last repeated.
	ScheduleMs []int64 `json:"schedule_ms"`

	// Answers that fail it at once; looked at first.
	FatalOn *AnswerPattern `json:"fatal_on"`

	// Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`.
	LaterOn *AnswerPattern `json:"later_on"`

	// The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried again as
	// ever.
	OnlyOn *AnswerPattern `json:"only_on"`
}

// State: One of the values below, or one of a later broker.
type State string

// The values of State that are known.
const (
	StateHeld      State = "held"
	StateScheduled State = "scheduled"
	StateReady     State = "ready"
	StateSending   State = "sending"
	StateRetrying  State = "retrying"
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateCancelled State = "cancelled"
	StateExpired   State = "expired"
)

// States: Notifies that are not settled, by state.
type States struct {
	Held int64 `json:"held"`

	Scheduled int64 `json:"scheduled"`

	Ready int64 `json:"ready"`

	Sending int64 `json:"sending"`

	Retrying int64 `json:"retrying"`
}

// Trigger: As the API says.
type Trigger struct {
	// Merged over the held data, key by key at the top level; a held notify without data or body takes it whole.
	Data map[string]interface{} `json:"data,omitempty"`

	// Postpones it. Excludes `due_at`.
	DelayMs int64 `json:"delay_ms,omitempty"`

	DueAt *time.Time `json:"due_at,omitempty"`
}

// WaitedView: A settled notify with up to 64 KiB of what its receiver answered.
type WaitedView struct {
	ID string `json:"id"`

	State State `json:"state"`

	// Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
	Reason string `json:"reason"`

	CreatedAt time.Time `json:"created_at"`

	SettledAt *time.Time `json:"settled_at"`

	NextAttemptAt *time.Time `json:"next_attempt_at"`

	DueAt *time.Time `json:"due_at"`

	// As submitted.
	DelayMs *int64 `json:"delay_ms"`

	ExpiresAt *time.Time `json:"expires_at"`

	// As submitted.
	TTLMs *int64 `json:"ttl_ms"`

	URL string `json:"url"`

	Pool string `json:"pool"`

	PoolFallback string `json:"pool_fallback"`

	Instance string `json:"instance"`

	Method string `json:"method"`

	// Values of secret ones are ***.
	Headers map[string]string `json:"headers"`

	ContentType string `json:"content_type"`

	Lane string `json:"lane"`

	Group string `json:"group"`

	Mode Mode `json:"mode"`

	// Null in a fifo lane.
	Priority *int64 `json:"priority"`

	Reply string `json:"reply"`

	Expect AnswerPatternView `json:"expect"`

	Retry RetryView `json:"retry"`

	TimeoutMs int64 `json:"timeout_ms"`

	ConnectTimeoutMs int64 `json:"connect_timeout_ms"`

	Fkey string `json:"fkey"`

	// Null without an fkey.
	OnHeld string `json:"on_held"`

	IdempotencyKey string `json:"idempotency_key"`

	Caller string `json:"caller"`

	OrderBy string `json:"order_by"`

	Partitions *int64 `json:"partitions"`

	OrderByMissing string `json:"order_by_missing"`

	Labels map[string]string `json:"labels"`

	Compress string `json:"compress"`

	FollowRedirects *bool `json:"follow_redirects"`

	KeepResponseBytes int64 `json:"keep_response_bytes"`

	CallbackURL string `json:"callback_url"`

	// The name of the service that it goes to; missing where it goes to none. So with the next six.
	Service string `json:"service"`

	Event string `json:"event"`

	Topic string `json:"topic"`

	Subscription string `json:"subscription"`

	Schedule string `json:"schedule"`

	ScheduledAt *time.Time `json:"scheduled_at"`

	GroupID string `json:"group_id"`

	// The number of the newest attempt that ended.
	AttemptsMade int64 `json:"attempts_made"`

	// As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two.
	Data json.RawMessage `json:"data"`

	Body string `json:"body"`

	BodyBase64 []byte `json:"body_base64"`

	// Oldest first, the newest 20.
	Attempts []Attempt `json:"attempts"`

	// Its idempotency key was seen before.
	Duplicate bool `json:"duplicate"`

	// `on_held` says keep, and this one was held.
	Kept bool `json:"kept"`

	// Null where no answer came, or where none is kept and it settled before this request came, or its last attempt had begun before anybody
	// waited; and where it is another caller's (`on_held` says keep), without the scope read_bodies.
	Response *KeptResponse `json:"response"`
}

// Withdrawn: As the API says.
type Withdrawn struct {
	Remembered bool `json:"remembered"`
}
