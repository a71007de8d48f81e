package substrate

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Credentials are used, and seen nowhere: whatever way a node fails, and though it repeats them.
func TestAddressesShowNoCredentials(t *testing.T) {
	t.Parallel()
	const user, password, key, token = "canary-user", "canary%2Fpass", "canary-key", "canary-token"
	node := newScripted(t, "a", 10)
	node.reply("echo", rpcError{Code: 4242, Message: "you are canary-user with canary/pass, canary-key and token=canary-token", Data: "canary%2Fpass"})
	for name, handler := range map[string]http.Handler{
		"a node": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if u, p, ok := r.BasicAuth(); !ok || u != user || p != "canary/pass" || r.URL.Path != "/"+key || r.URL.Query().Get("token") != token {
				t.Errorf("the node got %v", r)
			}
			node.ServeHTTP(w, r)
		}),
		"no node":    http.NotFoundHandler(),
		"a redirect": http.RedirectHandler("ws://canary-user@127.0.0.1:1/canary-key", http.StatusMovedPermanently),
		"a proxy": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, "%s is not welcome", r.URL)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "http://")
			var said lockedBuffer
			c, err := New(Config{
				Nodes:       []string{fmt.Sprintf("ws://%s:%s@%s/%s?token=%s", user, password, host, key, token)},
				ConnectWait: 150 * time.Millisecond,
				Logger:      slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug})),
				Observe:     func(_ context.Context, call Call) { fmt.Fprintf(&said, "%+v\n", call) },
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Head(t.Context())
			fmt.Fprintf(&said, "%v\n", err)
			_, err = question(t.Context(), c, "x")
			fmt.Fprintf(&said, "%v %+v\n", err, err)
			server.CloseClientConnections()
			_, err = question(t.Context(), c, "x")
			fmt.Fprintf(&said, "%v\n%+v\n", err, c.Nodes())
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			text := said.String()
			if strings.Contains(text, "canary") {
				t.Errorf("a secret is seen:\n%s", text)
			}
			if !strings.Contains(text, host) {
				t.Errorf("the host is not seen:\n%s", text)
			}
		})
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newScripted(t, "a", 10))
	t.Cleanup(server.Close)
	calls := make(chan Call, 100)
	c, err := New(Config{Role: "archive", Nodes: []string{strings.Replace(server.URL, "http", "ws", 1)}, Observe: func(_ context.Context, call Call) { calls <- call }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.BlockHash(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	_, failure := question(t.Context(), c, "x")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	close(calls)
	seen := make(map[string]Call)
	for call := range calls {
		seen[call.Method] = call
		if call.Role != "archive" || call.Node != c.Nodes()[0].Node || call.Duration <= 0 {
			t.Errorf("%+v", call)
		}
	}
	if call := seen["chain_getBlockHash"]; call.Err != nil || call.Bytes != 68 {
		t.Errorf("%+v", call)
	}
	if call := seen["echo"]; KindOf(call.Err) != KindRPCMethodMissing || KindOf(failure) != KindRPCMethodMissing {
		t.Errorf("%+v, and the caller has %v", call, failure)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	node := newScripted(t, "a", 10)
	server := httptest.NewUnstartedServer(node)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the client ends
	server.StartTLS()
	t.Cleanup(func() {
		node.drop()
		server.Close()
	})
	url := strings.Replace(server.URL, "https", "wss", 1)
	for name, roots := range map[string]*x509.CertPool{"trusted": server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, "not trusted": x509.NewCertPool()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := 5 * time.Second
			if name != "trusted" {
				wait = 300 * time.Millisecond
			}
			c, err := New(Config{Nodes: []string{url}, ConnectWait: wait})
			if err != nil {
				t.Fatal(err)
			}
			c.dialer.tls.RootCAs = roots
			h, err := c.Head(t.Context())
			switch {
			case name == "trusted" && (err != nil || h != node.head()):
				t.Errorf("%v, %v", h, err)
			case name != "trusted" && (KindOf(err) != KindTransport || !strings.Contains(err.Error(), "certificate")):
				t.Errorf("%v, %v", h, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
