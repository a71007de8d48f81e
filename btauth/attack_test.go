package btauth_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/wallet"
)

// attempt sends a request past the network and expects it to be refused for a
// reason, or served when the reason is empty.
func attempt(t *testing.T, h http.Handler, header http.Header, target, body, reason string) {
	t.Helper()
	w := exchange(t, h, header, "POST", target, strings.NewReader(body))
	var answer struct{ Error string }
	if w.Code != http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
	}
	if answer.Error != reason || (w.Code == http.StatusOK) != (reason == "") || reason != "" && w.Code != http.StatusUnauthorized {
		t.Errorf("%d %q, want %q", w.Code, answer.Error, reason)
	}
}

var attacked = btauth.Request{Method: "POST", Target: "/x", Body: []byte("body")}

var started = time.Unix(1_760_000_000, 0)

func TestTamperedRequest(t *testing.T) {
	t.Parallel()
	now := started.Add(time.Second)
	h := authenticator(t, btauth.Config{Now: func() time.Time { return now }}).Middleware(http.HandlerFunc(ok))
	header := sign(t, now, attacked)
	attempt(t, h, header, "/x", "other", "BadSignature")
	attempt(t, h, header, "/y", "body", "BadSignature")
	attempt(t, h, sign(t, now, btauth.Request{Method: "POST", Target: "/z"}), "/z\nGET\n/", "", "MalformedAuth")
	attempt(t, h, header, "/x", "body", "") // what was refused used up nothing
}

// A request that is sent again is refused, also by the process after the one that
// took it, well within the time for which it is good.
func TestReplayAcrossRestart(t *testing.T) {
	t.Parallel()
	now := started
	process := func() http.Handler {
		return authenticator(t, btauth.Config{Now: func() time.Time { return now }}).Middleware(http.HandlerFunc(ok))
	}
	first := process()
	now = now.Add(time.Second)
	header := sign(t, now, attacked)
	attempt(t, first, header, "/x", "body", "")
	attempt(t, first, header, "/x", "body", "ReplayedRequest")
	now = now.Add(time.Second)
	second := process()
	attempt(t, second, header, "/x", "body", "StaleRequest")
	attempt(t, second, sign(t, now, attacked), "/x", "body", "")
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	now := started.Add(time.Minute)
	// A store of our own: no request is refused for being older than this server.
	h := authenticator(t, btauth.Config{Now: func() time.Time { return now }, Nonces: btauth.NewMemoryNonces(0)}).Middleware(http.HandlerFunc(ok))
	for skew, reason := range map[time.Duration]string{
		2 * time.Hour: "StaleRequest", 3 * time.Second: "StaleRequest", 2 * time.Second: "",
		-2 * time.Hour: "StaleRequest", -11 * time.Second: "StaleRequest", -10 * time.Second: "",
	} {
		t.Log(skew)
		attempt(t, h, sign(t, now.Add(skew), attacked), "/x", "body", reason)
	}
}

func TestForgedHotkey(t *testing.T) {
	t.Parallel()
	now := started
	h := authenticator(t, btauth.Config{Now: func() time.Time { return now }}).Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		caller, _ := btauth.CallerFrom(r.Context())
		body, err := io.ReadAll(r.Body)
		if alice := key(t, "//Alice"); err != nil || caller.Hotkey != alice.Address() || caller.PublicKey != alice.PublicKey() || len(body) == 0 {
			t.Errorf("%+v sent %s, %v", caller, body, err)
		}
	}))
	header := sign(t, now, attacked)
	header.Set(btauth.HeaderHotkey, key(t, "//Charlie").Address())
	attempt(t, h, header, "/x", "body", "BadSignature")
	// Whoever a body names, the caller is who signed.
	body := `{"hotkey": "` + key(t, "//Charlie").Address() + `"}`
	attempt(t, h, sign(t, now, btauth.Request{Method: "POST", Target: "/x", Body: []byte(body)}), "/x", body, "")
}

