package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

const submitMethod, watchMethod = "author_submitExtrinsic", "author_submitAndWatchExtrinsic"

// Every row of the table, by what a node answers.
var refusalCases = []struct {
	code    int
	message string
	data    any
	kind    SubmitKind
	custom  uint8
}{
	{1001, "Extrinsic has invalid format: codec", nil, SubmitBadFormat, 0},
	{1002, "Verification Error: Execution failed", nil, SubmitVerification, 0},
	{1010, "Invalid Transaction", "Transaction is outdated", SubmitStale, 0},
	{1010, "Invalid Transaction", "Transaction has a bad signature", SubmitBadProof, 0},
	{1010, "Invalid Transaction", "Transaction will be valid in the future", SubmitFuture, 0},
	{1010, "Invalid Transaction", "Transaction has an ancient birth block", SubmitAncientBirth, 0},
	{1010, "Invalid Transaction", "Inability to pay some fees (e.g. account balance too low)", SubmitCannotPay, 0},
	{1010, "Invalid Transaction", "Transaction call is not expected", SubmitCallRefused, 0},
	{1010, "Invalid Transaction", "Transaction would exhaust the block limits", SubmitExhausted, 0},
	{1010, "Invalid Transaction", "Custom error: 0", SubmitCustom, 0},
	{1010, "Invalid Transaction", "Custom error: 6", SubmitCustom, 6},
	{1010, "Invalid Transaction", "Custom error: 255", SubmitCustom, 255},
	{1010, "Invalid Transaction", "Custom error: 256", SubmitInvalid, 0},
	{1010, "Invalid Transaction", "Custom error: ", SubmitInvalid, 0},
	{1010, "Invalid Transaction", "Invalid signing address", SubmitInvalid, 0},
	{1010, "Invalid Transaction", nil, SubmitInvalid, 0},
	{1010, `{"invalid":{"stale":null}}`, nil, SubmitStale, 0},
	{1010, `{"invalid":{"badProof":null}}`, nil, SubmitBadProof, 0},
	{1010, `{"invalid":{"future":null}}`, nil, SubmitFuture, 0},
	{1010, `{"invalid":{"ancientBirthBlock":null}}`, nil, SubmitAncientBirth, 0},
	{1010, `{"invalid":{"payment":null}}`, nil, SubmitCannotPay, 0},
	{1010, `{"invalid":{"call":null}}`, nil, SubmitCallRefused, 0},
	{1010, `{"invalid":{"exhaustsResources":null}}`, nil, SubmitExhausted, 0},
	{1010, `{"invalid":{"custom":3}}`, nil, SubmitCustom, 3},
	{1011, "Unknown Transaction Validity", "Could not lookup information required to validate the transaction", SubmitUnknownValidity, 0},
	{1012, "Transaction is temporarily banned", nil, SubmitBanned, 0},
	{1013, "Transaction Already Imported", "0x00", SubmitAlreadyImported, 0},
	{-32000, "Transaction Already Imported", nil, SubmitAlreadyImported, 0}, // of a proxy
	{1014, "Priority is too low: (1 vs 2)", "The transaction has too low priority to replace another transaction already in the pool.", SubmitPriorityTooLow, 0},
	{1015, "Cycle Detected", nil, SubmitPool, 0},
	{1016, "Immediately Dropped", "The transaction couldn't enter the pool because of the limit", SubmitDropped, 0},
	{1018, "Unactionable", nil, SubmitPool, 0},
	{1019, "No tags", nil, SubmitPool, 0},
	{1020, "Invalid block id", nil, SubmitPool, 0},
	{1021, "The pool is not accepting future transactions", nil, SubmitFuture, 0},
	{-32603, "Internal error", "Transaction is outdated", SubmitStale, 0},
	{-32601, "Method not found", nil, SubmitUnsupported, 0},
	{-32603, "Internal error", nil, SubmitUnknown, 0},
	{77, "Something new", nil, SubmitUnknown, 0},
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	met := make(map[SubmitKind]bool)
	for _, e := range refusalCases {
		raw, err := json.Marshal(rpcError{Code: e.code, Message: e.message, Data: e.data})
		if err != nil {
			t.Fatal(err)
		}
		kind, code := classifyRefusal(answeredError(raw))
		if kind != e.kind || code != e.custom {
			t.Errorf("%d %s (%v) is %s %d, want %s %d", e.code, e.message, e.data, kind, code, e.kind, e.custom)
		}
		met[kind] = true
	}
	for _, row := range refusals {
		if !met[row.kind] {
			t.Errorf("no case for %s", row.kind)
		}
	}
	for _, kind := range []Kind{KindTransport, KindTimeout, KindMalformed, KindTooLarge, KindCanceled, KindClosed} {
		if got, _ := classifyRefusal(&Error{Kind: kind}); got != SubmitUnreachable {
			t.Errorf("%s is %s", kind, got)
		}
	}
	names := make(map[string]bool)
	for k := range SubmitUnreachable + 1 {
		names[k.String()] = true
	}
	if len(names) != int(SubmitUnreachable)+1 || names[""] || SubmitKind(200).String() != "SubmitKind200" {
		t.Errorf("names of kinds: %v", names)
	}
}

