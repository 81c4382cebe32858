// Package notifyd is a client of the notifyd call broker: it submits calls that the broker makes, looks at them and steers them, and checks
// what arrives.
//
// Every call takes a context, which bounds it with all its attempts. What is submitted bears an idempotency key that the client makes where
// the caller gave none, the same one at each attempt, so that a repeat is taken once. Each error is an *Error.
package notifyd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Version of this client.
const Version = "0.1.0"

const (
	mergePatch = "application/merge-patch+json"
	mostWait   = time.Minute // that the broker waits in one request
)

// A Client talks to one broker about one namespace. It may be used by several goroutines.
type Client struct {
	transport *transport
}

// New makes a client. The error is that of an address that is none.
func New(config Config) (*Client, error) {
	t, err := newTransport(config)
	if err != nil {
		return nil, err
	}
	return &Client{t}, nil
}

// In is the client for another namespace of the same broker.
func (c *Client) In(namespace string) *Client {
	other := *c.transport
	other.Namespace = namespace
	return &Client{&other}
}

// Ptr is for optional fields: Priority: notifyd.Ptr[int64](9).
func Ptr[T any](value T) *T { return &value }

// A View is a notify as the broker has it.
type View struct {
	NotifyView
	ETag string `json:"-"` // for Change
}

// A Triggered is the notify that was triggered, or the trigger that the broker remembers.
type Triggered struct {
	ID         string `json:"id"`
	State      State  `json:"state"`
	Remembered bool   `json:"remembered"`
}

// Settled says whether a notify in this state is not sent again by itself.
func (s State) Settled() bool {
	return s == StateSucceeded || s == StateFailed || s == StateCancelled || s == StateExpired
}

// Submit hands one notify over. Once it returns without an error the notify is on the broker's disk.
func (c *Client) Submit(ctx context.Context, notify Notify) (*Accepted, error) {
	request := c.submission(&notify)
	return ask(ctx, c, request, notify, new(Accepted))
}

// SubmitAndWait hands one notify over and waits up to 60 s until it is settled, whatever the state. Where it is not by then, only what an
// Accepted has is filled.
func (c *Client) SubmitAndWait(ctx context.Context, notify Notify, wait time.Duration) (*WaitedView, error) {
	request := c.submission(&notify)
	return askAndWait(ctx, c, request, notify, wait, func(taken *WaitedView) bool {
		// One that was held before, and kept, may be another one by the next time.
		return taken.State.Settled() || taken.State == "removed" || taken.Kept
	})
}

func (c *Client) submission(notify *Notify) *call {
	notify.IdempotencyKey = c.transport.key(notify.IdempotencyKey)
	return &call{method: http.MethodPost, path: "/notifies", repeatable: notify.IdempotencyKey != "", needs: "id"}
}

// SubmitBatch hands 1 to 10,000 notifies over, all of them or none. The answers are in their order.
func (c *Client) SubmitBatch(ctx context.Context, notifies []Notify) ([]Accepted, error) {
	request := &call{method: http.MethodPost, path: "/notifies", repeatable: true, needs: "items"}
	keyed := make([]Notify, len(notifies))
	for i, notify := range notifies {
		notify.IdempotencyKey = c.transport.key(notify.IdempotencyKey)
		request.repeatable = request.repeatable && notify.IdempotencyKey != ""
		keyed[i] = notify
	}
	out, err := ask(ctx, c, request, keyed, new(AcceptedBatch))
	if err != nil {
		return nil, err
	}
	return ofAll(out.Items, len(keyed), func(item Accepted) bool { return item.ID != "" })
}

// ofAll gives the items of a batch's answer, which must be so many, each taken.
func ofAll[T any](items []T, count int, taken func(T) bool) ([]T, error) {
	whole := len(items) == count
	for _, item := range items {
		whole = whole && taken(item)
	}
	if !whole {
		return nil, &Error{Kind: ErrBadAnswer, Err: errors.New("the answer has not an id for each")}
	}
	return items, nil
}

// Trigger makes what is held under the fkey due now, or when with says; with may be nil.
func (c *Client) Trigger(ctx context.Context, fkey string, with *Trigger) (*Triggered, error) {
	return c.trigger(ctx, fkey, with, nil)
}

// TriggerOrRemember is Trigger where something is held, or was; else the broker keeps the trigger for so long, for the next submit with that
// fkey.
func (c *Client) TriggerOrRemember(ctx context.Context, fkey string, with *Trigger, remember time.Duration) (*Triggered, error) {
	return c.trigger(ctx, fkey, with, url.Values{"remember_ms": {millis(remember)}})
}

