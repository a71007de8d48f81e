package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// maxBody is the largest accepted request body in bytes.
const maxBody = 10_000_000

// readBody reads the whole body, which may be of any content type. It takes a place at the gate before, so that bodies
// are bounded in number as well as in size.
func (x *exchange) readBody() ([]byte, error) {
	_ = x.ctx.Done()
	if x.ctx.isRefused() {
		return nil, errBusy()
	}
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
