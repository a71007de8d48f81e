package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// one starts a node and a client of it, and waits until they are connected.
func one(t *testing.T, config Config) (*scripted, *Client) {
	t.Helper()
	network := newPipes(t)
	node := newScripted(t, "a", 10)
	network.add("a", node)
	c := network.client(config, "a")
	connected(t, c)
	return node, c
}

func connected(t *testing.T, c *Client) {
	t.Helper()
	if _, err := c.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// echo answers with the first parameter.
func echo(_ uint64, params []json.RawMessage) any { return params[0] }

// question asks for a text that the node sends back.
func question(ctx context.Context, c *Client, text string) (string, error) {
	return ask(ctx, c, query{method: "echo", params: []any{text}}, func(raw []byte) (s string, err error) {
		err = json.Unmarshal(raw, &s)
		return s, err
	})
}

func TestAnswersAreMatchedByID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.handle("echo", func(id uint64, params []json.RawMessage) any {
			advance(time.Duration(id*7919%101) * time.Millisecond) // answers come in another order
			return params[0]
		})
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				text := fmt.Sprint(i)
				if got, err := question(t.Context(), c, text); got != text || err != nil {
					t.Errorf("%s: %s, %v", text, got, err)
				}
			})
		}
		group.Wait()
		if n := node.connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestCancelledCallerDisturbsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		release := make(chan struct{})
		node.handle("echo", func(_ uint64, params []json.RawMessage) any {
			if string(params[0]) == `"slow"` {
				<-release
			}
			return params[0]
		})
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := question(ctx, c, "slow")
			failed <- err
		}()
		synctest.Wait()
		cancel()
		err := <-failed
		if KindOf(err) != KindCanceled || !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled call: %v", err)
		}
		if n := len(c.nodes[0].conn.waiting); n != 0 {
			t.Errorf("%d calls are left behind", n)
		}
		close(release) // the late answer comes now
		for range 3 {
			if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		}
		if n := node.connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestCutFailsAllCallsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.handle("never", func(uint64, []json.RawMessage) any { return nil })
		on := c.nodes[0].conn
		errs := make(chan error)
		for range 100 {
			go func() {
				_, err := on.call(t.Context(), "never", nil, nil)
				errs <- err
			}()
		}
		synctest.Wait()
		began := time.Now()
		node.drop()
		for range 100 {
			if err := <-errs; KindOf(err) != KindTransport {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the last call failed after %s", took)
		}
		if _, err := on.call(t.Context(), "never", nil, nil); KindOf(err) != KindTransport {
			t.Errorf("a call on the dead connection: %v", err)
		}
	})
}

func TestCutCallsAreRepeatedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		var mu sync.Mutex
		cuts := 0
		node.handle("echo", func(_ uint64, params []json.RawMessage) any {
			mu.Lock()
			defer mu.Unlock()
			if cuts > 0 {
				cuts--
				node.drop()
				return nil
			}
			return params[0]
		})
		cuts = 1
		if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
			t.Errorf("cut once: %q, %v", got, err)
		}
		if n := node.count("echo"); n != 2 {
			t.Errorf("asked %d times", n)
		}
		cuts = 2
		began := time.Now()
		if _, err := question(t.Context(), c, "x"); KindOf(err) != KindTransport {
			t.Errorf("cut twice: %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
		if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}
	})
}

func TestFrozenNodeIsFoundByPing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{PingInterval: 4 * time.Second, PingTimeout: 3 * time.Second})
		node.handle("echo", echo)
		node.gate.shut()
		began := time.Now()
		on := c.nodes[0].conn
		_, err := on.call(t.Context(), "echo", []any{"x"}, nil)
		if KindOf(err) != KindTransport || !strings.Contains(err.Error(), "frozen") && !strings.Contains(err.Error(), "takes nothing") {
			t.Errorf("the call: %v", err)
		}
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("found after %s, not within 7 s", took)
		}
		synctest.Wait()
		if s := c.Nodes()[0]; s.State != NodeConnecting || s.LastErrorKind != KindTransport {
			t.Errorf("the node is %s, %v", s.State, s.LastError)
		}
		node.gate.reopen() // what it had received before comes out now
		if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
			t.Errorf("after the thaw: %q, %v", got, err)
		}
	})
}

func TestIdleConnectionStaysOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		advance(3 * time.Hour)
		if s := c.Nodes()[0]; s.State != NodeStale || s.Reconnects != 0 || s.LastError != nil {
			t.Errorf("after hours without a block: %+v", s)
		}
		want := node.produce(1)
		synctest.Wait()
		if s := c.Nodes()[0]; s.State != NodeHealthy || s.Head != want {
			t.Errorf("after a block: %+v", s)
		}
	})
}

func TestInFlightCallsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{MaxInFlight: 2})
		release := make(chan struct{})
		node.handle("echo", func(_ uint64, params []json.RawMessage) any { <-release; return params[0] })
		done := make(chan error)
		for range 3 {
			go func() {
				_, err := question(t.Context(), c, "x")
				done <- err
			}()
		}
		synctest.Wait()
		if n := node.count("echo"); n != 2 {
			t.Errorf("%d calls at the node", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := question(ctx, c, "x"); !errors.Is(err, context.DeadlineExceeded) || KindOf(err) != KindTimeout {
			t.Errorf("a call that waited for its turn: %v", err)
		}
		close(release)
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := node.count("echo"); n != 3 {
			t.Errorf("%d calls at the node in the end", n)
		}
	})
}

// What makes the whole stream useless fails the calls that wait, and the next connection works.
func TestUselessStreams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		frame string
		want  Kind
	}{
		"garbage":               {`{]`, KindMalformed},
		"a list":                {`[{"id":1,"result":1}]`, KindMalformed},
		"an id never sent":      {`{"id":1000000,"result":"x"}`, KindMalformed},
		"id 0":                  {`{"id":0,"result":"x"}`, KindMalformed},
		"an id of another type": {`{"id":"5","result":"x"}`, KindMalformed},
		"no id":                 {`{"result":"x"}`, KindMalformed},
		"nothing":               {`{}`, KindMalformed},
		"an error to nobody":    {`{"id":null,"error":{"code":-32700,"message":"Parse error"}}`, KindNode},
		"a broken notification": {`{"method":"chain_newHead","params":[]}`, KindMalformed},
		"a broken head":         {`{"method":"chain_newHead","params":{"subscription":"0x00","result":{"number":"0x1"}}}`, KindMalformed},
		"a subscription's end":  {`{"method":"chain_newHead","params":{"subscription":"0x00","error":"lagged"}}`, KindTransport},
		"too many brackets":     {`{"id":5,"result":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, KindMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, client := one(t, Config{})
				node.handle("never", func(uint64, []json.RawMessage) any { return nil })
				node.reply("bad", rawFrame(c.frame))
				node.handle("echo", echo)
				on := client.nodes[0].conn
				other := make(chan error)
				go func() {
					_, err := on.call(t.Context(), "never", nil, nil)
					other <- err
				}()
				synctest.Wait()
				if _, err := on.call(t.Context(), "bad", nil, nil); KindOf(err) != c.want {
					t.Errorf("the call: %v", err)
				}
				if err := <-other; KindOf(err) != c.want {
					t.Errorf("the call beside it: %v", err)
				}
				if got, err := question(t.Context(), client, "x"); got != "x" || err != nil {
					t.Errorf("afterwards: %q, %v", got, err)
				}
				if s := client.Nodes()[0]; s.Reconnects != 1 || s.LastErrorKind != c.want {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// What concerns one call, or none, leaves the connection alone.
func TestHarmlessMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		frames []string
		want   Kind
	}{
		"an error that is none":     {[]string{`{"id":%d,"error":7}`}, KindMalformed},
		"a result of another type":  {[]string{`{"id":%d,"result":{"x":[]}}`}, KindMalformed},
		"a result broken inside":    {[]string{`{"id":%d,"result":[1,,]}`}, KindMalformed},
		"two answers":               {[]string{`{"id":%[1]d,"result":7}`, `{"id":%[1]d,"result":"x"}`}, KindMalformed},
		"an unknown subscription":   {[]string{`{"method":"x","params":{"subscription":9,"result":1}}`, `{"id":%d,"error":{"code":4242,"message":"m"}}`}, KindUnknown},
		"an answer to a given up":   {[]string{`{"id":1,"result":7}`, `{"id":%d,"error":{"code":4242,"message":"m"}}`}, KindUnknown},
		"a request of the node":     {[]string{`{"id":5,"method":"x","params":{}}`, `{"id":%d,"error":{"code":4242,"message":"m"}}`}, KindUnknown},
		"members nobody knows":      {[]string{`{"x":[{}],"id":%d,"error":{"code":4242,"message":"m","y":1}}`}, KindUnknown},
		"an error beside a result":  {[]string{`{"id":%d,"result":"x","error":{"code":4242,"message":"m"}}`}, KindUnknown},
		"a text frame in fragments": {[]string{`{"id":%d,`, "+", `"error":{"code":4242,"message":"m"}}`}, KindUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, client := one(t, Config{})
				node.handle("echo", func(id uint64, _ []json.RawMessage) any {
					text := strings.Join(c.frames, "\n")
					if strings.Contains(text, "%") {
						text = fmt.Sprintf(text, id)
					}
					return rawFrames(strings.Split(text, "\n"))
				})
				if got, err := question(t.Context(), client, "x"); KindOf(err) != c.want || err == nil {
					t.Errorf("%q, %v", got, err)
				}
				node.handle("echo", echo)
				if got, err := question(t.Context(), client, "x"); got != "x" || err != nil {
					t.Errorf("afterwards: %q, %v", got, err)
				}
				if n := node.connections(); n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

func TestTooLargeAnswer(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	for name, c := range map[string]struct {
		frame string
		other Kind // of the call beside it
	}{
		"the id first": {`{"jsonrpc":"2.0","id":%d,"result":"%s"}`, KindTransport},
		"the id last":  {`{"jsonrpc":"2.0","result":"%[2]s","id":%[1]d}`, KindTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, client := one(t, Config{ReadLimit: limit})
				node.handle("never", func(uint64, []json.RawMessage) any { return nil })
				node.handle("large", func(id uint64, _ []json.RawMessage) any {
					return rawFrame(fmt.Sprintf(c.frame, id, strings.Repeat("0", limit)))
				})
				on := client.nodes[0].conn
				other := make(chan error)
				go func() {
					_, err := on.call(t.Context(), "never", nil, nil)
					other <- err
				}()
				synctest.Wait()
				_, err := on.call(t.Context(), "large", nil, nil)
				if KindOf(err) != KindTooLarge || !strings.Contains(err.Error(), "65536 bytes") {
					t.Errorf("the call: %v", err)
				}
				if err := <-other; KindOf(err) != c.other {
					t.Errorf("the call beside it: %v", err)
				}
				// An answer of exactly the limit is fine.
				node.handle("echo", func(id uint64, _ []json.RawMessage) any {
					frame := fmt.Sprintf(`{"id":%d,"result":"`, id)
					return rawFrame(frame + strings.Repeat("x", limit-len(frame)-2) + `"}`)
				})
				if got, err := question(t.Context(), client, ""); err != nil || len(got) < limit-100 {
					t.Errorf("an answer of the limit: %d bytes, %v", len(got), err)
				}
			})
		})
	}
}

