package notifyd

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Config says where the broker is, as whom it is asked, and how patiently. The zero Config is that of the environment.
type Config struct {
	URL       string // "http://HOST:PORT", "https://…", or "unix:/PATH" of a socket; empty: NOTIFYD_URL, else http://127.0.0.1:7300
	Token     string // empty: NOTIFYD_TOKEN, else none
	Namespace string // empty: NOTIFYD_NAMESPACE, else the token's own

	HTTPClient    *http.Client  // its Transport is used; nil: one of the client's own
	Timeout       time.Duration // of one attempt, beside what the broker is asked to wait; 0: 30 s
	Attempts      int           // of one call, at most; 0: 4
	InitialWait   time.Duration // before the second attempt, doubling from then on; 0: 200 ms
	MaxWait       time.Duration // between two attempts, unless the broker asks for more; 0: 10 s
	MaxRetryAfter time.Duration // whoever is asked to come back later than this is told so at once; 0: 60 s

	LinesPerRequest int  // of a stream; 0: 1,000
	NoKeys          bool // make no idempotency keys: what is submitted without one is sent again only where it certainly was not taken

	Sleep func(context.Context, time.Duration) error // waits between attempts; nil: by the clock. For tests
}

// An Error is whatever kept a call from its answer. errors.Is(err, ErrNotFound) and the like ask for its kind.
type Error struct {
	Kind       Kind
	Status     int             // of the answer; 0 where none came
	Problem    *Problem        // why the broker refused; nil where it was not the broker that did
	Document   json.RawMessage // the problem document as it came, with what a later broker says in it
	RetryAfter time.Duration   // 0: nobody said
	Attempts   int             // how often it was sent
	Err        error           // what is beneath, where no answer came or none that could be read
}

// A Kind of errors is an error itself, for errors.Is.
type Kind string

// The kinds of errors. Those of a status are refusals; Problem says more about them.
const (
	ErrMalformed          Kind = "malformed"           // 400
	ErrUnauthorized       Kind = "unauthorized"        // 401
	ErrForbidden          Kind = "forbidden"           // 403
	ErrNotFound           Kind = "not_found"           // 404
	ErrConflict           Kind = "conflict"            // 409: Problem.ID names the notify in the way
	ErrPreconditionFailed Kind = "precondition_failed" // 412: somebody else changed it
	ErrTooLarge           Kind = "too_large"           // 413
	ErrUnacceptable       Kind = "unacceptable"        // 422: Problem.Field says which field
	ErrTooMany            Kind = "too_many"            // 429
	ErrUnavailable        Kind = "unavailable"         // 503
	ErrDiskFull           Kind = "disk_full"           // 507
	ErrRefused            Kind = "refused"             // any other status
	ErrConnection         Kind = "connection"          // no answer came: it may have been taken or not
	ErrTimeout            Kind = "timeout"             // no answer came in time: likewise
	ErrBadAnswer          Kind = "bad_answer"          // what came is not what the API says
	ErrArgument           Kind = "argument"            // it cannot be asked so: nothing was sent
)

func (k Kind) Error() string { return "notifyd: " + string(k) }

var kinds = map[int]Kind{
	400: ErrMalformed, 401: ErrUnauthorized, 403: ErrForbidden, 404: ErrNotFound, 409: ErrConflict, 412: ErrPreconditionFailed, 413: ErrTooLarge,
	422: ErrUnacceptable, 429: ErrTooMany, 503: ErrUnavailable, 507: ErrDiskFull,
}