func (c *Client) trigger(ctx context.Context, fkey string, with *Trigger, query url.Values) (*Triggered, error) {
	path, err := pathOf("/fkeys/", fkey, "/trigger")
	if err != nil {
		return nil, err
	}
	var body interface{}
	if with != nil {
		body = with
	}
	return ask(ctx, c, &call{method: http.MethodPost, path: path, query: query, repeatable: true}, body, new(Triggered))
}

// Get looks at a notify.
func (c *Client) Get(ctx context.Context, id string) (*View, error) {
	return c.view(ctx, &call{method: http.MethodGet, repeatable: true}, nil, "/notifies/", id)
}

// GetFkey looks at the notify that is held under an fkey, or was triggered by it.
func (c *Client) GetFkey(ctx context.Context, fkey string) (*View, error) {
	return c.view(ctx, &call{method: http.MethodGet, repeatable: true}, nil, "/fkeys/", fkey)
}

// Wait looks at a notify until it is settled, and for so long at most: State.Settled says which of the two it was.
func (c *Client) Wait(ctx context.Context, id string, wait time.Duration) (*View, error) {
	out, header, err := waited(ctx, c, wait, func(seen *View) bool { return seen.State.Settled() }, "/notifies/", id)
	if err != nil {
		return nil, err
	}
	out.ETag = header.Get("ETag")
	return out, nil
}

// Response is what is kept of the answer that ended a notify (Notify.KeepResponseBytes).
func (c *Client) Response(ctx context.Context, id string) (*KeptResponse, error) {
	return at(ctx, c, &call{method: http.MethodGet, repeatable: true}, nil, new(KeptResponse), "/notifies/", id, "/response")
}

// Explain says why a notify is where it is, and when it can be sent.
func (c *Client) Explain(ctx context.Context, id string) (*Explained, error) {
	return at(ctx, c, &call{method: http.MethodGet, repeatable: true}, nil, new(Explained), "/notifies/", id, "/explain")
}

// Change gives a notify other fields, as long as it is neither settled nor in flight. What the patch leaves nil stays as it is; what its Null
// names goes back to its default. With an etag (View.ETag) it is refused where somebody else changed the notify meanwhile
// (ErrPreconditionFailed); "" does not ask.
func (c *Client) Change(ctx context.Context, id string, patch NotifyPatch, etag string) (*View, error) {
	// With an etag a repeat would be refused where the first one held.
	request := &call{method: http.MethodPatch, contentType: mergePatch, ifMatch: etag, repeatable: etag == ""}
	return c.view(ctx, request, patch, "/notifies/", id)
}

// Cancel ends a notify that is not settled.
func (c *Client) Cancel(ctx context.Context, id string) (*View, error) {
	return c.CancelIfMatch(ctx, id, "")
}

// CancelIfMatch is Cancel, refused where somebody changed the notify since the etag was read, as of Change.
func (c *Client) CancelIfMatch(ctx context.Context, id, etag string) (*View, error) {
	return c.view(ctx, &call{method: http.MethodDelete, ifMatch: etag}, nil, "/notifies/", id)
}

// CancelFkey ends what is held under an fkey, or withdraws the trigger that is remembered for it; then the View has no ID.
func (c *Client) CancelFkey(ctx context.Context, fkey string) (*View, error) {
	return c.view(ctx, &call{method: http.MethodDelete}, nil, "/fkeys/", fkey)
}

// Retry sends a notify again now: a settled one starts over.
func (c *Client) Retry(ctx context.Context, id string) (*IDAndState, error) {
	return c.RetryIfMatch(ctx, id, "", false)
}

// RetryPaused is Retry, also where its lane is paused: one attempt, and the lane stays paused.
func (c *Client) RetryPaused(ctx context.Context, id string) (*IDAndState, error) {
	return c.RetryIfMatch(ctx, id, "", true)
}

// RetryIfMatch is Retry, or with paused RetryPaused, refused where somebody changed the notify since the etag was read, as of Change.
func (c *Client) RetryIfMatch(ctx context.Context, id, etag string, paused bool) (*IDAndState, error) {
	request := &call{method: http.MethodPost, ifMatch: etag}
	if paused {
		request.query = url.Values{"paused": {"true"}}
	}
	return at(ctx, c, request, nil, new(IDAndState), "/notifies/", id, "/retry")
}

// RetryMatching retries all that match Bulk.Filter, or with DryRun counts them, from Cursor on, at most Limit (0: 10,000) a request, each done
// as a whole. It returns how many, also beside an error.
func (c *Client) RetryMatching(ctx context.Context, which Bulk) (int64, error) {
	return c.matching(ctx, "/notifies/retry", which)
}

// CancelMatching cancels all that match, likewise.
func (c *Client) CancelMatching(ctx context.Context, which Bulk) (int64, error) {
	return c.matching(ctx, "/notifies/cancel", which)
}

