package btauth_test

import (
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/btauth"
)

var benchRequest = btauth.Request{Method: "POST", Target: "/generate?stream=false", Body: []byte(`{"prompt": "hello"}`)}

func BenchmarkVerify(b *testing.B) {
	a := authenticator(b, btauth.Config{Nonces: always{}})
	header := sign(b, time.Now().Add(time.Second), benchRequest)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Verify(b.Context(), header, benchRequest); err != nil {
			b.Fatal(err)
		}
	}
}

// Everything but the signature.
func BenchmarkVerifyOverhead(b *testing.B) {
	a := authenticator(b, btauth.Config{Verifier: gullible{}, Nonces: always{}})
	header := sign(b, time.Now().Add(time.Second), benchRequest)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Verify(b.Context(), header, benchRequest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	s, err := btauth.NewSender(btauth.SenderConfig{Signer: key(b, "//Alice")})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(benchRequest); err != nil {
			b.Fatal(err)
		}
	}
}
