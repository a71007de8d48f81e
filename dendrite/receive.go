package dendrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bittensor-pylon/pylon/synapse"
)

func itoa(n int) string { return strconv.Itoa(n) }

// receive reads an answer that is JSON into the message.
func (c *call) receive(response *http.Response) error {
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); !isJSON(kind) {
		return fmt.Errorf(
			"%d, message='Attempt to decode JSON with unexpected mimetype: %s', url='%s'", response.StatusCode, kind, response.Request.URL,
		)
	}
	body, err := c.readAll(response)
	if err != nil {
		return err
	}
	base := c.answer.Base()
	if response.StatusCode == http.StatusOK {
		server := c.fresh()
		if err := synapse.Decode(body, server); err != nil {
			return err
		}
		if err := synapse.Merge(c.answer, server); err != nil {
			return err
		}
	} else {
		var answer struct {
			Message synapse.Optional[any] `json:"message"`
		}
		err := json.Unmarshal(body, &answer)
		if _, isSyntax := errors.AsType[*json.SyntaxError](err); isSyntax {
			return err
		}
		base.Axon.StatusCode = synapse.Some(response.StatusCode)
		if err != nil {
			return err // JSON, but no object
		}
		base.Axon.StatusMessage = synapse.Optional[string]{}
		if answer.Message.Present {
			base.Axon.StatusMessage = synapse.Some(fmt.Sprint(answer.Message.Value))
		}
	}
	return c.receiveHeaders(response)
}

// receiveHeaders takes over what the headers say of both ends, which counts
// more than what the body says.
func (c *call) receiveHeaders(response *http.Response) error {
	said := new(synapse.Synapse)
	if err := synapse.FromHTTP(response.Header, said); err != nil {
		return err
	}
	base := c.answer.Base()
	if response.StatusCode != http.StatusOK && said.Axon.StatusCode == synapse.Some(http.StatusOK) {
		// A failure stays one. The SDK takes this for a success.
		said.Axon.StatusCode = synapse.Some(response.StatusCode)
	}
	base.Axon.Overlay(said.Axon)
	base.Dendrite.Overlay(said.Dendrite)
	return nil
}

// readAll reads the body within its bound. Memory grows with what comes.
func (c *call) readAll(response *http.Response) ([]byte, error) {
	limit := c.d.config.MaxResponse
	if response.ContentLength > limit {
		return nil, ErrTooLarge
	}
	body := slices.Grow([]byte(nil), int(min(max(response.ContentLength, 512), 64<<10))+1)
	for {
		n, err := response.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		c.in += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, &payloadError{err}
		case err != nil:
			return nil, err
		case int64(len(body)) > limit:
			return nil, ErrTooLarge
		case len(body) == cap(body):
			body = slices.Grow(body, len(body))
		}
	}
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}
