"""The API's objects. Made from docs/openapi.yaml by clients/make-types; not to be edited by hand."""

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union

# Opaque; sorts in the order of submission.
Id = str
# A fifo lane sends one at a time in order, a concurrent one several at once. A fifo and a concurrent lane of one name are two lanes.
Mode = Literal["concurrent", "fifo"]
State = Literal["held", "scheduled", "ready", "sending", "retrying", "succeeded", "failed", "cancelled", "expired"]
Time = str
# RFC 3339 with an offset, or milliseconds since the epoch; a number from 1000000000 to 31535999999 is refused, since it is more likely one
# of seconds.
TimeGiven = Union[str, int]


class _Accepted(TypedDict):
    id: "Id"


class Accepted(_Accepted, total=False):
    """Of another caller's notify that was kept, to whoever may act for his own alone, the id and `kept` alone."""

    state: Union["State", Literal["removed"]]
    # Null: held without a due time. Missing where `state` is `removed`.
    due_at: Optional["Time"]
    lane: str
    mode: "Mode"
    # The idempotency key was seen before.
    duplicate: Literal[True]
    # `on_held` keep: this one is held already.
    kept: Literal[True]


class AcceptedBatch(TypedDict):
    items: List["Accepted"]


class AnswerPattern(TypedDict, total=False):
    """All that are given must hold. A `fatal_on`, `later_on` or `only_on` must give one at least."""

    # Numbers, or classes. An `expect` without it keeps `["2xx"]`.
    status: Optional[List[Union[int, str]]]
    # A substring of the trimmed body, whatever the case.
    contains: Optional[str]
    # JSON Pointer to the value that must be there.
    json: Optional[Dict[str, Any]]


class AnswerPatternView(TypedDict):
    # Numbers, or classes. An `expect` without it keeps `["2xx"]`.
    status: Optional[List[Union[int, str]]]
    # A substring of the trimmed body, whatever the case.
    contains: Optional[str]
    # JSON Pointer to the value that must be there.
    json: Optional[Dict[str, Any]]


class _Attempt(TypedDict):
    number: int
    started_at: "Time"
    duration_ms: int
    # 0 where no answer came.
    status: int


class Attempt(_Attempt, total=False):
    # Absent on success, else a stable word.
    error: str
    # For people. Where a redirect was followed, it ends with `after a redirect to` and the URL.
    detail: str
    # Its beginning. Missing without the scope read_bodies.
    response_body: str
    # Of a service, which it went to.
    instance: str
    # The answer decided the outcome, but what was to be recorded of its body broke off or stayed away.
    truncated: Literal[True]


class _Bulk(TypedDict):
    # A token that is bound to lanes must name one of these in `lane`, one that is bound to fkeys one of these, or some, in `fkey` or
    # `fkey_prefix`: else 403.
    filter: "Filter"


class Bulk(_Bulk, total=False):
    # What the call before gave as `next`.
    cursor: Optional[str]
    # Counts only.
    dry_run: Optional[bool]
    limit: Optional[int]


class BulkDone(TypedDict):
    count: int
    # The cursor of the next call; null: all were looked at.
    next: Optional[str]


class BulkLine(TypedDict, total=False):
    """The answer to one line of NDJSON. `index` counts the lines that are not blank, from 0."""

    index: int
    id: "Id"
    duplicate: Literal[True]
    kept: Literal[True]
    # With `duplicate`: the notify that the key stands for is not there any more.
    state: Literal["removed"]
    error: "Problem"
    type: Literal["urn:notifyd:problem:stopping", "urn:notifyd:problem:restarting", "urn:notifyd:problem:unauthorized",
        "urn:notifyd:problem:outcome-unknown"]
    title: str
    status: int
    # For people.
    detail: str
    # The first line of the request that was not taken. Missing with `outcome-unknown`.
    next_index: int


class _Callback(TypedDict):
    id: "Id"
    state: Literal["succeeded", "failed", "cancelled", "expired"]
    reason: Optional[str]
    url: str
    lane: str
    mode: "Mode"
    fkey: Optional[str]
    caller: str
    labels: Optional[Dict[str, str]]
    settled_at: "Time"
    attempts_made: int
    last_attempt: Optional["Attempt"]


