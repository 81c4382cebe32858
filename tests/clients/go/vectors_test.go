package notifydtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"notifyd"
)

// TestVerify runs the calls of clients/vectors.json.
func TestVerify(t *testing.T) {
	var all struct {
		Verify []struct {
			Name       string            `json:"name"`
			Keys       []string          `json:"keys"`
			Headers    map[string]string `json:"headers"`
			Body       string            `json:"body"`
			BodyBase64 []byte            `json:"body_base64"`
			NowS       int64             `json:"now_s"`
			ToleranceS int64             `json:"tolerance_s"`
			Result     *struct {
				ID         string `json:"id"`
				TimestampS int64  `json:"timestamp_s"`
			} `json:"result"`
			Error string `json:"error"`
		} `json:"verify"`
	}
	read(t, "../../../clients/vectors.json", &all)
	for _, one := range all.Verify {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			headers := http.Header{}
			for name, value := range one.Headers {
				headers.Set(name, value)
			}
			verifier, err := notifyd.NewVerifier(one.Keys...)
			if err != nil {
				if one.Error != "bad_key" || !errors.Is(err, notifyd.ErrArgument) {
					t.Fatalf("%v instead of %q", err, one.Error)
				}
				return
			}
			verifier.Now = func() time.Time { return time.Unix(one.NowS, 0) }
			verifier.Tolerance = time.Duration(one.ToleranceS) * time.Second
			verified, err := verifier.Verify(headers, append(one.BodyBase64, one.Body...))
			if one.Result == nil {
				if err != notifyd.VerifyError(one.Error) {
					t.Fatalf("%v instead of %q", err, one.Error)
				}
				return
			}
			if err != nil || verified.ID != one.Result.ID || verified.At.Unix() != one.Result.TimestampS {
				t.Fatalf("%v, %v instead of %v", verified, err, one.Result)
			}
		})
	}
}

// TestDedup runs the steps of clients/vectors.json.
func TestDedup(t *testing.T) {
	var all struct {
		Dedup []struct {
			Name     string `json:"name"`
			Capacity int    `json:"capacity"`
			TTLMs    int64  `json:"ttl_ms"`
			Most     int    `json:"answer_bytes"`
			Steps    []struct {
				AtMs   int64  `json:"at_ms"`
				Do     string `json:"do"`
				ID     string `json:"id"`
				Answer string `json:"answer"`
				Result string `json:"result"`
			} `json:"steps"`
		} `json:"dedup"`
	}
	read(t, "../../../clients/vectors.json", &all)
	for _, one := range all.Dedup {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			dedup := notifyd.NewDedup(one.Capacity, time.Duration(one.TTLMs)*time.Millisecond)
			var now time.Time
			dedup.Now = func() time.Time { return now }
			dedup.AnswerBytes = one.Most
			for i, step := range one.Steps {
				now = time.Unix(1600000000, 0).Add(time.Duration(step.AtMs) * time.Millisecond)
				switch step.Do {
				case "claim":
					if got := dedup.Claim(step.ID); string(got) != step.Result {
						t.Errorf("step %d: %q instead of %q", i, got, step.Result)
					}
				case "finish":
					dedup.Finish(step.ID, []byte(step.Answer))
				case "release":
					dedup.Release(step.ID)
				case "answer":
					if got := dedup.Answer(step.ID); string(got) != step.Result {
						t.Errorf("step %d: %q instead of %q", i, got, step.Result)
					}
				default:
					t.Fatal("no such step: ", step.Do)
				}
			}
		})
	}
}

// An answer of clients/vectors.json: [status, body].
type answer struct {
	status int
	body   string
}

func (a *answer) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]interface{}{&a.status, &a.body})
}

// TestReceive runs the calls of clients/vectors.json through the middleware.
func TestReceive(t *testing.T) {
	var all struct {
		Receive []struct {
			Name  string  `json:"name"`
			Times int     `json:"times"`
			Done  *string `json:"done_contains"`
			Calls []struct {
				Scope  string  `json:"scope"`
				App    *answer `json:"app"`
				Answer answer  `json:"answer"`
				Cut    int     `json:"cut_bytes"`
			} `json:"calls"`
		} `json:"receive"`
	}
	read(t, "../../../clients/vectors.json", &all)
	for _, one := range all.Receive {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			var app *answer
			whole := func(body string) string { return strings.Repeat(body, one.Times) }
			if one.Times == 0 {
				one.Times = 1
			}
			receiver := notifyd.Receiver{Dedup: notifyd.NewDedup(0, 0)}
			if one.Done != nil {
				receiver.Done = func(_ int, body []byte) bool { return strings.Contains(string(body), *one.Done) }
			}
			next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if app.status != http.StatusOK {
					w.WriteHeader(app.status)
				}
				// In two pieces; without a body and a status it answers by itself.
				if body := whole(app.body); body != "" {
					io.WriteString(w, body[:1])
					io.WriteString(w, body[1:])
				}
				app = nil
			})
			for i, call := range one.Calls {
				app = call.App
				scoped := receiver
				scoped.Scope = call.Scope
				handler := scoped.Handler(next)
				request := httptest.NewRequest("POST", "/", nil)
				request.Header.Set("Notify-Id", "n1")
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, request)
				wanted := whole(call.Answer.body)
				if call.Cut > 0 {
					wanted = wanted[:call.Cut]
				}
				if recorder.Code != call.Answer.status || recorder.Body.String() != wanted {
					t.Errorf("call %d: %d %q instead of %d %q", i, recorder.Code, recorder.Body, call.Answer.status, wanted)
				}
				if app != nil {
					t.Errorf("call %d: the handler was not asked", i)
				}
			}
		})
	}
}

// TestReceiveInPieces has a handler that sends what it wrote so far, as it can without a Receiver.
func TestReceiveInPieces(t *testing.T) {
	dedup := notifyd.NewDedup(0, 0)
	receiver := notifyd.Receiver{Dedup: dedup}
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Notify-Id", "n1")
	recorder := httptest.NewRecorder()
	receiver.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() })).ServeHTTP(recorder, request)
	if !recorder.Flushed || string(dedup.Answer("n1")) != "200\n" {
		t.Errorf("flushed: %v, kept: %q", recorder.Flushed, dedup.Answer("n1"))
	}
}

// TestReceiveCannotTell has a Done that panics: the call comes again.
func TestReceiveCannotTell(t *testing.T) {
	dedup := notifyd.NewDedup(0, 0)
	receiver := notifyd.Receiver{Dedup: dedup, Done: func(int, []byte) bool { panic("unknown") }}
	request := httptest.NewRequest("POST", "/", nil)
	request.Header.Set("Notify-Id", "n1")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it did not panic")
			}
		}()
		receiver.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(httptest.NewRecorder(), request)
	}()
	if got := dedup.Claim("n1"); got != notifyd.ClaimNew {
		t.Error(got)
	}
}
