//go:build interop

package neuron

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/wallet"
)

var requests = []struct{ Method, Path, Body string }{
	{"POST", "/generate?stream=false", `{"prompt": "hello"}`},
	{"GET", "/", ""},
	{"GET", "/a%2Fb%20c?q=%C3%A9&x", ""},
	{"PUT", "/x?", "é \x00 \n"},
	{"DELETE", "/x", ""},
}

// Requests that we sign are good for SDK 11, and the other way round.
func TestHTTPAuth(t *testing.T) {
	p, port := run(t, "11.3.0", "http_auth.py", "")
	alice, bob := key(t, "//Alice"), key(t, "//Bob")

	t.Run("to Python", func(t *testing.T) {
		transport, err := btauth.NewTransport(btauth.TransportConfig{Sender: btauth.SenderConfig{Signer: alice, Receiver: bob.Address()}})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			if status, body := send(t, transport, port, r.Method, r.Path, r.Body); status != http.StatusOK || body != alice.Address() {
				t.Errorf("%+v: %d %s", r, status, body)
			}
		}
		ed, err := wallet.Ed25519.FromURI("//Alice")
		if err != nil {
			t.Fatal(err)
		}
		now := func(skew time.Duration) func() time.Time {
			return func() time.Time { return time.Now().Add(skew) }
		}
		good := btauth.SenderConfig{Signer: alice, Receiver: bob.Address()}
		var last http.Header
		for _, c := range []struct {
			class  string // empty is accepted
			sender btauth.SenderConfig
			base   meddler
		}{
			{"", btauth.SenderConfig{Signer: ed, Scheme: btauth.Ed25519, Receiver: bob.Address()}, nil},
			{"BadSignature", btauth.SenderConfig{Signer: ed, Receiver: bob.Address()}, nil}, // which does not say that it is ed25519
			{"WrongReceiver", btauth.SenderConfig{Signer: alice, Receiver: alice.Address()}, nil},
			{"WrongReceiver", btauth.SenderConfig{Signer: alice}, nil},
			{"StaleRequest", btauth.SenderConfig{Signer: alice, Receiver: bob.Address(), Now: now(-2 * time.Hour)}, nil},
			{"StaleRequest", btauth.SenderConfig{Signer: alice, Receiver: bob.Address(), Now: now(2 * time.Hour)}, nil},
			{"BadSignature", btauth.SenderConfig{Signer: forger{key(t, "//Eve"), alice.Address()}, Receiver: bob.Address()}, nil},
			{"BadSignature", good, func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("BODY")), 4 }},
			{"BadSignature", good, func(r *http.Request) { r.URL.Path = "/other" }},
			{"MalformedAuth", good, func(r *http.Request) { r.Header.Set(btauth.HeaderVersion, "2") }},
			{"", good, func(r *http.Request) { last = r.Header.Clone() }},
			{"ReplayedRequest", good, func(r *http.Request) { r.Header = last }},
		} {
			transport, err := btauth.NewTransport(btauth.TransportConfig{Sender: c.sender, Base: c.base})
			if err != nil {
				t.Fatal(err)
			}
			status, body := send(t, transport, port, "POST", "/x", "body")
			if want := c.sender.Signer.Address(); c.class == "" && (status != http.StatusOK || body != want) || c.class != "" && (status != http.StatusUnauthorized || body != c.class) {
				t.Errorf("%d %s, want %q", status, body, c.class)
			}
		}
	})

	t.Run("from Python", func(t *testing.T) {
		auth, err := btauth.New(btauth.Config{Receiver: bob.Address(), Verifier: wallet.Sr25519})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(auth.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, _ := btauth.CallerFrom(r.Context())
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s", caller.Hotkey, r.Method, r.RequestURI, body)
		})))
		defer server.Close()
		ask := func(method, path, body string, more map[string]any) (status int, text string) {
			t.Helper()
			order := map[string]any{"url": server.URL, "method": method, "path": path, "body": body, "receiver": bob.Address()}
			for name, value := range more {
				order[name] = value
			}
			var result struct {
				Status int
				Body   string
			}
			p.order(order, &result)
			return result.Status, result.Body
		}
		for _, r := range requests {
			want := fmt.Sprintf("%s %s %s %s", alice.Address(), r.Method, r.Path, r.Body)
			if status, body := ask(r.Method, r.Path, r.Body, nil); status != http.StatusOK || body != want {
				t.Errorf("%+v: %d %q", r, status, body)
			}
		}
		for _, c := range []struct {
			class string
			more  map[string]any
		}{
			{"BadSignature", map[string]any{"sent": "another body"}},
			{"BadSignature", map[string]any{"claim": bob.Address()}},
			{"WrongReceiver", map[string]any{"receiver": alice.Address()}},
			{"ReplayedRequest", map[string]any{"again": true}},
			{"StaleRequest", map[string]any{"skew": -7200}},
			{"StaleRequest", map[string]any{"skew": 7200}},
			{"MalformedAuth", map[string]any{"ed25519": true}}, // which is not switched on
		} {
			class, more := c.class, c.more
			if class == "ReplayedRequest" {
				if status, text := ask("POST", "/x", "body", nil); status != http.StatusOK {
					t.Errorf("%d %s", status, text)
				}
			}
			if status, text := ask("POST", "/x", "body", more); status != http.StatusUnauthorized || !strings.Contains(text, class) {
				t.Errorf("%s: %d %s", class, status, text)
			}
		}
		if status, text := ask("POST", "/x", "body", map[string]any{"receiver": ""}); status != http.StatusUnauthorized || !strings.Contains(text, "WrongReceiver") {
			t.Errorf("unbound: %d %s", status, text)
		}

		schemes, err := btauth.New(btauth.Config{Receiver: bob.Address(), Verifier: wallet.Sr25519, Ed25519: wallet.Ed25519})
		if err != nil {
			t.Fatal(err)
		}
		both := httptest.NewServer(schemes.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, _ := btauth.CallerFrom(r.Context())
			fmt.Fprint(w, caller.Scheme, " ", caller.Hotkey)
		})))
		defer both.Close()
		ed, err := wallet.Ed25519.FromURI("//Alice")
		if err != nil {
			t.Fatal(err)
		}
		if status, text := ask("POST", "/x", "body", map[string]any{"url": both.URL, "ed25519": true}); status != http.StatusOK || text != "ed25519 "+ed.Address() {
			t.Errorf("ed25519: %d %s", status, text)
		}
	})

	// An axon takes such requests on the port on which it serves dendrites.
	t.Run("from Python to an axon", func(t *testing.T) {
		for _, mode := range []axon.Mode{axon.Strict, axon.Compatible} {
			auth, err := btauth.New(btauth.Config{Receiver: bob.Address(), Verifier: wallet.Sr25519})
			if err != nil {
				t.Fatal(err)
			}
			at := fmt.Sprintf("http://127.0.0.1:%d", serveAll(t, axon.Config{Mode: mode, BTAuth: auth}))
			for _, c := range []struct {
				more   map[string]any
				status int
				says   string
			}{
				{nil, http.StatusOK, `"strs":["last","it's é"],"seen":"it's é;[\"it's é\", 'last']"`},
				{map[string]any{"again": true}, http.StatusUnauthorized, "ReplayedRequest"},
				{map[string]any{"sent": `{"s": "forged"}`}, http.StatusUnauthorized, "BadSignature"},
				{map[string]any{"receiver": alice.Address()}, http.StatusUnauthorized, "WrongReceiver"},
				{map[string]any{"path": "/Unattached"}, http.StatusNotFound, "not found"},
				{map[string]any{"path": "/Refused"}, http.StatusForbidden, "no stake"},
			} {
				order := map[string]any{"url": at, "method": "POST", "path": "/Texts", "body": `{"s": "it's é", "strs": ["it's é", "last"]}`, "receiver": bob.Address()}
				maps.Copy(order, c.more)
				var result struct {
					Status int
					Body   string
				}
				if p.order(order, &result); result.Status != c.status || !strings.Contains(result.Body, c.says) {
					t.Errorf("%v: %+v", mode, result)
				}
			}
		}
	})
}

func send(t *testing.T, transport http.RoundTripper, port, method, path, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:"+port+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(out)
}