// PurgeMatching removes all settled ones that match, likewise.
func (c *Client) PurgeMatching(ctx context.Context, which Bulk) (int64, error) {
	return c.matching(ctx, "/notifies/purge", which)
}

func (c *Client) matching(ctx context.Context, path string, which Bulk) (int64, error) {
	for count := int64(0); ; {
		done, err := ask(ctx, c, &call{method: http.MethodPost, path: path, needs: "count"}, which, new(BulkDone))
		if err != nil {
			return count, err
		}
		count += done.Count
		if done.Next == "" {
			return count, nil
		}
		which.Cursor = done.Next
	}
}

// Lane looks at a lane.
func (c *Client) Lane(ctx context.Context, mode Mode, name string) (*Lane, error) {
	return at(ctx, c, &call{method: http.MethodGet, repeatable: true}, nil, new(Lane), "/lanes/", string(mode), "/", name)
}

// ChangeLane changes how a lane sends. What the patch leaves nil stays as it is; what its Null names goes back to its default.
func (c *Client) ChangeLane(ctx context.Context, mode Mode, name string, patch LanePatch) (*Lane, error) {
	request := &call{method: http.MethodPatch, contentType: mergePatch, repeatable: true}
	return at(ctx, c, request, patch, new(Lane), "/lanes/", string(mode), "/", name)
}

// PauseLane keeps a lane from sending until it is resumed.
func (c *Client) PauseLane(ctx context.Context, mode Mode, name string) (*Lane, error) {
	return c.ChangeLane(ctx, mode, name, LanePatch{Paused: Ptr(true)})
}

// ResumeLane lets a lane send again.
func (c *Client) ResumeLane(ctx context.Context, mode Mode, name string) (*Lane, error) {
	return c.ChangeLane(ctx, mode, name, LanePatch{Paused: Ptr(false)})
}

// Publish publishes an event to a topic. Once it returns without an error the event is on the broker's disk.
func (c *Client) Publish(ctx context.Context, topic string, event NewEvent) (*PublishedEvent, error) {
	event.IdempotencyKey = c.transport.key(event.IdempotencyKey)
	request := &call{method: http.MethodPost, repeatable: event.IdempotencyKey != "", needs: "id"}
	return at(ctx, c, request, event, new(PublishedEvent), "/topics/", topic, "/publish")
}

// PublishBatch publishes 1 to 10,000 events, each to the topic that it names, all of them or none. The answers are in their order.
func (c *Client) PublishBatch(ctx context.Context, events []NewTopicEvent) ([]PublishedEvent, error) {
	request := &call{method: http.MethodPost, path: "/publish", repeatable: true, needs: "items"}
	keyed := make([]NewTopicEvent, len(events))
	for i, event := range events {
		event.IdempotencyKey = c.transport.key(event.IdempotencyKey)
		request.repeatable = request.repeatable && event.IdempotencyKey != ""
		keyed[i] = event
	}
	out, err := ask(ctx, c, request, keyed, new(PublishedBatch))
	if err != nil {
		return nil, err
	}
	return ofAll(out.Items, len(keyed), func(item PublishedEvent) bool { return item.ID != "" })
}

// MakeGroup hands 1 to 1,000 notifies over that are watched and told of together, and waits up to 60 s until all are settled; 0 does not wait.
func (c *Client) MakeGroup(ctx context.Context, group NewGroup, wait time.Duration) (*Group, error) {
	group.IdempotencyKey = c.transport.key(group.IdempotencyKey)
	request := &call{method: http.MethodPost, path: "/groups", repeatable: group.IdempotencyKey != "", needs: "id"}
	return askAndWait(ctx, c, request, group, wait, func(taken *Group) bool { return taken.State != "pending" })
}

// Group looks at a group until all of it is settled, and for so long at most; 0 does not wait.
func (c *Client) Group(ctx context.Context, id string, wait time.Duration) (*Group, error) {
	out, _, err := waited(ctx, c, wait, func(seen *Group) bool { return seen.State != "pending" }, "/groups/", id)
	return out, err
}

// CancelGroup cancels those of a group's notifies that wait.
func (c *Client) CancelGroup(ctx context.Context, id string) (*Group, error) {
	return at(ctx, c, &call{method: http.MethodDelete}, nil, new(Group), "/groups/", id)
}

// Call asks for anything of the API that has no method here. The path begins with /v1/ and is percent-encoded; in is sent as JSON where it is
// not nil, and out filled from the answer where that is not nil and the answer not empty. What is not GET, HEAD or PUT is sent again only
// where it certainly was not done.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, in, out interface{}) error {
	if err := checkTarget(method, path); err != nil {
		return err
	}
	request := &call{method: method, path: strings.TrimPrefix(path, "/v1"), query: query}
	if method == http.MethodPatch {
		request.contentType = mergePatch
	}
	request.repeatable = method == http.MethodGet || method == http.MethodHead || method == http.MethodPut
	request.mayBeEmpty = true
	if err := encode(request, in); err != nil {
		return err
	}
	_, err := c.transport.do(ctx, request, out)
	return err
}