class Callback(_Callback, total=False):
    """The body of a notify to a `callback_url`: a POST of application/json. What is not set is null."""

    # The name of the service that it goes to; missing where it goes to none. So with the next six.
    service: str
    event: "Id"
    topic: str
    subscription: str
    schedule: str
    scheduled_at: "Time"
    group_id: "Id"


class Explained(TypedDict):
    id: "Id"
    state: "State"
    reasons: List["ExplainedReasons"]
    # The earliest time at which it can be sent; null where that depends on others, as of one that is `behind` or at a cap, where it expires
    # before, or it is settled.
    expected_at: Optional["Time"]


class ExplainedReasons(TypedDict):
    # `no_instance`: its service has no instance that begins anything new: none was ever registered, all have gone, or all drain.
    # `breaker_open`: its host, or all instances that there are, cannot be reached. `subscription_paused`, and beside it `lane_paused`: its
    # lane is paused by somebody, or by itself, too, and does not go on with the subscription. `expires`: its time is over before it could
    # be sent.
    code: Literal["not_due", "held", "group_turn", "waiting_to_retry", "sending", "behind", "blocked_by_head", "lane_paused", "lane_at_cap",
        "host_at_cap", "caller_at_cap", "broker_at_cap", "namespace_at_cap", "namespace_at_share", "host_paused", "caller_paused",
        "host_rate_limited", "rate_limited", "breaker_open", "no_instance", "subscription_paused", "expires", "next", "loading", "stopping",
        "settled"]
    # For people.
    detail: str


class _Filter(TypedDict):
    # One or several; as a string with commas.
    state: Union[str, List["State"]]


class Filter(_Filter, total=False):
    """As the list's query parameters."""

    lane: Optional[str]
    mode: Optional[Literal["concurrent", "fifo"]]
    fkey: Optional[str]
    fkey_prefix: Optional[str]
    caller: Optional[str]
    url_prefix: Optional[str]
    host: Optional[str]
    error: Optional[str]
    service: Optional[str]
    topic: Optional[str]
    subscription: Optional[str]
    schedule: Optional[str]
    event: Optional[str]
    group_id: Optional[str]
    # `key:value`; several as a list, all of them.
    label: Optional[Union[str, List[str]]]
    # Inclusive.
    created_after: Optional["TimeGiven"]
    # Exclusive.
    created_before: Optional["TimeGiven"]
    # Inclusive; of settled ones alone.
    settled_after: Optional["TimeGiven"]
    # Exclusive; of settled ones alone.
    settled_before: Optional["TimeGiven"]
    # Only this one, where the other filters take it.
    id: Optional[str]


class _Group(TypedDict):
    id: "Id"
    # `removed`: a duplicate of a group that is not kept any more.
    state: Literal["pending", "settled", "removed"]


class Group(_Group, total=False):
    # The idempotency key was seen before.
    duplicate: bool
    created_at: "Time"
    # When all were settled for the first time.
    settled_at: Optional["Time"]
    # Of its first notify.
    caller: str
    labels: Optional[Dict[str, str]]
    on_failure: Literal["continue", "cancel_rest"]
    sequential: bool
    # What waits is cancelled, by request or by `on_failure`.
    stopped: bool
    callback_url: Optional[str]
    # The notify that tells that all are settled.
    callback_id: Optional[str]
    count: int
    counts: "GroupCounts"
    # In the order in which they were given.
    notifies: List["GroupMember"]


class GroupCallback(TypedDict):
    id: "Id"
    state: Literal["settled"]
    count: int
    counts: "GroupCallbackCounts"
    caller: str
    labels: Optional[Dict[str, str]]
    created_at: "Time"
    settled_at: "Time"


