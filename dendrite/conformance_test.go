package dendrite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Dummy is the message that most tests send.
type Dummy struct {
	synapse.Synapse
	Input  int `synapse:"required,hash"`
	Output synapse.Optional[int]
	Note   string `synapse:"hash"`
	Fixed  string `synapse:"frozen"`
	List   []int
}

func (d *Dummy) SetDefaults() { d.Note = "é" }

func key(t testing.TB, uri string) *wallet.Keypair {
	t.Helper()
	k, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newDendrite(t testing.TB, c dendrite.Config) *dendrite.Dendrite {
	t.Helper()
	if c.Signer == nil {
		c.Signer = key(t, "//Alice")
	}
	d, err := dendrite.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func targetOf(addr net.Addr, hotkey string) synapse.AxonInfo {
	tcp := addr.(*net.TCPAddr)
	return synapse.AxonInfo{IP: tcp.IP.String(), Port: tcp.Port, IPType: 4, Hotkey: hotkey, Protocol: 4}
}

// serve starts an axon of //Bob with a function for Dummy.
func serve(t testing.TB, c axon.Config, function func(context.Context, *Dummy) error) synapse.AxonInfo {
	t.Helper()
	c.Signer, c.Verifier = key(t, "//Bob"), wallet.Sr25519
	a, err := axon.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := axon.Attach(a, function); err != nil {
		t.Fatal(err)
	}
	return start(t, a)
}

func start(t testing.TB, a *axon.Axon) synapse.AxonInfo {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StartOn(listener); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return targetOf(listener.Addr(), a.Hotkey())
}

// answerWith starts a server that reads a request and answers with these bytes;
// empty hangs up.
func answerWith(t testing.TB, text string) synapse.AxonInfo {
	t.Helper()
	return answerBy(t, func(conn net.Conn, _ *http.Request, _ string) { _, _ = io.WriteString(conn, text) })
}

func answerBy(t testing.TB, answer func(conn net.Conn, r *http.Request, body string)) synapse.AxonInfo {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				body, err := io.ReadAll(request.Body)
				if err == nil {
					answer(conn, request, string(body))
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	return targetOf(listener.Addr(), key(t, "//Bob").Address())
}

// response is an HTTP answer with JSON.
func response(status int, body string, headers ...string) string {
	return fmt.Sprintf(
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s",
		status, http.StatusText(status), len(body), strings.Join(append(headers, ""), "\r\n"), body,
	)
}

func double(_ context.Context, m *Dummy) error {
	m.Output = synapse.Some(2 * m.Input)
	return nil
}

// 54 names a Python axon; the suite in interop/neuron has those.
func TestConformance054Success(t *testing.T) {
	t.Parallel()
	for _, mode := range []axon.Mode{axon.Strict, axon.Compatible} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			target := serve(t, axon.Config{Mode: mode}, func(ctx context.Context, m *Dummy) error {
				m.Note = "changed"
				return double(ctx, m)
			})
			d := newDendrite(t, dendrite.Config{ExternalIP: "198.51.100.7"})
			m := &Dummy{Input: 41, Note: "sent", List: []int{1, 2}}
			got, err := dendrite.Call(t.Context(), d, target, m)
			if err != nil {
				t.Fatal(err)
			}
			if got.Output != synapse.Some(82) || got.Note != "changed" || !got.IsSuccess() || got.Name != "Dummy" {
				t.Errorf("answer %+v", got)
			}
			if got.Dendrite.StatusCode != synapse.Some(200) || got.Dendrite.StatusMessage != synapse.Some("Success") || got.Dendrite.ProcessTime.Value <= 0 ||
				got.Dendrite.Hotkey != synapse.Some(d.Hotkey()) || got.Dendrite.UUID != synapse.Some(d.UUID()) || !got.Dendrite.Nonce.Present || !got.Dendrite.Signature.Present {
				t.Errorf("dendrite %+v", got.Dendrite)
			}
			if got.Axon.StatusCode != synapse.Some(200) || got.Axon.ProcessTime.Value <= 0 || got.Axon.Port != synapse.Some(target.Port) || got.Axon.Hotkey != synapse.Some(target.Hotkey) ||
				got.Axon.Version.Present || got.Axon.Nonce.Present || got.Axon.Signature.Present {
				t.Errorf("axon %+v", got.Axon)
			}
		})
	}
}

