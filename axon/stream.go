package axon

import (
	"net/http"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Stream is an answer that is sent piece by piece. It belongs to one function
// and is not safe for concurrent use.
type Stream struct {
	call    *call
	message synapse.Message
	began   time.Time
	err     error
}

// Write sends a piece right away. The first one sends the status and the
// headers, made of the message as it is then. What pieces look like is up to the
// neurons; the receiver may get several at once.
func (s *Stream) Write(piece []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.err = s.open(); s.err != nil {
		return 0, s.err
	}
	s.call.setWriteDeadline()
	n, err := s.call.w.Write(piece)
	if err == nil {
		err = http.NewResponseController(s.call.w).Flush()
	}
	s.call.sent += n
	s.err = err
	return n, err
}

// WriteString is Write for text.
func (s *Stream) WriteString(piece string) (int, error) { return s.Write([]byte(piece)) }

// open sends the head of the answer.
func (s *Stream) open() error {
	c := s.call
	if c.status != 0 {
		return nil
	}
	if _, err := finish(s.message, s.began); err != nil {
		return err
	}
	if err := c.setHeaders(s.message, synapse.Headers{{Name: "Content-Type", Value: "text/event-stream"}}); err != nil {
		return err
	}
	c.setWriteDeadline()
	c.status = http.StatusOK
	c.w.WriteHeader(c.status)
	return nil
}

// finish ends the answer. An error before the first piece is answered like any
// other; after it, the only way to tell the receiver is to hang up.
func (s *Stream) finish(err error) error {
	c := s.call
	if c.status == 0 {
		if err == nil {
			err = s.err
		}
		if err != nil {
			return err
		}
		if err := s.open(); err != nil {
			return err
		}
		return http.NewResponseController(c.w).Flush()
	}
	if err != nil {
		c.a.config.Logger.ErrorContext(c.r.Context(), "stream failed", "name", c.name(), "hotkey", c.caller().Hotkey, "error", err)
	}
	if (err != nil || s.err != nil) && c.a.config.Mode == Strict {
		c.broken = true
	}
	return nil
}