func (e *Error) Error() string {
	text := "notifyd: " + string(e.Kind)
	if e.Status != 0 {
		text += " (" + strconv.Itoa(e.Status) + ")"
	}
	if e.Problem != nil {
		text += ": " + e.Problem.Detail
		if e.Problem.Field != "" {
			text += " (" + e.Problem.Field + ")"
		}
	} else if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives what is beneath; so errors.Is(err, context.Canceled) is true where the context's end was the reason.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is compare kinds.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// NewKey makes an idempotency key, of 128 random bits.
func NewKey() string {
	var bits [16]byte
	if _, err := rand.Read(bits[:]); err != nil {
		panic(err) // the system's source of randomness is gone
	}
	return hex.EncodeToString(bits[:])
}

// mostAnswer is more than any answer of a broker has: what is longer is not read to its end.
var mostAnswer int64 = 256 << 20

// A transport is a Config with its defaults filled in. It may be used by several goroutines.
type transport struct {
	Config
	base   string
	client *http.Client
}

func newTransport(config Config) (*transport, error) {
	t := &transport{Config: config, client: &http.Client{}}
	t.URL = firstOf(t.URL, os.Getenv("NOTIFYD_URL"), "http://127.0.0.1:7300")
	t.Token = firstOf(t.Token, os.Getenv("NOTIFYD_TOKEN"))
	t.Namespace = firstOf(t.Namespace, os.Getenv("NOTIFYD_NAMESPACE"))
	if config.HTTPClient != nil {
		*t.client = *config.HTTPClient
	} else {
		// All go to one host, which closes what was idle for 75 s: a request must not meet that.
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost, own.IdleConnTimeout = own.MaxIdleConns, time.Minute
		// As in each language: a proxy of the environment gets no token. Who wants one gives HTTPClient.
		own.Proxy = nil
		own.DialContext = patient(own.DialContext)
		t.client.Transport = own
	}
	t.client.Timeout = 0 // each attempt has its own
	// A redirect is no answer of a broker, and whoever redirects gets no token.
	t.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.base = strings.TrimRight(t.URL, "/")
	if path := strings.TrimPrefix(t.URL, "unix:"); path != t.URL {
		dialer := &net.Dialer{}
		t.base, t.client.Transport = "http://localhost", &http.Transport{
			DialContext: patient(func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }),
		}
	} else if !isAddress(t.base) {
		return nil, argument(fmt.Sprintf("%q is no address of a broker: http://HOST:PORT, https://HOST:PORT or unix:/PATH", withoutUser(t.URL)))
	}
	if !isHeaderValue(t.Token) || strings.Contains(t.Token, " ") {
		return nil, argument("the token holds what a header cannot, as a line end")
	}
	for _, row := range []struct {
		span     *time.Duration
		fallback time.Duration
	}{{&t.Timeout, 30 * time.Second}, {&t.InitialWait, 200 * time.Millisecond}, {&t.MaxWait, 10 * time.Second}, {&t.MaxRetryAfter, time.Minute}} {
		if *row.span <= 0 {
			*row.span = row.fallback
		}
	}
	if t.Sleep == nil {
		t.Sleep = sleep
	}
	if t.Attempts <= 0 {
		t.Attempts = 4
	}
	if t.LinesPerRequest <= 0 {
		t.LinesPerRequest = 1000
	}
	return t, nil
}

func argument(text string) *Error { return &Error{Kind: ErrArgument, Err: errors.New(text)} }

// withoutUser leaves a password out of what is shown.
func withoutUser(address string) string {
	before, _, _ := strings.Cut(address, "//")
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return before + "//***" + address[at:]
	}
	return address
}

func isAddress(text string) bool {
	at, err := url.Parse(text)
	plain := err == nil && at.Host != "" && at.User == nil && !strings.ContainsAny(text, "?#")
	return plain && (at.Scheme == "http" || at.Scheme == "https")
}

// isHeaderValue says whether a text can be the value of a header; none at all can.
func isHeaderValue(text string) bool {
	return strings.Trim(text, " ") == text && strings.Trim(text, visible+" ") == ""
}

// visible is what a target or a token is made of: all of ASCII that is neither a blank nor a control character.
var visible = func() string {
	var out []byte
	for c := byte('!'); c <= '~'; c++ {
		out = append(out, c)
	}
	return string(out)
}()

