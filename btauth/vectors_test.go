package btauth_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/wallet"
)

// testdata/btauth.json was made with the Python SDK 11.3.0. It is a copy:
//
//go:generate sh -c "cp ${PYLON_SHARED:-../../shared}/vectors/btauth.json testdata/ && chmod 644 testdata/btauth.json"

type vector struct {
	Name            string
	Headers         [][2]string
	Method, Path    string
	BodyHex         string  `json:"body_hex"`
	SelfHotkey      string  `json:"self_hotkey"`
	NowNS           string  `json:"now_ns"`
	MaxAge          float64 `json:"max_age_s"`
	AllowedSkew     float64 `json:"allowed_skew_s"`
	RequireReceiver bool    `json:"require_receiver"`
	Lenient         bool
	Error           string
	Result          string
}

type vectorFile struct {
	Sign []struct {
		Name, Scheme, Method, Path string
		BodyHex                    string `json:"body_hex"`
		Receiver                   *string
		NonceNS                    string `json:"nonce_ns"`
		Payload                    string
		HeadersInOrder             [][2]string `json:"headers_in_order"`
		Deterministic              bool
	}
	Valid, Invalid []vector
	Defaults       struct {
		MaxAge          float64 `json:"max_age_s"`
		AllowedSkew     float64 `json:"allowed_skew_s"`
		RequireReceiver bool    `json:"require_receiver"`
	}
	Sequence struct{ Steps []vector }
	WeakKeys struct{ Cases []vector } `json:"weak_keys"`
}

var vectors = sync.OnceValue(func() *vectorFile {
	raw, err := os.ReadFile("testdata/btauth.json")
	if err != nil {
		panic(err)
	}
	out := new(vectorFile)
	if err := json.Unmarshal(raw, out); err != nil {
		panic(err)
	}
	return out
})

func (v vector) now(t *testing.T) time.Time {
	t.Helper()
	ns, err := strconv.ParseInt(v.NowNS, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, ns)
}

func (v vector) config(t *testing.T) btauth.Config {
	t.Helper()
	now := v.now(t)
	c := btauth.Config{
		Receiver: v.SelfHotkey, Verifier: wallet.Sr25519, Ed25519: wallet.Ed25519, AllowUnbound: !v.RequireReceiver,
		MaxAge:  time.Duration(v.MaxAge * float64(time.Second)),
		MaxSkew: time.Duration(v.AllowedSkew * float64(time.Second)),
		Now:     func() time.Time { return now },
		Nonces:  btauth.NewMemoryNonces(0),
	}
	if c.MaxAge == 0 {
		c.MaxAge = 1 // as close to nothing as a setting can be
	}
	if c.MaxSkew == 0 {
		c.MaxSkew = -1
	}
	return c
}

func (v vector) verify(t *testing.T, c btauth.Config) error {
	t.Helper()
	a, err := btauth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	body, err := hex.DecodeString(v.BodyHex)
	if err != nil {
		t.Fatal(err)
	}
	header := make(http.Header)
	for _, h := range v.Headers {
		header.Add(h[0], h[1])
	}
	caller, err := a.Verify(t.Context(), header, btauth.Request{Method: v.Method, Target: v.Path, Body: body})
	if err == nil {
		pub, _, decodeErr := ss58.Decode(caller.Hotkey)
		if decodeErr != nil || pub != caller.PublicKey || caller.Hotkey != header.Get(btauth.HeaderHotkey) || strconv.FormatInt(caller.Nonce, 10) != header.Get(btauth.HeaderNonce) {
			t.Errorf("caller %+v", caller)
		}
		if _, bound := header[btauth.HeaderReceiver]; bound != caller.Bound {
			t.Errorf("bound %v", caller.Bound)
		}
	}
	return err
}

// classOf returns the SDK's name of an error.
func classOf(err error) string {
	for _, class := range []error{btauth.ErrMalformedAuth, btauth.ErrWrongReceiver, btauth.ErrStaleRequest, btauth.ErrBadSignature, btauth.ErrReplayedRequest} {
		if errors.Is(err, class) {
			return class.Error()
		}
	}
	return ""
}