class GroupCallbackCounts(TypedDict):
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class GroupCounts(TypedDict, total=False):
    held: int
    scheduled: int
    ready: int
    sending: int
    retrying: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class _GroupMember(TypedDict):
    id: "Id"
    state: "State"
    # Why cancelled or failed; `group_failed`: `on_failure` cancelled it.
    reason: Optional[str]
    # Of the answer that settled it; null where it was cancelled or expired between two attempts, or without any.
    status: Optional[int]
    attempts_made: int
    settled_at: Optional["Time"]


class GroupMember(_GroupMember, total=False):
    # The answer that is kept for it (`keep_response_bytes`), with the scope read_bodies or for who submitted the group. Of all together 1
    # MiB of bodies is shown; others are at their notifies.
    response: "KeptResponse"


class GroupPage(TypedDict):
    items: List["GroupRow"]
    # What goes into `cursor` to go on.
    next: Optional[str]


class GroupRow(TypedDict):
    id: "Id"
    state: Literal["pending", "settled"]
    created_at: "Time"
    settled_at: Optional["Time"]
    caller: str
    labels: Optional[Dict[str, str]]
    on_failure: Literal["continue", "cancel_rest"]
    sequential: bool
    stopped: bool
    callback_url: Optional[str]
    callback_id: Optional[str]
    count: int
    counts: "GroupRowCounts"


class GroupRowCounts(TypedDict):
    pending: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class IdAndState(TypedDict):
    id: "Id"
    state: "State"


class _KeptResponse(TypedDict):
    status: int
    # Content-Type, Content-Language, ETag, Last-Modified, Location, Retry-After, and those that `results.headers` names.
    headers: Dict[str, str]
    # There was more of the body.
    truncated: bool
    received_at: str


class KeptResponse(_KeptResponse, total=False):
    """What a receiver answered. `body` where that is text, else `body_base64`. A content coding is undone."""

    body: str
    body_base64: str


class Lane(TypedDict):
    name: str
    mode: "Mode"
    paused: bool
    states: "States"
    # Cancelled ones whose attempt has not ended included.
    in_flight: int
    # Of the head; null where none is ready.
    oldest_due_at: Optional["Time"]
    # How long ago that was.
    head_age_ms: Optional[int]
    settings: "LaneSettings"
    own: "LaneOwn"


class LaneList(TypedDict):
    items: List["Lane"]
    # The cursor of the next page.
    next: Optional[str]


class LaneOwn(TypedDict, total=False):
    """What was set for this lane alone, by PATCH or by itself."""

    paused: Literal[True]
    # failure: `on_failure` is pause, and the head failed or expired.
    paused_by: Literal["request", "failure"]
    paused_until: "Time"
    # Of the pause that holds.
    paused_since: "Time"
    # Who paused it, as the audit names them: `token ID`. Left out where nobody is asked who they are, and where it paused itself.
    paused_who: str
    # Why, as they put it.
    paused_reason: str
    # With `paused_by` failure: the notify that failed or expired.
    paused_notify: "Id"
    concurrency: int
    rate_per_s: float
    burst: int
    on_retry: Literal["block", "skip"]
    on_failure: Literal["continue", "pause"]


class LanePatch(TypedDict, total=False):
    # True without `paused_until`: until somebody resumes it.
    paused: Optional[bool]
    # Paused, and resumed by itself at this time; one that is over resumes at once. Refused beside `paused` false. Null: a lane that is
    # paused stays so until somebody resumes it. So it does where its head fails meanwhile and `on_failure` is pause. At most 1,000 lanes of
    # a namespace at a time (409).
    paused_until: Optional["TimeGiven"]
    # Why it is paused, at most 600 bytes: shown with the lane, by explain and by alerts until it is resumed. Goes with `paused` true or
    # `paused_until`; of a lane that is paused already it puts another reason, and its author, in place; a time alone leaves both. A lane
    # that is paused with a subscription is then paused by hand: it does not go on with that.
    reason: Optional[str]
    # Attempts in flight at once. Concurrent lanes only.
    concurrency: Optional[int]
    # Attempts started in a second.
    rate_per_s: Optional[float]
    # What may be sent at once after a rest. Refused where no rate holds; goes with its rate where that is taken back.
    burst: Optional[int]
    # skip: while one waits for its next attempt, those behind it are sent; it does so to its next attempt, also where this becomes block
    # meanwhile. Fifo lanes only.
    on_retry: Optional[Literal["block", "skip"]]
    # pause: the lane pauses itself where its head fails, or expires after an attempt. Fifo lanes only.
    on_failure: Optional[Literal["continue", "pause"]]


