package substrate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

func TestNonceIsTheHighest(t *testing.T) {
	t.Parallel()
	const method = "system_accountNextIndex"
	broken := rpcError{Code: -32603, Message: "Internal error"}
	for name, e := range map[string]struct {
		a, b  any
		nonce uint64
		fails bool
		takes time.Duration
	}{
		"agree":       {7, 7, 7, false, 0},
		"first":       {9, 7, 9, false, 0},
		"second":      {7, 9, 9, false, 0},
		"one fails":   {7, broken, 7, false, 0},
		"both fail":   {broken, broken, 0, true, 0},
		"one silent":  {7, nil, 7, false, nonceGrace},
		"both silent": {nil, nil, 0, true, 20 * time.Second},
		"null":        {jsonNull{}, 4, 4, false, 0},
		"negative":    {-1, 4, 4, false, 0},
		"too large":   {1 << 32, 4, 4, false, 0},
		"largest":     {1<<32 - 1, 4, 1<<32 - 1, false, 0},
		"text":        {"5", 4, 4, false, 0},
		"nonsense":    {[]int{5}, "x", 0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b, c := two(t, Config{})
				a.reply(method, e.a)
				b.reply(method, e.b)
				began := time.Now()
				nonce, err := c.Nonce(t.Context(), [32]byte{})
				if nonce != e.nonce || (err != nil) != e.fails || time.Since(began) != e.takes {
					t.Errorf("%d, %v after %s", nonce, err, time.Since(began))
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.handle(method, func(_ uint64, params []json.RawMessage) any {
			if string(params[0]) != `"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"` {
				t.Errorf("asked about %s", params)
			}
			return 3
		})
		alice := [32]byte(hexOf(t, "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"))
		if nonce, err := c.Nonce(t.Context(), alice); nonce != 3 || err != nil {
			t.Errorf("%d, %v", nonce, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		node.reply(method, nil)
		if _, err := c.Nonce(ctx, alice); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func hexOf(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := decodeHex([]byte(`"0x` + digits + `"`))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNonceInAState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		runtime := describe(t, node, 425)
		account := [32]byte{1, 2, 3}
		item, err := runtime.Metadata.Storage("System", "Account")
		if err != nil {
			t.Fatal(err)
		}
		key, err := item.Key(scale.Bytes(account[:]))
		if err != nil {
			t.Fatal(err)
		}
		info := make([]byte, len(item.Default))
		info[0], info[1] = 0x39, 0x30
		var value any = jsonNull{}
		node.handle("state_getStorage", func(_ uint64, params []json.RawMessage) any {
			if asked, err := decodeHex(params[0]); err != nil || !bytes.Equal(asked, key) {
				t.Errorf("asked for %s, not %x", params[0], key)
			}
			return value
		})
		at := node.head().Hash
		if nonce, err := c.NonceAt(t.Context(), at, account); nonce != 0 || err != nil {
			t.Errorf("of an account that is not there: %d, %v", nonce, err)
		}
		value = hexBytes(info)
		if nonce, err := c.NonceAt(t.Context(), at, account); nonce != 12345 || err != nil {
			t.Errorf("%d, %v", nonce, err)
		}
		value = hexBytes(info[:5])
		if nonce, err := c.NonceAt(t.Context(), at, account); KindOf(err) != KindMalformed {
			t.Errorf("%d, %v", nonce, err)
		}
	})
}

func TestFee(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		at := node.head().Hash
		info := scale.AppendCompact(nil, 1_234_567_890) // ref_time
		info = scale.AppendCompact(info, 3593)          // proof_size
		info = append(info, 1)                          // Operational
		info = scale.AppendUint64(info, 124_414)
		var answer any = hexBytes(info)
		node.handle("state_call", func(_ uint64, params []json.RawMessage) any {
			want := `["TransactionPaymentApi_query_info" "0x0c04000004000000" "` + at.String() + `"]`
			if got := fmt.Sprintf("%s", params); got != want {
				t.Errorf("asked %s, not %s", got, want)
			}
			return answer
		})
		if fee, err := c.Fee(t.Context(), at, someExtrinsic); fee != 124_414 || err != nil {
			t.Errorf("%d, %v", fee, err)
		}
		for _, bad := range []hexBytes{info[:len(info)-1], append(info, 0), {}} {
			answer = bad
			if fee, err := c.Fee(t.Context(), at, someExtrinsic); KindOf(err) != KindMalformed {
				t.Errorf("%x: %d, %v", bad, fee, err)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	valid := append([]byte{0}, 7, 0, 0, 0, 0, 0, 0, 0)
	waiting := append(append([]byte{}, valid...), 4, 4, 0xaa, 4, 4, 0xbb, 64, 0, 0, 0, 0, 0, 0, 0, 0)
	ready := append(append([]byte{}, valid...), 0, 4, 4, 0xbb, 1, 0, 0, 0, 0, 0, 0, 0, 1)
	for name, e := range map[string]struct {
		answer  []byte
		spec    uint32
		kind    SubmitKind
		code    uint8
		name    string
		valid   Validity
		invalid bool // the answer itself
	}{
		"ready":          {answer: ready, valid: Validity{Priority: 7, Longevity: 1, Propagate: true}},
		"waiting":        {answer: waiting, valid: Validity{Priority: 7, Waiting: true, Longevity: 64}},
		"call":           {answer: []byte{1, 0, 0}, kind: SubmitCallRefused},
		"payment":        {answer: []byte{1, 0, 1}, kind: SubmitCannotPay},
		"future":         {answer: []byte{1, 0, 2}, kind: SubmitFuture},
		"stale":          {answer: []byte{1, 0, 3}, kind: SubmitStale},
		"bad proof":      {answer: []byte{1, 0, 4}, kind: SubmitBadProof},
		"ancient":        {answer: []byte{1, 0, 5}, kind: SubmitAncientBirth},
		"exhausts":       {answer: []byte{1, 0, 6}, kind: SubmitExhausted},
		"rate limit":     {answer: []byte{1, 0, 7, 6}, spec: 425, kind: SubmitCustom, code: 6, name: "RateLimitExceeded"},
		"low stake, 218": {answer: []byte{1, 0, 7, 3}, spec: 218, kind: SubmitCustom, code: 3, name: "StakeAmountTooLow"},
		"mandatory":      {answer: []byte{1, 0, 8}, kind: SubmitInvalid},
		"origin":         {answer: []byte{1, 0, 12}, kind: SubmitInvalid},
		"newer":          {answer: []byte{1, 0, 13}, kind: SubmitInvalid},
		"lookup":         {answer: []byte{1, 1, 0}, kind: SubmitUnknownValidity},
		"unsigned":       {answer: []byte{1, 1, 1}, kind: SubmitUnknownValidity},
		"unknown custom": {answer: []byte{1, 1, 2, 9}, kind: SubmitUnknownValidity, code: 9},
		"unknown newer":  {answer: []byte{1, 1, 77}, kind: SubmitUnknownValidity},
		"a third sort":   {answer: []byte{1, 2, 0}, kind: SubmitInvalid},
		"empty":          {answer: []byte{}, invalid: true},
		"no result":      {answer: []byte{2}, invalid: true},
		"cut":            {answer: ready[:len(ready)-1], invalid: true},
		"no code":        {answer: []byte{1, 0, 7}, invalid: true},
		"more":           {answer: append(append([]byte{}, ready...), 0), invalid: true},
		"tags without end": {
			answer: append(append([]byte{}, valid...), 0xfe, 0xff, 0xff, 0xff), invalid: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := oneNode(t)
				at := node.head().Hash
				node.reply("state_getRuntimeVersion", map[string]any{"specName": "scripted", "specVersion": e.spec, "transactionVersion": 1})
				node.handle("state_call", func(_ uint64, params []json.RawMessage) any {
					want := `["TaggedTransactionQueue_validate_transaction" "0x020c040000` + at.String()[2:] + `" "` + at.String() + `"]`
					if got := fmt.Sprintf("%s", params); got != want {
						t.Errorf("asked %s, not %s", got, want)
					}
					return hexBytes(e.answer)
				})
				v, err := c.Validate(t.Context(), at, someExtrinsic)
				switch {
				case e.invalid:
					if KindOf(err) != KindMalformed || v != nil {
						t.Errorf("%v, %v", v, err)
					}
				case e.kind != 0:
					if s := submitError(t, err); s.Kind != e.kind || s.Code != e.code || s.Name != e.name || s.MayBeTaken || KindOf(err) != KindRefused {
						t.Errorf("%+v", s)
					}
				case err != nil || *v != e.valid:
					t.Errorf("%+v, %v", v, err)
				}
			})
		})
	}
}