// Headers count more than the body.
func TestConformance054HeadersWin(t *testing.T) {
	t.Parallel()
	target := answerWith(t, response(
		200, `{"input": 5, "output": 2, "note": "n", "fixed": "theirs", "timeout": 3.0, "axon": {"status_code": 500, "process_time": 1.0, "ip": "1.1.1.1"}, "dendrite": {"uuid": "theirs"}}`,
		"bt_header_axon_status_code: 200", "bt_header_axon_status_message: Success", "bt_header_axon_process_time: 0.25", "bt_header_dendrite_port: 4000",
	))
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1, Fixed: "ours", List: []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Input != 5 || got.Output != synapse.Some(2) || got.Fixed != "ours" || got.Timeout != synapse.Some(3.0) || got.List != nil {
		t.Errorf("answer %+v", got)
	}
	if got.Axon.StatusCode != synapse.Some(200) || got.Axon.ProcessTime != synapse.Some(0.25) || got.Axon.IP != synapse.Some("1.1.1.1") || got.Axon.Hotkey.Present {
		t.Errorf("axon %+v", got.Axon)
	}
	if got.Dendrite.Port != synapse.Some(4000) || got.Dendrite.UUID != synapse.Some("theirs") || got.Dendrite.Hotkey.Present {
		t.Errorf("dendrite %+v", got.Dendrite)
	}
}

func TestConformance055NoStatus(t *testing.T) {
	t.Parallel()
	target := answerWith(t, response(200, `{"input":1,"output":2}`))
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1, Note: "mine"})
	var failure *dendrite.Error
	if got.IsSuccess() || got.Output != synapse.Some(2) || got.Note != "é" || got.Dendrite.StatusCode.Present || !errors.As(err, &failure) || failure.Code != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConformance056Message(t *testing.T) {
	t.Parallel()
	d := newDendrite(t, dendrite.Config{})
	for _, c := range []struct {
		answer  string
		code    int
		message string
	}{
		{response(403, `{"message": "Forbidden. Key is blacklisted: no stake."}`), 403, "Forbidden. Key is blacklisted: no stake."},
		{response(414, `{"message": "m"}`, "bt_header_axon_status_code: 415", "bt_header_axon_status_message: header"), 415, "header"},
		{response(500, `{}`), 500, ""},
		{response(500, `{"message": 7}`), 500, "7"},
		{response(500, `{"detail": "tea"}`, "bt_header_axon_status_code: 418"), 418, ""},
		// A failure cannot call itself a success.
		{response(500, `{"message": "m"}`, "bt_header_axon_status_code: 200"), 500, "m"},
	} {
		got, err := dendrite.Call(t.Context(), d, answerWith(t, c.answer), &Dummy{Input: 1, Note: "mine"})
		if got.Dendrite.StatusCode != synapse.Some(c.code) || got.Axon.StatusCode != synapse.Some(c.code) || got.Dendrite.StatusMessage.Or("") != c.message || got.Note != "mine" {
			t.Errorf("%s: axon %+v, dendrite %+v", c.answer, got.Axon, got.Dendrite)
		}
		var failure *dendrite.Error
		if !errors.As(err, &failure) || failure.Code != c.code || failure.Message != c.message || failure.Err != nil || got.IsSuccess() {
			t.Errorf("%s: error %v", c.answer, err)
		}
	}
}

