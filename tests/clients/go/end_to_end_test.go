package notifydtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"notifyd"
)

// A broker of tests/clients/broker.py, by the environment; the common cases are not to see it.
var broker struct{ url, token, namespace, key, publicKey string }

func TestMain(m *testing.M) {
	for name, to := range map[string]*string{
		"NOTIFYD_URL": &broker.url, "NOTIFYD_TOKEN": &broker.token, "NOTIFYD_NAMESPACE": &broker.namespace,
		"WEBHOOK_KEY": &broker.key, "WEBHOOK_PUBLIC_KEY": &broker.publicKey,
	} {
		*to = os.Getenv(name)
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// patience is for a busy machine; nothing waits so long where all is well.
const patience = time.Minute

// A receiver behind the middleware, which counts the bodies that the handler took. A path with "fail" in it is answered 500 while failing is
// true.
type receiver struct {
	*httptest.Server
	mutex   sync.Mutex
	bodies  map[string]int
	failing bool
}

func newReceiver(t *testing.T) *receiver {
	verifier, err := notifyd.NewVerifier(broker.key, broker.publicKey)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{bodies: map[string]int{}, failing: true}
	middleware := notifyd.Receiver{Verifier: verifier, Dedup: notifyd.NewDedup(0, 0)}
	r.Server = httptest.NewServer(middleware.Handler(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if strings.Contains(request.URL.Path, "fail") && r.failing {
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		}
		r.bodies[string(body)]++
		fmt.Fprint(w, `{"ok":true}`)
	})))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count(body string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.bodies[body]
}

type endToEnd struct {
	*testing.T
	ctx    context.Context
	client *notifyd.Client
	*receiver
}

// TestEndToEnd asks a real broker, which calls a real receiver.
func TestEndToEnd(t *testing.T) {
	client, err := notifyd.New(notifyd.Config{URL: broker.url, Token: broker.token, Namespace: broker.namespace})
	if err != nil || broker.token == "" {
		t.Fatal("run it by tests/clients/broker.py: ", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	e := &endToEnd{t, ctx, client, newReceiver(t)}
	for name, test := range map[string]func(*endToEnd){
		"submit": submitOne, "batch": submitBatch, "stream": submitStream, "bad stream": badStream, "trigger": trigger,
		"change and cancel": changeAndCancel,
		"retry":             retryFailed, "lanes": lanes, "topics": topics, "groups": groups, "access": access, "middleware": middleware,
	} {
		test := test
		t.Run(name, func(t *testing.T) { test(&endToEnd{t, e.ctx, e.client, e.receiver}) })
	}
}

func (e *endToEnd) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *endToEnd) equal(seen, wanted interface{}) {
	e.Helper()
	if fmt.Sprint(seen) != fmt.Sprint(wanted) {
		e.Fatalf("%v instead of %v", seen, wanted)
	}
}

func (e *endToEnd) fails(err error, kind notifyd.Kind) *notifyd.Error {
	e.Helper()
	var failed *notifyd.Error
	if !errors.Is(err, kind) || !errors.As(err, &failed) {
		e.Fatalf("%v instead of %v", err, kind)
	}
	return failed
}

func submitOne(e *endToEnd) {
	notify := notifyd.Notify{URL: e.URL + "/one", Data: map[string]int64{"one": 9007199254740993}, IdempotencyKey: "one", KeepResponseBytes: 100}
	made, err := e.client.Submit(e.ctx, notify)
	e.must(err)
	view, err := e.client.Wait(e.ctx, made.ID, patience)
	e.must(err)
	e.equal(view.State, notifyd.StateSucceeded)
	e.equal(string(view.Data), `{"one":9007199254740993}`)
	e.equal(e.count(`{"one":9007199254740993}`), 1)
	again, err := e.client.Submit(e.ctx, notify)
	e.must(err)
	e.equal(again.ID == made.ID && again.Duplicate, true)
	kept, err := e.client.Response(e.ctx, made.ID)
	e.must(err)
	e.equal(kept.Body, `{"ok":true}`)

	waited, err := e.client.SubmitAndWait(e.ctx, notifyd.Notify{URL: e.URL, Body: "plain", ContentType: "text/plain"}, patience)
	e.must(err)
	e.equal(waited.Response.Body, `{"ok":true}`)
	e.equal(e.count("plain"), 1)
	_, err = e.client.Submit(e.ctx, notifyd.Notify{URL: "ftp://example.com"})
	e.equal(e.fails(err, notifyd.ErrUnacceptable).Problem.Field, "/url")
}

func submitBatch(e *endToEnd) {
	made, err := e.client.SubmitBatch(e.ctx, []notifyd.Notify{{URL: e.URL, Data: "b1"}, {URL: e.URL, Data: "b2"}})
	e.must(err)
	for i, one := range made {
		view, err := e.client.Wait(e.ctx, one.ID, patience)
		e.must(err)
		e.equal(string(view.Data), fmt.Sprintf(`"b%d"`, i+1))
	}
	_, err = e.client.SubmitBatch(e.ctx, []notifyd.Notify{{URL: e.URL, Data: "b3"}, {URL: e.URL, Mode: "none"}})
	e.equal(e.fails(err, notifyd.ErrUnacceptable).Problem.Field, "/1/mode")
	e.equal(e.count(`"b3"`), 0)
}

func submitStream(e *endToEnd) {
	const count = 1200
	notifies := make(chan notifyd.Notify)
	go func() {
		defer close(notifies)
		for i := 0; i < count; i++ {
			notify := notifyd.Notify{URL: e.URL, Data: []int{i}, Lane: "stream"}
			if i == 1100 {
				notify.Priority = notifyd.Ptr[int64](10)
			}
			notifies <- notify
		}
	}()
	stream := e.client.SubmitStream(e.ctx, notifies)
	ids := map[string]bool{}
	for seen := int64(0); stream.Next(); seen++ {
		line := stream.Line()
		e.equal(line.Index, seen)
		if seen == 1100 {
			e.equal(line.Error.Field, "/priority")
			continue
		}
		ids[line.ID] = true
	}
	e.must(stream.Err())
	e.equal(len(ids), count-1)
	view, err := e.client.Wait(e.ctx, func() string {
		list := e.client.List(notifyd.Filters{Filter: notifyd.Filter{Lane: "stream"}, Limit: 1})
		list.Next(e.ctx)
		return list.Item().ID
	}(), patience)
	e.must(err)
	e.equal(string(view.Data), fmt.Sprintf("[%d]", count-1))
}

// What is no JSON ends a stream; what came before it is sent.
func badStream(e *endToEnd) {
	notifies := make(chan notifyd.Notify, 3)
	for _, data := range []interface{}{"before", make(chan int), "behind"} {
		notifies <- notifyd.Notify{URL: e.URL, Data: data}
	}
	stream := e.client.SubmitStream(e.ctx, notifies)
	e.equal(stream.Next(), true)
	e.equal(stream.Line().ID != "", true)
	e.equal(stream.Next(), false)
	e.fails(stream.Err(), notifyd.ErrArgument)
}

func trigger(e *endToEnd) {
	held, err := e.client.Submit(e.ctx, notifyd.Notify{URL: e.URL, Fkey: "order/17", Data: map[string]string{"a": "1"}})
	e.must(err)
	e.equal(held.State, notifyd.StateHeld)
	_, err = e.client.Submit(e.ctx, notifyd.Notify{URL: e.URL, Fkey: "order/17"})
	e.equal(e.fails(err, notifyd.ErrConflict).Problem.ID, held.ID)
	view, err := e.client.GetFkey(e.ctx, "order/17")
	e.must(err)
	e.equal(view.ID, held.ID)
	triggered, err := e.client.Trigger(e.ctx, "order/17", &notifyd.Trigger{Data: map[string]interface{}{"b": "2"}})
	e.must(err)
	e.equal(triggered.ID, held.ID)
	_, err = e.client.Wait(e.ctx, held.ID, patience)
	e.must(err)
	e.equal(e.count(`{"a":"1","b":"2"}`), 1)
	_, err = e.client.Trigger(e.ctx, "never", nil)
	e.fails(err, notifyd.ErrNotFound)
	remembered, err := e.client.TriggerOrRemember(e.ctx, "later", nil, time.Minute)
	e.must(err)
	e.equal(remembered.Remembered, true)
	waited, err := e.client.SubmitAndWait(e.ctx, notifyd.Notify{URL: e.URL, Fkey: "later", Data: "later"}, patience)
	e.must(err)
	e.equal(waited.State, notifyd.StateSucceeded)
	_, err = e.client.Submit(e.ctx, notifyd.Notify{URL: e.URL, Fkey: "never"})
	e.must(err)
	cancelled, err := e.client.CancelFkey(e.ctx, "never")
	e.must(err)
	e.equal(cancelled.State, notifyd.StateCancelled)
}

func changeAndCancel(e *endToEnd) {
	due := time.Now().Add(time.Hour)
	made, err := e.client.Submit(e.ctx, notifyd.Notify{URL: e.URL, DueAt: &due, Priority: notifyd.Ptr[int64](0), TTLMs: 7200000})
	e.must(err)
	e.equal(made.DueAt.UnixMilli(), due.UnixMilli())
	view, err := e.client.Get(e.ctx, made.ID)
	e.must(err)
	e.equal(*view.Priority, 0)
	changed, err := e.client.Change(e.ctx, made.ID, notifyd.NotifyPatch{Priority: notifyd.Ptr[int64](9), Null: []string{"ttl_ms"}}, view.ETag)
	e.must(err)
	e.equal(*changed.Priority, 9)
	e.equal(changed.ExpiresAt == nil, true)
	_, err = e.client.Change(e.ctx, made.ID, notifyd.NotifyPatch{Priority: notifyd.Ptr[int64](1)}, view.ETag)
	e.fails(err, notifyd.ErrPreconditionFailed)
	cancelled, err := e.client.Cancel(e.ctx, made.ID)
	e.must(err)
	e.equal(cancelled.State, notifyd.StateCancelled)
	_, err = e.client.Cancel(e.ctx, made.ID)
	e.fails(err, notifyd.ErrConflict)
}

func retryFailed(e *endToEnd) {
	for i := 0; i < 3; i++ {
		notify := notifyd.Notify{URL: e.URL + "/fail", Lane: "failing", Data: fmt.Sprint("failing ", i), Retry: &notifyd.Retry{MaxAttempts: 1}}
		waited, err := e.client.SubmitAndWait(e.ctx, notify, patience)
		e.must(err)
		e.equal(waited.State, notifyd.StateFailed)
		e.equal(waited.Attempts[0].Status, 500)
	}
	e.mutex.Lock()
	e.failing = false
	e.mutex.Unlock()
	failed := notifyd.Filter{State: []notifyd.State{notifyd.StateFailed}, Lane: "failing"}
	list := e.client.List(notifyd.Filters{Filter: failed, Limit: 2})
	e.equal(list.Next(e.ctx), true)
	retried, err := e.client.Retry(e.ctx, list.Item().ID)
	e.must(err)
	_, err = e.client.Wait(e.ctx, retried.ID, patience)
	e.must(err)
	count, err := e.client.RetryMatching(e.ctx, notifyd.Bulk{Filter: failed, Limit: 1})
	e.must(err)
	e.equal(count, 2)
	for all := e.client.List(notifyd.Filters{Filter: notifyd.Filter{Lane: "failing"}, Limit: 2}); all.Next(e.ctx); {
		view, err := e.client.Wait(e.ctx, all.Item().ID, patience)
		e.must(err)
		e.equal(view.State, notifyd.StateSucceeded)
		e.equal(e.count(string(view.Data)), 1)
	}
}

func lanes(e *endToEnd) {
	lane, err := e.client.PauseLane(e.ctx, "fifo", "of/a")
	e.must(err)
	e.equal(lane.Paused, true)
	_, err = e.client.ChangeLane(e.ctx, "fifo", "of/a", notifyd.LanePatch{RatePerS: notifyd.Ptr(50.5)})
	e.must(err)
	made, err := e.client.Submit(e.ctx, notifyd.Notify{URL: e.URL, Lane: "of/a", Mode: notifyd.ModeFifo, Data: "lane"})
	e.must(err)
	why, err := e.client.Explain(e.ctx, made.ID)
	e.must(err)
	e.equal(why.Reasons[0].Code, "lane_paused")
	list := e.client.Lanes("of/", 1)
	e.equal(list.Next(e.ctx), true)
	e.equal(*list.Item().Settings.RatePerS, 50.5)
	e.equal(list.Item().States.Ready, 1)
	lane, err = e.client.ChangeLane(e.ctx, "fifo", "of/a", notifyd.LanePatch{Paused: notifyd.Ptr(false), Null: []string{"rate_per_s"}})
	e.must(err)
	e.equal(lane.Settings.RatePerS == nil, true)
	view, err := e.client.Wait(e.ctx, made.ID, patience)
	e.must(err)
	e.equal(view.State, notifyd.StateSucceeded)
	_, err = e.client.Lane(e.ctx, "concurrent", "no such lane")
	e.fails(err, notifyd.ErrNotFound)
}

func topics(e *endToEnd) {
	var subscription struct {
		Name string `json:"name"`
	}
	settings := map[string]string{"topic": "order.*", "url": e.URL + "/billing"}
	e.must(e.client.Call(e.ctx, "PUT", "/v1/subscriptions/billing", nil, settings, &subscription))
	e.equal(subscription.Name, "billing")
	event, err := e.client.Publish(e.ctx, "order.created", notifyd.NewEvent{Data: map[string]int{"event": 1}, Key: "17"})
	e.must(err)
	e.equal(*event.Matched, 1)
	events, err := e.client.PublishBatch(e.ctx, []notifyd.NewTopicEvent{{Topic: "order.paid", Data: "paid"}, {Topic: "mail.sent"}})
	e.must(err)
	e.equal(*events[0].Matched, 1)
	e.equal(*events[1].Matched, 0)
	for list := e.client.List(notifyd.Filters{Filter: notifyd.Filter{Subscription: "billing"}}); list.Next(e.ctx); {
		view, err := e.client.Wait(e.ctx, list.Item().ID, patience)
		e.must(err)
		e.equal(view.State, notifyd.StateSucceeded)
	}
	e.equal(e.count(`{"event":1}`)+e.count(`"paid"`), 2)
	e.must(e.client.Call(e.ctx, "DELETE", "/v1/subscriptions/billing", url.Values{"pending": {"keep"}}, nil, nil))
}

func groups(e *endToEnd) {
	together := notifyd.NewGroup{Notifies: []notifyd.Notify{{URL: e.URL, Data: "g1"}, {URL: e.URL, Data: "g2"}}}
	group, err := e.client.MakeGroup(e.ctx, together, patience)
	e.must(err)
	e.equal(group.State, "settled")
	e.equal(group.Counts.Succeeded, 2)
	sequential := notifyd.NewGroup{Sequential: true, Notifies: []notifyd.Notify{{URL: e.URL, DelayMs: 3600000}, {URL: e.URL}}}
	group, err = e.client.MakeGroup(e.ctx, sequential, 0)
	e.must(err)
	list := e.client.Groups(1)
	e.equal(list.Next(e.ctx), true)
	e.equal(list.Item().ID, group.ID)
	_, err = e.client.CancelGroup(e.ctx, group.ID)
	e.must(err)
	group, err = e.client.Group(e.ctx, group.ID, patience)
	e.must(err)
	e.equal(group.Counts.Cancelled, 2)
}

func access(e *endToEnd) {
	_, err := e.client.In("another").Submit(e.ctx, notifyd.Notify{URL: e.URL})
	e.fails(err, notifyd.ErrForbidden)
	stranger, err := notifyd.New(notifyd.Config{URL: broker.url, Token: "ntf_none_none"})
	e.must(err)
	_, err = stranger.Get(e.ctx, "n0000000000000001")
	e.fails(err, notifyd.ErrUnauthorized)
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err = e.client.Submit(ended, notifyd.Notify{URL: e.URL})
	e.fails(err, notifyd.ErrConnection)
	e.equal(errors.Is(err, context.Canceled), true)
	_, err = notifyd.New(notifyd.Config{URL: "127.0.0.1:7300"})
	e.fails(err, notifyd.ErrArgument)
	var stats struct {
		Version json.RawMessage `json:"version"`
	}
	e.must(e.client.Call(e.ctx, "GET", "/v1/stats", nil, nil, &stats))
	e.equal(len(stats.Version) > 0, true)
}

// What is not signed does not come through.
func middleware(e *endToEnd) {
	response, err := http.Post(e.URL, "application/json", strings.NewReader(`"forged"`))
	e.must(err)
	response.Body.Close()
	e.equal(response.StatusCode, 401)
	e.equal(e.count(`"forged"`), 0)
	large := notifyd.Receiver{MostBytes: 3}
	large.Verifier, err = notifyd.NewVerifier(broker.key)
	e.must(err)
	recorder := httptest.NewRecorder()
	large.Handler(http.NotFoundHandler()).ServeHTTP(recorder, httptest.NewRequest("POST", "/", strings.NewReader("1234")))
	e.equal(recorder.Code, 413)
}

// TestUnixSocket asks over a socket of the file system, as a broker on the same machine may listen.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broker.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"id":"n1","state":"held","url":%q}`, r.URL.Path)
	})}
	go server.Serve(listener)
	defer server.Close()
	client, err := notifyd.New(notifyd.Config{URL: "unix:" + path})
	if err != nil {
		t.Fatal(err)
	}
	view, err := client.Get(context.Background(), "n1")
	if err != nil || view.URL != "/v1/notifies/n1" {
		t.Fatal(view, err)
	}
}
