package dendrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// DefaultTimeout is the time for a call when neither Options nor the message
// has one.
const DefaultTimeout = 12 * time.Second

// Options are for one Call, Forward or Stream.
type Options struct {
	// Timeout is the time for the whole call, which the axon is told too. Defaults
	// to the message's Timeout, or else to 12 s.
	Timeout time.Duration
	// Sequential makes Forward call one target after the other, each with the
	// whole timeout. Defaults to all at once, within Config.Concurrency.
	Sequential bool
}

// Result is what came of a call of Forward.
type Result[P synapse.Message] struct {
	Target synapse.AxonInfo
	// Answer is a copy of the message with what the axon said. It is never nil.
	Answer P
	// Err is nil if the status of the answer is 200, else an *Error.
	Err error
}

// Call sends a message to an axon and returns its answer, which is a copy of the
// message and never nil. The error is nil if the answer's status is 200, else an
// *Error.
func Call[T any, P synapse.Of[T]](ctx context.Context, d *Dendrite, target synapse.AxonInfo, m P, options ...Options) (P, error) {
	return callPrepared[T](ctx, d, target, m, prepare(m), options)
}

// preparation is a prepared message, or why there is none.
type preparation struct {
	message *synapse.Prepared
	err     error
}

func prepare(m synapse.Message) preparation {
	p, err := synapse.Prepare(m)
	return preparation{p, err}
}

func callPrepared[T any, P synapse.Of[T]](ctx context.Context, d *Dendrite, target synapse.AxonInfo, m P, prepared preparation, options []Options) (P, error) {
	answer := clone[T](m)
	c := d.newCall(target, answer, prepared, func() synapse.Message { return P(new(T)) }, options)
	return answer, c.run(ctx)
}

// Forward sends a message to many axons and returns their answers in the order
// of the targets.
func Forward[T any, P synapse.Of[T]](ctx context.Context, d *Dendrite, targets []synapse.AxonInfo, m P, options ...Options) []Result[P] {
	results := make([]Result[P], len(targets))
	prepared := prepare(m) // once for all
	call := func(i int) {
		answer, err := callPrepared[T](ctx, d, targets[i], m, prepared, options)
		results[i] = Result[P]{targets[i], answer, err}
	}
	if len(options) > 0 && options[0].Sequential || len(targets) < 2 {
		for i := range targets {
			call(i)
		}
		return results
	}
	// A fixed number of workers, so that the nonces are made when the calls are.
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(len(targets), d.config.Concurrency) {
		wg.Go(func() {
			for i := range next {
				call(i)
			}
		})
	}
	for i := range targets {
		next <- i
	}
	close(next)
	wg.Wait()
	return results
}

// Deserialize turns results into what their messages turn into.
func Deserialize[R any, P interface {
	synapse.Message
	synapse.Deserializer[R]
}](results []Result[P]) []R {
	out := make([]R, len(results))
	for i, r := range results {
		out[i] = r.Answer.Deserialize()
	}
	return out
}

// clone copies a message. What it refers to is shared, and not changed by us.
func clone[T any, P synapse.Of[T]](m P) P {
	out := P(new(T))
	if m != nil {
		*out = *m
	}
	return out
}

// call is one call to one axon.
type call struct {
	d        *Dendrite
	target   synapse.AxonInfo
	name     string
	prepared preparation
	answer   synapse.Message // a copy of the caller's message, to be filled
	fresh    func() synapse.Message
	timeout  time.Duration
	start    time.Time
	out, in  int64

	uuid     string
	giveBack func()
}

func (d *Dendrite) newCall(target synapse.AxonInfo, answer synapse.Message, prepared preparation, fresh func() synapse.Message, options []Options) *call {
	c := &call{
		d: d, target: target, name: synapse.NameOf(answer), prepared: prepared, answer: answer, fresh: fresh, start: time.Now(),
	}
	c.uuid, c.giveBack = d.lanes.take(target.Hotkey + target.IP + ":" + itoa(target.Port))
	if len(options) > 0 {
		c.timeout = options[0].Timeout
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
		if seconds, ok := answer.Base().Timeout.Get(); ok && seconds > 0 && seconds < maxTimeout.Seconds() {
			c.timeout = time.Duration(seconds * float64(time.Second))
		}
	}
	return c
}