class LaneSettings(TypedDict):
    """What holds: what was set for this lane, else the first rule of the configuration that matches, else the defaults."""

    paused: bool
    # 1 in a fifo lane.
    concurrency: int
    # Null: no limit.
    rate_per_s: Optional[float]
    # Null where there is no rate.
    burst: Optional[int]
    # Null in a concurrent lane.
    on_retry: Optional[Literal["block", "skip"]]
    # Null in a concurrent lane.
    on_failure: Optional[Literal["continue", "pause"]]


class _ListedNotify(TypedDict):
    id: "Id"
    state: "State"
    # Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
    reason: Optional[str]
    created_at: "Time"
    settled_at: Optional["Time"]
    next_attempt_at: Optional["Time"]
    due_at: Optional["Time"]
    # As submitted.
    delay_ms: Optional[int]
    expires_at: Optional["Time"]
    # As submitted.
    ttl_ms: Optional[int]
    url: str
    pool: Optional[str]
    pool_fallback: Optional[str]
    instance: Optional[str]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    # Values of secret ones are ***.
    headers: Dict[str, str]
    content_type: str
    lane: str
    group: Optional[str]
    mode: "Mode"
    # Null in a fifo lane.
    priority: Optional[int]
    reply: Literal["expected", "none"]
    expect: "AnswerPatternView"
    retry: "RetryView"
    timeout_ms: int
    connect_timeout_ms: int
    fkey: Optional[str]
    # Null without an fkey.
    on_held: Optional[Literal["reject", "replace", "keep"]]
    idempotency_key: Optional[str]
    caller: str
    order_by: Optional[str]
    partitions: Optional[int]
    order_by_missing: Optional[Literal["refuse", "spread"]]
    labels: Optional[Dict[str, str]]
    compress: Optional[Literal["gzip"]]
    follow_redirects: Optional[bool]
    keep_response_bytes: int
    callback_url: Optional[str]
    # The number of the newest attempt that ended.
    attempts_made: int


class ListedNotify(_ListedNotify, total=False):
    """A notify with its defaults filled in; null where an optional field is not set."""

    # Its namespace, in a list of all of them.
    namespace: str
    # The name of the service that it goes to; missing where it goes to none. So with the next six.
    service: str
    event: "Id"
    topic: str
    subscription: str
    schedule: str
    scheduled_at: "Time"
    group_id: "Id"


class NewEvent(TypedDict, total=False):
    """`content_type` goes with a raw body. `idempotency_key` counts a topic. With `fkey` it is held, and fanned out once that is
    triggered.
    """

    # What it is about. A subscription with `order_by` `key` keeps the order of the events of one key.
    key: Optional[str]
    # Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the
    # query string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a
    # form (413). Excludes `body` and `body_base64`.
    data: Any
    # The raw body.
    body: Optional[str]
    # The raw body.
    body_base64: Optional[str]
    # application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is
    # sent without a Content-Type.
    content_type: Optional[str]
    # What lists are filtered by, and callbacks and logs have. A key holds no `:`.
    labels: Optional[Dict[str, str]]
    # From now. Excludes `due_at`.
    delay_ms: Optional[int]
    # At most ten years ahead; one in the past is due now.
    due_at: Optional["TimeGiven"]
    # Hold until it is triggered. Unique among held notifies.
    fkey: Optional[str]
    # What is done where the fkey is held already. Goes with an fkey only.
    on_held: Optional[Literal["reject", "replace", "keep"]]
    # Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and
    # the first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value,
    # `data` by its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`)
    # refuse what is new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is
    # a whole request that is too large.
    idempotency_key: Optional[str]
    # Who submits, for filters and logs. Without control characters.
    caller: Optional[str]


