package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// fakeEvents is a chain on which happens what a test says.
type fakeEvents struct {
	events  chan pylon.ChainEvent
	stopped chan struct{}
}

func newFakeEvents() *fakeEvents {
	return &fakeEvents{events: make(chan pylon.ChainEvent, 2*eventsKept), stopped: make(chan struct{}, 1)}
}

func (e *fakeEvents) Events(int) (<-chan pylon.ChainEvent, func()) {
	return e.events, func() { e.stopped <- struct{}{} }
}

func blockAt(number uint64) pylon.Block {
	return pylon.Block{Number: number, Hash: fmt.Sprintf("0x%064x", number)}
}

func (e *fakeEvents) head(number uint64) {
	e.events <- pylon.ChainEvent{Kind: pylon.EventHead, Block: blockAt(number)}
}

func (e *fakeEvents) finalized(number uint64) {
	e.events <- pylon.ChainEvent{Kind: pylon.EventFinalized, Block: blockAt(number)}
}

func (e *fakeEvents) epoch(netuid pylon.Netuid, number uint64) {
	e.events <- pylon.ChainEvent{Kind: pylon.EventEpoch, Netuid: netuid, Block: blockAt(number)}
}

const (
	openEvents = "/api/_unstable/openaccess/events"
	ownEvents  = "/api/_unstable/identity/sn1/subnet/1/events"
)

// listener reads a stream of events.
type eventReader struct {
	t      *testing.T
	conn   net.Conn
	header http.Header
	body   *bufio.Reader
	lastID string
}

// listen opens a stream, in a synctest bubble.
func listen(t *testing.T, r *running, path, token, lastID string) *eventReader {
	t.Helper()
	conn := r.listener.dial()
	text := "GET " + path + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n"
	if lastID != "" {
		text += "Last-Event-ID: " + lastID + "\r\n"
	}
	if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	return &eventReader{t: t, conn: conn, header: answer.Header, body: bufio.NewReader(answer.Body)}
}

// next returns the next event as its name and data, a comment as ":", and the end as "end".
func (e *eventReader) next() string {
	e.t.Helper()
	var name, data string
	for {
		line, err := e.body.ReadString('\n')
		if err != nil {
			return "end"
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			if name != "" {
				return name + " " + data
			}
		case field == "":
			return ":"
		case field == "event":
			name = value
		case field == "data":
			data = value
		case field == "id":
			e.lastID = value
		case field == "retry":
		default:
			e.t.Errorf("line %q", line)
		}
	}
}

func (e *eventReader) want(events ...string) {
	e.t.Helper()
	for _, want := range events {
		if got := e.next(); got != want {
			e.t.Errorf("got %s, want %s", got, want)
		}
	}
}

func (e *eventReader) close() { _ = e.conn.Close() }

func headText(number uint64) string { return "head " + string(blockAt(number).AppendJSON(nil)) }

func finalizedText(number uint64) string {
	return "finalized " + string(blockAt(number).AppendJSON(nil))
}

func epochText(netuid int, number uint64) string {
	return `epoch {"netuid":` + strconv.Itoa(netuid) + `,"block":` + string(blockAt(number).AppendJSON(nil)) + `}`
}

// bubble runs a test with a server in a synctest bubble and stops the server.
func bubble(t *testing.T, change func(*Config), test func(t *testing.T, r *running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, change)
		test(t, r)
		r.stop()
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
		select {
		case <-r.events.stopped:
		default:
			t.Error("the source of events was not told that nobody listens any more")
		}
	})
}

func TestEventsAreStreamed(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		early := listen(t, r, openEvents, openToken, "")
		for name, value := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Length": "",
		} {
			if got := early.header.Get(name); got != value {
				t.Errorf("%s: %q", name, got)
			}
		}
		r.events.head(10)
		early.want(headText(10))
		r.events.finalized(8)
		r.events.epoch(7, 10)
		r.events.head(11)
		early.want(finalizedText(8), epochText(7, 10), headText(11))
		// A new reader begins with the newest of both kinds.
		late := listen(t, r, openEvents, openToken, "")
		late.want(finalizedText(8), headText(11))
		r.events.finalized(9)
		early.want(finalizedText(9))
		late.want(finalizedText(9))
		later := listen(t, r, openEvents, openToken, "")
		later.want(headText(11), finalizedText(9))
		if !regexp.MustCompile(`^[0-9a-f]{8}-5$`).MatchString(later.lastID) {
			t.Errorf("id %q", later.lastID)
		}
		for _, reader := range []*eventReader{early, late, later} {
			reader.close()
		}
	})
}

func TestEventsOfAnIdentityAreItsOwn(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		reader := listen(t, r, ownEvents, sn1Token, "")
		r.events.epoch(2, 5)
		r.events.epoch(1, 6)
		r.events.head(7)
		reader.want(epochText(1, 6), headText(7))
		reader.close()
	})
}

