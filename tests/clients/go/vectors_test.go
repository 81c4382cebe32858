package notifydtest

import (
	"errors"
	"net/http"
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
			Steps    []struct {
				AtMs   int64  `json:"at_ms"`
				Do     string `json:"do"`
				ID     string `json:"id"`
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
			for i, step := range one.Steps {
				now = time.Unix(1600000000, 0).Add(time.Duration(step.AtMs) * time.Millisecond)
				switch step.Do {
				case "claim":
					if got := dedup.Claim(step.ID); string(got) != step.Result {
						t.Errorf("step %d: %q instead of %q", i, got, step.Result)
					}
				case "finish":
					dedup.Finish(step.ID)
				case "release":
					dedup.Release(step.ID)
				default:
					t.Fatal("no such step: ", step.Do)
				}
			}
		})
	}
}