class _NewGroup(TypedDict):
    # Without `fkey` and `idempotency_key`.
    notifies: List["Notify"]


class NewGroup(_NewGroup, total=False):
    # Of the group, in place of any of its notifies. The header Idempotency-Key says the same.
    idempotency_key: Optional[str]
    # Told once all are settled.
    callback_url: Optional[str]
    # Of the group, 16 at most: for its callback.
    labels: Optional[Dict[str, str]]
    # What becomes of those that wait when one has failed or expired.
    on_failure: Optional[Literal["continue", "cancel_rest"]]
    # Each waits, held, until the one before succeeded, or with `continue` is settled at all. Its delay and ttl count from then, and its
    # retries are part of its turn.
    sequential: Optional[bool]


class _NewTopicEvent(TypedDict):
    topic: str


class NewTopicEvent(_NewTopicEvent, total=False):
    # What it is about. A subscription with `order_by` `key` keeps the order of the events of one key.
    key: Optional[str]
    # Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the
    # query string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a
    # form (413). Excludes `body` and `body_base64`.
    data: Any
    # The raw body.
    body: Optional[str]
    # The raw body.
    body_base64: Optional[str]
    # application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is
    # sent without a Content-Type.
    content_type: Optional[str]
    # What lists are filtered by, and callbacks and logs have. A key holds no `:`.
    labels: Optional[Dict[str, str]]
    # From now. Excludes `due_at`.
    delay_ms: Optional[int]
    # At most ten years ahead; one in the past is due now.
    due_at: Optional["TimeGiven"]
    # Hold until it is triggered. Unique among held notifies.
    fkey: Optional[str]
    # What is done where the fkey is held already. Goes with an fkey only.
    on_held: Optional[Literal["reject", "replace", "keep"]]
    # Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and
    # the first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value,
    # `data` by its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`)
    # refuse what is new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is
    # a whole request that is too large.
    idempotency_key: Optional[str]
    # Who submits, for filters and logs. Without control characters.
    caller: Optional[str]


class _Notify(TypedDict):
    # Absolute http or https URL, ASCII, without user info. Path and query are sent byte for byte, the fragment is not. Or `command:NAME`, a
    # program that the broker's file lets this namespace and caller run.
    url: str


