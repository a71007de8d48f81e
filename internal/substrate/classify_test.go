package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	const hash = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03"
	for _, c := range []struct {
		code    int
		message string
		data    string
		want    Kind
	}{
		{code: 4242, message: "Something that nobody has seen", want: KindUnknown},
		{code: 0, message: "", want: KindUnknown},

		{code: 4003, message: "Client error: UnknownBlock: State already discarded for " + hash, want: KindStateDiscarded},
		{code: 4003, message: "Client error: Api called for an unknown Block: State already discarded for " + hash, want: KindStateDiscarded},
		{code: 1, message: "Unable to get neurons info.", data: `UnknownBlock("State already discarded for ` + hash + `")`, want: KindStateDiscarded},
		{code: 1, message: "Unable to get subnet info: UnknownBlock(State already discarded)", want: KindStateDiscarded},
		{code: -32000, message: "Client error: State already discarded for " + hash, want: KindStateDiscarded},
		{code: -32603, message: "Internal error", data: "State already discarded for " + hash, want: KindStateDiscarded},

		{code: 4003, message: "Client error: UnknownBlock: Header was not found in the database: " + hash, want: KindUnknownBlock},
		{code: 4003, message: "Client error: UnknownBlock: Expect header", want: KindUnknownBlock},
		{code: 4003, message: "Client error: Api called for an unknown Block: Header was not found in the database: " + hash, want: KindUnknownBlock},
		{code: -32000, message: "UnknownBlock: Header was not found in the database: " + hash, want: KindUnknownBlock},
		{code: -32603, message: "Api called for an unknown Block", want: KindUnknownBlock},
		{code: 4003, message: "Client error", want: KindUnknownBlock},

		{code: 4003, message: "Client error: Execution failed: Other: Exported method SwapRuntimeApi_current_alpha_price_all is not found", want: KindMethodMissing},
		{code: -32603, message: "Internal error", data: "Exported method X_y is not found", want: KindMethodMissing},
		{code: -32603, message: "Internal Error: Function to start was not found.", want: KindMethodMissing},
		{code: 4003, message: "Client error: Execution failed: Execution aborted due to trap: wasm trap: wasm `unreachable` instruction executed", want: KindNode},

		{code: -32601, message: "Method not found", want: KindRPCMethodMissing},
		{code: -32000, message: "Method not found", want: KindRPCMethodMissing},
		{code: -32602, message: "Invalid params", want: KindInvalidParams},
		{code: -32602, message: "invalid type: string \"x\", expected u32 at line 1 column 3", want: KindInvalidParams},
		{code: 4001, message: "Cannot resolve a block range ['0x1' ... '0x2]. nope", want: KindInvalidParams},
		{code: 4002, message: "count exceeds maximum value. value: 2000, max: 1000", want: KindInvalidParams},

		{code: 3001, message: "`9223372036854775808` > u32::MAX, the max block number is u32.", want: KindInvalidParams},
		{code: -32006, message: "Too many subscriptions on the connection", want: KindNode},

		{code: -32008, message: "Response is too big", data: "Exceeded max limit of 15728640", want: KindTooLarge},
		{code: 1, message: "Unable to get neurons info.", want: KindNode},
		{code: -32000, message: "Server error", want: KindNode},
		{code: -32603, message: "Internal error", want: KindNode},
		{code: -32009, message: "Server is busy, try again later", want: KindNode},
		{code: -32999, message: "RPC rate limit exceeded", want: KindNode},
		{code: -32700, message: "Parse error", want: KindNode},
	} {
		raw, err := json.Marshal(rpcError{Code: c.code, Message: c.message, Data: c.data})
		if err != nil {
			t.Fatal(err)
		}
		e := answeredError(raw)
		if e.Kind != c.want {
			t.Errorf("%d %q %q: %s, not %s", c.code, c.message, c.data, e.Kind, c.want)
		}
		if e.Code != c.code || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Message, c.data) {
			t.Errorf("%d %q %q: the error says %d %q", c.code, c.message, c.data, e.Code, e.Message)
		}
	}
}

func TestAnsweredErrorIsBounded(t *testing.T) {
	t.Parallel()
	long := `{"code":1,"message":"` + strings.Repeat("ä", 1<<16) + `"}`
	if e := answeredError([]byte(long)); len(e.Message) > maxErrorText+len("…") || strings.ContainsRune(e.Message, '\uFFFD') {
		t.Errorf("%d bytes are kept", len(e.Message))
	}
	for _, bad := range []string{`"words"`, `7`, `[]`, `{"code":"x"}`, `{"code":1.5}`, `{`} {
		if e := answeredError([]byte(bad)); e.Kind != KindMalformed {
			t.Errorf("%s: %s", bad, e.Kind)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, KindUnknown},
		{errors.New("x"), KindUnknown},
		{&Error{Kind: KindTooLarge}, KindTooLarge},
		{fmt.Errorf("read: %w", &Error{Kind: KindTooLarge}), KindTooLarge},
		{context.Canceled, KindCanceled},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), KindTimeout},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v: %s, not %s", c.err, got, c.want)
		}
	}
	seen := make(map[string]bool)
	for k := range Kind(len(kindNames)) {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d has the name %q, or another has", k, name)
		} else {
			seen[name] = true
		}
	}
	e := &Error{Kind: KindUnknownBlock, Op: "state_call", Node: "wss://node", Code: 4003, Message: "words", Err: context.Canceled}
	if got, want := e.Error(), "state_call on wss://node: UnknownBlock 4003: words: context canceled"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if !errors.Is(e, context.Canceled) {
		t.Error("the cause cannot be found")
	}
}
