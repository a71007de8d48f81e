package axon_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/ss58"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// A message that one process took is not taken by the next one. Python's axon,
// and so a compatible one, takes it, unless both have one store.
func TestReplayAfterRestart(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		for _, nonces := range []axon.NonceStore{nil, axon.NewMemoryNonces(0)} {
			c := newClock()
			_, first := serve(t, axon.Config{Mode: mode, Now: c.Now, Nonces: nonces}, attach(double))
			c.add(time.Second)
			r := build(t, &Dummy{Input: 1}, c.Now().UnixNano())
			if got := r.send(first); got.status != http.StatusOK {
				t.Fatalf("%d %s", got.status, got.body)
			}
			c.add(time.Second) // well within the window
			_, second := serve(t, axon.Config{Mode: mode, Now: c.Now, Nonces: nonces}, attach(double))
			got, want := r.send(second), http.StatusUnauthorized
			reason := "Nonce is too old, a newer one was last processed"
			if nonces == nil {
				reason = "Nonce is too old, it is from before this axon started"
				if mode == axon.Compatible {
					want = http.StatusOK
				}
			}
			if got.status != want || want != http.StatusOK && got.message(t) != "Not Verified with error: "+reason {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got := build(t, &Dummy{Input: 1}, c.Now().UnixNano()).send(second); got.status != http.StatusOK {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	})
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		c := newClock()
		_, address := serve(t, axon.Config{Mode: mode, Now: c.Now, Nonces: axon.NewMemoryNonces(0)}, attach(double))
		for skew, strict := range map[time.Duration]int{
			2 * time.Hour: http.StatusUnauthorized, 5 * time.Second: http.StatusUnauthorized, time.Second: http.StatusOK,
			-2 * time.Hour: http.StatusUnauthorized, -17 * time.Second: http.StatusUnauthorized, -14 * time.Second: http.StatusOK,
		} {
			r := build(t, &Dummy{Input: 1}, c.Now().Add(skew).UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(skew.String()) })
			want := strict
			if mode == axon.Compatible && skew > 0 {
				want = http.StatusOK
			}
			if got := r.send(address); got.status != want {
				t.Errorf("%v: %d %s", skew, got.status, got.body)
			}
		}
	})
}

// The function is told who signed, not who the body says.
func TestForgedHotkeyInTheBody(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		var inBody string
		var caller axon.Caller
		_, address := serve(t, axon.Config{Mode: mode}, attach(func(ctx context.Context, m *Dummy) error {
			inBody = m.Dendrite.Hotkey.Or("")
			caller, _ = axon.CallerFrom(ctx)
			return nil
		}))
		alice, eve := key(t, "//Alice"), key(t, "//Eve")
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
		r.body = strings.Replace(r.body, alice.Address(), eve.Address(), 1)
		if got := r.send(address); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if caller.Hotkey != alice.Address() || caller.PublicKey != alice.PublicKey() || !caller.Verified || caller.BTAuth ||
			caller.Version != 10_005_000 || !caller.Remote.IsValid() || caller.UUID == "" || caller.Nonce == 0 {
			t.Errorf("caller %+v", caller)
		}
		want := map[axon.Mode]string{axon.Strict: alice.Address(), axon.Compatible: eve.Address()}[mode]
		if inBody != want {
			t.Errorf("the message's dendrite is %s, want %s", inBody, want)
		}
	})
}

// gullible accepts every signature.
type gullible struct{}

func (gullible) Verify([32]byte, []byte, [64]byte) bool { return true }

// For the all-zero key anybody can make a signature, and it is refused whatever
// the verifier says.
func TestZeroKey(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, believing := serve(t, axon.Config{Mode: mode, Verifier: gullible{}}, attach(double))
		_, honest := serve(t, axon.Config{Mode: mode}, attach(double))
		_, honestEd := serve(t, axon.Config{Mode: mode, Verifier: wallet.Ed25519}, attach(double))
		zero := ss58.Encode([32]byte{})
		for _, signature := range []string{
			"0x" + strings.Repeat("00", 63) + "80", "0xe2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d7601" + strings.Repeat("00", 30) + "80",
			"0x01" + strings.Repeat("00", 63), // ed25519: good for a message in four, and whoever is refused tries again
		} {
			for _, address := range []string{believing, honest, honestEd, honestEd, honestEd, honestEd} {
				r := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).set("bt_header_dendrite_hotkey", zero).set("bt_header_dendrite_signature", signature)
				if got := r.send(address); got.status != http.StatusUnauthorized || !strings.Contains(got.message(t), "Signature mismatch") {
					t.Errorf("%d %s", got.status, got.body)
				}
			}
		}
	})
}

