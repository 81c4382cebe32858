package notifyd

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Claim is what a Dedup answers about a call.
type Claim string

// What a Dedup answers.
const (
	ClaimNew  Claim = "new"  // nobody has done it: do the work, then call Finish or Release
	ClaimBusy Claim = "busy" // somebody is at it: answer 503, so that the broker comes again
	ClaimDone Claim = "done" // it was done: do nothing, and answer as it was answered then
)

// A Dedup remembers the Notify-Id of what was done, so that a call that comes again is not done again. It lives in the memory of one process:
// where several take the calls, or one must know after a restart, write Claims over a database, with Finish in the transaction of the work. It
// may be used by several goroutines.
type Dedup struct {
	Now func() time.Time // the clock; nil: time.Now
	// AnswerBytes of answers are kept in all, the latest ones; 0: 16 MiB. An id stays where its answer goes: that work is done twice would be worse
	// than that its repeat is answered otherwise.
	AnswerBytes int

	capacity int
	ttl      time.Duration
	mutex    sync.Mutex
	known    map[string]*list.Element
	byAge    *list.List // of *dedupEntry, oldest first
	answered *list.List // those of them that have an answer, likewise
	bytes    int        // of their answers
}

type dedupEntry struct {
	id       string
	at       time.Time
	done     bool
	answer   []byte
	answered *list.Element // where it stands in Dedup.answered
}

// NewDedup remembers so many ids (0: 100,000), each for so long (0: 24 hours). Keep them longer than the broker goes on trying.
func NewDedup(capacity int, ttl time.Duration) *Dedup {
	if capacity <= 0 {
		capacity = 100000
	}
	if ttl <= 0 {
		ttl = 24 * time.Hour
	}
	return &Dedup{capacity: capacity, ttl: ttl, known: map[string]*list.Element{}, byAge: list.New(), answered: list.New()}
}

// Claim asks to do the work of the call with this id. Behind ClaimNew either Finish or Release follows; where neither does, the claim ends
// with its time.
func (d *Dedup) Claim(id string) Claim {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	now := d.now()
	for front := d.byAge.Front(); front != nil && now.Sub(front.Value.(*dedupEntry).at) >= d.ttl; front = d.byAge.Front() {
		d.forget(front)
	}
	if element, there := d.known[id]; there {
		if element.Value.(*dedupEntry).done {
			return ClaimDone
		}
		return ClaimBusy
	}
	d.remember(&dedupEntry{id: id, at: now})
	return ClaimNew
}

// Finish says that the work is done, and how it was answered: what Answer is to give to its repeats, or nil.
func (d *Dedup) Finish(id string, answer []byte) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if element, there := d.known[id]; there {
		d.forget(element)
	}
	entry := &dedupEntry{id: id, at: d.now(), done: true, answer: answer}
	if len(answer) > 0 {
		entry.answered = d.answered.PushBack(entry)
		d.bytes += len(answer)
	}
	d.remember(entry)
	most := d.AnswerBytes
	if most == 0 {
		most = 16 << 20
	}
	for d.bytes > most {
		d.forgetAnswer(d.answered.Front().Value.(*dedupEntry))
	}
}

// Answer gives what Finish was given for this id; nil where it is not kept.
func (d *Dedup) Answer(id string) []byte {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if element, there := d.known[id]; there {
		return element.Value.(*dedupEntry).answer
	}
	return nil
}

// Release says that the work was not done: the next call with this id does it.
func (d *Dedup) Release(id string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if element, there := d.known[id]; there && !element.Value.(*dedupEntry).done {
		d.forget(element)
	}
}

func (d *Dedup) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

func (d *Dedup) remember(entry *dedupEntry) {
	d.known[entry.id] = d.byAge.PushBack(entry)
	for d.byAge.Len() > d.capacity {
		d.forget(d.byAge.Front())
	}
}

func (d *Dedup) forget(element *list.Element) {
	entry := d.byAge.Remove(element).(*dedupEntry)
	delete(d.known, entry.id)
	d.forgetAnswer(entry)
}

func (d *Dedup) forgetAnswer(entry *dedupEntry) {
	if entry.answered != nil {
		d.answered.Remove(entry.answered)
		d.bytes -= len(entry.answer)
		entry.answered, entry.answer = nil, nil
	}
}