// For the all-zero key anybody can make a signature in both schemes. It is
// refused whatever the verifiers say.
func TestZeroKey(t *testing.T) {
	t.Parallel()
	now := started
	clock := func() time.Time { return now }
	honest := authenticator(t, btauth.Config{Now: clock, Ed25519: wallet.Ed25519}).Middleware(http.HandlerFunc(ok))
	believing := authenticator(t, btauth.Config{Now: clock, Verifier: gullible{}, Ed25519: gullible{}}).Middleware(http.HandlerFunc(ok))
	for scheme, signature := range map[string]string{
		// s is 0, and R the neutral element: R + k·0 = 0·B. In ed25519 the key has order
		// 4, and one message in four verifies in libraries that do not look.
		"":        "0x" + strings.Repeat("00", 63) + "80",
		"ed25519": "0x01" + strings.Repeat("00", 63),
	} {
		for _, h := range []http.Handler{honest, believing} {
			for range 16 {
				now = now.Add(time.Millisecond) // another message
				header := sign(t, now, attacked)
				header.Set(btauth.HeaderHotkey, ss58.Encode([32]byte{}))
				header.Set(btauth.HeaderSignature, signature)
				if scheme != "" {
					header.Set(btauth.HeaderCrypto, scheme)
				}
				attempt(t, h, header, "/x", "body", "BadSignature")
			}
		}
	}
}

// Each header counts once, in the one spelling that it has. What proxies may take
// for the same, or join, changes nothing.
func TestHeaderSmuggling(t *testing.T) {
	t.Parallel()
	s := server(t, authenticator(t, btauth.Config{Ed25519: gullible{}}))
	send := func(edit func(lines []string) []string) string {
		t.Helper()
		header := sign(t, time.Now(), btauth.Request{Method: "GET", Target: "/"})
		var lines []string
		for name, values := range header {
			lines = append(lines, name+": "+values[0])
		}
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		text := "GET / HTTP/1.1\r\nHost: bob\r\nConnection: close\r\n" + strings.Join(edit(lines), "\r\n") + "\r\n\r\n"
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(answer.StatusCode) + " " + string(body)
	}
	alice, eve := key(t, "//Alice").Address(), key(t, "//Eve").Address()
	for _, name := range []string{"X_Bittensor_Hotkey", "x-bittensor_hotkey", "X-Bittensor-Hotkey_", "X.Bittensor.Hotkey", "x_bittensor_crypto", "X_Bittensor_Receiver"} {
		for _, first := range []bool{false, true} {
			got := send(func(lines []string) []string {
				if first {
					return slices.Insert(lines, 0, name+": "+eve)
				}
				return append(lines, name+": "+eve)
			})
			if !strings.HasPrefix(got, "200 true "+alice) {
				t.Errorf("%s: %s", name, got)
			}
		}
		if strings.HasSuffix(strings.ToLower(name), "hotkey") {
			got := send(func(lines []string) []string {
				lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, btauth.HeaderHotkey) })
				return append(lines, name+": "+alice)
			})
			if !strings.HasPrefix(got, "401") {
				t.Errorf("%s instead: %s", name, got)
			}
		}
	}
	for _, name := range []string{btauth.HeaderVersion, btauth.HeaderHotkey, btauth.HeaderNonce, btauth.HeaderSignature, btauth.HeaderCrypto, btauth.HeaderReceiver} {
		for _, second := range []string{strings.ToLower(name), name} {
			got := send(func(lines []string) []string {
				for _, line := range lines {
					if value, ok := strings.CutPrefix(line, name+": "); ok {
						return append(lines, second+": "+value) // even the same value
					}
				}
				return append(lines, name+": ed25519", second+": ed25519")
			})
			if !strings.HasPrefix(got, "401") || !strings.Contains(got, "MalformedAuth") {
				t.Errorf("%s twice: %s", name, got)
			}
		}
	}
}

