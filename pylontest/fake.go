package pylontest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// The credentials of the clients of a Fake. It looks at none.
const (
	Identity = "sn1"
	Netuid   = pylon.Netuid(1)
	token    = "test"
)

// Fake is a service in memory. It is an http.RoundTripper: Config.Transport of any client. It is safe for concurrent
// use.
type Fake struct {
	mu      sync.Mutex // guards the rest
	scripts []*script
	calls   []Call
	weights []pylon.WeightsRequest
	intents map[string]*intent
	states  []pylon.IntentState
	events  []pylon.Event
	sent    chan struct{} // closed when there are more events
}

// Call is a request that a Fake was asked.
type Call struct {
	Method string
	// Path is what is behind the version, the identity and the subnet: /block/latest/neurons.
	Path string
	// Unstable tells which version of the API was meant.
	Unstable bool
	// Identity and Netuid are those of the path. Requests about the chain have neither.
	Identity string
	Netuid   pylon.Netuid
	Query    string
	Header   http.Header
	Body     []byte
}

// Failure is an answer that says that something went wrong.
type Failure struct {
	Status int
	Detail string
	// RetryAfter is the header of that name. Defaults to none.
	RetryAfter string
}

// script is a sequence of answers to some requests. The last one stays.
type script struct {
	method, path string
	netuid       *pylon.Netuid
	answers      []any
}

type intent struct {
	pylon.Intent
	seen int // how often it was looked at
}

// NewFake returns a service that keeps the identity sn1 on subnet 1, knows nothing, and takes weights, which are
// revealed when they are looked at for the first time. A dry run of weights says that the chain would take them.
func NewFake() *Fake {
	return &Fake{intents: map[string]*intent{}, states: []pylon.IntentState{pylon.StateRevealed}, sent: make(chan struct{})}
}

// Client returns a client of the fake, which is closed at the end of the test.
func (f *Fake) Client(tb testing.TB) *pylon.Client {
	tb.Helper()
	client, err := pylon.New(f.Config())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Config returns a configuration for clients of the fake, with open access and an identity. Repeats do not wait, and a
// stream or a wait for an intent does not outlast what is scripted to fail more often than requests are repeated.
func (f *Fake) Config() pylon.Config {
	return pylon.Config{
		Address: "http://pylon.test", OpenAccessToken: token, IdentityName: Identity, IdentityToken: token,
		Retry: pylon.RetryPolicy{Wait: func(int) time.Duration { return 0 }}, PollInterval: 1, Outage: -1, Transport: f,
	}
}

// Answer scripts the answers to a request: its method and Call.Path, in which * stands for one part of the path, as in
// "GET /block/*/neurons". The first answer is for the first request, and so on; the last one stays. An answer is
// anything that becomes a JSON object, a Failure, or an error: then there is no answer. What was scripted last is looked
// at first.
func (f *Fake) Answer(request string, answers ...any) {
	f.script(request, nil, answers)
}

// SetNeurons scripts the neurons of a subnet: newest, recent, and at any block.
func (f *Fake) SetNeurons(netuid pylon.Netuid, neurons *pylon.Neurons) {
	f.script("GET /block/*/neurons", &netuid, []any{neurons})
}

// SetValidators scripts the validators of a subnet: newest, and at any block.
func (f *Fake) SetValidators(netuid pylon.Netuid, validators *pylon.Validators) {
	copied := *validators
	copied.Block.Hash = cmp.Or(copied.Block.Hash, noHash)
	copied.Validators = append([]pylon.Neuron{}, copied.Validators...) // none is a list too
	f.script("GET /block/*/validators", &netuid, []any{&copied})
}

// SetBlock scripts the newest block.
func (f *Fake) SetBlock(block pylon.BlockInfo) {
	block.Hash = cmp.Or(block.Hash, noHash)
	f.Answer("GET /block/latest", block)
}

// noHash stands for the hash of a block to which the test gives none. Answers without any are refused by clients.
const noHash = "0x0000000000000000000000000000000000000000000000000000000000000000"

// Send adds events to all streams, those of the identity and those of open access. A stream begins with the first event
// that was ever sent, and goes on until its reader has had enough. The ids are made up.
func (f *Fake) Send(events ...pylon.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, events...)
	close(f.sent)
	f.sent = make(chan struct{})
}

// SetIntentStates scripts what becomes of intents that are made from now on: the state at the first look, and so on; the
// last one stays.
func (f *Fake) SetIntentStates(states ...pylon.IntentState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states = slices.Clone(states)
}

// Calls returns what was asked so far.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Weights returns the weights that were put so far. A repeat of a request does not count.
func (f *Fake) Weights() []pylon.WeightsRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.weights)
}

func (f *Fake) script(request string, netuid *pylon.Netuid, answers []any) {
	method, pattern, ok := strings.Cut(request, " ")
	if _, err := path.Match(pattern, ""); !ok || err != nil || len(answers) == 0 {
		panic(fmt.Sprintf("pylontest: %q with %d answers: want a method, a path, and an answer", request, len(answers)))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts = append(f.scripts, &script{method, pattern, netuid, slices.Clone(answers)})
}

// RoundTrip answers a request.
func (f *Fake) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		defer request.Body.Close()
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	call := parse(request)
	call.Body = body

	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	answer := f.answer(&call)
	if _, ok := answer.(stream); ok {
		return f.stream(request), nil
	}
	return respond(request, answer)
}

