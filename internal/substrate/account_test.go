package substrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

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
