package btauth_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/btauth"
)

// Headers of any kind are refused with one of the five classes, or belong to
// the request that was signed.
func FuzzHeaders(f *testing.F) {
	now := time.Unix(1_760_000_000, 0)
	a := authenticator(f, btauth.Config{Now: func() time.Time { return now }, Nonces: always{}, AllowUnbound: true, Ed25519: gullible{}})
	request := btauth.Request{Method: "POST", Target: "/x", Body: []byte("body")}
	header := sign(f, now, request)
	get := header.Get
	f.Add(get(btauth.HeaderVersion), get(btauth.HeaderHotkey), get(btauth.HeaderNonce), get(btauth.HeaderSignature), "", get(btauth.HeaderReceiver), "POST", "/x")
	for _, v := range vectors().Invalid {
		values := map[string]string{}
		for _, h := range v.Headers {
			values[http.CanonicalHeaderKey(h[0])] = h[1]
		}
		f.Add(values[btauth.HeaderVersion], values[btauth.HeaderHotkey], values[btauth.HeaderNonce], values[btauth.HeaderSignature], values[btauth.HeaderCrypto], values[btauth.HeaderReceiver], v.Method, v.Path)
	}
	f.Fuzz(func(t *testing.T, version, hotkey, nonce, signature, crypto, receiver, method, target string) {
		got := http.Header{}
		for name, value := range map[string]string{
			btauth.HeaderVersion: version, btauth.HeaderHotkey: hotkey, btauth.HeaderNonce: nonce,
			btauth.HeaderSignature: signature, btauth.HeaderCrypto: crypto, btauth.HeaderReceiver: receiver,
		} {
			if value != "" {
				got.Set(name, value)
			}
		}
		caller, err := a.Verify(t.Context(), got, btauth.Request{Method: method, Target: target, Body: request.Body})
		switch {
		case err != nil:
			if classOf(err) == "" {
				t.Fatalf("error %v", err)
			}
		case caller.Scheme == btauth.Ed25519: // whose verifier accepts everything
		case hotkey != get(btauth.HeaderHotkey) || nonce != get(btauth.HeaderNonce) || receiver != get(btauth.HeaderReceiver) || target != "/x":
			t.Fatalf("accepted %v", got)
		}
	})
}

type always struct{}

func (always) Use(context.Context, string, int64, time.Time, time.Time) (bool, error) {
	return true, nil
}