// parse takes the path apart.
func parse(request *http.Request) Call {
	call := Call{Method: request.Method, Query: request.URL.RawQuery, Header: request.Header.Clone()}
	rest, v1 := strings.CutPrefix(request.URL.Path, "/api/v1")
	if !v1 {
		rest, call.Unstable = strings.CutPrefix(rest, "/api/_unstable")
		rest = strings.TrimPrefix(rest, "/openaccess")
	}
	if after, ok := strings.CutPrefix(rest, "/identity/"); ok {
		call.Identity, rest, _ = strings.Cut(after, "/")
		rest = "/" + rest
	}
	if after, ok := strings.CutPrefix(rest, "/subnet/"); ok {
		number, after, _ := strings.Cut(after, "/")
		if netuid, err := strconv.ParseUint(number, 10, 16); err == nil {
			call.Netuid, rest = pylon.Netuid(netuid), "/"+after
		}
	}
	call.Path = rest
	return call
}

// answer finds the answer to a call. It is called with mu held.
func (f *Fake) answer(call *Call) any {
	for _, s := range slices.Backward(f.scripts) {
		match, _ := path.Match(s.path, call.Path)
		if !match || s.method != call.Method || s.netuid != nil && *s.netuid != call.Netuid {
			continue
		}
		answer := s.answers[0]
		if len(s.answers) > 1 {
			s.answers = s.answers[1:]
		}
		return answer
	}
	id, isIntent := strings.CutPrefix(call.Path, "/intents/")
	switch {
	case call.Method == http.MethodGet && call.Path == "/identities":
		return pylon.Identities{{Name: Identity, Netuid: Netuid}}
	case call.Method == http.MethodPut && strings.HasSuffix(call.Path, "/weights"):
		return f.putWeights(call)
	case call.Method == http.MethodGet && isIntent:
		return f.look(id)
	case call.Method == http.MethodGet && call.Path == "/events":
		return stream{}
	default:
		return Failure{Status: http.StatusNotFound, Detail: "pylontest: nothing is scripted for " + call.Method + " " + call.Path}
	}
}

// putWeights takes weights. The id of the intent is the idempotency key: a request that is repeated is the same intent.
func (f *Fake) putWeights(call *Call) any {
	request := pylon.WeightsRequest{IdempotencyKey: call.Header.Get("Idempotency-Key")}
	if err := json.Unmarshal(call.Body, &request); err != nil || len(request.Weights) == 0 {
		return Failure{Status: http.StatusBadRequest, Detail: "Validation failed for PUT " + call.Path}
	}
	if part := strings.Split(call.Path, "/"); len(part) > 2 && part[1] == "mechanism" {
		mechanism, err := strconv.ParseUint(part[2], 10, 8)
		if err != nil {
			return Failure{Status: http.StatusNotFound, Detail: "Not Found"}
		}
		request.Mechanism = uint8(mechanism)
	}
	if query, err := url.ParseQuery(call.Query); err == nil && query.Get("dry_run") == "true" {
		return pylon.WeightsPlan{
			Netuid: call.Netuid, Mechanism: request.Mechanism, Method: pylon.MethodDirect, UIDs: []uint16{}, Values: []uint16{},
			DroppedHotkeys: []pylon.Hotkey{}, Acceptable: true,
		}
	}
	id := cmp.Or(request.IdempotencyKey, strconv.Itoa(len(f.weights)+1))
	kept := f.intents[id]
	if kept == nil {
		f.weights = append(f.weights, request)
		kept = &intent{Intent: pylon.Intent{
			ID: id, Kind: pylon.IntentWeights, Identity: call.Identity, Netuid: call.Netuid, Mechanism: request.Mechanism,
			State: pylon.StateRecorded,
		}}
		f.intents[id] = kept
	}
	scheduled := pylon.WeightsScheduled{Detail: "weights update scheduled", Count: len(request.Weights)}
	if call.Unstable {
		copied := kept.Intent
		scheduled.Intent = &copied
	}
	return scheduled
}

// look returns an intent, in its next state.
func (f *Fake) look(id string) any {
	kept := f.intents[id]
	if kept == nil {
		return Failure{Status: http.StatusNotFound, Detail: "Intent '" + id + "' not found."}
	}
	if len(f.states) > 0 {
		kept.State = f.states[min(kept.seen, len(f.states)-1)]
	}
	kept.seen++
	return kept.Intent
}

// respond makes a response of an answer.
func respond(request *http.Request, answer any) (*http.Response, error) {
	status, header := http.StatusOK, http.Header{"Content-Type": {"application/json"}}
	switch scripted := answer.(type) {
	case error:
		return nil, scripted
	case Failure:
		status = scripted.Status
		if scripted.RetryAfter != "" {
			header.Set("Retry-After", scripted.RetryAfter)
		}
		answer = map[string]any{"status_code": scripted.Status, "detail": scripted.Detail}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, errors.Join(errors.New("pylontest: an answer has no JSON form"), err)
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: request,
	}, nil
}
