package axon

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Options are the hooks of an attached function. They get the message as its
// headers have it, without real inputs, and CallerFrom tells the sender.
type Options[P synapse.Message] struct {
	// Blacklist tells whether to refuse the sender, with status 403 and the
	// reason. The sender's hotkey is not proven yet. Defaults to nobody.
	Blacklist func(ctx context.Context, m P) (refuse bool, reason string)
	// Verify fails for a sender whose signature is not good, with status 401. It
	// replaces DefaultVerify, which it may call. Messages signed with btauth/1 were
	// checked before it is called. Defaults to DefaultVerify.
	Verify func(ctx context.Context, m P) error
	// Priority returns how soon a message is served when all workers are busy:
	// higher is sooner. An error that wraps context.DeadlineExceeded is answered
	// with status 408, others with 500. Defaults to 0 for all.
	Priority func(ctx context.Context, m P) (float64, error)
}

// route is an attached message, without its type.
type route struct {
	name    string
	builtIn bool // the ping, which may be replaced
	message func() synapse.Message
	// heads are messages for headers, to be used again. A route with hooks has
	// none: hooks get such messages, and may keep them.
	heads     *sync.Pool
	clear     func(synapse.Message)
	blacklist func(context.Context, synapse.Message) (bool, string)
	verify    func(context.Context, synapse.Message) error
	priority  func(context.Context, synapse.Message) (float64, error)
	forward   func(context.Context, synapse.Message) error
	stream    func(context.Context, synapse.Message, *Stream) error
}

// ErrAttached reports a name that has a function already.
var ErrAttached = errors.New("axon: a function is attached to this name already")

// Attach serves the messages of a type with a function, which changes the
// message that it gets into the answer. It may set the answer's status with
// SetStatus of the message's Axon field, and fail with an Error. The context
// ends when the caller has gone or, in Strict mode, when the message's timeout is
// over.
//
// The message Synapse is attached from the start and may be attached once more.
func Attach[T any, P synapse.Of[T]](a *Axon, forward func(ctx context.Context, m P) error, options ...Options[P]) error {
	if forward == nil {
		return errors.New("axon: no function to attach")
	}
	r, err := newRoute[T](options)
	if err != nil {
		return err
	}
	r.forward = func(ctx context.Context, m synapse.Message) error { return forward(ctx, m.(P)) }
	return a.attach(r)
}

// AttachStream serves the messages of a type with a function that answers piece
// by piece. What it returns before the first piece is answered as in Attach;
// after that the status is 200 whatever happens.
func AttachStream[T any, P synapse.Of[T]](a *Axon, forward func(ctx context.Context, m P, s *Stream) error, options ...Options[P]) error {
	if forward == nil {
		return errors.New("axon: no function to attach")
	}
	r, err := newRoute[T](options)
	if err != nil {
		return err
	}
	r.stream = func(ctx context.Context, m synapse.Message, s *Stream) error { return forward(ctx, m.(P), s) }
	return a.attach(r)
}

func newRoute[T any, P synapse.Of[T]](options []Options[P]) (*route, error) {
	if len(options) > 1 {
		return nil, errors.New("axon: more than one Options")
	}
	var zero P = new(T)
	if err := synapse.Check(zero); err != nil {
		return nil, fmt.Errorf("axon: %w", err)
	}
	r := &route{
		name:    synapse.NameOf(zero),
		message: func() synapse.Message { return P(new(T)) },
		heads:   &sync.Pool{New: func() any { return P(new(T)) }},
		clear:   func(m synapse.Message) { *m.(P) = *new(T) },
	}
	if len(options) == 0 {
		return r, nil
	}
	o := options[0]
	if o.Blacklist != nil || o.Verify != nil || o.Priority != nil {
		r.heads = nil
	}
	if o.Blacklist != nil {
		r.blacklist = func(ctx context.Context, m synapse.Message) (bool, string) { return o.Blacklist(ctx, m.(P)) }
	}
	if o.Verify != nil {
		r.verify = func(ctx context.Context, m synapse.Message) error { return o.Verify(ctx, m.(P)) }
	}
	if o.Priority != nil {
		r.priority = func(ctx context.Context, m synapse.Message) (float64, error) { return o.Priority(ctx, m.(P)) }
	}
	return r, nil
}

// newHead returns a message for headers.
func (r *route) newHead() synapse.Message {
	if r.heads == nil {
		return r.message()
	}
	return r.heads.Get().(synapse.Message)
}

// releaseHead takes back a message that nobody refers to any more.
func (r *route) releaseHead(m synapse.Message) {
	if r.heads != nil {
		r.clear(m)
		r.heads.Put(m)
	}
}

func (a *Axon) attach(r *route) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, known := a.routes[r.name]
	if known && !old.builtIn {
		return fmt.Errorf("%w: %s", ErrAttached, r.name)
	}
	a.routes[r.name] = r
	if !known {
		a.names = append(a.names, r.name)
	}
	return nil
}
