package notifydtest

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	"notifyd"
)

// The client's own bound of an answer, so that a test need not send 256 MiB.
//
//go:linkname mostAnswer notifyd.mostAnswer
var mostAnswer int64

// TestEndlessAnswer: an answer is not read beyond the bound, be it one line of a stream.
func TestEndlessAnswer(t *testing.T) {
	defer func(before int64) { mostAnswer = before }(mostAnswer)
	mostAnswer = 100000
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for blank := make([]byte, 65536); r.Context().Err() == nil; {
			if _, err := w.Write(blank); err != nil {
				return
			}
		}
	}))
	defer broker.Close()
	client, err := notifyd.New(notifyd.Config{URL: broker.URL, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	notifies := make(chan notifyd.Notify, 1)
	notifies <- notifyd.Notify{URL: "http://a"}
	close(notifies)
	stream := client.SubmitStream(context.Background(), notifies)
	if stream.Next() || !errors.Is(stream.Err(), notifyd.ErrBadAnswer) {
		t.Errorf("a stream's: %v", stream.Err())
	}
	if _, err := client.Get(context.Background(), "n1"); !errors.Is(err, notifyd.ErrBadAnswer) {
		t.Errorf("a notify's: %v", err)
	}
}

// TestRefusedBeforeItsEnd: an answer before the end of a request counts, though whoever gave it goes.
func TestRefusedBeforeItsEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 65536))
			conn.Write([]byte("HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			conn.Close()
		}
	}()
	client, err := notifyd.New(notifyd.Config{URL: "http://" + listener.Addr().String(), Sleep: new(sleeper).sleep})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 20000000)
	for i := 0; i < 5; i++ {
		var failed *notifyd.Error
		_, err := client.Submit(context.Background(), notifyd.Notify{URL: "http://a", Body: body})
		if !errors.As(err, &failed) || failed.Kind != notifyd.ErrTooLarge || failed.Attempts != 1 {
			t.Fatalf("%d: %v, after %d attempts", i, err, failed.Attempts)
		}
	}
}

// TestRefusedConfig: what a header or an address cannot hold is refused, and not told.
func TestRefusedConfig(t *testing.T) {
	for _, config := range []notifyd.Config{
		{Token: "secret\r\nX-Other: 1"}, {Token: "secret\n"}, {Token: "s\u00e9cret"}, {Token: "a secret"},
		{URL: "http://user:secret@127.0.0.1:1"}, {URL: "ftp://user:secret@x"}, {URL: "http://127.0.0.1:1/?"}, {URL: "http://127.0.0.1:1#"},
	} {
		_, err := notifyd.New(config)
		if !errors.Is(err, notifyd.ErrArgument) || strings.Contains(err.Error(), "cret") {
			t.Errorf("%q %q: %v", config.Token, config.URL, err)
		}
	}
}

// TestProxy: a proxy of the environment gets no token. In a process of its own, for net/http reads the environment once.
func TestProxy(t *testing.T) {
	if address := os.Getenv("NOTIFYD_TEST_PROXIED"); address != "" {
		client, err := notifyd.New(notifyd.Config{URL: address, Token: "secret", Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Get(context.Background(), "n1"); err != nil {
			t.Fatal(err)
		}
		return
	}
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"id":"n1"}`)) }))
	defer broker.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		t.Errorf("the proxy got %v", request.Header)
	}))
	defer proxy.Close()
	child := exec.Command(os.Args[0], "-test.run=^TestProxy$")
	// Net/http asks no proxy for 127.0.0.1; this address is the same machine, too.
	address := strings.Replace(broker.URL, "127.0.0.1", "0.0.0.0", 1)
	child.Env = append(os.Environ(), "NOTIFYD_TEST_PROXIED="+address, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if output, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}

// TestManySignatures: thousands of signatures cost no more than a key's one.
func TestManySignatures(t *testing.T) {
	verifier, err := notifyd.NewVerifier("whsec_a2V5")
	if err != nil {
		t.Fatal(err)
	}
	verifier.Now = func() time.Time { return time.Unix(1, 0) }
	body := make([]byte, 1<<20)
	spent := func(signatures string) time.Duration {
		headers := http.Header{"Webhook-Id": {"n1"}, "Webhook-Timestamp": {"1"}, "Webhook-Signature": {signatures}}
		begin := time.Now()
		if _, err := verifier.Verify(headers, body); err != notifyd.VerifyNoMatch {
			t.Error(err)
		}
		return time.Since(begin)
	}
	one := spent("v1,")
	if many := spent(strings.Repeat("v1, ", 5000)); many > 500*one {
		t.Errorf("%v, where one costs %v", many, one)
	}
}

type ownText string

func (t ownText) MarshalText() ([]byte, error) { return []byte(t), nil }

// TestTextThatIsNotUTF8: what JSON or a URL cannot say is a wrong argument, wherever it stands, and nothing is sent; U+FFFD itself is a text.
func TestTextThatIsNotUTF8(t *testing.T) {
	asked := 0
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Write([]byte(`{"id":"n1","items":[]}`))
	}))
	defer broker.Close()
	client, err := notifyd.New(notifyd.Config{URL: broker.URL, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	const bad = "a\xffb"
	ctx, wrong := context.Background(), map[string]error{}
	for name, notify := range map[string]notifyd.Notify{
		"a field": {IdempotencyKey: bad}, "the body": {Body: bad}, "a header": {Headers: map[string]string{"X": bad}},
		"the name of a label": {Labels: map[string]string{bad: "x"}}, "the data": {Data: []interface{}{map[string]interface{}{"x": []string{bad}}}},
		"a pointer of the data": {Data: map[string]*string{"x": notifyd.Ptr(bad)}}, "a struct of the data": {Data: struct{ X interface{} }{bad}},
		"JSON of the data": {Data: json.RawMessage(`"` + bad + `"`)}, "a text of its own": {Data: []ownText{bad}},
		"a name of its own": {Data: map[ownText]int{bad: 1}},
	} {
		notify.URL = "http://a"
		_, wrong[name] = client.Submit(ctx, notify)
		_, wrong[name+" in a batch"] = client.SubmitBatch(ctx, []notifyd.Notify{notify})
		notifies := make(chan notifyd.Notify, 1)
		notifies <- notify
		close(notifies)
		stream := client.SubmitStream(ctx, notifies)
		if stream.Next() {
			t.Error("a line is answered")
		}
		wrong[name+" in a stream"] = stream.Err()
	}
	_, wrong["a path"] = client.Trigger(ctx, bad, nil)
	_, wrong["a patch"] = client.Change(ctx, "n1", notifyd.NotifyPatch{Body: notifyd.Ptr(bad), Null: []string{"ttl_ms"}}, "")
	list := client.List(notifyd.Filters{Filter: notifyd.Filter{Caller: bad}})
	list.Next(ctx)
	wrong["a filter"] = list.Err()
	lanes := client.Lanes(bad, 0)
	lanes.Next(ctx)
	wrong["a query"] = lanes.Err()
	for name, err := range wrong {
		if !errors.Is(err, notifyd.ErrArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked > 0 {
		t.Errorf("%d requests were sent", asked)
	}
	good := notifyd.Notify{URL: "http://a", Body: "\ufffd", Data: map[string]interface{}{"\ufffd": ownText("\ufffd")}}
	if _, err := client.Submit(ctx, good); err != nil {
		t.Error(err)
	}
}