func TestEventsGoOnAfterTheLastID(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		reader := listen(t, r, openEvents, openToken, "")
		for i := range uint64(5) {
			r.events.head(i)
			reader.want(headText(i))
		}
		reader.close()
		r.events.epoch(3, 5)
		r.events.head(5)
		synctest.Wait()
		again := listen(t, r, openEvents, openToken, reader.lastID)
		again.want(epochText(3, 5), headText(5))
		again.close()
		// Nothing is missed and nothing is new.
		again = listen(t, r, openEvents, openToken, again.lastID)
		r.events.head(6)
		again.want(headText(6))
		again.close()

		run, _, _ := strings.Cut(reader.lastID, "-")
		for _, strange := range []string{"x", run + "-", run + "-x", run + "--1", run + "-9", run + "-18446744073709551615", "00000000-3"} {
			lost := listen(t, r, openEvents, openToken, strange)
			lost.want("gap {}", headText(6))
			lost.close()
		}

		// The ring has an end. The first one that it still has can be got.
		for i := range uint64(eventsKept) {
			r.events.head(100 + i)
		}
		synctest.Wait()
		for number, want := range map[int][]string{
			8: {headText(100), headText(101)},
			7: {"gap {}", headText(100 + eventsKept - 1)},
		} {
			reader := listen(t, r, openEvents, openToken, run+"-"+strconv.Itoa(number))
			reader.want(want...)
			reader.close()
		}
	})
}

func TestEventStreamsOutliveTimeouts(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		reader := listen(t, r, openEvents, openToken, "")
		for range int(2 * (r.config.MaxTimeout + writeTime) / heartbeat) {
			reader.want(":")
		}
		r.events.head(1)
		reader.want(headText(1))
		reader.close()
	})
	f := newFixture(t, nil)
	wantProblem(t, f.ask(t, openEvents, append(authorization(openToken), timeoutHeader, "x")...), 400, "Invalid X-Pylon-Timeout header value: x")
}

func TestSlowReadersOfEventsAreDropped(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		slow := listen(t, r, openEvents, openToken, "") // takes nothing from here on
		quick := listen(t, r, openEvents, openToken, "")
		began := time.Now()
		for i := range uint64(100) {
			r.events.head(i)
			quick.want(headText(i))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the quick reader waited %v for the slow one", took)
		}
		pass(readerTime + time.Second)
		if n := r.stream.readerCount(); n != 1 {
			t.Errorf("%d readers are left", n)
		}
		slow.close()
		quick.close()
	})
}

// A reader that stops for a while and finds that more has happened than is kept is sent away.
func TestReadersThatFallBehindAreDropped(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		reader := listen(t, r, openEvents, openToken, "")
		r.events.head(0)
		synctest.Wait() // it is being written
		for i := range uint64(eventsKept + 10) {
			r.events.head(1 + i)
		}
		synctest.Wait()
		reader.want(headText(0))
		for {
			text := reader.next()
			if text == "end" {
				break
			}
			if text == headText(eventsKept+10) {
				t.Fatal("it got to the end")
			}
		}
		reader.close()
	})
}

func TestEventReadersAreBounded(t *testing.T) {
	t.Parallel()
	bubble(t, func(c *Config) { c.MaxEventReaders = 2 }, func(t *testing.T, r *running) {
		first := listen(t, r, openEvents, openToken, "")
		second := listen(t, r, ownEvents, sn1Token, "")
		got := r.ask(t, openEvents, authorization(openToken)...)
		wantProblem(t, got, 503, "Too many clients are reading events. Try again later.")
		wantHeader(t, got, "Retry-After", "3")
		second.close()
		synctest.Wait()
		r.events.head(1)
		third := listen(t, r, openEvents, openToken, "")
		third.want(headText(1))
		first.close()
		third.close()
	})
}

func TestEventStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil)
		reader := listen(t, r, openEvents, openToken, "")
		r.events.head(1)
		reader.want(headText(1))
		began := time.Now()
		r.stop()
		reader.want("end")
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
		// net/http looks for idle connections in growing steps.
		if took := time.Since(began); took > time.Second {
			t.Errorf("the stop took %v", took)
		}
		reader.close()
	})
}

func TestEventsWithoutASource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(c *Config) { c.Events = nil })
		reader := listen(t, r, openEvents, openToken, "")
		reader.want(":")
		r.stop()
		reader.want("end")
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
		reader.close()
	})
}

// A source that ends takes nothing else with it.
func TestEventSourceThatEnds(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, r *running) {
		r.events.head(1)
		close(r.events.events)
		reader := listen(t, r, openEvents, openToken, "")
		reader.want(headText(1), ":")
		reader.close()
	})
}

func TestEventsNeedTheirToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	wantProblem(t, f.ask(t, openEvents), 401, missingHeader)
	wantProblem(t, f.ask(t, openEvents, authorization(sn1Token)...), 403, wrongToken)
	wantProblem(t, f.ask(t, ownEvents, authorization(openToken)...), 403, wrongToken)
	wantProblem(t, f.ask(t, "/api/_unstable/events", authorization(openToken)...), 404, "Not Found")
}

func BenchmarkEventToReaders(b *testing.B) {
	s := newStream(256, nil)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	for range 256 {
		go func() {
			next := uint64(1)
			for ctx.Err() == nil {
				_, following, changed, _ := s.since(s.open, next)
				next = following
				select {
				case <-changed:
				case <-ctx.Done():
				}
			}
		}()
	}
	for b.Loop() {
		s.add(pylon.ChainEvent{Kind: pylon.EventHead, Block: blockAt(1)})
	}
}