func TestHeaderSmuggling(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		send := func(name, value string) answer {
			text := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).bytes()
			text = strings.Replace(text, "\r\n\r\n", "\r\n"+name+": "+value+"\r\n\r\n", 1)
			out := raw(t, address, text)
			var status int
			if _, err := fmt.Sscanf(out, "HTTP/1.1 %d", &status); err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(out, "\r\n\r\n")
			return answer{status: status, body: body}
		}
		eve := key(t, "//Eve").Address()
		for _, name := range []string{"bt_header_dendrite_hotkey", "BT_HEADER_DENDRITE_HOTKEY", "Bt_Header_Dendrite_Hotkey"} {
			want := map[axon.Mode]int{axon.Strict: http.StatusBadRequest, axon.Compatible: http.StatusUnauthorized}[mode]
			if got := send(name, eve); got.status != want {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		for _, name := range []string{"timeout", "computed_body_hash", "Content-Type", "bt_header_input_obj_input"} {
			got := send(name, "1")
			if mode == axon.Strict && got.status != http.StatusBadRequest || mode == axon.Compatible && got.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		// Other spellings are other headers.
		for _, name := range []string{"bt-header-dendrite-hotkey", "x-bt_header_dendrite_hotkey", "bt_header_dendrite_hotkey_", "Bt.header.dendrite.hotkey"} {
			if got := send(name, eve); got.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
	})
}

func TestClientCannotChooseTheAnswer(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode}, attach(double))
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) {
			s.Axon.SetStatus(202, "chosen")
			s.Axon.ProcessTime = synapse.Some(99.0)
		})
		got := r.send(address)
		want := map[axon.Mode]int{axon.Strict: http.StatusOK, axon.Compatible: http.StatusAccepted}[mode]
		if got.status != want || got.get("bt_header_axon_process_time") == "99.0" {
			t.Errorf("%d %s", got.status, got.body)
		}
		r = build(t, &Dummy{Input: 1}, 1).set("bt_header_axon_status_message", "chosen")
		message := r.send(address).message(t)
		if (message == "chosen") != (mode == axon.Compatible) {
			t.Errorf("message %s", message)
		}
	})
}

// Echoes of what a body says must not break out of the answer's headers.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	_, address := serve(t, axon.Config{Mode: axon.Compatible}, attach(double))
	r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
	r.body = strings.Replace(r.body, `"uuid": "5ecbd69c-1cec-11ee-b0dc-e29ce36fec1a"`, `"uuid": "a\r\nset-cookie: b=c\r\n\r\n<html>\u0000é日"`, 1)
	text := raw(t, address, r.bytes())
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	if !strings.HasPrefix(text, "HTTP/1.1 200") || !strings.Contains(head, "bt_header_dendrite_uuid: a  set-cookie: b=c    <html> ??") || strings.Contains(head, "\nset-cookie") {
		t.Errorf("head %q", head)
	}
	long := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some("x") })
	long.body = strings.Replace(long.body, `"uuid": "x"`, `"uuid": "`+strings.Repeat("y", 1<<20)+`"`, 1)
	if got := long.send(address); got.status != http.StatusOK || len(got.get("bt_header_dendrite_uuid")) != 4096 {
		t.Errorf("%d, a header of %d bytes", got.status, len(got.get("bt_header_dendrite_uuid")))
	}
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		_, address := serve(t, axon.Config{Mode: mode, MaxBody: 4096}, attach(double))
		r := build(t, &Dummy{Input: 1, Note: strings.Repeat("x", 5000)}, time.Now().UnixNano())
		if got := r.send(address); got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%d %s", got.status, got.body)
		}
		// The same without telling the length.
		r = build(t, &Dummy{Input: 1, Note: strings.Repeat("x", 5000)}, time.Now().UnixNano())
		chunked := strings.Replace(r.bytes(), "Content-Length: "+itoa(len(r.body)), "Transfer-Encoding: chunked", 1)
		chunked = strings.TrimSuffix(chunked, r.body) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(r.body), r.body)
		if got := raw(t, address, chunked); !strings.HasPrefix(got, "HTTP/1.1 413") {
			t.Errorf("chunked: %s", got)
		}
		// Ends before it is complete.
		r = build(t, &Dummy{Input: 1}, time.Now().UnixNano())
		conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		text := r.bytes()
		if _, err := io.WriteString(conn, text[:len(text)-10]); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if out, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 400") {
			t.Errorf("%s, %v", out, err)
		}
	})
}

