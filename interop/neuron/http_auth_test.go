//go:build interop

package neuron

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
		wrong, err := btauth.NewTransport(btauth.TransportConfig{Sender: btauth.SenderConfig{Signer: alice, Receiver: alice.Address()}})
		if err != nil {
			t.Fatal(err)
		}
		if status, body := send(t, wrong, port, "GET", "/", ""); status != http.StatusUnauthorized || body != "WrongReceiver" {
			t.Errorf("%d %s", status, body)
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
		for class, more := range map[string]map[string]any{
			"BadSignature":    {"sent": "another body"},
			"WrongReceiver":   {"receiver": alice.Address()},
			"ReplayedRequest": {"again": true},
		} {
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