func TestConformance057OnlyStatus200Merges(t *testing.T) {
	t.Parallel()
	target := answerWith(t, response(201, `{"input":9,"output":2,"axon":{"status_code":200}}`))
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1})
	if err == nil || got.Input != 1 || got.Output.Present || got.Dendrite.StatusCode != synapse.Some(201) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConformance058Failures(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := targetOf(listener.Addr(), key(t, "//Bob").Address())
	listener.Close()
	never := make(chan struct{})
	silent := answerBy(t, func(net.Conn, *http.Request, string) { <-never })
	stuck := answerBy(t, func(conn net.Conn, _ *http.Request, _ string) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		<-never
	})
	t.Cleanup(func() { close(never) })
	d := newDendrite(t, dendrite.Config{MaxResponse: 1 << 20})
	const truncated = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	nowhere := refused
	nowhere.IP = "nowhere"
	noPort := refused
	noPort.Port = 0
	for name, c := range map[string]struct {
		target  synapse.AxonInfo
		code    int
		message string
	}{
		"refused":        {refused, 503, fmt.Sprintf("Service unavailable at %s:%d/Dummy", refused.IP, refused.Port)},
		"silent":         {silent, 408, "Request timeout after 0.25 seconds"},
		"stuck":          {stuck, 408, "Request timeout after 0.25 seconds"},
		"closed":         {answerWith(t, ""), 503, "Service disconnected: Server disconnected"},
		"truncated":      {answerWith(t, truncated), 400, "Payload error: unexpected EOF"},
		"no HTTP":        {answerWith(t, "hello\r\n\r\n"), 400, "Client response error: "},
		"huge head":      {answerWith(t, "HTTP/1.1 200 OK\r\nx: "+strings.Repeat("y", 1<<20)+"\r\n\r\n"), 400, "Client response error: "},
		"bad JSON":       {answerWith(t, response(200, `{"a"`)), 422, "Failed to parse response: "},
		"empty":          {answerWith(t, response(200, ``)), 422, "Failed to parse response: "},
		"a list":         {answerWith(t, response(200, `[]`)), 422, "Failed to parse response: "},
		"a list, 500":    {answerWith(t, response(500, `[]`)), 422, "Failed to parse response: "},
		"wrong type":     {answerWith(t, response(200, `{"input": "x"}`)), 422, "Failed to parse response: "},
		"missing field":  {answerWith(t, response(200, `{}`)), 422, "Failed to parse response: "},
		"bad header":     {answerWith(t, response(200, `{"input": 1}`, "bt_header_axon_nonce: x")), 422, "Failed to parse response: "},
		"text":           {answerWith(t, "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"), 422, "Failed to parse response: 500, message='Attempt to decode JSON with unexpected mimetype: text/plain', url='http://"},
		"no type":        {answerWith(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), 422, "Failed to parse response: 200, message='Attempt to decode JSON with unexpected mimetype: ', url='"},
		"redirect":       {answerWith(t, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), 422, "Failed to parse response: 307"},
		"large":          {answerWith(t, response(200, `{"note": "`+strings.Repeat("x", 1<<20)+`"}`)), 422, "Failed to parse response: the answer is too large"},
		"large, chunked": {answerWith(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"+strings.Repeat("x", 1<<21)+"\r\n0\r\n\r\n"), 422, "Failed to parse response: the answer is too large"},
		"no address":     {nowhere, 422, "Failed to parse response: the target's IP is no address"},
		"no port":        {noPort, 422, "Failed to parse response: the target's port is none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := 250 * time.Millisecond
			if c.code != 408 {
				timeout = 30 * time.Second
			}
			got, err := dendrite.Call(t.Context(), d, c.target, &Dummy{Input: 1}, dendrite.Options{Timeout: timeout})
			code, message := got.Dendrite.StatusCode.Or(0), got.Dendrite.StatusMessage.Or("")
			exact := c.code == 408 || c.code == 503
			if code != c.code || !strings.HasPrefix(message, c.message) || exact && message != c.message {
				t.Errorf("%d %s", code, message)
			}
			var failure *dendrite.Error
			if !errors.As(err, &failure) || failure.Code != code || failure.Message != message || failure.Err == nil || failure.Target != c.target {
				t.Errorf("error %v", err)
			}
			if got.Axon.StatusCode.Present && c.code != 422 || got.Dendrite.ProcessTime.Present || got.Input != 1 {
				t.Errorf("answer %+v", got)
			}
			if got.IsTimeout() != (c.code == 408) || got.IsSuccess() {
				t.Error("predicates")
			}
		})
	}
}

