package pylon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"
)

// Events returns what happens on the chain from now on: new heads, final blocks, and epochs of all subnets. The first
// elements are the newest head and the newest final block.
//
// A connection that breaks or falls silent is made anew, and the stream goes on where it was; where that is not possible
// any more comes an EventGap. A service that can not be reached is tried as often as the retry policy allows, and once it
// has sent an event, for as long as Config.Outage. Then, or when it refuses, the last element is an error. The stream
// ends without one when ctx ends. A loop may take its time with each event.
func (v chainUnstable) Events(ctx context.Context) iter.Seq2[Event, error] {
	return v.client.events(ctx, func(ctx context.Context, use func(path, token string) error) error {
		token, err := v.client.openAccess()
		if err != nil {
			return err
		}
		return use(unstable.path("/openaccess/events"), token)
	})
}

// Events returns what happens on the chain from now on: new heads, final blocks, epochs of the identity's subnet, and
// changes of its intents. It is otherwise as the Events of open access.
func (i identityUnstable) Events(ctx context.Context) iter.Seq2[Event, error] {
	return i.place.client.events(ctx, func(ctx context.Context, use func(path, token string) error) error {
		return i.place.send(ctx, func(prefix, token string) error { return use(prefix+"/events", token) })
	})
}

// silence is how long a stream may say nothing. Services send something every 15 seconds.
const silence = 45 * time.Second

// mostEvent is how many bytes an event may have.
const mostEvent = 1 << 20

var (
	errSilent   = errors.New("the stream of events has fallen silent")
	errEnough   = errors.New("nobody wants more") // ends a stream whose reader has left its loop
	errNoStream = errors.New("the answer is no stream of events")
	errLongLine = errors.New("an event is too long")
)

// events reads streams, one after the other. send finds out where they are.
func (c *Client) events(ctx context.Context, send func(ctx context.Context, use func(path, token string) error) error) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var lastID string
		var begun bool
		var gone absence
		for failures := 1; ; failures++ {
			s, err := c.opened()
			if err != nil {
				yield(Event{}, err)
				return
			}
			err = send(ctx, func(path, token string) error {
				return c.readStream(ctx, s, request{method: http.MethodGet, path: path, token: token}, lastID, func(e Event) bool {
					failures, begun, gone = 0, true, absence{}
					if e.ID != "" {
						lastID = e.ID
					}
					return yield(e, nil)
				})
			})
			switch {
			case errors.Is(err, errEnough), ctx.Err() != nil:
				return
			case s.life.Err() != nil:
				err = ErrClosed
			}
			wait, again := c.config.Retry.pause(max(failures, 1), err)
			if !again && begun && gone.bearable(err, c.config.Outage) {
				wait, again = c.config.PollInterval, true
			}
			if again && s.sleep(ctx, wait) {
				continue
			}
			if ctx.Err() == nil {
				yield(Event{}, err)
			}
			return
		}
	}
}

// readStream reads one stream until it ends, which is always an error.
func (c *Client) readStream(ctx context.Context, s *session, r request, lastID string, take func(Event) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(ErrClosed) })()
	patience := time.AfterFunc(c.config.Timeouts.Read, func() { cancel(errSilent) })
	defer patience.Stop()

	httpRequest, err := c.prepare(ctx, &r, nil)
	if err != nil {
		return &RequestError{Op: r.op(), Err: err}
	}
	httpRequest.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		httpRequest.Header.Set("Last-Event-ID", lastID)
	}
	response, err := s.http.Do(httpRequest)
	if err != nil {
		return c.streamError(ctx, s, &r, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, err := readAll(response, c.config.MaxAnswer)
		if err != nil {
			return c.streamError(ctx, s, &r, err)
		}
		return refusal(response, answer)
	}
	if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); media != "text/event-stream" {
		return &BodyError{Op: r.op(), StatusCode: response.StatusCode, Err: errNoStream}
	}
	err = readEvents(response.Body, func() { patience.Reset(silence) }, func(e Event) bool {
		// While the reader is busy with an event, it is not the service that is silent.
		patience.Stop()
		defer patience.Reset(silence)
		return take(e)
	})
	var body *BodyError
	if errors.As(err, &body) {
		body.Op, body.StatusCode = r.op(), response.StatusCode
		return err
	}
	if errors.Is(err, errEnough) {
		return err
	}
	return c.streamError(ctx, s, &r, err)
}

func (c *Client) streamError(ctx context.Context, s *session, r *request, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return &TimeoutError{Reason: TimeoutRead, After: silence, Err: errSilent}
	}
	return explain(ctx, s, r, err, c.config.Timeouts)
}

// readEvents reads server-sent events until their end, which is an io.ErrUnexpectedEOF at best. alive is called for every
// line.
func readEvents(stream io.Reader, alive func(), take func(Event) bool) error {
	lines := bufio.NewReaderSize(stream, 16<<10)
	var id, kind string
	var data []byte
	for {
		line, err := readLine(lines)
		if errors.Is(err, errLongLine) || len(data) > mostEvent {
			return &BodyError{Err: errLongLine}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		alive()
		if len(line) > 0 {
			name, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(name) {
			case "id":
				id = string(value)
			case "event":
				kind = string(value)
			case "data":
				data = append(append(data, value...), '\n')
			}
			continue
		}
		if len(data) > 0 {
			event, known, err := readEvent(kind, data)
			if err != nil {
				return &BodyError{Err: err}
			}
			event.ID = id
			if known && !take(event) {
				return errEnough
			}
		}
		kind, data = "", data[:0]
	}
}

// readLine returns a line without its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > mostEvent {
			return nil, errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\r\n"), err
		}
	}
}

// readEvent reads the data of an event. Of a kind that the client does not know it is not known.
func readEvent(kind string, data []byte) (e Event, known bool, err error) {
	e.Kind = ChainEventKind(kind)
	switch e.Kind {
	case EventHead, EventFinalized:
		err = json.Unmarshal(data, &e.Block)
	case EventEpoch:
		var epoch struct {
			Netuid Netuid `json:"netuid"`
			Block  Block  `json:"block"`
		}
		err = json.Unmarshal(data, &epoch)
		e.Netuid, e.Block = epoch.Netuid, epoch.Block
	case EventIntent:
		e.Intent = new(IntentEvent)
		err = json.Unmarshal(data, e.Intent)
	case EventGap:
	default:
		return e, false, nil
	}
	if err == nil && e.Intent == nil && e.Kind != EventGap {
		err = checkHash(e.Block.Hash)
	}
	return e, true, err
}
