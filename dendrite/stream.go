package dendrite

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Item is what Stream yields: pieces of the answer, and at last the answer.
type Item[P synapse.Message] struct {
	// Piece is a part of the stream, as it came; it is valid until the next one.
	// Where the axon divided its answer is not kept.
	Piece []byte
	// Answer is nil, but for the last item. It is a copy of the message with what
	// the headers said, and with what its ReceivePiece made of the pieces.
	Answer P
	// Err belongs to Answer: nil if its status is 200, else an *Error.
	Err error
}

// PieceReceiver is a message that puts itself together from the pieces of a
// stream. It is called on the copy that becomes the answer, whose fields are its
// own. An error ends the call.
type PieceReceiver interface {
	ReceivePiece(piece []byte) error
}

// Stream sends a message to an axon that answers piece by piece. The last item
// has the answer, also when the call failed; without failure there may be any
// number of pieces before it. Whoever stops early ends the call. The call is
// made anew each time the sequence is used.
func Stream[T any, P synapse.Of[T]](ctx context.Context, d *Dendrite, target synapse.AxonInfo, m P, options ...Options) iter.Seq[Item[P]] {
	return func(yield func(Item[P]) bool) {
		answer := clone[T](m)
		if _, ok := any(answer).(PieceReceiver); ok {
			detach[T](answer)
		}
		c := d.newCall(target, answer, prepare(m), func() synapse.Message { return P(new(T)) }, options)
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		defer c.giveBack()
		err := c.stream(ctx, func(piece []byte) bool { return yield(Item[P]{Piece: piece}) })
		if errors.Is(err, errStopped) {
			_ = c.end(context.Canceled)
			return
		}
		err = c.end(err)
		yield(Item[P]{Answer: answer, Err: err})
	}
}

// detach gives a copy of a message values of its own, because its ReceivePiece
// may change what they refer to. A message that cannot be written is not sent
// either.
func detach[T any, P synapse.Of[T]](answer P) {
	own := P(new(T))
	if body, err := synapse.AppendRequest(nil, answer); err == nil && synapse.Decode(body, own) == nil {
		_ = synapse.Merge(answer, own)
	}
}

// errStopped tells that whoever reads the stream wants no more.
var errStopped = errors.New("stopped")

// stream makes the call and passes the pieces on.
func (c *call) stream(ctx context.Context, yield func(piece []byte) bool) error {
	response, err := c.send(ctx)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || isJSON(response.Header.Get("Content-Type")) {
		return c.receive(response) // an error, or an answer in one piece
	}
	defer response.Body.Close()
	if err := c.receiveHeaders(response); err != nil {
		return err
	}
	receiver, _ := c.answer.(PieceReceiver)
	buffer := make([]byte, 32<<10)
	for {
		n, err := response.Body.Read(buffer)
		c.in += int64(n)
		if n > 0 {
			if receiver != nil {
				if err := receiver.ReceivePiece(buffer[:n]); err != nil {
					return err
				}
			}
			if !yield(buffer[:n]) {
				return errStopped
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return &payloadError{err}
		case err != nil:
			return err
		}
	}
}
