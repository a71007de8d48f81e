package devchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// client is a JSON-RPC client that hides nothing.
type client struct {
	t  *testing.T
	ws *websocket.Conn
	// notes are the notifications that came while an answer was waited for.
	notes []note
	id    int
}

type note struct {
	Method string
	Params struct {
		Subscription string
		Result       json.RawMessage
	}
}

type answer struct {
	ID     json.RawMessage
	Result json.RawMessage
	Error  *RPCError
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func start(t *testing.T, c *Chain) {
	t.Helper()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, url string) *client {
	t.Helper()
	ws, err := tryDial(t, url)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, ws: ws}
}

func tryDial(t *testing.T, url string) (*websocket.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(64 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws, nil
}

func (c *client) send(message string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next message, or the error that ended the connection.
func (c *client) read() ([]byte, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, message, err := c.ws.Read(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		c.t.Fatal("nothing came")
	}
	return message, err
}

// ask calls a method with parameters given as JSON.
func (c *client) ask(method, params string) answer {
	c.t.Helper()
	c.id++
	c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, c.id, method, params))
	for {
		message, err := c.read()
		if err != nil {
			c.t.Fatalf("%s: %v", method, err)
		}
		if n, ok := notification(message); ok {
			c.notes = append(c.notes, n)
			continue
		}
		var a answer
		if err := json.Unmarshal(message, &a); err != nil {
			c.t.Fatalf("%s: %v in %s", method, err, message)
		}
		if string(a.ID) != strconv.Itoa(c.id) {
			c.t.Fatalf("%s: answer to %s, not %d", method, a.ID, c.id)
		}
		return a
	}
}

// result is ask for a call that must succeed.
func (c *client) result(method, params string, into any) {
	c.t.Helper()
	a := c.ask(method, params)
	if a.Error != nil {
		c.t.Fatalf("%s: %d %s (%v)", method, a.Error.Code, a.Error.Message, a.Error.Data)
	}
	if err := json.Unmarshal(a.Result, into); err != nil {
		c.t.Fatalf("%s: %v in %s", method, err, a.Result)
	}
}

// note returns the next notification.
func (c *client) note() note {
	c.t.Helper()
	if len(c.notes) > 0 {
		n := c.notes[0]
		c.notes = c.notes[1:]
		return n
	}
	message, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	n, ok := notification(message)
	if !ok {
		c.t.Fatalf("not a notification: %s", message)
	}
	return n
}

func notification(message []byte) (note, bool) {
	var n note
	return n, json.Unmarshal(message, &n) == nil && n.Method != ""
}

// post sends a message over HTTP and returns the status and the body.
func post(t *testing.T, url, contentType string, body io.Reader) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(bytes.TrimSpace(text))
}
