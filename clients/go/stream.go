package notifyd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	mostRequest = 1 << 20               // bytes, about, of one request of a stream
	linger      = 10 * time.Millisecond // that a request waits for more lines
)

// A Line is what became of one notify of a stream.
type Line struct {
	Index     int64    `json:"index"` // of the notify, from 0
	ID        string   `json:"id"`    // empty where it was refused
	State     string   `json:"state"` // "removed" beside Duplicate: it is not there any more; else empty
	Duplicate bool     `json:"duplicate"`
	Kept      bool     `json:"kept"`  // on_held is keep, and ID is held already
	Error     *Problem `json:"error"` // why it was refused; nil: it is on the broker's disk
}

// A Stream submits what comes from a channel, and iterates over what became of it.
type Stream struct {
	client   *Client
	ctx      context.Context
	from     <-chan Notify
	ended    bool
	waiting  [][]byte // lines that have no answer yet, oldest first, each with its end
	size     int      // of them in bytes
	keyed    bool     // each of them has a key
	answered int64
	ready    []Line // answered, and not asked for yet
	line     Line
	err      error
	fault    error // why ended, where it was not the channel's end
}

// SubmitStream hands over what comes from a channel until that is closed, each notify accepted or refused by itself, in requests of what comes
// within some milliseconds, at most Config.LinesPerRequest each. Nothing is sent before Next is called. Where a connection breaks, what has no
// answer is sent again with the same keys.
func (c *Client) SubmitStream(ctx context.Context, notifies <-chan Notify) *Stream {
	return &Stream{client: c, ctx: ctx, from: notifies}
}

// Next waits for the next line, in the order of the channel; false once all are answered, or there is an error.
func (s *Stream) Next() bool {
	for len(s.ready) == 0 {
		if s.err != nil {
			return false
		}
		if s.fill() {
			s.err = s.send()
		} else if s.err == nil {
			s.err = s.fault
			return false
		}
	}
	s.line, s.ready = s.ready[0], s.ready[1:]
	return true
}

// Line is the one that Next came to.
func (s *Stream) Line() Line { return s.line }

// Err is why Next was false before all were answered, else nil.
func (s *Stream) Err() error { return s.err }

// fill takes from the channel what there is for a request: it waits for the first one, and lingers for more. False: there is none.
func (s *Stream) fill() bool {
	s.keyed = true
	var over <-chan time.Time // nil, and so never, before there is one
	for !s.ended && s.err == nil && len(s.waiting) < s.client.transport.LinesPerRequest && s.size < mostRequest {
		select {
		case notify, ok := <-s.from:
			if s.ended = !ok; ok {
				s.add(notify)
			}
		case <-over:
			return true
		case <-s.ctx.Done():
			s.err = lost(s.ctx.Err())
		}
		if over == nil && len(s.waiting) > 0 {
			timer := time.NewTimer(linger)
			defer timer.Stop()
			over = timer.C
		}
	}
	return s.err == nil && len(s.waiting) > 0
}

// add takes one more to those that wait. One that is no JSON ends the stream behind those before it.
func (s *Stream) add(notify Notify) {
	notify.IdempotencyKey = s.client.transport.key(notify.IdempotencyKey)
	text, err := marshal(notify)
	if err != nil {
		s.ended, s.fault = true, &Error{Kind: ErrArgument, Err: err}
		return
	}
	s.keyed = s.keyed && notify.IdempotencyKey != ""
	s.waiting = append(s.waiting, append(text, '\n'))
	s.size += len(text) + 1
}

// send sends what waits until one of it at least is answered.
func (s *Stream) send() error {
	t := s.client.transport
	for attempt := 1; len(s.waiting) > 0; attempt++ {
		before := s.answered
		request := &call{method: http.MethodPost, path: "/notifies", contentType: "application/x-ndjson", repeatable: s.keyed}
		request.body = bytes.Join(s.waiting, nil)
		failed := s.attempt(request)
		if failed == nil {
			return nil
		}
		if s.answered > before {
			attempt = 1
		}
		failed.Attempts = attempt
		if attempt >= t.Attempts || !repeats(request, failed) || !t.pause(s.ctx, attempt, failed) {
			return failed
		}
	}
	return nil
}

// attempt sends one request, and takes the lines of its answer while they come.
func (s *Stream) attempt(request *call) *Error {
	ctx, cancel := context.WithTimeout(s.ctx, s.client.transport.Timeout)
	defer cancel()
	response, failed := s.client.transport.send(ctx, request)
	if failed != nil {
		return failed
	}
	defer response.Body.Close()
	limited := &io.LimitedReader{R: response.Body, N: mostAnswer}
	for lines, index := bufio.NewReader(limited), int64(0); ; index++ {
		text, err := lines.ReadBytes('\n')
		if err == io.EOF && limited.N <= 0 {
			return &Error{Kind: ErrBadAnswer, Status: response.StatusCode, Err: errors.New("the answer has no end")}
		}
		if err != nil && len(s.waiting) == 0 {
			return nil // however the connection ended
		}
		if err == io.EOF {
			return lost(io.ErrUnexpectedEOF)
		}
		if err != nil {
			return lost(err)
		}
		if failed := s.take(text, index); failed != nil {
			return failed
		}
	}
}

// take takes the answer to the line that waits longest.
func (s *Stream) take(text []byte, index int64) *Error {
	var answer struct {
		Line
		Index     *int64 `json:"index"`
		NextIndex *int64 `json:"next_index"`
		Type      string `json:"type"`
		Status    int    `json:"status"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return &Error{Kind: ErrBadAnswer, Status: http.StatusOK, Err: err}
	}
	// A problem, the last line: none of the lines behind was taken, or that is not known.
	if answer.Index == nil && answer.Type != "" {
		if answer.Status == 0 && answer.NextIndex != nil {
			answer.Status = http.StatusServiceUnavailable
		} else if answer.Status == 0 {
			answer.Status = http.StatusGatewayTimeout
		}
		return refusal(answer.Status, text, "")
	}
	if answer.Index == nil || *answer.Index != index || len(s.waiting) == 0 || answer.ID == "" && answer.Error == nil {
		return &Error{Kind: ErrBadAnswer, Status: http.StatusOK, Err: errors.New("a line of the answer is not the next one")}
	}
	answer.Line.Index = s.answered
	s.ready = append(s.ready, answer.Line)
	s.answered++
	s.size -= len(s.waiting[0])
	s.waiting = s.waiting[1:]
	return nil
}
