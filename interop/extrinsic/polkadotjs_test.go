//go:build interop

package extrinsic

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/internal/scaletest"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

const root = "../.."

func folder(t *testing.T, parts ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{root}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// polkadotJS runs the script and returns what it writes.
func polkadotJS(t *testing.T, mode string, input []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "extrinsic.mjs", folder(t, ".cache", "interop", "polkadotjs"), folder(t, "internal", "scale", "testdata"), mode)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %v\n%s", mode, err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return out
}

// The vectors that plain tests read are what polkadot-js says, but for signatures of sr25519, which differ each time.
func TestVectorsAreUpToDate(t *testing.T) {
	t.Parallel()
	parse := func(b []byte) (v map[string]any) {
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		for _, cases := range v["specs"].(map[string]any) {
			for _, c := range cases.([]any) {
				delete(c.(map[string]any), "sr25519")
			}
		}
		return v
	}
	recorded := parse(scaletest.Unpack(t, folder(t, "internal", "substrate", "testdata", "extrinsics.json.gz")))
	if diff := cmp.Diff(recorded, parse(polkadotJS(t, "sign", nil))); diff != "" {
		t.Errorf("internal/substrate/testdata/extrinsics.json.gz is stale (-recorded +polkadot-js):\n%s", diff)
	}
}

type signer struct {
	*wallet.Keypair
	scheme string
}

func (s signer) Scheme() string { return s.scheme }
func (s signer) Sign(message []byte) ([]byte, error) {
	signature := s.Keypair.Sign(message)
	return signature[:], nil
}

// polkadot-js decodes what we sign, in both schemes, and verifies the signatures over the payloads that it computes.
func TestPolkadotJSVerifiesOurs(t *testing.T) {
	t.Parallel()
	var vectors struct{ GenesisHash, BlockHash substrate.Hash }
	if err := json.Unmarshal(scaletest.Unpack(t, folder(t, "internal", "substrate", "testdata", "extrinsics.json.gz")), &vectors); err != nil {
		t.Fatal(err)
	}
	type sent struct {
		Spec  uint32 `json:"spec"`
		Bytes string `json:"bytes"`
	}
	type read struct {
		Valid, Same                            bool
		Crypto, Hash, Signer, Nonce, Tip, Call string
	}
	var all []sent
	var want []read
	for _, spec := range []uint32{218, 343, 425} {
		runtime := &substrate.Runtime{SpecVersion: spec, TransactionVersion: 1, Metadata: scaletest.Metadata(t, fmt.Sprintf("%d-v15", spec))}
		for scheme, by := range map[string]wallet.Scheme{"Sr25519": wallet.Sr25519, "Ed25519": wallet.Ed25519} {
			key, err := by.FromURI("//Alice")
			if err != nil {
				t.Fatal(err)
			}
			for _, length := range []int{0, 1, 153, 154, 155, 156, 157, 5000} {
				for _, period := range []uint64{4, 8, 16, 32} {
					request := substrate.SignRequest{
						At:     substrate.Header{Number: 1_000_003 + uint64(length), Hash: vectors.BlockHash},
						Period: period,
						Nonce:  uint64(length) * 7,
						Tip:    uint64(length) * 1e9,
						Pallet: "System",
						Call:   "remark",
						Args:   map[string]any{"remark": make([]byte, length)},
					}
					x, err := runtime.Sign(vectors.GenesisHash, request, signer{key, scheme})
					if err != nil {
						t.Fatal(err)
					}
					public := key.PublicKey()
					all = append(all, sent{spec, "0x" + hex.EncodeToString(x.Bytes)})
					want = append(want, read{
						Valid: true, Same: true, Crypto: map[string]string{"Sr25519": "sr25519", "Ed25519": "ed25519"}[scheme],
						Hash: x.Hash.String(), Signer: "0x" + hex.EncodeToString(public[:]),
						Nonce: strconv.FormatUint(request.Nonce, 10), Tip: strconv.FormatUint(request.Tip, 10), Call: "system.remark",
					})
				}
			}
		}
	}
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var got []read
	if err := json.Unmarshal(polkadotJS(t, "verify", input), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ours +polkadot-js):\n%s", diff)
	}
}