func TestConformance059Order(t *testing.T) {
	t.Parallel()
	var running, most, served atomic.Int64
	together := make(chan struct{})
	var targets []synapse.AxonInfo
	for i := range 8 {
		targets = append(targets, serve(t, axon.Config{}, func(ctx context.Context, m *Dummy) error {
			n := running.Add(1)
			defer running.Add(-1)
			for {
				have := most.Load()
				if n <= have || most.CompareAndSwap(have, n) {
					break
				}
			}
			if m.Note == "together" {
				if served.Add(1) == 8 {
					close(together) // all of them are here
				}
				select {
				case <-together:
				case <-ctx.Done():
				}
			}
			m.Output = synapse.Some(i)
			return nil
		}))
	}
	d := newDendrite(t, dendrite.Config{})
	check := func(results []dendrite.Result[*Dummy]) {
		t.Helper()
		if len(results) != len(targets) {
			t.Fatalf("%d results", len(results))
		}
		for i, r := range results {
			if r.Err != nil || r.Target != targets[i] || r.Answer.Output != synapse.Some(i) {
				t.Errorf("%d: %+v, %v", i, r.Answer, r.Err)
			}
		}
	}
	check(dendrite.Forward(t.Context(), d, targets, &Dummy{Input: 1, Note: "together"}))
	if most.Load() != 8 {
		t.Errorf("%d at once", most.Load())
	}
	most.Store(0)
	check(dendrite.Forward(t.Context(), d, targets, &Dummy{Input: 1}, dendrite.Options{Sequential: true}))
	if most.Load() != 1 {
		t.Errorf("%d at once in sequence", most.Load())
	}
	narrow := newDendrite(t, dendrite.Config{Concurrency: 2})
	most.Store(0)
	check(dendrite.Forward(t.Context(), narrow, targets, &Dummy{Input: 1}))
	if most.Load() > 2 {
		t.Errorf("%d at once, 2 are allowed", most.Load())
	}
	if got := dendrite.Forward(t.Context(), d, nil, &Dummy{Input: 1}); got == nil || len(got) != 0 {
		t.Errorf("no targets: %v", got)
	}
	if got := dendrite.Forward(t.Context(), d, targets[:1], &Dummy{Input: 1}); len(got) != 1 || got[0].Err != nil {
		t.Errorf("one target: %v", got)
	}
}