// A body that does not come keeps nobody waiting: not whoever reads it, and not
// the server behind a request that was refused unread.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	var refused error
	a := authenticator(t, btauth.Config{BodyTimeout: 100 * time.Millisecond, Refuse: func(w http.ResponseWriter, r *http.Request, err error) {
		refused = err
		btauth.Refuse(w, r, err)
	}})
	for name, c := range map[string]struct {
		header http.Header
		status string
		err    error
	}{
		"signed":   {sign(t, time.Now(), btauth.Request{Method: "POST", Target: "/", Body: []byte("complete")}), "HTTP/1.1 408 ", btauth.ErrBody},
		"unsigned": {http.Header{}, "HTTP/1.1 401 ", btauth.ErrMalformedAuth},
	} {
		s := httptest.NewServer(a.Middleware(http.HandlerFunc(ok)))
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		text := "POST / HTTP/1.1\r\nHost: bob\r\nContent-Length: 8\r\n"
		for name, values := range c.header {
			text += name + ": " + values[0] + "\r\n"
		}
		if _, err := io.WriteString(conn, text+"\r\ncomp"); err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(conn) // until the server hangs up
		if err != nil || !strings.HasPrefix(string(out), c.status) || !errors.Is(refused, c.err) {
			t.Errorf("%s: %q, %v; refused: %v", name, out, err, refused)
		}
		conn.Close()
		s.Close()
	}
}

// A million hotkeys, each with a valid signature. Not in parallel: it measures
// memory.
func TestNonceFlood(t *testing.T) {
	const most = 100_000
	heap := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before := heap()
	m := btauth.NewMemoryNonces(most)
	use := func(hotkey string, now, nonce time.Time) bool {
		t.Helper()
		first, err := m.Use(t.Context(), hotkey, nonce.UnixNano(), now, nonce.Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if !use("victim", started, started) {
		t.Fatal("the first nonce")
	}
	for i := range 1_000_000 {
		at := started.Add(time.Duration(i+1) * 10 * time.Microsecond)
		hotkey := "flood" + strconv.Itoa(i)
		if !use(hotkey, at, at) || i%100_000 == 0 && use(hotkey, at, at) {
			t.Fatalf("hotkey %d was not taken, or twice", i)
		}
	}
	if grown := heap() - before; m.Len() > most || grown > 200*most {
		t.Errorf("%d nonces in %d bytes", m.Len(), grown)
	}
	// What was forgotten cannot be used again, within its window.
	end := started.Add(10 * time.Second)
	if use("victim", end, started) || use("flood0", end, started.Add(10*time.Microsecond)) {
		t.Error("a forgotten nonce was taken again")
	}
	if !use("victim", end, end.Add(time.Second)) {
		t.Error("a fresh one was refused")
	}
}

// Headers of any length cost a small multiple of that, before and with the
// signature. Not in parallel: it measures memory.
func TestHeadersCost(t *testing.T) {
	a := authenticator(t, btauth.Config{Now: func() time.Time { return started }, AllowUnbound: true, Ed25519: gullible{}})
	const size = 1 << 20
	for name, value := range map[string]string{
		btauth.HeaderVersion:   strings.Repeat("1", size),
		btauth.HeaderHotkey:    strings.Repeat("5", size),
		btauth.HeaderNonce:     strings.Repeat("1", size),
		btauth.HeaderSignature: "0x" + strings.Repeat("ab", size/2),
		btauth.HeaderCrypto:    strings.Repeat("ed25519", size/7),
		btauth.HeaderReceiver:  strings.Repeat("5", size),
		"":                     "/" + strings.Repeat("x", size), // the target
	} {
		header, r := sign(t, started, attacked), attacked
		if name == "" {
			r.Target = value
		} else {
			header.Set(name, value)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := a.Verify(t.Context(), header, r)
		runtime.ReadMemStats(&after)
		allocated := float64(after.TotalAlloc-before.TotalAlloc) / size
		t.Logf("%s: %.1f bytes a byte, %v", name, allocated, err != nil)
		if classOf(err) == "" || len(err.Error()) > 200 || allocated > 8 {
			t.Errorf("%s: %.1f bytes were allocated for each one; %.200v", name, allocated, err)
		}
	}
}