class Notify(_Notify, total=False):
    method: Optional[Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]]
    # Sent as they are; shown as *** where they carry credentials. Host, Content-Length, Transfer-Encoding, Connection, TE, Trailer,
    # Upgrade, Expect and Notify-* are refused, Content-Type too beside `content_type`. Blanks at the ends of a value are no part of it (RFC
    # 9110, section 5.5): receivers do not get them. A value of *** is refused: it is how a hidden one is shown. A valid `traceparent` is
    # taken as the notify's trace context.
    headers: Optional[Dict[str, str]]
    # Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the
    # query string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a
    # form (413). Excludes `body` and `body_base64`.
    data: Any
    # The raw body.
    body: Optional[str]
    # The raw body.
    body_base64: Optional[str]
    # application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is
    # sent without a Content-Type.
    content_type: Optional[str]
    # From now. Excludes `due_at`.
    delay_ms: Optional[int]
    # At most ten years ahead; one in the past is due now.
    due_at: Optional["TimeGiven"]
    # Hold until it is triggered. Unique among held notifies.
    fkey: Optional[str]
    # What is done where the fkey is held already. Goes with an fkey only.
    on_held: Optional[Literal["reject", "replace", "keep"]]
    # Default is the URL without query and fragment, plus
    lane: Optional[str]
    # Splits a URL's default lane. Beside `lane` it is shown and has no effect.
    group: Optional[str]
    mode: Optional[Literal["concurrent", "fifo"]]
    # 9 first. Refused in a fifo lane.
    priority: Optional[int]
    # none: one attempt, which succeeded once the whole request was written.
    reply: Optional[Literal["expected", "none"]]
    # What answer counts as success.
    expect: Optional["AnswerPattern"]
    retry: Optional["Retry"]
    # One whole attempt. At most what the setting `limits.timeout_ms` says (default: 3600000).
    timeout_ms: Optional[int]
    # An attempt's connecting.
    connect_timeout_ms: Optional[int]
    # After that no attempt starts. Excludes `expires_at`.
    ttl_ms: Optional[int]
    # As `ttl_ms`, as a time that has not passed.
    expires_at: Optional["TimeGiven"]
    # Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and
    # the first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value,
    # `data` by its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`)
    # refuse what is new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is
    # a whole request that is too large.
    idempotency_key: Optional[str]
    # Who submits, for filters and logs. Without control characters.
    caller: Optional[str]
    # Of a service: an instance of this pool takes it.
    pool: Optional[str]
    # Of a service: one of this where that has none to take it.
    pool_fallback: Optional[str]
    # Of a service: this one takes it, and no other.
    instance: Optional[str]
    # A JSON Pointer into `data`. Those with the same value there keep their order: the lane is the one it would be, with `~n` behind it and
    # fifo, where n is the xxHash64 (seed 0) of the value's canonical JSON (RFC 8785; integers of 64 bits whole, keys by code point), modulo
    # `partitions`. Decided at submit.
    order_by: Optional[str]
    # Goes with `order_by`; 16 without it. After a change of it order holds once the lanes of before are empty.
    partitions: Optional[int]
    # Goes with `order_by`: what becomes of one without such a value; refused by default.
    order_by_missing: Optional[Literal["refuse", "spread"]]
    # What lists are filtered by, and callbacks and logs have. A key holds no `:`.
    labels: Optional[Dict[str, str]]
    # The body is sent so, with a Content-Encoding; signatures are over what is sent. `headers` must not name one.
    compress: Optional[Literal["gzip"]]
    # Whether up to 5 redirects of its receiver are followed; null: as the settings say (`redirects.follow`). A `[[destination]]` rule about
    # them comes before both.
    follow_redirects: Optional[bool]
    # So much of the answer that ends it is kept as long as it is itself (`GET /v1/notifies/{id}/response`); `results.keep_bytes` bounds it.
    keep_response_bytes: Optional[int]
    # Once this one is settled, it gets a POST of what became of it (`Callback`), as a notify of its own. As `url`.
    callback_url: Optional[str]


class _NotifyList(TypedDict):
    items: List["ListedNotify"]
    # The cursor of the next page; null: the list is complete.
    next: Optional[str]


class NotifyList(_NotifyList, total=False):
    # With `namespaces=all`, of a cluster: the members that did not answer, and whose namespaces are not in it.
    missing: List[str]


class NotifyPatch(TypedDict, total=False):
    """What is not named stays as it is. Other fields of a notify are refused."""

    due_at: Optional["TimeGiven"]
    # From now.
    delay_ms: Optional[int]
    # As in `Notify`; merged over what is there where both are objects.
    data: Any
    body: Optional[str]
    body_base64: Optional[str]
    headers: Optional[Dict[str, Optional[str]]]
    priority: Optional[int]
    retry: Optional["Retry"]
    expect: Optional["AnswerPattern"]
    # From now.
    ttl_ms: Optional[int]
    expires_at: Optional["TimeGiven"]


class _NotifyView(TypedDict):
    id: "Id"
    state: "State"
    # Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
    reason: Optional[str]
    created_at: "Time"
    settled_at: Optional["Time"]
    next_attempt_at: Optional["Time"]
    due_at: Optional["Time"]
    # As submitted.
    delay_ms: Optional[int]
    expires_at: Optional["Time"]
    # As submitted.
    ttl_ms: Optional[int]
    url: str
    pool: Optional[str]
    pool_fallback: Optional[str]
    instance: Optional[str]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    # Values of secret ones are ***.
    headers: Dict[str, str]
    content_type: str
    lane: str
    group: Optional[str]
    mode: "Mode"
    # Null in a fifo lane.
    priority: Optional[int]
    reply: Literal["expected", "none"]
    expect: "AnswerPatternView"
    retry: "RetryView"
    timeout_ms: int
    connect_timeout_ms: int
    fkey: Optional[str]
    # Null without an fkey.
    on_held: Optional[Literal["reject", "replace", "keep"]]
    idempotency_key: Optional[str]
    caller: str
    order_by: Optional[str]
    partitions: Optional[int]
    order_by_missing: Optional[Literal["refuse", "spread"]]
    labels: Optional[Dict[str, str]]
    compress: Optional[Literal["gzip"]]
    follow_redirects: Optional[bool]
    keep_response_bytes: int
    callback_url: Optional[str]
    # The number of the newest attempt that ended.
    attempts_made: int
    # Oldest first, the newest 20.
    attempts: List["Attempt"]