func TestConformance060Loopback(t *testing.T) {
	t.Parallel()
	target := serve(t, axon.Config{}, double)
	target.IP = "203.0.113.9" // which nobody can reach
	d := newDendrite(t, dendrite.Config{ExternalIP: "203.0.113.9"})
	got, err := dendrite.Call(t.Context(), d, target, &Dummy{Input: 1})
	if err != nil || got.Output != synapse.Some(2) || got.Axon.IP != synapse.Some("203.0.113.9") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConformance061MessageIsNotChanged(t *testing.T) {
	t.Parallel()
	target := serve(t, axon.Config{}, func(_ context.Context, m *Dummy) error {
		m.List[0], m.Note = 99, "changed"
		return nil
	})
	d := newDendrite(t, dendrite.Config{})
	m := synapse.New[Dummy]()
	m.Input, m.List = 1, []int{1, 2}
	before, err := synapse.AppendRequest(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range dendrite.Forward(t.Context(), d, []synapse.AxonInfo{target, {}, target}, m, dendrite.Options{Timeout: time.Minute, Sequential: true}) {
		if r.Answer == m {
			t.Error("the answer is the message")
		}
		if r.Err == nil && r.Answer.List[0] != 99 {
			t.Errorf("answer %+v", r.Answer)
		}
	}
	after, err := synapse.AppendRequest(nil, m)
	if err != nil || string(after) != string(before) || m.List[0] != 1 {
		t.Errorf("before %s\nafter  %s, %v", before, after, err)
	}
}

func TestConformance062Timeout(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	target := answerBy(t, func(conn net.Conn, r *http.Request, _ string) {
		seen <- r.Header
		_, _ = io.WriteString(conn, response(200, `{"input": 1}`))
	})
	d := newDendrite(t, dendrite.Config{})
	half := &Dummy{Input: 1}
	half.Timeout = synapse.Some(0.5)
	never := &Dummy{Input: 1}
	never.Timeout = synapse.Some(-1.0)
	for _, c := range []struct {
		m       *Dummy
		options []dendrite.Options
		want    string
	}{
		{&Dummy{Input: 1}, nil, "12.0"},
		{synapse.New[Dummy](), nil, "12.0"},
		{half, nil, "0.5"},
		{half, []dendrite.Options{{Timeout: 3 * time.Second}}, "3.0"},
		{never, nil, "12.0"},
	} {
		_, _ = dendrite.Call(t.Context(), d, target, c.m, c.options...)
		if got := (<-seen).Get("timeout"); got != c.want {
			t.Errorf("timeout %s, want %s", got, c.want)
		}
	}
}

// pieces is a message that puts itself together.
type pieces struct {
	synapse.Synapse
	Prompt string `synapse:"required,hash"`
	Text   string
}

func (pieces) SynapseName() string { return "Pieces" }

func (p *pieces) ReceivePiece(piece []byte) error {
	if strings.Contains(string(piece), "bad") {
		return errors.New("a bad piece")
	}
	p.Text += string(piece)
	return nil
}

func streaming(t *testing.T, function func(context.Context, *pieces, *axon.Stream) error) synapse.AxonInfo {
	t.Helper()
	a, err := axon.New(axon.Config{Signer: key(t, "//Bob"), Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	if err := axon.AttachStream(a, function); err != nil {
		t.Fatal(err)
	}
	return start(t, a)
}

func TestConformance064Stream(t *testing.T) {
	t.Parallel()
	target := streaming(t, func(_ context.Context, m *pieces, s *axon.Stream) error {
		for _, word := range strings.Fields(m.Prompt) {
			if word == "fail" {
				return errors.New("no more")
			}
			if _, err := s.WriteString(word + " "); err != nil {
				return err
			}
		}
		return nil
	})
	d := newDendrite(t, dendrite.Config{})
	read := func(target synapse.AxonInfo, prompt string) (text string, last dendrite.Item[*pieces]) {
		t.Helper()
		for item := range dendrite.Stream(t.Context(), d, target, &pieces{Prompt: prompt}) {
			if last.Answer != nil {
				t.Error("an item after the answer")
			}
			text += string(item.Piece)
			if item.Answer != nil && item.Piece != nil {
				t.Error("a piece and an answer")
			}
			last = item
		}
		return text, last
	}

	text, last := read(target, "one two three")
	if text != "one two three " || last.Err != nil || !last.Answer.IsSuccess() || last.Answer.Text != text || last.Answer.Axon.ProcessTime.Value <= 0 || last.Answer.Dendrite.ProcessTime.Value <= 0 {
		t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
	}

	// Refused: the answer is the only item.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := targetOf(listener.Addr(), "")
	listener.Close()
	text, last = read(refused, "one")
	if text != "" || last.Answer.Dendrite.StatusCode != synapse.Some(503) || last.Err == nil {
		t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
	}
	// Refused by the axon: no piece either.
	wrong := target
	wrong.Hotkey = key(t, "//Eve").Address()
	text, last = read(wrong, "one")
	if text != "" || !last.Answer.FailedVerification() || !strings.Contains(last.Answer.Dendrite.StatusMessage.Or(""), "Signature mismatch") {
		t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
	}
	// Ends midway.
	text, last = read(target, "one fail two")
	if text != "one " || last.Answer.Dendrite.StatusCode != synapse.Some(400) || last.Answer.Text != text {
		t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
	}
	// The message itself has enough.
	text, last = read(target, "bad")
	if text != "" || last.Answer.Dendrite.StatusCode != synapse.Some(422) || last.Err == nil {
		t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
	}
	// An answer in one piece.
	text, last = read(answerWith(t, response(200, `{"prompt": "p", "text": "whole", "axon": {"status_code": 200}}`)), "one")
	if text != "" || last.Err != nil || last.Answer.Text != "whole" {
		t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
	}
}

func TestStreamStopsEarly(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	target := streaming(t, func(ctx context.Context, _ *pieces, s *axon.Stream) error {
		if _, err := s.WriteString("one"); err != nil {
			return err
		}
		<-ctx.Done() // the caller has gone
		gone <- ctx.Err()
		return ctx.Err()
	})
	observed := make(chan dendrite.Observation, 1)
	d := newDendrite(t, dendrite.Config{Observe: func(o dendrite.Observation) { observed <- o }})
	for item := range dendrite.Stream(t.Context(), d, target, &pieces{Prompt: "p"}) {
		if string(item.Piece) != "one" {
			t.Errorf("item %+v", item)
		}
		break
	}
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the function saw %v", err)
	}
	if o := <-observed; o.Status != 499 || o.Name != "Pieces" || o.BytesIn != 3 || o.BytesOut == 0 {
		t.Errorf("observed %+v", o)
	}
}

// A stream that its reader cancels, and one that is not over in time, end with
// an answer that says so.
func TestStreamIsCutShort(t *testing.T) {
	t.Parallel()
	target := streaming(t, func(ctx context.Context, _ *pieces, s *axon.Stream) error {
		if _, err := s.WriteString("one"); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	silent := answerBy(t, func(conn net.Conn, _ *http.Request, _ string) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
		_, _ = conn.Read(make([]byte, 1)) // until the reader has gone
	})
	d := newDendrite(t, dendrite.Config{})
	for name, c := range map[string]struct {
		target  synapse.AxonInfo
		timeout time.Duration
		cancel  bool
		code    int
		cause   error
	}{
		"cancelled": {target, time.Minute, true, 499, context.Canceled},
		"too long":  {silent, 500 * time.Millisecond, false, 408, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var last dendrite.Item[*pieces]
			text := ""
			for item := range dendrite.Stream(ctx, d, c.target, &pieces{Prompt: "p"}, dendrite.Options{Timeout: c.timeout}) {
				text += string(item.Piece)
				if last = item; c.cancel {
					cancel()
				}
			}
			if text != "one" || last.Answer == nil || last.Answer.Text != "one" || last.Answer.Dendrite.StatusCode != synapse.Some(c.code) || !errors.Is(last.Err, c.cause) {
				t.Errorf("%q, %+v, %v", text, last.Answer, last.Err)
			}
		})
	}
}

// collecting is a message that changes what it refers to.
type collecting struct {
	synapse.Synapse
	Prompt string `synapse:"required,hash"`
	Words  []string
	Counts map[string]int
	notes  chan string
}

func (collecting) SynapseName() string { return "Pieces" }

func (c *collecting) ReceivePiece(piece []byte) error {
	for _, word := range strings.Fields(string(piece)) {
		c.Words = append(c.Words, word)
		c.Words[0] = word
		c.Counts[word]++
		c.notes <- word
	}
	return nil
}

// Nor is the caller's message changed by what its copies make of a stream.
func TestConformance061StreamChangesNoMessage(t *testing.T) {
	t.Parallel()
	target := streaming(t, func(_ context.Context, m *pieces, s *axon.Stream) error {
		_, err := s.WriteString("a b c")
		return err
	})
	d := newDendrite(t, dendrite.Config{})
	m := &collecting{Prompt: "p", Words: append(make([]string, 0, 100), "first"), Counts: map[string]int{"a": 7}, notes: make(chan string, 100)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var last dendrite.Item[*collecting]
			for last = range dendrite.Stream(t.Context(), d, target, m) {
			}
			if last.Err != nil || !slices.Equal(last.Answer.Words, []string{"c", "a", "b", "c"}) || last.Answer.Counts["a"] != 8 {
				t.Errorf("%+v, %v", last.Answer, last.Err)
			}
		})
	}
	wg.Wait()
	if m.Words[0] != "first" || !slices.Equal(m.Words[:4:4], []string{"first", "", "", ""}) || len(m.Counts) != 1 || m.Counts["a"] != 7 || m.Dendrite.Nonce.Present {
		t.Errorf("%+v, %q", m, m.Words[:4])
	}
	if len(m.notes) != 12 {
		t.Errorf("%d notes: what is not on the wire belongs to all copies", len(m.notes))
	}
}

// What axons up to 7.1 answer.
func TestConformance069OldAnswer(t *testing.T) {
	t.Parallel()
	target := answerWith(t, response(
		200, `{"name": "Dummy", "input": 1, "output": 2, "required_hash_fields": ["input"], "dendrite": {"hotkey": "h"}, "axon": {}}`,
		"bt_header_axon_status_code: 200", "bt_header_axon_status_message: Success", "bt_header_axon_version: 693", "bt_header_axon_nonce: 123456789",
		"bt_header_axon_uuid: u", "bt_header_axon_signature: 0x00", "bt_header_tensor_x: [1]-float32",
	))
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1})
	if err != nil || got.Output != synapse.Some(2) || got.Axon.Version != synapse.Some(693) || got.Axon.ProcessTime.Present || got.Axon.Signature != synapse.Some("0x00") {
		t.Errorf("%+v, %v", got, err)
	}
}

