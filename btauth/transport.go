package btauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
)

// DefaultMaxBody is how large a body may be unless a setting says otherwise: 16
// MiB.
const DefaultMaxBody = 16 << 20

// TransportConfig configures a Transport.
type TransportConfig struct {
	// Sender is who signs, and for whom.
	Sender SenderConfig
	// Receiver tells the hotkey that a request is for, where one Transport talks
	// to several; empty leaves it unbound. Defaults to Sender.Receiver.
	Receiver func(*http.Request) (string, error)
	// Base sends the signed requests. Defaults to http.DefaultTransport.
	Base http.RoundTripper
	// MaxBody is how many bytes a request may have, because all of them have to
	// be read before they can be signed. Defaults to 16 MiB.
	MaxBody int64
}

// Transport is an http.RoundTripper that signs each request. Redirects and
// retries of an http.Client are signed anew.
type Transport struct {
	sender   *Sender
	receiver func(*http.Request) (string, error)
	base     http.RoundTripper
	maxBody  int64
}

// NewTransport returns a Transport.
func NewTransport(c TransportConfig) (*Transport, error) {
	sender, err := NewSender(c.Sender)
	if err != nil {
		return nil, err
	}
	if c.MaxBody < 0 {
		return nil, errors.New("btauth: MaxBody is negative")
	}
	t := &Transport{sender: sender, receiver: c.Receiver, base: c.Base, maxBody: c.MaxBody}
	if t.receiver == nil {
		t.receiver = func(*http.Request) (string, error) { return c.Sender.Receiver, nil }
	}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	if t.maxBody == 0 {
		t.maxBody = DefaultMaxBody
	}
	return t, nil
}

// RoundTrip signs a copy of the request and sends it.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r.Body, t.maxBody)
	if err != nil {
		return nil, fmt.Errorf("btauth: reading the request's body: %w", err)
	}
	receiver, err := t.receiver(r)
	if err != nil {
		return nil, fmt.Errorf("btauth: receiver: %w", err)
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	header, err := t.sender.SignFor(receiver, Request{Method: method, Target: r.URL.RequestURI(), Body: body})
	if err != nil {
		return nil, err
	}
	signed := r.Clone(r.Context())
	if signed.Header == nil {
		signed.Header = make(http.Header)
	}
	signed.Header.Del(HeaderCrypto)
	signed.Header.Del(HeaderReceiver)
	maps.Copy(signed.Header, header)
	// http.Transport sends a request again by itself when it can get its body
	// again, but the server would take that for a replay. A body that it cannot
	// get again keeps it from doing so; of an empty one it finds out itself.
	signed.Body = io.NopCloser(bytes.NewReader(body))
	signed.GetBody = nil
	signed.ContentLength = int64(len(body))
	return t.base.RoundTrip(signed)
}

var errBodySize = errors.New("the body is too large")

// readBody reads and closes a body of at most limit bytes.
func readBody(body io.ReadCloser, limit int64) ([]byte, error) {
	if body == nil || body == http.NoBody {
		return nil, nil
	}
	defer body.Close()
	out, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(out)) > limit {
		err = errBodySize
	}
	return out, err
}
