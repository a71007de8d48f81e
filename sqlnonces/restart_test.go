package sqlnonces_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/sqlnonces"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// process is a process that uses a store while it lives.
func (d database) process(t *testing.T, during func(*sqlnonces.Store)) {
	t.Helper()
	db, err := sql.Open(d.driver, d.name)
	must(t, err)
	s, err := sqlnonces.New(t.Context(), sqlnonces.Config{DB: db, Dialect: d.dialect, Receiver: "bob", Timeout: patience})
	must(t, err)
	during(s)
	must(t, db.Close())
}

// A message that an axon took before a restart is refused after it, by this axon
// and by its replicas, and one that nobody took is not.
func TestReplayAcrossRestartAxon(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		alice, err := wallet.FromURI("//Alice")
		must(t, err)
		bob, err := wallet.FromURI("//Bob")
		must(t, err)
		taken, fresh := record(t, alice, bob), record(t, alice, bob)
		now := time.Now()
		answer := func(s *sqlnonces.Store, m message) (int, string) {
			a, err := axon.New(axon.Config{Signer: bob, Verifier: wallet.Sr25519, Nonces: s, Now: func() time.Time { return now }})
			must(t, err)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, m.request(t))
			return w.Code, w.Body.String()
		}
		d.process(t, func(s *sqlnonces.Store) {
			if status, body := answer(s, taken); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
		})
		d.process(t, func(s *sqlnonces.Store) {
			if status, body := answer(s, taken); status != http.StatusUnauthorized || !strings.Contains(body, "Nonce is too old, a newer one was last processed") {
				t.Errorf("a replay: %d %s", status, body)
			}
			if status, body := answer(s, fresh); status != http.StatusOK {
				t.Errorf("a message from before the restart that nobody took: %d %s", status, body)
			}
		})
	})
}

// message is a request as it came.
type message struct {
	path   string
	header http.Header
	body   []byte
}

func (m message) request(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, m.path, bytes.NewReader(m.body))
	r.Header = m.header.Clone()
	return r
}

// record has a dendrite send a message to somebody who only writes it down.
func record(t *testing.T, from, to *wallet.Keypair) (m message) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		m = message{r.RequestURI, r.Header.Clone(), body}
	}))
	defer server.Close()
	d, err := dendrite.New(dendrite.Config{Signer: from})
	must(t, err)
	defer d.Close()
	at, err := netip.ParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
	must(t, err)
	target := synapse.AxonInfo{IP: at.Addr().String(), Port: int(at.Port()), Hotkey: to.Address()}
	_, _ = dendrite.Call(t.Context(), d, target, &synapse.Synapse{}) // the answer is empty
	if m.body == nil {
		t.Fatal("nothing was sent")
	}
	return m
}

// The same for requests of SDK 11.
func TestReplayAcrossRestartBTAuth(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		alice, err := wallet.FromURI("//Alice")
		must(t, err)
		bob, err := wallet.FromURI("//Bob")
		must(t, err)
		sender, err := btauth.NewSender(btauth.SenderConfig{Signer: alice, Receiver: bob.Address()})
		must(t, err)
		r := btauth.Request{Method: http.MethodPost, Target: "/generate", Body: []byte("hello")}
		taken, err := sender.Sign(r)
		must(t, err)
		fresh, err := sender.Sign(r)
		must(t, err)
		verify := func(s *sqlnonces.Store, header http.Header) error {
			auth, err := btauth.New(btauth.Config{Receiver: bob.Address(), Verifier: wallet.Sr25519, Nonces: s, MaxAge: patience})
			must(t, err)
			_, err = auth.Verify(t.Context(), header, r)
			return err
		}
		d.process(t, func(s *sqlnonces.Store) { must(t, verify(s, taken)) })
		d.process(t, func(s *sqlnonces.Store) {
			if err := verify(s, taken); !errors.Is(err, btauth.ErrReplayedRequest) {
				t.Errorf("a replay: %v", err)
			}
			if err := verify(s, fresh); err != nil {
				t.Errorf("a request from before the restart that nobody took: %v", err)
			}
		})
	})
}