// ask sends a call with in as its body where that is not nil, and fills out.
func ask[T any](ctx context.Context, c *Client, request *call, in interface{}, out *T) (*T, error) {
	if err := encode(request, in); err != nil {
		return nil, err
	}
	if _, err := c.transport.do(ctx, request, out); err != nil {
		return nil, err
	}
	return out, nil
}

// askAndWait asks once over holds of the answer, or so long has passed. A broker that stops or restarts answers earlier: what has a key is asked
// again. By then it was taken, which is told whatever comes of that.
func askAndWait[T any](ctx context.Context, c *Client, request *call, in interface{}, wait time.Duration, over func(*T) bool) (*T, error) {
	t, end := c.transport, time.Now().Add(wait)
	taken, err := ask(ctx, c, waiting(request, wait), in, new(T))
	if err != nil {
		return nil, err
	}
	for early := 1; request.repeatable && wait > 0 && !over(taken); early++ {
		if left := time.Until(end); left > 0 && t.Sleep(ctx, min(t.waitAfter(early), left)) != nil {
			break
		}
		if wait = time.Until(end).Truncate(time.Millisecond); wait <= 0 {
			break
		}
		again, err := ask(ctx, c, waiting(request, wait), in, new(T))
		if err != nil {
			break
		}
		taken = again
	}
	return taken, nil
}

// at is ask for a path of which each second piece is a segment to be encoded.
func at[T any](ctx context.Context, c *Client, request *call, in interface{}, out *T, pieces ...string) (*T, error) {
	path, err := pathOf(pieces...)
	if err != nil {
		return nil, err
	}
	request.path = path
	return ask(ctx, c, request, in, out)
}

// waited looks in slices until over holds of what is there, or so long has passed. A broker that stops or restarts answers earlier: it is asked
// again.
func waited[T any](ctx context.Context, c *Client, wait time.Duration, over func(*T) bool, pieces ...string) (*T, http.Header, error) {
	path, err := pathOf(pieces...)
	if err != nil {
		return nil, nil, err
	}
	t, end := c.transport, time.Now().Add(wait)
	for failures, early := 0, 0; ; wait = time.Until(end) {
		slice := min(wait, mostWait)
		request := waiting(&call{method: http.MethodGet, path: path, repeatable: true}, slice)
		begun, out := time.Now(), new(T)
		header, failed := t.attempt(ctx, request, out)
		if failed != nil {
			failures++
			failed.Attempts = failures
			if failures >= t.Attempts || !repeats(request, failed) || !t.pause(ctx, failures, failed) {
				return nil, nil, failed
			}
			continue
		}
		failures = 0
		left := time.Until(end)
		if over(out) || left <= 0 {
			return out, header, nil
		}
		early++
		if time.Since(begun) >= slice {
			early = 0
		} else if err := t.Sleep(ctx, min(t.waitAfter(early), left)); err != nil {
			return nil, nil, lost(err)
		}
	}
}

func (c *Client) view(ctx context.Context, request *call, in interface{}, pieces ...string) (*View, error) {
	path, err := pathOf(pieces...)
	if err != nil {
		return nil, err
	}
	request.path = path
	if err := encode(request, in); err != nil {
		return nil, err
	}
	out := &View{}
	header, err := c.transport.do(ctx, request, out)
	if err != nil {
		return nil, err
	}
	out.ETag = header.Get("ETag")
	return out, nil
}

func encode(request *call, in interface{}) error {
	if in == nil {
		return nil
	}
	text, err := marshal(in)
	if err != nil {
		return &Error{Kind: ErrArgument, Err: err}
	}
	request.body = text
	return nil
}

func pathOf(pieces ...string) (string, error) {
	path := ""
	for i, piece := range pieces {
		if i%2 == 1 {
			encoded, err := segment(piece)
			if err != nil {
				return "", err
			}
			piece = encoded
		}
		path += piece
	}
	return path, nil
}

// withNull is a patch as JSON, with null for the names in null.
func withNull(patch interface{}, null []string) ([]byte, error) {
	text, err := marshal(patch)
	if err != nil || len(null) == 0 {
		return text, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	for _, name := range null {
		fields[name] = json.RawMessage("null")
	}
	return marshal(fields)
}

func waiting(request *call, wait time.Duration) *call {
	if wait > 0 {
		request.query, request.wait = url.Values{"wait_ms": {millis(wait)}}, wait
	}
	return request
}

func millis(span time.Duration) string { return strconv.FormatInt(span.Milliseconds(), 10) }

func min(a, b time.Duration) time.Duration {
	if a < b {
		return a
	}
	return b
}
