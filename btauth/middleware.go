package btauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

type callerKey struct{}

// CallerFrom returns who sent the request that a handler behind Middleware
// answers.
func CallerFrom(ctx context.Context) (Caller, bool) {
	caller, ok := ctx.Value(callerKey{}).(Caller)
	return caller, ok
}

// ErrBody reports to Config.Refuse that a body was too large (then it wraps an
// *http.MaxBytesError), too slow (then it wraps os.ErrDeadlineExceeded), or could
// not be read.
var ErrBody = errors.New("BodyNotRead")

// Middleware lets only requests through that verify, with their body read and
// their sender in the context. It reads no body of a request whose headers show
// already that it will not verify.
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hurry := func(time.Time) {}
		if r.ContentLength != 0 {
			// Also for a body that nobody is going to read: the server would wait for it.
			// A ResponseWriter that has no deadlines has whatever its owner gave it.
			controller := http.NewResponseController(w)
			hurry = func(until time.Time) { _ = controller.SetReadDeadline(until) }
			hurry(time.Now().Add(a.config.BodyTimeout))
		}
		c, err := a.read(r.Header)
		if err != nil {
			a.config.Refuse(w, r, err)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.config.MaxBody))
		if err != nil {
			a.config.Refuse(w, r, fmt.Errorf("%w: %w", ErrBody, err))
			return
		}
		hurry(time.Time{})
		caller, err := a.check(r.Context(), c, Request{Method: r.Method, Target: r.RequestURI, Body: body})
		if err != nil {
			a.config.Refuse(w, r, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		next.ServeHTTP(w, r)
	})
}

// Refuse answers a request that did not verify: 401 and {"error": "the SDK's
// name for the reason", "message": "…"}, 413 when the body is too large, 408 when
// it is too slow, 400 when it could not be read, and 500 when the nonce store
// failed.
func Refuse(w http.ResponseWriter, _ *http.Request, err error) {
	status, reason, message := http.StatusInternalServerError, "InternalError", "The nonce could not be recorded."
	for _, class := range [...]error{ErrMalformedAuth, ErrWrongReceiver, ErrStaleRequest, ErrBadSignature, ErrReplayedRequest} {
		if errors.Is(err, class) {
			status, reason, message = http.StatusUnauthorized, class.Error(), err.Error()
		}
	}
	tooLarge, isTooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case isTooLarge:
		status, reason, message = http.StatusRequestEntityTooLarge, ErrBody.Error(), tooLarge.Error()
	case errors.Is(err, ErrBody) && errors.Is(err, os.ErrDeadlineExceeded):
		status, reason, message = http.StatusRequestTimeout, ErrBody.Error(), "The body did not arrive in time."
	case errors.Is(err, ErrBody):
		status, reason, message = http.StatusBadRequest, ErrBody.Error(), "The body could not be read."
	}
	body, err := json.Marshal(map[string]string{"error": reason, "message": message})
	if err != nil {
		panic("btauth: " + err.Error()) // strings have JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
