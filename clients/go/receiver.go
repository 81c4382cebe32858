package notifyd

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how far a signed call's time may lie from the receiver's clock, either way, as the reference implementations of Standard
// Webhooks have it.
const DefaultTolerance = 5 * time.Minute

// One text has one signature, so what is no canonical base64 is none.
var strictBase64 = base64.StdEncoding.Strict()

// A VerifyError says why a call is not taken for the broker's.
type VerifyError string

func (e VerifyError) Error() string { return "notifyd: the call is not verified: " + string(e) }

// Why a call is not verified.
const (
	VerifyMissingHeader VerifyError = "missing_header" // webhook-id, webhook-timestamp or webhook-signature is not there
	VerifyBadTimestamp  VerifyError = "bad_timestamp"  // webhook-timestamp is no number of seconds
	VerifyTooOld        VerifyError = "too_old"        // it was sent longer ago than the tolerance
	VerifyTooNew        VerifyError = "too_new"        // it is of the future, by more than the tolerance
	VerifyNoMatch       VerifyError = "no_match"       // none of its signatures is of one of the keys
)

// A Verified is what a signed call says of itself.
type Verified struct {
	ID string    // the notify's, as Notify-Id
	At time.Time // when the attempt began
}

// A Verifier knows the keys by which calls may be signed: during a rotation the old and the new one. It may be used by several goroutines.
type Verifier struct {
	Tolerance time.Duration    // 0: DefaultTolerance
	Now       func() time.Time // the clock; nil: time.Now

	secrets [][]byte
	public  []ed25519.PublicKey
}

// NewVerifier takes keys as the broker shows them: "whsec_…" of HMAC-SHA256 (signatures v1), "whpk_…" the public key of Ed25519 (v1a). One key
// at least; the error, of the kind ErrArgument, is that of a key that is none.
func NewVerifier(keys ...string) (*Verifier, error) {
	v := &Verifier{}
	for _, key := range keys {
		kind, text, _ := strings.Cut(key, "_")
		bytes, err := strictBase64.DecodeString(text)
		switch {
		case kind == "whsec" && err == nil && len(bytes) > 0:
			v.secrets = append(v.secrets, bytes)
		case kind == "whpk" && err == nil && len(bytes) == ed25519.PublicKeySize:
			v.public = append(v.public, bytes)
		default:
			return nil, &Error{Kind: ErrArgument, Err: errors.New("a key is whsec_ with base64 behind it, or whpk_ with base64 of 32 bytes")}
		}
	}
	if len(keys) == 0 {
		return nil, &Error{Kind: ErrArgument, Err: errors.New("without a key nothing can be verified")}
	}
	return v, nil
}

// Verify says whether a call is signed by one of the keys, within DefaultTolerance of now. The body is as it came, byte for byte. The error is
// a VerifyError, or that of NewVerifier.
func Verify(headers http.Header, body []byte, keys ...string) (*Verified, error) {
	v, err := NewVerifier(keys...)
	if err != nil {
		return nil, err
	}
	return v.Verify(headers, body)
}

// Verify says whether a call is signed by one of the keys, within the tolerance. The error is a VerifyError.
func (v *Verifier) Verify(headers http.Header, body []byte) (*Verified, error) {
	id, stamp, signatures := headers.Get("webhook-id"), headers.Get("webhook-timestamp"), headers.Get("webhook-signature")
	if id == "" || stamp == "" || signatures == "" {
		return nil, VerifyMissingHeader
	}
	seconds, err := v.timeOf(stamp)
	if err != nil {
		return nil, err
	}
	// What is signed is id.time.body: with a dot in the id it could be read in two ways. Notifyd's have none.
	if strings.Contains(id, ".") {
		return nil, VerifyNoMatch
	}
	content := append([]byte(id+"."+stamp+"."), body...)
	// Once a key: whoever is not the broker may send thousands of signatures.
	macs := make([][]byte, len(v.secrets))
	for i, secret := range v.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(content)
		macs[i] = mac.Sum(nil)
	}
	for _, signature := range strings.Split(signatures, " ") {
		version, text, _ := strings.Cut(signature, ",")
		given, err := strictBase64.DecodeString(text)
		if err == nil && v.matches(version, given, content, macs) {
			return &Verified{ID: id, At: time.Unix(seconds, 0)}, nil
		}
	}
	return nil, VerifyNoMatch
}

// timeOf gives the seconds of a timestamp that lies within the tolerance.
func (v *Verifier) timeOf(stamp string) (int64, error) {
	seconds, err := strconv.ParseUint(stamp, 10, 63)
	if err != nil {
		return 0, VerifyBadTimestamp
	}
	now, tolerance := time.Now(), v.Tolerance
	if v.Now != nil {
		now = v.Now()
	}
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	at := int64(seconds)
	switch age := now.Unix() - at; {
	case age > int64(tolerance/time.Second):
		return 0, VerifyTooOld
	case age < -int64(tolerance/time.Second):
		return 0, VerifyTooNew
	}
	return at, nil
}

func (v *Verifier) matches(version string, given, content []byte, macs [][]byte) bool {
	switch version {
	case "v1":
		for _, mac := range macs {
			if hmac.Equal(mac, given) {
				return true
			}
		}
	case "v1a":
		for _, public := range v.public {
			if len(given) == ed25519.SignatureSize && ed25519.Verify(public, content, given) {
				return true
			}
		}
	}
	return false
}