// The reasons of the newest runtime, and those that spec 218 gave other numbers.
func TestCustomReasonsHaveNames(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		spec uint32
		code uint8
		name string
	}{
		{475, 6, "RateLimitExceeded"},
		{475, 15, "InvalidRevealRound"},
		{475, 28, ""},
		{475, 255, "BadRequest"},
		{0, 1, "StakeAmountTooLow"},
		{0, 2, "BalanceTooLow"},
		{218, 2, "StakeAmountTooLow"},
		{218, 3, "StakeAmountTooLow"},
		{218, 5, "RateLimitExceeded"},
		{218, 6, "StakeAmountTooLow"},
		{218, 12, ""},
	} {
		if got := customName(e.spec, e.code); got != e.name {
			t.Errorf("%d at spec %d is %q, want %q", e.code, e.spec, got, e.name)
		}
	}
}

var someExtrinsic = []byte{12, 0x04, 0, 0}

func hashOf(b []byte) Hash { return scale.ExtrinsicHash(b) }

func submitError(t *testing.T, err error) *SubmitError {
	t.Helper()
	e, ok := errors.AsType[*SubmitError](err)
	if !ok {
		t.Fatalf("%v is no SubmitError", err)
	}
	return e
}

func TestSubmitGoesToAllHealthyNodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		// The preferred node takes it and never says so.
		a.handle(submitMethod, func(uint64, []json.RawMessage) any { return nil })
		var sent string
		b.handle(submitMethod, func(_ uint64, params []json.RawMessage) any {
			sent = string(params[0])
			return hashOf(someExtrinsic)
		})
		began := time.Now()
		if err := c.Submit(t.Context(), someExtrinsic); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if time.Since(began) != 0 || sent != `"0x0c040000"` || a.count(submitMethod) != 1 || b.count(submitMethod) != 1 {
			t.Errorf("after %s: %s to %d and %d", time.Since(began), sent, a.count(submitMethod), b.count(submitMethod))
		}
	})
}

func TestSubmitByWhatNodesSay(t *testing.T) {
	t.Parallel()
	refused := func(code int, message, data string) any { return rpcError{Code: code, Message: message, Data: data} }
	taken := hashOf(someExtrinsic)
	stale := refused(1010, "Invalid Transaction", "Transaction is outdated")
	future := refused(1010, "Invalid Transaction", "Transaction will be valid in the future")
	limit := refused(1010, "Invalid Transaction", "Custom error: 6")
	banned := refused(1012, "Transaction is temporarily banned", "")
	already := refused(1013, "Transaction Already Imported", "")
	unsupported := refused(-32601, "Method not found", "")
	odd := refused(77, "Something new", "")
	for name, e := range map[string]struct {
		a, b any
		kind SubmitKind // of both orders; 0 is success here
		may  bool
	}{
		"both take it":             {taken, taken, 0, false},
		"one takes it":             {stale, taken, 0, false},
		"one has it":               {limit, already, 0, false},
		"one takes, one is silent": {nil, taken, 0, false},
		"stale before banned":      {stale, banned, SubmitStale, false},
		"stale before future":      {stale, future, SubmitStale, false},
		"reason before banned":     {banned, limit, SubmitCustom, false},
		"pool before unsupported":  {unsupported, banned, SubmitBanned, false},
		"known before unknown":     {odd, banned, SubmitBanned, false},
		"refused and silent":       {nil, limit, SubmitCustom, true},
		"both silent":              {nil, nil, SubmitUnreachable, true},
		"another extrinsic":        {Hash{1}, Hash{1}, SubmitUnreachable, true},
		"no hash":                  {true, jsonNull{}, SubmitUnreachable, true},
		"another, and refused":     {Hash{1}, stale, SubmitStale, true},
	} {
		for order := range 2 {
			t.Run(fmt.Sprintf("%s %d", name, order), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					a, b, c := two(t, Config{})
					answers := []any{e.a, e.b}
					a.reply(submitMethod, answers[order])
					b.reply(submitMethod, answers[1-order])
					err := c.Submit(t.Context(), someExtrinsic)
					if e.kind == 0 {
						if err != nil {
							t.Error(err)
						}
						return
					}
					s := submitError(t, err)
					if s.Kind != e.kind || s.MayBeTaken != e.may || len(s.Errors) != 2 {
						t.Errorf("%s, may be taken %t: %v", s.Kind, s.MayBeTaken, err)
					}
					if s.Kind == SubmitCustom && (s.Code != 6 || s.Name != "StakeAmountTooLow" || !strings.Contains(err.Error(), "Custom 6 StakeAmountTooLow")) {
						t.Errorf("%d %s: %v", s.Code, s.Name, err)
					}
				})
			})
		}
	}
}