class NotifyView(_NotifyView, total=False):
    """A `ListedNotify` with what it sends and what was tried."""

    # The name of the service that it goes to; missing where it goes to none. So with the next six.
    service: str
    event: "Id"
    topic: str
    subscription: str
    schedule: str
    scheduled_at: "Time"
    group_id: "Id"
    # As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two.
    data: Any
    body: Optional[str]
    body_base64: Optional[str]


class _Problem(TypedDict):
    type: Literal["urn:notifyd:problem:malformed", "urn:notifyd:problem:unauthorized", "urn:notifyd:problem:forbidden",
        "urn:notifyd:problem:not-found", "urn:notifyd:problem:method-not-allowed", "urn:notifyd:problem:too-slow", "urn:notifyd:problem:conflict",
        "urn:notifyd:problem:precondition-failed", "urn:notifyd:problem:too-large", "urn:notifyd:problem:target-too-long",
        "urn:notifyd:problem:unsupported-media-type", "urn:notifyd:problem:expectation", "urn:notifyd:problem:misdirected",
        "urn:notifyd:problem:unacceptable", "urn:notifyd:problem:too-many", "urn:notifyd:problem:head-too-large", "urn:notifyd:problem:internal",
        "urn:notifyd:problem:not-implemented", "urn:notifyd:problem:unavailable", "urn:notifyd:problem:stopping", "urn:notifyd:problem:restarting",
        "urn:notifyd:problem:outcome-unknown", "urn:notifyd:problem:http-version", "urn:notifyd:problem:disk-full", "urn:notifyd:problem:loop"]
    title: str
    status: int
    # For people.
    detail: str


class Problem(_Problem, total=False):
    """RFC 9457."""

    # A JSON Pointer to the field at fault, or / and the name of a query parameter.
    field: str
    # With 409: the notify in the way.
    id: str


class _PublishLine(TypedDict):
    # Which line it is about
    index: int


class PublishLine(_PublishLine, total=False):
    id: "Id"
    matched: Optional[int]
    duplicate: Literal[True]
    kept: Literal[True]
    error: "Problem"


class PublishedBatch(TypedDict):
    items: List["PublishedEvent"]


class _PublishedEvent(TypedDict):
    id: "Id"
    # How many notifies it becomes; null: that is found later.
    matched: Optional[int]


class PublishedEvent(_PublishedEvent, total=False):
    # Where the idempotency key was seen before.
    duplicate: Literal[True]
    # `on_held` says keep: nothing was published, and `id` is what the fkey holds, an event or a notify.
    kept: Literal[True]


class Remembered(TypedDict):
    remembered: Literal[True]


class _RememberedTrigger(TypedDict):
    fkey: str
    remembered: Literal[True]
    # It waits no longer than this.
    expires_at: str
    # When that notify will be due; null: at once.
    due_at: Optional["Time"]


class RememberedTrigger(_RememberedTrigger, total=False):
    """A trigger that waits for the next submit with its fkey."""

    # What will be merged over its data; null where there is none. Missing without the scope read_bodies.
    data: Any


