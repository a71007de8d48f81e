package axon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
)

// Whatever comes over a connection, the answer is HTTP with JSON, and the
// function is called only for who signed.
func FuzzServe(f *testing.F) {
	now := int64(1_700_000_000_000_000_000)
	good := build(f, &Dummy{Input: 1, Note: "n"}, now)
	f.Add(good.bytes())
	f.Add(strings.Replace(good.bytes(), "bt_header_dendrite_version: 10005000", "bt_header_dendrite_version: 1", 1))
	f.Add(build(f, new(synapse.Synapse), now).bytes())
	f.Add("GET /Dummy HTTP/1.1\r\nHost: x\r\n\r\n")
	f.Add("PUT /Dummy/x?y HTTP/1.1\r\nHost: x\r\nX-Bittensor-Version: 1\r\n\r\n")
	var called bool
	axons := map[axon.Mode]*axon.Axon{}
	for _, mode := range modes {
		a, err := axon.New(axon.Config{Signer: key(f, "//Bob"), Verifier: nobody{}, Mode: mode, Now: newClock().Now, Nonces: axon.NewMemoryNonces(0)})
		if err != nil {
			f.Fatal(err)
		}
		if err := axon.Attach(a, func(context.Context, *Dummy) error { called = true; return nil }); err != nil {
			f.Fatal(err)
		}
		axons[mode] = a
	}
	f.Fuzz(func(t *testing.T, text string) {
		for mode, a := range axons {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				return
			}
			r.RemoteAddr = netip.MustParseAddrPort("192.0.2.1:1234").String()
			w := &recorder{header: http.Header{}}
			a.ServeHTTP(w, r)
			if w.status < 200 || w.status > 599 || called {
				t.Fatalf("%v: status %d, called %v", mode, w.status, called)
			}
			if w.body.Len() > 0 && !json.Valid(w.body.Bytes()) {
				t.Fatalf("%v: body %q", mode, w.body.String())
			}
			for name, values := range w.header {
				for _, c := range name + strings.Join(values, "") {
					if c < ' ' || c > '~' {
						t.Fatalf("%v: header %q: %q", mode, name, values)
					}
				}
			}
		}
	})
}

// nobody is a verifier for whom no signature is good.
type nobody struct{}

func (nobody) Verify([32]byte, []byte, [64]byte) bool { return false }
