package native

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// committed is what a hotkey has committed to on subnet 1.
func (c *chain) committed(key [32]byte) (fields []scale.Enum) {
	c.t.Helper()
	registration := c.storage("Commitments", "CommitmentOf", 1, key)
	if registration == nil {
		return nil
	}
	for _, f := range field(c.t, field(c.t, registration, "info"), "fields").([]any) {
		fields = append(fields, f.(scale.Enum))
	}
	return fields
}

func TestPublished(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newChain(t, small(spec))
		for uri, want := range map[string]string{
			"//Charlie": "Raw18", "//Dave": "Raw15", "//Ferdie": "Raw17", "//Alice": "", "//Miner1": "Sha256", "//Miner2": "",
			"//Bob": timelocked, "//Miner0": "BigRaw",
		} {
			if spec < 257 && (want == timelocked || want == "BigRaw") {
				want = ""
			}
			got := c.committed(publicKey(t, uri))
			if want == "" && got != nil || want != "" && (len(got) != 1 || got[0].Name != want) {
				t.Errorf("spec %d: %s has committed to %v", spec, uri, got)
			}
		}
		if spec < 257 {
			continue
		}
		if got := c.committed(publicKey(t, "//Bob"))[0].Value; len(field(t, got, "encrypted").(scale.Bytes)) != 259 ||
			field(t, got, "reveal_round") != uint64(1<<32) {
			t.Errorf("spec %d: //Bob has committed to %v", spec, got)
		}
		var texts []string
		for _, uri := range []string{"//Alice", "//Ferdie", "//Bob"} {
			list, _ := c.storage("Commitments", "RevealedCommitments", 1, publicKey(t, uri)).([]any)
			for _, one := range list {
				r := scale.NewReader(one.([]any)[0].(scale.Bytes))
				texts = append(texts, fmt.Sprint(uri, " ", r.Text(), " ", one.([]any)[1]))
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if want := []string{"//Alice revealed-alice-1 0", "//Alice revealed-alice-2 0", "//Ferdie revealed-ferdie 0"}; !slices.Equal(texts, want) {
			t.Errorf("spec %d: %v", spec, texts)
		}
		for uid, want := range map[int]string{
			3: "<nil>", 4: "[0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 0]", 6: "[0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc 0]", 7: "<nil>",
		} {
			if got := fmt.Sprint(c.storage("SubtensorModule", "AssociatedEvmAddress", 1, uid)); got != want {
				t.Errorf("spec %d: uid %d has %s", spec, uid, got)
			}
		}
	}
}

// The newest ten are kept.
func TestRevealedCommitmentsAreForgotten(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	for i := range uint64(12) {
		if !c.runtime.AddRevealedCommitment(c.state, 1, [32]byte{1}, strings.Repeat("x", int(i)*10), i) {
			t.Fatal("they are not known")
		}
	}
	list := c.storage("Commitments", "RevealedCommitments", 1, [32]byte{1}).([]any)
	if len(list) != 10 || list[0].([]any)[1] != uint64(2) || list[9].([]any)[1] != uint64(11) {
		t.Errorf("%v", list)
	}
	old := newChain(t, small(218))
	if old.runtime.AddRevealedCommitment(old.state, 1, [32]byte{1}, "x", 1) ||
		old.runtime.SetTimelockedCommitment(old.state, 1, [32]byte{1}, nil, 1) ||
		old.runtime.SetEVMAssociation(old.state, 1, 4, [20]byte{1}, 1) {
		t.Error("spec 218 knows them")
	}
	if c.runtime.SetTimelockedCommitment(c.state, 1, [32]byte{1}, make([]byte, 1025), 1) {
		t.Error("a ciphertext that is too long")
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newChain(t, small(spec))
		if logs, err := c.runtime.Logs(c.state); err != nil || len(logs) != 0 {
			t.Errorf("spec %d: block 0 has %v, %v", spec, logs, err)
		}
		seen := map[[32]byte]bool{}
		for block := 1; block <= 20; block++ {
			c.produce(1)
			logs, err := c.runtime.Logs(c.state)
			if err != nil || len(logs) != 1 && (block%10 != 0 || len(logs) != 2) {
				t.Fatalf("spec %d: block %d has %v, %v", spec, block, logs, err)
			}
			for i, log := range logs {
				if seen[log.Transaction] || log.TransactionIndex != uint32(i) {
					t.Errorf("spec %d: %+v", spec, log)
				}
				seen[log.Transaction] = true
			}
			transfer := logs[len(logs)-1]
			if fmt.Sprintf("%x", transfer.Address) != "5fbdb2315678afecb367f032d93f642f64180aa3" || len(transfer.Topics) != 3 ||
				fmt.Sprintf("%x", transfer.Topics[0]) != "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef" ||
				!bytes.Equal(transfer.Topics[1][12:], evmOwners[block%3][:]) || len(transfer.Data) != 32 {
				t.Errorf("spec %d: %+v", spec, transfer)
			}
			if everything := bytes.Equal(transfer.Data, bytes.Repeat([]byte{0xff}, 32)); everything != (block == 1) {
				t.Errorf("spec %d: block %d transfers %x", spec, block, transfer.Data)
			}
		}
	}
	var _ runtime.EVM = (*Runtime)(nil)
}
