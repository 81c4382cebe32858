package notifyd

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A Claim is what a Dedup answers about a call.
type Claim string

// What a Dedup answers.
const (
	ClaimNew  Claim = "new"  // nobody has done it: do the work, then call Finish or Release
	ClaimBusy Claim = "busy" // somebody is at it: answer 503, so that the broker comes again
	ClaimDone Claim = "done" // it was done: answer 200 and do nothing
)

// A Dedup remembers the Notify-Id of what was done, so that a call that comes again is not done again. It lives in the memory of one process:
// where several take the calls, or one must know after a restart, write Claims over a database, with Finish in the transaction of the work. It
// may be used by several goroutines.
type Dedup struct {
	Now func() time.Time // the clock; nil: time.Now

	capacity int
	ttl      time.Duration
	mutex    sync.Mutex
	known    map[string]*list.Element
	byAge    *list.List // of *dedupEntry, oldest first
}

type dedupEntry struct {
	id   string
	at   time.Time
	done bool
}

// NewDedup remembers so many ids (0: 100,000), each for so long (0: 24 hours). Keep them longer than the broker goes on trying.
func NewDedup(capacity int, ttl time.Duration) *Dedup {
	if capacity <= 0 {
		capacity = 100000
	}
	if ttl <= 0 {
		ttl = 24 * time.Hour
	}
	return &Dedup{capacity: capacity, ttl: ttl, known: map[string]*list.Element{}, byAge: list.New()}
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

// Finish says that the work is done.
func (d *Dedup) Finish(id string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if element, there := d.known[id]; there {
		d.forget(element)
	}
	d.remember(&dedupEntry{id: id, at: d.now(), done: true})
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
	delete(d.known, d.byAge.Remove(element).(*dedupEntry).id)
}

// Claims is what a Receiver asks about repeats: a Dedup, or the same over a database. Where that cannot be asked, ClaimBusy makes the broker
// come again.
type Claims interface {
	Claim(id string) Claim
	Finish(id string)
	Release(id string)
}

// A Receiver stands before a handler of the broker's calls.
type Receiver struct {
	Verifier *Verifier // nil: calls are not checked
	Dedup    Claims    // nil: repeats are passed on
	// MostBytes of a body are taken, more is answered 413; 0: 1 MiB, as much as the broker sends unless its settings say otherwise.
	MostBytes int64
}

// Handler answers 401 to what is not signed by the keys, 200 to a repeat of what was done, 503 to a repeat of what is being done, and passes
// all else on. What next answers with 2xx counts as done; what it answers otherwise, or panics at, comes again.
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
		switch r.Dedup.Claim(id) {
		case ClaimDone:
			w.WriteHeader(http.StatusOK)
		case ClaimBusy:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "this notify is being worked on", http.StatusServiceUnavailable)
		case ClaimNew:
			seen := &statusWriter{ResponseWriter: w}
			done := false
			defer func() {
				if done {
					r.Dedup.Finish(id)
				} else {
					r.Dedup.Release(id)
				}
			}()
			next.ServeHTTP(seen, request)
			done = seen.status == 0 || seen.status/100 == 2
		}
	})
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

// statusWriter sees the status that a handler answers with.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(bytes []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(bytes)
}

// Unwrap is for http.ResponseController of later Go.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
