package notifydtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"notifyd"
)

type commonCase struct {
	Name      string                 `json:"name"`
	Options   map[string]interface{} `json:"options"`
	Call      string                 `json:"call"`
	Arguments json.RawMessage        `json:"arguments"`
	Take      *int                   `json:"take"`
	Result    json.RawMessage        `json:"result"`
	ETag      string                 `json:"etag"`
	Error     map[string]interface{} `json:"error"`
	WaitsMs   [][2]int64             `json:"waits_ms"`
	Steps     []commonCase           `json:"steps"`
	Server    string                 `json:"server"`
	Optional  bool                   `json:"optional"`
}

// TestCases runs clients/cases.json against the server that plays it.
func TestCases(t *testing.T) {
	const file = "../../../clients/cases.json"
	var all struct {
		Cases []commonCase `json:"cases"`
	}
	read(t, file, &all)
	ports := startServer(t, file)
	for _, one := range all.Cases {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			t.Parallel()
			if one.Optional {
				t.Skip("what a struct does not have cannot be said with it")
			}
			one.run(t, ports)
		})
	}
}

type ports struct {
	Port       int `json:"port"`
	ClosedPort int `json:"closed_port"`
}

func startServer(t *testing.T, file string) ports {
	server := exec.Command("python3", "../scripted_server.py", file)
	server.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	server.Stderr = os.Stderr
	input, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		server.Wait()
	})
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var out ports
	if err := json.Unmarshal(line, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (one *commonCase) run(t *testing.T, at ports) {
	server := fmt.Sprintf("http://127.0.0.1:%d", at.Port)
	address := server + "/case/" + one.Name
	if one.Server == "closed" {
		address = fmt.Sprintf("http://127.0.0.1:%d", at.ClosedPort)
	}
	var waits sleeper
	client, err := notifyd.New(one.config(address, &waits))
	if err != nil {
		t.Fatal(err)
	}
	steps := one.Steps
	if len(steps) == 0 {
		steps = []commonCase{*one}
	}
	for i := range steps {
		steps[i].call(t, client)
	}
	if one.WaitsMs != nil {
		waits.check(t, one.WaitsMs)
	}
	response, err := http.Get(server + "/verdict/" + one.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); string(text) != `{"ok": true}` {
		t.Error(string(text))
	}
}

func (one *commonCase) config(address string, waits *sleeper) notifyd.Config {
	number := func(name string) int {
		value, there := one.Options[name].(json.Number)
		if !there {
			return 0
		}
		n, _ := value.Int64()
		return int(n)
	}
	span := func(name string) time.Duration { return time.Duration(number(name)) * time.Millisecond }
	text := func(name string) string { value, _ := one.Options[name].(string); return value }
	keys, said := one.Options["idempotency_keys"].(bool)
	config := notifyd.Config{
		URL: address, Token: text("token"), Namespace: text("namespace"), Timeout: span("timeout_ms"), Attempts: number("attempts"),
		InitialWait: span("initial_wait_ms"), MaxWait: span("max_wait_ms"), MaxRetryAfter: span("max_retry_after_ms"),
		LinesPerRequest: number("lines_per_request"), NoKeys: said && !keys, Sleep: waits.sleep,
	}
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	return config
}

// call makes the case's call and looks at what comes back.
func (one *commonCase) call(t *testing.T, client *notifyd.Client) {
	run, there := calls[one.Call]
	if !there {
		t.Fatal("no such call: ", one.Call)
	}
	result, etag, err := run(&arguments{t: t, text: one.Arguments, take: one.Take}, client)
	if one.Error != nil {
		one.checkError(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if etag != one.ETag && one.ETag != "" {
		t.Errorf("the ETag is %q instead of %q", etag, one.ETag)
	}
	var wanted interface{}
	if err := decode(one.Result, &wanted); err != nil {
		t.Fatal(err)
	}
	if text := difference(wanted, generic(t, result), ""); text != "" {
		t.Error(text)
	}
}

func (one *commonCase) checkError(t *testing.T, err error) {
	var failed *notifyd.Error
	if !errors.As(err, &failed) {
		t.Fatalf("%v instead of an error of the kind %v", err, one.Error["kind"])
	}
	if !errors.Is(err, notifyd.Kind(one.Error["kind"].(string))) {
		t.Errorf("%v instead of one of the kind %v", err, one.Error["kind"])
	}
	if status, said := one.Error["status"]; said && fmt.Sprint(status) != fmt.Sprint(failed.Status) {
		t.Errorf("status %d instead of %v", failed.Status, status)
	}
	if after, said := one.Error["retry_after_ms"]; said && fmt.Sprint(after) != fmt.Sprint(failed.RetryAfter.Milliseconds()) {
		t.Errorf("Retry-After %v instead of %v ms", failed.RetryAfter, after)
	}
	problem, said := one.Error["problem"]
	if !said {
		return
	}
	if text := difference(problem, generic(t, failed.Document), "/problem"); text != "" || (problem == nil) != (failed.Problem == nil) {
		t.Error("another problem: ", text)
	}
	if failed.Problem != nil && failed.Problem.Detail != problem.(map[string]interface{})["detail"] {
		t.Error("another detail: ", failed.Problem.Detail)
	}
}

// A sleeper records waits and does not wait.
type sleeper struct {
	mutex sync.Mutex
	waits []time.Duration
}

func (s *sleeper) sleep(_ context.Context, wait time.Duration) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.waits = append(s.waits, wait)
	return nil
}

func (s *sleeper) check(t *testing.T, wanted [][2]int64) {
	ok := len(s.waits) == len(wanted)
	for i := 0; ok && i < len(wanted); i++ {
		ok = s.waits[i].Milliseconds() >= wanted[i][0] && s.waits[i] <= time.Duration(wanted[i][1])*time.Millisecond
	}
	if !ok {
		t.Errorf("the waits were %v instead of %v ms", s.waits, wanted)
	}
}

// What a call is given.
type arguments struct {
	t    *testing.T
	text json.RawMessage
	take *int
}

// into reads the arguments into a struct of those that the call has.
func (a *arguments) into(out interface{}) {
	if err := decode(a.text, out); err != nil {
		a.t.Fatal(err)
	}
}

// taken collects what an iteration yields, as far as the case wants.
func taken[T any](a *arguments, next func() bool, item func() T, failed func() error) (interface{}, string, error) {
	out := []T{}
	for (a.take == nil || len(out) < *a.take) && next() {
		out = append(out, item())
	}
	return out, "", failed()
}

func viewed(view *notifyd.View, err error) (interface{}, string, error) {
	if err != nil {
		return nil, "", err
	}
	return view.NotifyView, view.ETag, nil
}

func plain[T any](result T, err error) (interface{}, string, error) { return result, "", err }

func queryOf(fields map[string]interface{}) url.Values {
	out := url.Values{}
	for name, value := range fields {
		out.Set(name, fmt.Sprint(value))
	}
	return out
}
