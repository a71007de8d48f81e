package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// dialMany opens connections and has each send something.
func dialMany(t *testing.T, count int, from, address, send string) []net.Conn {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conns := make([]net.Conn, count)
	for i := range conns {
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, send); err != nil {
			t.Fatal(err)
		}
		conns[i] = conn
	}
	return conns
}

// 2,000 clients that send one byte of a header after the other, beside a client like others.
func TestSlowSocketsBesideANormalClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t, asShipped)
	address := serve(t, f)
	url := "http://" + address + v1Neurons
	normal := dialFrom(t, "127.0.0.1")
	if got := status(t, normal, url, openToken); got != 200 {
		t.Fatalf("before: %d", got)
	}
	slow := dialMany(t, 2000, "127.0.0.3", address, "GET /health HTTP/1.1\r\nHost: a\r\nX-")
	var took []time.Duration
	for i := range 400 {
		if _, err := slow[i*5].Write([]byte{'a'}); err != nil {
			t.Error(err)
		}
		began := time.Now()
		client := normal
		if i%10 == 0 {
			client = dialFrom(t, "127.0.0.1") // and new ones get in
		}
		if got := status(t, client, url, openToken); got != 200 {
			t.Errorf("beside slow sockets: %d", got)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("median %v, p99 %v", took[len(took)/2], took[len(took)*99/100])
	if median := took[len(took)/2]; median > 100*time.Millisecond {
		t.Errorf("a request takes %v", median)
	}
	if open := f.connections.Load(); open < 2000 {
		t.Errorf("%d connections are open", open)
	}
	// Two thousand are more than an address may have of 3,000.
	small := newFixture(t, func(c *Config) { c.MaxConnections = 3000 })
	address = serve(t, small)
	_ = dialMany(t, 1600, "127.0.0.3", address, "")
	if got := status(t, normal, "http://"+address+v1Neurons, openToken); got != 200 {
		t.Errorf("beside a greedy address: %d", got)
	}
	if refused := counted(t, small.instruments.turnedAway.WithLabelValues(refusedForAddress)); refused < 50 {
		t.Errorf("%v connections of the greedy address were refused", refused)
	}
}

// refusedConn demands the answer to a connection too many.
func refusedConn(t *testing.T, conn net.Conn) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" || !answer.Close ||
		string(body) != `{"status_code":503,"detail":"Too many connections. Try again later."}` {
		t.Errorf("%d %v %s %v", answer.StatusCode, answer.Header, body, err)
	}
}

func dial(t *testing.T, from, address string) net.Conn {
	t.Helper()
	return dialMany(t, 1, from, address, "")[0]
}

func answered(t *testing.T, conn net.Conn, answers *bufio.Reader) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := response(t, answers); got.StatusCode != http.StatusOK {
		t.Errorf("got %d", got.StatusCode)
	}
}

func closedByServer(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) || isTimeout(err) {
		t.Errorf("the connection is still open: %v", err)
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func TestSilentConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.MaxConnections = 4 })
	address := serve(t, f)

	idle := dial(t, "127.0.0.1", address)
	answers := bufio.NewReader(idle)
	answered(t, idle, answers)
	oldest := dial(t, "127.0.0.1", address) // says nothing
	oldest2 := dial(t, "127.0.0.2", address)
	busy := dial(t, "127.0.0.2", address)
	busyAnswers := bufio.NewReader(busy)
	answered(t, busy, busyAnswers)

	// The address 127.0.0.1 has its half.
	refusedConn(t, dial(t, "127.0.0.1", address))

	third := dial(t, "127.0.0.3", address)
	thirdAnswers := bufio.NewReader(third)
	answered(t, third, thirdAnswers)
	closedByServer(t, oldest)
	fourth := dial(t, "127.0.0.3", address)
	fourthAnswers := bufio.NewReader(fourth)
	answered(t, fourth, fourthAnswers)
	closedByServer(t, oldest2)
	// None is silent any more: one that is between requests has to go.
	fifth := dial(t, "127.0.0.4", address)
	fifthAnswers := bufio.NewReader(fifth)
	answered(t, fifth, fifthAnswers)
	if n := counted(t, f.instruments.turnedAway.WithLabelValues(closedForOthers)); n != 3 {
		t.Errorf("%v connections were closed for others", n)
	}
	if n := f.connections.Load(); n != 4 {
		t.Errorf("%d connections are open", n)
	}
}

func TestBusyConnectionsAreNotClosedForOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.MaxConnections = 2 })
	crowd := &crowd{release: make(chan struct{})}
	f.chain.before = crowd.wait
	address := serve(t, f)
	const ask = "GET /api/v1/block/latest HTTP/1.1\r\nHost: a\r\n\r\n"
	first := dialMany(t, 1, "127.0.0.1", address, ask)[0]
	second := dialMany(t, 1, "127.0.0.2", address, ask)[0]
	for deadline := time.Now().Add(10 * time.Second); crowd.sent.Load() != 2; {
		if time.Now().After(deadline) {
			t.Fatal("the requests never came")
		}
		pass(time.Millisecond)
	}
	refusedConn(t, dial(t, "127.0.0.3", address))
	if n := counted(t, f.instruments.turnedAway.WithLabelValues(refusedForAll)); n != 1 {
		t.Errorf("%v connections were refused", n)
	}
	close(crowd.release)
	for _, conn := range []net.Conn{first, second} {
		if got := response(t, bufio.NewReader(conn)); got.StatusCode != http.StatusOK {
			t.Errorf("got %d", got.StatusCode)
		}
		_ = conn.Close()
	}
	// The books are empty again.
	for deadline := time.Now().Add(10 * time.Second); f.connections.Load() != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open", f.connections.Load())
		}
		pass(time.Millisecond)
	}
	if got := status(t, dialFrom(t, "127.0.0.1"), "http://"+address+"/health", ""); got != 200 {
		t.Errorf("afterwards: %d", got)
	}
}

// Who asks for a large answer and does not take it is cut off.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil)
		r.chain.neurons = manyNeurons(1024)
		conn := r.listener.dial()
		began := time.Now()
		if _, err := io.WriteString(conn, "GET "+v1Neurons+" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+openToken+"\r\n\r\n"); err != nil {
			t.Error(err)
		}
		// It takes a little, slowly, and then nothing more.
		for range 3 {
			if _, err := io.ReadFull(conn, make([]byte, writePiece/2)); err != nil {
				t.Error(err)
			}
			pass(10 * time.Second)
		}
		pass(pieceTime)
		if n, err := io.Copy(io.Discard, conn); err != nil || n > writePiece {
			t.Errorf("%d more bytes, %v", n, err)
		}
		if took := time.Since(began); took > 62*time.Second {
			t.Errorf("cut off after %v", took)
		}
		r.stop()
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
	})
}

// Who takes it slowly, but takes it, gets all of it.
func TestPatientReadersGetTheWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil)
		r.chain.neurons = manyNeurons(1024)
		want := len(r.chain.neurons.AppendJSON(nil))
		conn := r.listener.dial()
		if _, err := io.WriteString(conn, "GET "+v1Neurons+" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+openToken+"\r\nConnection: close\r\n\r\n"); err != nil {
			t.Error(err)
		}
		got, chunk := 0, make([]byte, writePiece/2)
		for {
			n, err := io.ReadFull(conn, chunk)
			got += n
			if err != nil {
				break
			}
			pass(10 * time.Second)
		}
		if got < want {
			t.Errorf("%d bytes of %d", got, want)
		}
		r.stop()
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	same := [][]string{
		{"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8::1", "2001:db8::ffff:1:2:3", "2001:db8::%eth0"}, {"192.0.2.2"}, {"2001:db8:0:1::1"}, {"fe80::1"},
	}
	seen := map[[16]byte]string{}
	for _, group := range same {
		first := networkOf(netip.MustParseAddr(group[0]))
		if other, ok := seen[first]; ok {
			t.Errorf("%s is %s", group[0], other)
		}
		seen[first] = group[0]
		for _, address := range group {
			if networkOf(netip.MustParseAddr(address)) != first {
				t.Errorf("%s is not %s", address, group[0])
			}
		}
	}
	if !strings.Contains(string(overloaded), "\r\nRetry-After: 1\r\n") {
		t.Error("the answer to a connection too many does not say when to come again")
	}
}