// A length that is announced and does not come costs nothing. Not in parallel: it
// measures memory.
func TestAnnouncedLength(t *testing.T) {
	_, address := serve(t, axon.Config{MaxBody: 1 << 30}, attach(double))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var conns []net.Conn
	for i := range 50 {
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(itoa(i)) })
		text := strings.Replace(r.bytes(), "Content-Length: "+itoa(len(r.body)), "Content-Length: 1000000000", 1)
		conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	// One more, that is answered after they were read.
	if got := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).send(address); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > 64<<20 {
		t.Errorf("%d bytes allocated", grown)
	}
	for _, conn := range conns {
		conn.Close()
	}
}

func TestSlowCallers(t *testing.T) {
	t.Parallel()
	_, address := serve(t, axon.Config{HeaderTimeout: 150 * time.Millisecond, BodyTimeout: 150 * time.Millisecond}, attach(double, axon.Options[*Dummy]{
		Blacklist: func(_ context.Context, m *Dummy) (bool, string) {
			return m.Dendrite.UUID.Or("") == "refused", "not you"
		},
	}))
	text := build(t, &Dummy{Input: 1}, time.Now().UnixNano()).bytes()
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	refused := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some("refused") })
	for name, c := range map[string]struct{ send, want string }{
		"a head that does not end":               {head[:len(head)-5], ""},
		"a body that does not end":               {text[:len(text)-5], "HTTP/1.1 408"},
		"a body that nobody reads does not end":  {strings.Replace(refused.bytes()[:len(refused.bytes())-5], "Connection: close\r\n", "", 1), "HTTP/1.1 403"},
		"nothing at all":                         {"", ""},
		"a head that is no HTTP":                 {"hello\r\n\r\n", "HTTP/1.1 400"},
		"a head that is far too long, no answer": {"POST /Dummy HTTP/1.1\r\nx: " + strings.Repeat("y", 1<<20) + "\r\n\r\n", "HTTP/1.1 431"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, c.send) // it may hang up before the end
			out, err := io.ReadAll(conn)
			if err != nil && !strings.Contains(err.Error(), "reset") || !strings.HasPrefix(string(out), c.want) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

// A caller who does not read his answer keeps no worker from others.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{}, 1)
	_, address := serve(t, axon.Config{Settings: axon.Settings{MaxWorkers: 1}, WriteTimeout: 30 * time.Second}, attach(func(_ context.Context, m *Dummy) error {
		if m.Input == 1 {
			m.Note = strings.Repeat("x", 64<<20) // more than fits between two sockets
			answered <- struct{}{}
		}
		return nil
	}))
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, build(t, &Dummy{Input: 1}, time.Now().UnixNano()).bytes()); err != nil {
		t.Fatal(err)
	}
	<-answered
	if got := build(t, &Dummy{Input: 2}, time.Now().UnixNano()).send(address); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Connections beyond the bound wait until others end.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int64
	tooMany := make(chan struct{}, 100)
	_, address := serve(t, axon.Config{MaxConnections: 3}, attach(func(context.Context, *Dummy) error {
		n := running.Add(1)
		defer running.Add(-1)
		for {
			have := most.Load()
			if n <= have || most.CompareAndSwap(have, n) {
				break
			}
		}
		if n > 3 {
			tooMany <- struct{}{}
		}
		select { // stay for a while, so that others would come if they could
		case <-tooMany:
		case <-time.After(20 * time.Millisecond):
		}
		return nil
	}))
	var wg sync.WaitGroup
	for i := range 40 {
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano(), func(s *synapse.Synapse) { s.Dendrite.UUID = synapse.Some(itoa(i)) })
		wg.Go(func() {
			if got, err := r.try(t.Context(), address); err != nil || got.status != http.StatusOK {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
}

// A million keys, each with a valid signature, and nothing is taken twice. Not in
// parallel: it measures memory.
func TestNonceFlood(t *testing.T) {
	const most = 10_000
	heap := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before := heap()
	m := axon.NewMemoryNonces(most)
	start := time.Unix(1_700_000_000, 0)
	advance := func(client string, now, nonce time.Time) bool {
		t.Helper()
		ok, err := m.Advance(t.Context(), client, nonce.UnixNano(), now, nonce.Add(64*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !advance("victim", start, start) {
		t.Fatal("the first nonce")
	}
	refused := 0
	for i := range 1_000_000 {
		now := start.Add(time.Duration(i) * 20 * time.Microsecond)
		if !advance("flood"+itoa(i), now, now) {
			refused++
		}
		if i%50_000 == 0 && advance("flood"+itoa(i), now, now) {
			t.Fatalf("client %d was taken twice", i)
		}
	}
	if grown := heap() - before; m.Len() > most || grown > 400*most {
		t.Errorf("%d clients in %d bytes", m.Len(), grown)
	}
	// Forgotten, but not taken again; and a client that is new is served.
	end := start.Add(20 * time.Second)
	if advance("victim", end, start) || advance("flood1", end, start.Add(20*time.Microsecond)) {
		t.Error("a message was taken twice")
	}
	if !advance("victim", end, end) || !advance("newcomer", end, end) {
		t.Error("a fresh message was refused")
	}
	t.Logf("%d of the flood refused", refused)
}

func TestMemoryNonces(t *testing.T) {
	t.Parallel()
	m := axon.NewMemoryNonces(3)
	at := func(s int64) time.Time { return time.Unix(1_700_000_000+s, 0) }
	try := func(client string, now, nonce, expires int64) bool {
		t.Helper()
		ok, err := m.Advance(t.Context(), client, nonce, at(now), at(expires))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !try("a", 0, 10, 5) || try("a", 0, 10, 5) || try("a", 0, 9, 5) || !try("a", 0, 11, 6) {
		t.Error("one client")
	}
	if last, known, err := m.Last(t.Context(), "a"); last != 11 || !known || err != nil {
		t.Errorf("last %d, %v, %v", last, known, err)
	}
	if !try("b", 7, 20, 20) || m.Len() != 1 {
		t.Errorf("%d clients, one has expired", m.Len())
	}
	if try("a", 0, 11, 6) {
		t.Error("taken twice after the clock was set back")
	}
	if !try("c", 7, 30, 30) || !try("d", 7, 40, 40) || !try("e", 7, 50, 50) || m.Len() != 3 {
		t.Errorf("%d clients", m.Len())
	}
	if try("b", 7, 20, 20) || !try("b", 7, 21, 21) {
		t.Error("a client that was forgotten")
	}

	// Without expiry the one that was heard of longest ago goes first.
	lasting := axon.NewMemoryNonces(2)
	stay := func(client string, now, nonce int64) bool {
		t.Helper()
		ok, err := lasting.Advance(t.Context(), client, nonce, at(now), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !stay("a", 0, 1) || !stay("b", 1, 1) || !stay("a", 1_000_000, 2) || !stay("c", 1_000_001, 1) || lasting.Len() != 2 {
		t.Errorf("%d clients", lasting.Len())
	}
	if _, known, _ := lasting.Last(t.Context(), "a"); !known {
		t.Error("the newest was forgotten")
	}
	if stay("a", 1_000_001, 2) || !stay("b", 1_000_002, 1) {
		t.Error("a client without expiry")
	}
}

// Of many equal calls at once, one advances.
func TestMemoryNoncesRace(t *testing.T) {
	t.Parallel()
	m := axon.NewMemoryNonces(0)
	var wins atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			now := time.Unix(1_700_000_000, 0)
			if ok, err := m.Advance(t.Context(), "a", 1, now, now.Add(time.Minute)); err == nil && ok {
				wins.Add(1)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d wins", wins.Load())
	}
}

// The same request many times at once is served once.
func TestConcurrentReplay(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		var served atomic.Int64
		_, address := serve(t, axon.Config{Mode: mode}, attach(func(context.Context, *Dummy) error { served.Add(1); return nil }))
		r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := r.try(t.Context(), address); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if served.Load() != 1 {
			t.Errorf("served %d times", served.Load())
		}
	})
}