// Claims is what a Receiver asks about repeats: a Dedup, or the same over a database. Where that cannot be asked, ClaimBusy makes the broker
// come again. The answer that Finish is given is some 4 KiB at most, bytes that only whoever gave them reads; Answer gives it back, or nothing
// where it is not kept.
type Claims interface {
	Claim(id string) Claim
	Finish(id string, answer []byte)
	Release(id string)
	Answer(id string) []byte
}

// mostKept of the body of an answer is kept, for repeats.
const mostKept = 4096

// A Receiver stands before a handler of the broker's calls.
type Receiver struct {
	Verifier *Verifier // nil: calls are not checked
	Dedup    Claims    // nil: repeats are passed on
	// MostBytes of a body are taken, more is answered 413; 0: 1 MiB, as much as the broker sends unless its settings say otherwise.
	MostBytes int64
	// Done says whether a handler that answered with this status, and a body that begins so (4,096 bytes), has done the work; nil: as IsDone.
	Done func(status int, body []byte) bool
	// Scope stands before each id in Dedup, which receivers of several brokers share.
	Scope string
}

// IsDone is 2xx, but for 202, with which a receiver says that it is not ready (the retry's later_on).
func IsDone(status int, _ []byte) bool {
	return status/100 == 2 && status != http.StatusAccepted
}

// Handler answers 401 to what is not signed by the keys; to a repeat of what was done as that was answered, its status and the first 4,096 bytes;
// 503 to a repeat of what is being done; and passes all else on. What next answers counts as done where Receiver.Done says so; otherwise, or where
// it panics, it comes again.
func (r *Receiver) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		id := request.Header.Get("Notify-Id")
		if r.Verifier != nil {
			verified := r.verify(w, request)
			if verified == nil {
				return
			}
			id = verified.ID // the same, and signed
		}
		if r.Dedup == nil || id == "" {
			next.ServeHTTP(w, request)
			return
		}
		id = r.Scope + id
		switch r.Dedup.Claim(id) {
		case ClaimDone:
			repeat(w, r.Dedup.Answer(id))
		case ClaimBusy:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "this notify is being worked on", http.StatusServiceUnavailable)
		case ClaimNew:
			seen := &answerWriter{ResponseWriter: w}
			done := false
			defer func() {
				if done {
					r.Dedup.Finish(id, []byte(fmt.Sprintf("%d\n%s", seen.status, seen.body)))
				} else {
					r.Dedup.Release(id)
				}
			}()
			next.ServeHTTP(seen, request)
			if seen.status == 0 {
				seen.status = http.StatusOK
			}
			isDone := r.Done
			if isDone == nil {
				isDone = IsDone
			}
			done = isDone(seen.status, seen.body)
		}
	})
}

// repeat answers as what was done was answered; 200 where that is not kept.
func repeat(w http.ResponseWriter, answer []byte) {
	text, body, _ := bytes.Cut(answer, []byte("\n"))
	status, err := strconv.Atoi(string(text))
	if err != nil {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	w.Write(body)
}

// verify reads the body whole, checks it, and puts it back for the handler. Nil: it is answered.
func (r *Receiver) verify(w http.ResponseWriter, request *http.Request) *Verified {
	most := r.MostBytes
	if most == 0 {
		most = 1 << 20
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, most))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprintf("a body has %d bytes at most", most), http.StatusRequestEntityTooLarge)
		} else {
			http.Error(w, "the body broke off", http.StatusBadRequest)
		}
		return nil
	}
	verified, err := r.Verifier.Verify(request.Header, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return nil
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return verified
}

// answerWriter sees the status that a handler answers with, and the beginning of the body.
type answerWriter struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(bytes []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if room := mostKept - len(w.body); len(bytes) > room {
		w.body = append(w.body, bytes[:room]...)
	} else {
		w.body = append(w.body, bytes...)
	}
	return w.ResponseWriter.Write(bytes)
}

// Flush is http.Flusher's, where what is behind can.
func (w *answerWriter) Flush() {
	if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
		if w.status == 0 {
			w.status = http.StatusOK
		}
		flusher.Flush()
	}
}

// Unwrap is for http.ResponseController of later Go.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
