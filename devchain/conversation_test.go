package devchain

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files")

// TestConversation holds every method, and every kind of mistake, against
// testdata/conversation.txt: lines that begin with "> " are sent, lines that
// begin with "< " must come back. "$n" in a question stands for the hash of block
// n, "$fork" and "$pruned" for those of a block on a fork and of one without
// state.
//
// The answers were compared by hand with the sources of polkadot-sdk and
// jsonrpsee (errors, parameters) when they were written down.
func TestConversation(t *testing.T) {
	t.Parallel()
	const path = "testdata/conversation.txt"
	c := newChain(t, func(config *Config) {
		config.KeepStates = 8
		config.Runtime = &tiny{spec: 1, genesis: map[string]string{"a/1": "one", "a/2": "two", "a/3": "three", "b": "", "c": strings.Repeat("x", 40)}}
	})
	start(t, c)
	produce(t, c, 4)
	c.Upgrade(&tiny{spec: 2})
	produce(t, c, 5)
	side := fork(t, c, c.Best().Parent, 1)
	produce(t, c, 1)
	names := []string{"$fork", side.Hash.String(), "$pruned", hashOf(t, c, 1).String()}
	for number := range c.Best().Number + 1 {
		names = append(names, "$"+string(rune('0'+number)), hashOf(t, c, number).String())
	}
	forward := strings.NewReplacer(names...)

	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ws := dial(t, c.URL())
	var spoken strings.Builder
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, "< ") {
			continue
		}
		spoken.WriteString(line)
		question, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "> ")
		if !ok {
			continue
		}
		ws.send(forward.Replace(question))
		message, err := ws.read()
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		spoken.WriteString("< " + string(message) + "\n")
	}
	if *updateGolden {
		if err := os.WriteFile(path, []byte(spoken.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(golden), spoken.String()); diff != "" {
		t.Errorf("the conversation changed (-want +got):\n%s", diff)
	}
}

// Every method must be in the conversation, unless its answer is random.
func TestConversationIsComplete(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/conversation.txt")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for line := range bytes.Lines(golden) {
		question, ok := bytes.CutPrefix(line, []byte("> "))
		var req request
		if ok && json.Unmarshal(question, &req) == nil {
			asked[canonical(req.Method)] = true
		}
	}
	for name, m := range methods {
		custom := strings.HasSuffix(strings.SplitN(name, "_", 2)[0], "Info")
		if !asked[name] && !custom && !strings.Contains(name, "_subscribe") {
			t.Errorf("%s(%s) is not in the conversation", name, strings.Join(m.params, ", "))
		}
	}
}

func hashOf(t *testing.T, c *Chain, number uint64) Hash {
	t.Helper()
	hash, ok := c.BlockHash(number)
	if !ok {
		t.Fatalf("no block %d", number)
	}
	return hash
}

// A list that is longer than any client needs is refused before it is read.
func TestLongLists(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	long := strings.Repeat("0,", maxList) + "0"
	for _, call := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[[` + long + `]]}`,
		`{"jsonrpc":"2.0","id":1,"method":"state_queryStorageAt","params":{"keys":[` + long + `]}}`,
	} {
		if got := c.answer(t.Context(), nil, []byte(call)).message; !bytes.Contains(got, []byte("more than 50000 elements")) {
			t.Errorf("%.100s", got)
		}
	}
}

// A million parameters too many, or elements of a batch, are not kept.
func TestLongArraysAreNotKept(t *testing.T) { // not parallel: allocations are counted
	c := newChain(t, nil)
	long := strings.Repeat("0,", maxList) + "0"
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"system_chain","params":[` + strings.Repeat(long+",", 20) + `0]}`,
		`[` + strings.Repeat(long+",", 20) + `0]`,
	} {
		allocated := testing.AllocsPerRun(1, func() { c.answer(t.Context(), nil, []byte(message)) })
		if allocated > 10_000 {
			t.Errorf("%v allocations for %.60s…", allocated, message)
		}
	}
}
