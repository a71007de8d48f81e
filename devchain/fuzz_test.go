package devchain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// FuzzAnswer sends any message, as a WebSocket client and over HTTP. The answer is
// JSON or nothing, and no larger than the limit allows.
func FuzzAnswer(f *testing.F) {
	golden, err := os.Open("testdata/conversation.txt")
	if err != nil {
		f.Fatal(err)
	}
	defer golden.Close()
	lines := bufio.NewScanner(golden)
	for lines.Scan() {
		if question, ok := bytes.CutPrefix(lines.Bytes(), []byte("> ")); ok {
			f.Add(bytes.Clone(question))
		}
	}
	const limit = 10_000
	c := newChain(f, func(c *Config) { c.Limits.ResponseBytes, c.Limits.Batch = limit, 20 })
	produce(f, c, 10)
	s := &session{node: c.Node, out: newOutbox(), subscriptions: make(map[string]*subscription)}
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, s := range []*session{s, nil} {
			answer := c.answer(t.Context(), s, message)
			if answer.message != nil && !json.Valid(answer.message) {
				t.Errorf("%s is answered with %s", message, answer.message)
			}
			if len(answer.message) > limit+len(message)+200 {
				t.Errorf("%d bytes are answered with %d", len(message), len(answer.message))
			}
			for _, then := range answer.then {
				then()
			}
		}
		c.subscriptions.removeSession(s)
		s.subscriptions, s.out = make(map[string]*subscription), newOutbox()
	})
}