class Retry(TypedDict, total=False):
    """`schedule_ms` excludes `initial_ms` and `factor`."""

    max_attempts: Optional[int]
    # The first wait.
    initial_ms: Optional[int]
    # Each wait is so many times the one before.
    factor: Optional[float]
    # The longest wait.
    max_ms: Optional[int]
    # A wait is taken times 1 ± jitter, which makes none longer than max_ms.
    jitter: Optional[float]
    # The waits one by one, the last repeated.
    schedule_ms: Optional[List[int]]
    # Answers that fail it at once; looked at first.
    fatal_on: Optional["AnswerPattern"]
    # Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`.
    later_on: Optional["AnswerPattern"]
    # The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried
    # again as ever.
    only_on: Optional["AnswerPattern"]


class RetryView(TypedDict):
    """`initial_ms` and `factor` are null where there is a schedule, `max_attempts` where it is tried for as long as it lives, as
    messages of alerts are.
    """

    max_attempts: Optional[int]
    # The first wait.
    initial_ms: Optional[int]
    # Each wait is so many times the one before.
    factor: Optional[float]
    # The longest wait.
    max_ms: Optional[int]
    # A wait is taken times 1 ± jitter, which makes none longer than max_ms.
    jitter: Optional[float]
    # The waits one by one, the last repeated.
    schedule_ms: Optional[List[int]]
    # Answers that fail it at once; looked at first.
    fatal_on: Optional["AnswerPattern"]
    # Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`.
    later_on: Optional["AnswerPattern"]
    # The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried
    # again as ever.
    only_on: Optional["AnswerPattern"]


class States(TypedDict):
    """Notifies that are not settled, by state."""

    held: int
    scheduled: int
    ready: int
    sending: int
    retrying: int


class Trigger(TypedDict, total=False):
    # Merged over the held data, key by key at the top level; a held notify without data or body takes it whole.
    data: Optional[Dict[str, Any]]
    # Postpones it. Excludes `due_at`.
    delay_ms: Optional[int]
    due_at: Optional["TimeGiven"]


class _WaitedView(TypedDict):
    id: "Id"
    state: "State"
    # Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
    reason: Optional[str]
    created_at: "Time"
    settled_at: Optional["Time"]
    next_attempt_at: Optional["Time"]
    due_at: Optional["Time"]
    # As submitted.
    delay_ms: Optional[int]
    expires_at: Optional["Time"]
    # As submitted.
    ttl_ms: Optional[int]
    url: str
    pool: Optional[str]
    pool_fallback: Optional[str]
    instance: Optional[str]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    # Values of secret ones are ***.
    headers: Dict[str, str]
    content_type: str
    lane: str
    group: Optional[str]
    mode: "Mode"
    # Null in a fifo lane.
    priority: Optional[int]
    reply: Literal["expected", "none"]
    expect: "AnswerPatternView"
    retry: "RetryView"
    timeout_ms: int
    connect_timeout_ms: int
    fkey: Optional[str]
    # Null without an fkey.
    on_held: Optional[Literal["reject", "replace", "keep"]]
    idempotency_key: Optional[str]
    caller: str
    order_by: Optional[str]
    partitions: Optional[int]
    order_by_missing: Optional[Literal["refuse", "spread"]]
    labels: Optional[Dict[str, str]]
    compress: Optional[Literal["gzip"]]
    follow_redirects: Optional[bool]
    keep_response_bytes: int
    callback_url: Optional[str]
    # The number of the newest attempt that ended.
    attempts_made: int
    # Oldest first, the newest 20.
    attempts: List["Attempt"]
    # Null where no answer came, or where none is kept and it settled before this request came, or its last attempt had begun before anybody
    # waited; and where it is another caller's (`on_held` says keep), without the scope read_bodies.
    response: Optional["KeptResponse"]


class WaitedView(_WaitedView, total=False):
    """A settled notify with up to 64 KiB of what its receiver answered."""

    # The name of the service that it goes to; missing where it goes to none. So with the next six.
    service: str
    event: "Id"
    topic: str
    subscription: str
    schedule: str
    scheduled_at: "Time"
    group_id: "Id"
    # As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two.
    data: Any
    body: Optional[str]
    body_base64: Optional[str]
    # Its idempotency key was seen before.
    duplicate: Literal[True]
    # `on_held` says keep, and this one was held.
    kept: Literal[True]


class Withdrawn(TypedDict):
    remembered: Literal[False]