// checkTarget gives the error of what a request line cannot have, and of a path that would lead elsewhere.
func checkTarget(method, path string) error {
	if method == "" || strings.Trim(strings.ToUpper(method), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return argument("that is no method")
	}
	if strings.EqualFold(method, http.MethodConnect) || strings.EqualFold(method, http.MethodTrace) {
		return argument("CONNECT makes a tunnel, and TRACE would show the token")
	}
	if !strings.HasPrefix(path, "/v1/") || strings.Trim(path, visible) != "" || strings.ContainsAny(path, `#\`) {
		return argument("a path begins with /v1/ and is percent-encoded")
	}
	segments, _, _ := strings.Cut(path, "?")
	for _, one := range strings.Split(segments, "/") {
		if plain := strings.ReplaceAll(strings.ToLower(one), "%2e", "."); plain == "." || plain == ".." {
			return argument("a path has no dots as a segment")
		}
	}
	return nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// key is what goes with something submitted: the caller's own, else a new one, else none.
func (t *transport) key(own string) string {
	if own != "" || t.NoKeys {
		return own
	}
	return NewKey()
}

// A call is one request to the API, however often it is sent.
type call struct {
	method      string
	path        string // behind /v1 or the namespace's prefix, its segments encoded
	query       url.Values
	body        []byte
	contentType string // application/json where it is empty
	ifMatch     string
	repeatable  bool          // twice is the same as once
	mayBeEmpty  bool          // the answer
	needs       string        // a member without which the answer is not that of a broker
	wait        time.Duration // what the broker is asked to wait
}

// do sends a call until there is an answer that stands, and decodes a 2xx into out where that is not nil. The answer's header is nil with an
// error, which is an *Error.
func (t *transport) do(ctx context.Context, c *call, out interface{}) (http.Header, error) {
	for attempt := 1; ; attempt++ {
		header, failed := t.attempt(ctx, c, out)
		if failed == nil {
			return header, nil
		}
		failed.Attempts = attempt
		if attempt >= t.Attempts || !repeats(c, failed) || !t.pause(ctx, attempt, failed) {
			return nil, failed
		}
	}
}

// attempt sends a call once and reads the answer whole.
func (t *transport) attempt(ctx context.Context, c *call, out interface{}) (http.Header, *Error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout+c.wait)
	defer cancel()
	response, failed := t.send(ctx, c)
	if failed != nil {
		return nil, failed
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err != nil {
		return nil, lost(err)
	}
	if int64(len(text)) > mostAnswer {
		return nil, &Error{Kind: ErrBadAnswer, Status: response.StatusCode, Err: errors.New("the answer has no end")}
	}
	if out == nil || len(text) == 0 && c.mayBeEmpty {
		return response.Header, nil
	}
	err = json.Unmarshal(text, out)
	if err == nil && c.needs != "" {
		err = hasMember(text, c.needs)
	}
	if err != nil {
		return nil, &Error{Kind: ErrBadAnswer, Status: response.StatusCode, Err: err}
	}
	return response.Header, nil
}

func hasMember(text []byte, name string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	if value := members[name]; len(value) == 0 || string(value) == "null" {
		return fmt.Errorf("the answer has no %s", name)
	}
	return nil
}

// send gives the head of a 2xx, whose body is to be closed.
func (t *transport) send(ctx context.Context, c *call) (*http.Response, *Error) {
	target := t.base + "/v1"
	if t.Namespace != "" {
		space, err := segment(t.Namespace)
		if err != nil {
			return nil, err
		}
		target += "/namespaces/" + space
	}
	target += c.path
	if err := checkQuery(c.query); err != nil {
		return nil, err
	}
	if len(c.query) > 0 {
		target += "?" + strings.ReplaceAll(c.query.Encode(), "+", "%20")
	}
	request, err := http.NewRequestWithContext(ctx, c.method, target, bytes.NewReader(c.body))
	if err != nil {
		return nil, &Error{Kind: ErrArgument, Err: err}
	}
	if c.body != nil {
		request.Header.Set("Content-Type", firstOf(c.contentType, "application/json"))
	}
	if !isHeaderValue(c.ifMatch) {
		return nil, argument("the etag holds what a header cannot")
	}
	if c.ifMatch != "" {
		request.Header.Set("If-Match", c.ifMatch)
	}
	if t.Token != "" {
		request.Header.Set("Authorization", "Bearer "+t.Token)
	}
	request.Header.Set("User-Agent", "notifyd-go/"+Version)
	response, err := t.client.Do(request)
	if err != nil {
		return nil, lost(err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return nil, lost(err)
	}
	return nil, refusal(response.StatusCode, text, response.Header.Get("Retry-After"))
}

// lost is the error where no answer came, or not all of it.
func lost(err error) *Error {
	var slow net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return &Error{Kind: ErrTimeout, Err: err}
	}
	return &Error{Kind: ErrConnection, Err: err}
}

// refusal is the error of an answer that is not 2xx, with its problem document where it has one: a proxy's has none.
func refusal(status int, body []byte, retryAfter string) *Error {
	out := &Error{Kind: kinds[status], Status: status, RetryAfter: spanOf(retryAfter, time.Now())}
	if out.Kind == "" {
		out.Kind = ErrRefused
	}
	problem := &Problem{}
	if json.Unmarshal(body, problem) == nil && problem.Type != "" {
		out.Problem, out.Document = problem, body
	}
	return out
}

// mostRetryAfter is what counts where more is asked for, in every language alike.
const mostRetryAfter = (1<<31 - 1) * time.Second

// spanOf a Retry-After: seconds or a date, mostRetryAfter at most; 0 where it is neither.
func spanOf(text string, now time.Time) time.Duration {
	// Of a number out of range it gives the greatest one.
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), mostRetryAfter)
	}
	return 0
}

// repeats says whether a call should be sent again after this error, and may: what certainly was not done may always, what is repeatable also
// where nobody knows.
func repeats(c *call, failed *Error) bool {
	switch {
	case failed.Status == http.StatusTooManyRequests || failed.Status == http.StatusServiceUnavailable:
		return true
	case failed.Status == http.StatusBadGateway || failed.Status == http.StatusGatewayTimeout:
		return c.repeatable
	case failed.Kind == ErrConnection || failed.Kind == ErrTimeout:
		var connecting *net.OpError
		return c.repeatable || errors.As(failed.Err, &connecting) && connecting.Op == "dial"
	}
	return false
}

// pause waits before the attempt behind this one, at least as long as the broker asks for. False: the context ends before that, or the broker asks
// for too much.
func (t *transport) pause(ctx context.Context, attempt int, failed *Error) bool {
	wait := t.waitAfter(attempt)
	if failed.RetryAfter > t.MaxRetryAfter {
		return false
	}
	if failed.RetryAfter > wait {
		wait = failed.RetryAfter
	}
	if deadline, there := ctx.Deadline(); there && time.Until(deadline) < wait {
		return false
	}
	return t.Sleep(ctx, wait) == nil
}

// waitAfter the attempt with this number: exponentially, by chance between half and all of it.
func (t *transport) waitAfter(attempt int) time.Duration {
	wait := t.InitialWait
	for i := 1; i < attempt && wait < t.MaxWait; i++ {
		wait *= 2
	}
	wait = min(wait, t.MaxWait)
	return wait/2 + chance(wait/2)
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// chance is a random span from 0 to most.
func chance(most time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most)+1))
	if err != nil {
		return most
	}
	return time.Duration(n.Int64())
}

// segment encodes a text as a segment of a path: all but unreserved characters (RFC 3986). The error is that of one that no URL can carry as a
// segment.
func segment(text string) (string, *Error) {
	if text == "" || text == "." || text == ".." || !utf8.ValidString(text) {
		return "", &Error{Kind: ErrArgument, Err: fmt.Errorf("%q cannot stand in a path", text)}
	}
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), nil
}
