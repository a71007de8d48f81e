package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// manyNeurons is a subnet of that size with values as they are on the chain.
func manyNeurons(count int) *pylon.Neurons {
	random := rand.New(rand.NewPCG(1, uint64(count)))
	share := func() float64 { return float64(random.IntN(65536)) / 65535 }
	tokens := func() float64 { return float64(random.Int64N(1e15)) / 1e9 }
	address := func() string {
		const letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
		text := []byte("5")
		for range 47 {
			text = append(text, letters[random.IntN(len(letters))])
		}
		return string(text)
	}
	neurons := &pylon.Neurons{Block: pylon.Block{Number: 8_000_000, Hash: fmt.Sprintf("0x%064x", count)}}
	for uid := range count {
		neuron := pylon.Neuron{
			UID: uint16(uid), Coldkey: pylon.Coldkey(address()), Hotkey: pylon.Hotkey(address()), Active: true,
			AxonInfo: pylon.AxonInfo{IP: netip.AddrFrom4([4]byte{byte(random.Int()), 2, byte(random.Int()), 4}), Port: 8091, Protocol: 4},
			Stake:    tokens(), Emission: tokens() / 1e6, Incentive: share(), Consensus: share(), Dividends: share(),
			LastUpdate: 7_999_000 + uint64(random.IntN(1000)), PruningScore: 65535,
		}
		neuron.Stakes = pylon.Stakes{Alpha: neuron.Stake, TAO: tokens(), Total: tokens()}
		if uid < 64 {
			neuron.ValidatorPermit, neuron.ValidatorTrust = true, share()
		}
		neurons.Neurons = append(neurons.Neurons, neuron)
	}
	return neurons
}

// bare is the least that a net/http handler can do to answer with the same bytes and headers that say as much.
func bare(body []byte, coding string) http.Handler {
	length := strconv.Itoa(len(body))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", length)
		if coding != "" {
			header.Set("Content-Encoding", coding)
		}
		_, _ = w.Write(body)
	})
}

// load is many keep-alive connections that ask the same thing again and again.
type load struct {
	request []byte
	conns   []net.Conn
	readers []*bufio.Reader
}

func newLoad(tb testing.TB, address string, connections int, request string) *load {
	tb.Helper()
	l := &load{request: []byte(request)}
	for range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = conn.Close() })
		l.conns = append(l.conns, conn)
		l.readers = append(l.readers, bufio.NewReaderSize(conn, 64<<10))
	}
	return l
}

// run asks on every connection and returns how long it took.
func (l *load) run(tb testing.TB) time.Duration {
	tb.Helper()
	began := time.Now()
	var wait sync.WaitGroup
	for i := range l.conns {
		wait.Go(func() {
			// go test -timeout does not count for benchmarks: an answer that never comes would hang them.
			_ = l.conns[i].SetDeadline(began.Add(benchPatience))
			for range benchEach {
				if err := l.ask(i); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	return time.Since(began)
}

var contentLength = []byte("Content-Length: ")

func (l *load) ask(i int) error {
	if _, err := l.conns[i].Write(l.request); err != nil {
		return err
	}
	reader, length, first := l.readers[i], -1, true
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			return fmt.Errorf("answer %q", line)
		}
		first = false
		if after, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(after))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			break
		}
	}
	_, err := reader.Discard(length)
	return err
}

// serveBare runs a handler with the settings of the real server.
func serveBare(tb testing.TB, handler http.Handler) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: 330 * time.Second,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	tb.Cleanup(func() {
		_ = server.Shutdown(context.Background())
		if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
			tb.Error(err)
		}
	})
	return listener.Addr().String()
}

const (
	benchConnections = 64
	benchEach        = 10 // requests on each, in one turn
	benchPatience    = time.Minute
)

// asShipped is a server with all its limits.
func asShipped(c *Config) {
	c.WrongTokens = 0
	c.Logger = slog.New(slog.DiscardHandler)
}

// BenchmarkBesideBareHandler measures hot reads over loopback connections, in turns with a bare net/http handler that
// writes the same bytes. The metric "of-bare" is our throughput divided by the bare handler's, the median of all
// turns, because other work on the machine hits one side or the other.
func BenchmarkBesideBareHandler(b *testing.B) {
	for _, size := range []int{256, 1024} {
		for _, coding := range []string{"", "gzip", "zstd"} {
			name := coding
			if name == "" {
				name = "plain"
			}
			b.Run(fmt.Sprintf("neurons-%d/%s", size, name), func(b *testing.B) {
				f := newFixture(b, asShipped)
				f.chain.neurons = manyNeurons(size)
				headers := authorization(openToken)
				text := "GET " + v1Neurons + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + openToken +
					"\r\nX-Pylon-Timeout: 60.0\r\nAccept: */*\r\nUser-Agent: bench\r\n"
				if coding != "" {
					headers = append(headers, "Accept-Encoding", coding)
					text += "Accept-Encoding: " + coding + "\r\n"
				}
				body := f.ask(b, v1Neurons, headers...).Body.Bytes()
				ours := newLoad(b, serve(b, f), benchConnections, text+"\r\n")
				others := newLoad(b, serveBare(b, bare(body, coding)), benchConnections, text+"\r\n")
				ours.run(b)
				others.run(b)
				var mine, theirs time.Duration
				var ratios []float64
				for b.Loop() {
					us, them := ours.run(b), others.run(b)
					mine, theirs = mine+us, theirs+them
					ratios = append(ratios, them.Seconds()/us.Seconds())
				}
				slices.Sort(ratios)
				requests := float64(len(ratios) * benchEach * benchConnections)
				b.ReportMetric(ratios[len(ratios)/2], "of-bare")
				b.ReportMetric(requests/mine.Seconds(), "req/s")
				b.ReportMetric(requests/theirs.Seconds(), "bare-req/s")
				b.ReportMetric(float64(len(body)), "bytes")
			})
		}
	}
}

// discard is a ResponseWriter that costs as little as one can.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkHandler is what one hot request costs without the network.
func BenchmarkHandler(b *testing.B) {
	for name, headers := range map[string][]string{
		"plain": nil, "gzip": {"Accept-Encoding", "gzip, deflate"}, "timeout": {timeoutHeader, "60.0"},
	} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, asShipped)
			request := newRequest(b.Context(), v1Neurons, append(authorization(openToken), headers...)...)
			writer := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(writer.header)
				f.ServeHTTP(writer, request)
			}
		})
	}
}

// BenchmarkNewBlock is what the first request after a block costs: rendering and compressing.
func BenchmarkNewBlock(b *testing.B) {
	for _, size := range []int{256, 1024} {
		neurons := manyNeurons(size)
		for name, coding := range map[string]encoding{"plain": identityCoding, "gzip": gzipCoding, "zstd": zstdCoding} {
			b.Run(fmt.Sprintf("neurons-%d/%s", size, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					kept, err := newBodies(64 << 20)
					if err != nil {
						b.Fatal(err)
					}
					body, err := kept.get(bodyKey{encoding: coding}, neurons.AppendJSON)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(len(body.body)), "bytes")
				}
			})
		}
	}
}
