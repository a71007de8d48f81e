package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

const (
	// maxBody is the largest accepted request body in bytes.
	maxBody = 10_000_000
	// bodyTime is how long a client may take to send its body.
	bodyTime = 30 * time.Second
)

// limitBodyTime gives a body its own time, also one that no route reads: net/http reads what is left of it.
func limitBodyTime(w http.ResponseWriter) {
	// Writers that are no connections have no deadlines, and their bodies none to wait for.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
}

// readBody reads the whole body, which may be of any content type.
func (x *exchange) readBody() ([]byte, error) {
	if x.request.ContentLength > maxBody {
		return nil, problem.New(problem.TooLarge, "")
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.writer, x.request.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problem.New(problem.TooLarge, "")
	}
	if err != nil {
		return nil, problem.Wrap(problem.Canceled, "", err)
	}
	// The time of the body must not cut off the answer: net/http takes a read that fails for a client that has gone.
	_ = http.NewResponseController(x.writer).SetReadDeadline(time.Time{})
	return body, nil
}

// readObject reads a body that must be a JSON object into a struct, whatever its content type says. Members that the
// struct does not have are ignored. model is what the object is called in the error for another value.
func (x *exchange) readObject(model string, into any) error {
	body, err := x.readBody()
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return x.invalid(problem.Field{Message: "'data'", Key: "data", Source: "body"})
	}
	err = json.Unmarshal(body, into)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return malformed(err, max(syntax.Offset-1, 0))
	}
	if err != nil || bytes.TrimSpace(body)[0] != '{' { // null is no error for encoding/json
		return x.invalid(problem.Field{Message: "Input should be a valid dictionary or instance of " + model})
	}
	return nil
}