// What a pool says about an extrinsic says nothing against the node.
func TestRefusalsDoNotBlameTheNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.reply(submitMethod, rpcError{Code: 1010, Message: "Invalid Transaction", Data: "Transaction is outdated"})
		node.reply(watchMethod, rpcError{Code: 1014, Message: "Priority is too low"})
		for range 2 * patience {
			if err := c.Submit(t.Context(), someExtrinsic); submitError(t, err).Kind != SubmitStale || KindOf(err) != KindRefused {
				t.Error(err)
			}
			if _, err := c.WatchExtrinsic(t.Context(), someExtrinsic); submitError(t, err).Kind != SubmitPriorityTooLow {
				t.Error(err)
			}
		}
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("the node is %s: %v", s.State, s.LastError)
		}
	})
}

// A caller who gives up calls nothing back.
func TestSubmitGoesOnWithoutTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{CallTimeout: 10 * time.Second})
		a.handle(submitMethod, func(uint64, []json.RawMessage) any { return nil })
		b.handle(submitMethod, func(uint64, []json.RawMessage) any { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Submit(ctx, someExtrinsic)
		if s := submitError(t, err); s.Kind != SubmitUnreachable || !s.MayBeTaken || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// Each node had its own time: the sockets are dropped, and both are asked again.
		for _, node := range []*scripted{a, b} {
			node.drop()
		}
		advance(5 * time.Second)
		if a.count(submitMethod) != 2 || b.count(submitMethod) != 2 {
			t.Errorf("sent %d and %d times", a.count(submitMethod), b.count(submitMethod))
		}
		advance(time.Minute)
		if a.count(submitMethod) != 2 || b.count(submitMethod) != 2 {
			t.Errorf("sent %d and %d times after its time", a.count(submitMethod), b.count(submitMethod))
		}
	})
}

func TestSubmitSurvivesADroppedSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.handle(submitMethod, func(uint64, []json.RawMessage) any {
			if node.count(submitMethod) == 1 {
				node.drop()
				return nil
			}
			return rpcError{Code: 1013, Message: "Transaction Already Imported"}
		})
		if err := c.Submit(t.Context(), someExtrinsic); err != nil {
			t.Error(err)
		}
	})
}

// The first answer was lost, so that a refusal the second time does not mean that the node never took it.
func TestSubmitRefusedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.handle(submitMethod, func(uint64, []json.RawMessage) any {
			if node.count(submitMethod) == 1 {
				node.drop()
				return nil
			}
			return rpcError{Code: 1012, Message: "Transaction is temporarily banned"}
		})
		if s := submitError(t, c.Submit(t.Context(), someExtrinsic)); s.Kind != SubmitBanned || !s.MayBeTaken {
			t.Errorf("%+v", s)
		}
		if s := submitError(t, c.Submit(t.Context(), someExtrinsic)); s.Kind != SubmitBanned || s.MayBeTaken {
			t.Errorf("%+v", s)
		}
	})
}

func TestSubmitWithoutANode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newPipes(t).client(Config{}, "nobody")
		err := c.Submit(t.Context(), someExtrinsic)
		if s := submitError(t, err); s.Kind != SubmitUnreachable || s.MayBeTaken {
			t.Error(err)
		}
		if _, err := c.WatchExtrinsic(t.Context(), someExtrinsic); submitError(t, err).MayBeTaken {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Submit(t.Context(), someExtrinsic); KindOf(err) != KindClosed {
			t.Error(err)
		}
	})
}

// A node that is behind is left out while another is healthy, and used when none is.
func TestSubmitLeavesOutTheUnfit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{StaleAfter: 30 * time.Second})
		a.reply(submitMethod, hashOf(someExtrinsic))
		b.reply(submitMethod, hashOf(someExtrinsic))
		b.produce(10)
		synctest.Wait()
		if err := c.Submit(t.Context(), someExtrinsic); err != nil || a.count(submitMethod) != 0 || b.count(submitMethod) != 1 {
			t.Errorf("%v; sent %d and %d times", err, a.count(submitMethod), b.count(submitMethod))
		}
		advance(40 * time.Second) // both stand still
		if err := c.Submit(t.Context(), someExtrinsic); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if a.count(submitMethod) != 1 || b.count(submitMethod) != 2 {
			t.Errorf("sent %d and %d times", a.count(submitMethod), b.count(submitMethod))
		}
	})
}