// How axons up to 6.4 fail.
func TestConformance070OldFailure(t *testing.T) {
	t.Parallel()
	target := answerWith(t, response(500, `{}`, "bt_header_axon_status_code: 401", "bt_header_axon_status_message: Not Verified"))
	got, err := dendrite.Call(t.Context(), newDendrite(t, dendrite.Config{}), target, &Dummy{Input: 1})
	if err == nil || !got.FailedVerification() || got.Dendrite.StatusMessage != synapse.Some("Not Verified") {
		t.Errorf("%+v, %v", got, err)
	}
}

// The whole request, as it is on the wire.
func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	target := targetOf(listener.Addr(), key(t, "//Bob").Address())
	wire := make(chan string, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var all strings.Builder
		request, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &all)))
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		head, _, _ := strings.Cut(all.String(), "\r\n\r\n")
		wire <- head + "\r\n\r\n" + string(body)
	})
	now := time.Unix(0, 1_700_000_000_000_000_000)
	d := newDendrite(t, dendrite.Config{ExternalIP: "198.51.100.7", Now: func() time.Time { return now }})
	m := &Dummy{Input: 41, Note: "é"}
	_, _ = dendrite.Call(t.Context(), d, target, m)
	head, body, _ := strings.Cut(<-wire, "\r\n\r\n")
	got := map[string]string{}
	lines := strings.Split(head, "\r\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		got[name] = value
	}
	signature, err := synapse.ParseSignature(got["bt_header_dendrite_signature"])
	if err != nil {
		t.Error(err)
	}
	hash, err := synapse.BodyHash(m)
	if err != nil {
		t.Fatal(err)
	}
	message := "1700000000000000000." + d.Hotkey() + "." + target.Hotkey + "." + d.UUID() + "." + hash
	if !wallet.Verify(key(t, "//Alice").PublicKey(), []byte(message), signature) {
		t.Errorf("the signature is not of %s", message)
	}
	delete(got, "bt_header_dendrite_signature")
	want := map[string]string{
		"Host": fmt.Sprintf("127.0.0.1:%d", target.Port), "Content-Length": fmt.Sprint(len(body)), "Content-Type": "application/json",
		"Accept": "*/*", "User-Agent": "pylon", "name": "Dummy", "timeout": "12.0", "header_size": "464", "total_size": fmt.Sprint(len(body)),
		"computed_body_hash": hash, "bt_header_axon_ip": "127.0.0.1", "bt_header_axon_port": fmt.Sprint(target.Port), "bt_header_axon_hotkey": target.Hotkey,
		"bt_header_dendrite_ip": "198.51.100.7", "bt_header_dendrite_version": "10005000", "bt_header_dendrite_nonce": "1700000000000000000",
		"bt_header_dendrite_uuid": d.UUID(), "bt_header_dendrite_hotkey": d.Hotkey(), "bt_header_input_obj_input": "MA==",
	}
	if diff := cmp.Diff(want, got); diff != "" || lines[0] != "POST /Dummy HTTP/1.1" {
		t.Errorf("%s (-want +got):\n%s", lines[0], diff)
	}
	if !strings.HasPrefix(body, `{"name": "Dummy", "timeout": 12.0, "total_size": `+fmt.Sprint(len(body))+`, "header_size": 0, "dendrite": {"status_code": null`) ||
		!strings.HasSuffix(body, `"computed_body_hash": "", "input": 41, "output": null, "note": "\u00e9", "fixed": "", "list": []}`) {
		t.Errorf("body %s", body)
	}
}