// An answer that arrives so slowly that nobody can be waiting for it any more gives way to the next connection.
func TestAnswerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{CallTimeout: 10 * time.Second})
		node.reply("bad", rawFrames{`{"id":1,` + strings.Repeat(" ", 8<<10), "..."})
		on := c.nodes[0].conn
		began := time.Now()
		_, err := on.call(t.Context(), "bad", nil, nil)
		if KindOf(err) != KindTransport || !strings.Contains(err.Error(), "did not end within 10s") {
			t.Errorf("the call: %v", err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("failed after %s", took)
		}
	})
}

// Any one message does one thing: it answers one call, goes to one subscription, fails the stream, or nothing.
func FuzzHandleMessage(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"result":"0x00"}`, `{"id":2,"error":{"code":1,"message":"x"}}`, `{"id":3,"result":"sub"}`, `{"id":9,"result":1}`,
		`{"method":"m","params":{"subscription":"old","result":{}}}`, `{"id":null,"error":{}}`, `{"id":4,"result":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		told := 0
		c := &conn{issued: 4, last: new(lastRead), waiting: make(map[uint64]*pendingCall), subscriptions: map[string]func(notice){`"old"`: func(notice) { told++ }}}
		calls := make([]*pendingCall, 3)
		for i := range calls {
			calls[i] = &pendingCall{answer: make(chan answer, 1)}
			c.waiting[uint64(i+1)] = calls[i]
		}
		calls[2].onNotice = func(notice) {}
		reason := c.handle(frame, false)
		answered := 0
		for _, call := range calls {
			answered += len(call.answer)
		}
		if answered+told > 1 || len(c.waiting) != 3-answered || len(c.subscriptions) > 2 {
			t.Errorf("%q: %d answered, %d told, %d left, %d subscriptions", frame, answered, told, len(c.waiting), len(c.subscriptions))
		}
		if reason != nil && answered+told > 0 {
			t.Errorf("%q: answered, and the stream is useless: %v", frame, reason)
		}
	})
}
