package axon_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// anyNonce takes every nonce, so that one signed message can be sent again and
// again.
type anyNonce struct{}

func (anyNonce) Last(context.Context, string) (int64, bool, error) { return 0, false, nil }

func (anyNonce) Advance(context.Context, string, int64, time.Time, time.Time) (bool, error) {
	return true, nil
}

// BenchmarkServe is what an axon does for a message, without the network: with
// its signature, and without to see the rest.
func BenchmarkServe(b *testing.B) {
	for name, verifier := range map[string]synapse.Verifier{"verified": wallet.Sr25519, "unverified": gullible{}} {
		b.Run(name, func(b *testing.B) {
			a, err := axon.New(axon.Config{Signer: key(b, "//Bob"), Verifier: verifier, Nonces: anyNonce{}})
			if err != nil {
				b.Fatal(err)
			}
			if err := axon.Attach(a, double); err != nil {
				b.Fatal(err)
			}
			m := &Dummy{Input: 41, Note: "é"}
			m.Timeout = synapse.Some(600.0)
			r := build(b, m, time.Now().UnixNano())
			header := http.Header{}
			for name, values := range r.header {
				header.Add(name, values[0])
			}
			b.ReportAllocs()
			for b.Loop() {
				request := httptest.NewRequest(http.MethodPost, r.path, strings.NewReader(r.body))
				request.Header = header
				w := &recorder{header: http.Header{}}
				a.ServeHTTP(w, request)
				if w.status != http.StatusOK {
					b.Fatal(w.status, w.body.String())
				}
			}
		})
	}
}

// BenchmarkVerifiedRequests is verified messages over sockets, 64 at a time,
// beside the checks of signatures that they contain.
func BenchmarkVerifiedRequests(b *testing.B) {
	_, address := serve(b, axon.Config{Settings: axon.Settings{MaxWorkers: 64}, Nonces: anyNonce{}}, attach(double))
	m := &Dummy{Input: 41, Note: "é"}
	m.Timeout = synapse.Some(600.0)
	r := build(b, m, time.Now().UnixNano())
	pool := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.Cleanup(pool.CloseIdleConnections)
	var failures atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, address+r.path, strings.NewReader(r.body))
			if err != nil {
				b.Error(err)
				return
			}
			request.Header = r.header
			response, err := pool.Do(request)
			if err != nil {
				b.Error(err)
				return
			}
			if response.StatusCode != http.StatusOK {
				failures.Add(1)
			}
			response.Body.Close()
		}
	})
	if failures.Load() > 0 {
		b.Errorf("%d failures", failures.Load())
	}
}