func TestVectorSign(t *testing.T) {
	t.Parallel()
	for _, v := range vectors().Sign {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			scheme, ours := wallet.Sr25519, btauth.Sr25519
			if v.Scheme == "ed25519" {
				scheme, ours = wallet.Ed25519, btauth.Ed25519
			}
			key, err := scheme.FromURI("//Alice")
			if err != nil {
				t.Fatal(err)
			}
			body, err := hex.DecodeString(v.BodyHex)
			if err != nil {
				t.Fatal(err)
			}
			nonce, err := strconv.ParseInt(v.NonceNS, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			signer := &recorder{Keypair: key}
			c := btauth.SenderConfig{Signer: signer, Scheme: ours, Now: func() time.Time { return time.Unix(0, nonce) }}
			if v.Receiver != nil {
				c.Receiver = *v.Receiver
			}
			sender, err := btauth.NewSender(c)
			if err != nil {
				t.Fatal(err)
			}
			header, err := sender.Sign(btauth.Request{Method: v.Method, Target: v.Path, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			if string(signer.signed) != v.Payload {
				t.Errorf("payload\n%s\nwant\n%s", signer.signed, v.Payload)
			}
			want := make(http.Header)
			for _, h := range v.HeadersInOrder {
				if h[1] != "" { // an empty receiver, which no server accepts
					want.Set(h[0], h[1])
				}
			}
			if !v.Deterministic {
				signature := header.Get(btauth.HeaderSignature)
				raw, err := hex.DecodeString(strings.TrimPrefix(signature, "0x"))
				if err != nil || len(raw) != 64 || !scheme.Verify(key.PublicKey(), []byte(v.Payload), [64]byte(raw)) {
					t.Errorf("signature %s", signature)
				}
				want.Set(btauth.HeaderSignature, signature)
			}
			if diff := cmp.Diff(want, header); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// recorder is a key that keeps what it signed.
type recorder struct {
	*wallet.Keypair
	signed []byte
}

func (r *recorder) Sign(message []byte) [64]byte {
	r.signed = message
	return r.Keypair.Sign(message)
}

func TestVectorValid(t *testing.T) {
	t.Parallel()
	lenient := 0
	for _, v := range vectors().Valid {
		if v.Lenient {
			lenient++
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			err := v.verify(t, v.config(t))
			switch {
			case !v.Lenient && err != nil:
				t.Error(err)
			case v.Lenient && classOf(err) == "":
				// Nothing that the SDK sends looks like this.
				t.Errorf("accepted, or refused for another reason than the request: %v", err)
			}
		})
	}
	got := [...]int{len(vectors().Sign), len(vectors().Invalid), len(vectors().Sequence.Steps), len(vectors().WeakKeys.Cases)}
	if want := [...]int{5, 61, 8, 4}; got != want { // as the description of the protocol counts them
		t.Errorf("%v vectors, want %v", got, want)
	}
	if lenient != 17 || len(vectors().Valid) != 41 {
		t.Errorf("%d of %d lenient", lenient, len(vectors().Valid))
	}
}

// Ours are the SDK's. TestReceiverOfEachRequest has the receiver.
func TestVectorDefaults(t *testing.T) {
	t.Parallel()
	d := vectors().Defaults
	if d.MaxAge != btauth.DefaultMaxAge.Seconds() || d.AllowedSkew != btauth.DefaultMaxSkew.Seconds() || !d.RequireReceiver {
		t.Errorf("%+v", d)
	}
}

func TestVectorInvalid(t *testing.T) {
	t.Parallel()
	for _, v := range vectors().Invalid {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			err := v.verify(t, v.config(t))
			want := v.Error
			if v.Name == "sender re-encoded with prefix 0" {
				want = "MalformedAuth" // no hotkey of this network
			}
			if got := classOf(err); got != want {
				t.Errorf("error %v, want %s", err, want)
			}
			for _, h := range v.Headers {
				if h[0] == btauth.HeaderSignature && len(h[1]) > 8 && err != nil && strings.Contains(err.Error(), h[1]) {
					t.Errorf("the error quotes the signature: %v", err)
				}
			}
		})
	}
}

func TestVectorSequence(t *testing.T) {
	t.Parallel()
	store := btauth.NewMemoryNonces(0)
	for _, v := range vectors().Sequence.Steps {
		c := v.config(t)
		c.Nonces = store
		err := v.verify(t, c)
		if got := classOf(err); err == nil && v.Result != "ok" || err != nil && got != v.Result {
			t.Errorf("%s: error %v, want %s", v.Name, err, v.Result)
		}
	}
}

// The SDK accepts these; anybody can make them.
func TestVectorWeakKeys(t *testing.T) {
	t.Parallel()
	if len(vectors().WeakKeys.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, v := range vectors().WeakKeys.Cases {
		c := v.config(t)
		// Also with a verifier that does not know of them.
		c.Verifier, c.Ed25519 = gullible{}, gullible{}
		for _, c := range []btauth.Config{c, v.config(t)} {
			if err := v.verify(t, c); !errors.Is(err, btauth.ErrBadSignature) {
				t.Errorf("%s: error %v", v.Name, err)
			}
		}
	}
}

// gullible accepts every signature.
type gullible struct{}

func (gullible) Verify([32]byte, []byte, [64]byte) bool { return true }