// maxTimeout is the longest timeout that is taken from a message.
const maxTimeout = 24 * time.Hour

// run makes the call and fills the answer.
func (c *call) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer c.giveBack()
	response, err := c.send(ctx)
	if err == nil {
		err = c.receive(response)
	}
	return c.end(err)
}

// end sets what the answer says of the call itself, and returns the error of
// who called.
func (c *call) end(err error) error {
	base := c.answer.Base()
	if err != nil {
		told := c.explain(err)
		base.Dendrite.SetStatus(told.Code, told.Message)
		err = told
	} else {
		base.Dendrite.StatusCode, base.Dendrite.StatusMessage = base.Axon.StatusCode, base.Axon.StatusMessage
		base.Dendrite.ProcessTime = synapse.Some(time.Since(c.start).Seconds())
		if !base.IsSuccess() {
			err = &Error{Code: base.Axon.StatusCode.Or(0), Message: base.Axon.StatusMessage.Or(""), Target: c.target}
		}
	}
	c.d.config.Observe(Observation{
		Name: c.name, Target: c.target, Status: base.Dendrite.StatusCode.Or(0), Duration: time.Since(c.start), BytesOut: c.out, BytesIn: c.in,
	})
	return err
}

// sign signs the message for the target.
func (c *call) sign() (synapse.Headers, []byte, error) {
	if c.prepared.err != nil {
		return nil, nil, c.prepared.err
	}
	d := c.d
	base := c.answer.Base()
	base.Name = c.name
	base.Timeout = synapse.Some(c.timeout.Seconds())
	base.HeaderSize = synapse.Some[int64](0)
	base.Axon = synapse.TerminalInfo{
		IP: synapse.Some(c.target.IP), Port: synapse.Some(c.target.Port), Hotkey: synapse.Some(c.target.Hotkey),
	}
	base.Dendrite = synapse.TerminalInfo{
		IP:      synapse.Optional[string]{Value: d.config.ExternalIP, Present: d.config.ExternalIP != ""},
		Version: synapse.Some(synapse.ProtocolVersion),
		Nonce:   synapse.Some(d.nonce()),
		UUID:    synapse.Some(c.uuid),
		Hotkey:  synapse.Some(d.hotkey),
	}
	hash := synapse.Some(c.prepared.message.BodyHash())
	signature := d.config.Signer.Sign(synapse.RequestMessage(base.Dendrite, c.target.Hotkey, hash))
	base.Dendrite.Signature = synapse.Some(synapse.FormatSignature(signature))
	return c.prepared.message.Request(base)
}

// send sends the message and returns the head of the answer.
func (c *call) send(ctx context.Context) (*http.Response, error) {
	headers, body, err := c.sign()
	if err != nil {
		return nil, err
	}
	base, transport, err := c.d.address(c.target)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/"+c.name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	values := make([]string, len(headers))
	for i, h := range headers {
		values[i] = h.Value
		request.Header[h.Name] = values[i : i+1 : i+1] // in lower case, as Python sends them
	}
	request.Header["Content-Type"] = []string{"application/json"}
	request.Header["Accept"] = []string{"*/*"}
	request.Header["User-Agent"] = []string{"pylon"}
	c.out = int64(len(body))
	// Not through an http.Client: an axon has no business sending us elsewhere.
	return transport.RoundTrip(request)
}

// Error is a call that did not end with status 200.
type Error struct {
	// Code and Message are the status in the answer's Dendrite field. Code is 0
	// when the axon sent none.
	Code    int
	Message string
	Target  synapse.AxonInfo
	// Err is what went wrong on our side, or nil when the axon said so.
	Err error
}

func (e *Error) Error() string {
	return fmt.Sprintf("dendrite: %s:%d: %d %s", e.Target.IP, e.Target.Port, e.Code, e.Message)
}

// Unwrap returns what went wrong on our side.
func (e *Error) Unwrap() error { return e.Err }

// ErrTooLarge reports an answer beyond Config.MaxResponse.
var ErrTooLarge = errors.New("the answer is too large")
