package evm_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/evm"
)

// The token contract of the development chain logs a Transfer in every block.
const (
	devContract = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
	transferABI = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},` +
		`{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256"}]}]`
)

func TestLogsOfTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	subtensor, err := devchain.NewSubtensor(devchain.SubtensorConfig{Quiet: true, Subnets: []devchain.Subnet{{Netuid: 1, Neurons: 2, Tempo: 60000}}})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := devchain.New(devchain.Config{Runtime: subtensor, GenesisTime: time.Unix(1_700_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chain.Close() })
	if err := chain.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const head = 2600
	if _, err := chain.Produce(head); err != nil {
		t.Fatal(err)
	}
	client, err := evm.New(evm.Config{URL: chain.HTTPURL(), ArchiveURL: chain.HTTPURL(), ArchiveCutoff: 300})
	if err != nil {
		t.Fatal(err)
	}
	var abi []pylon.ABIEntry
	if err := json.Unmarshal([]byte(transferABI), &abi); err != nil {
		t.Fatal(err)
	}

	// The range is more than a node gives at a time, in several ways, and goes across the archive's border.
	before := chain.Calls()["eth_getLogs"]
	logs, err := client.Logs(t.Context(), strings.ToLower(devContract), 0, head, abi)
	if err != nil {
		t.Fatal(err)
	}
	if calls := chain.Calls()["eth_getLogs"] - before; calls != 8 { // the whole of the archive's part, two halves, four quarters; main's part
		t.Errorf("%d calls", calls)
	}
	if len(logs.Logs) != head || logs.FromBlock != 0 || logs.ToBlock != head {
		t.Fatalf("%d logs from %d to %d", len(logs.Logs), logs.FromBlock, logs.ToBlock)
	}
	for i, log := range logs.Logs {
		block := uint64(i + 1)
		value := new(big.Int).Mul(new(big.Int).SetUint64(block), big.NewInt(1e18))
		if block == 1 {
			value.Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
		}
		index := uint64(0)
		if block%10 == 0 {
			index = 1 // behind an Approval, which the ABI does not know
		}
		owners := []string{
			"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
			"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
		}
		args := fmt.Sprintf(`{"from":%q,"to":%q,"value":%v}`, owners[block%3], owners[(block+1)%3], value)
		if log.Event != "Transfer" || log.Address != devContract || log.BlockNumber != block || log.LogIndex != index ||
			log.TransactionIndex != index || string(log.Args) != args || len(log.TransactionHash) != 66 {
			t.Fatalf("log %d: %s\nwant the arguments %s", i, log.AppendJSON(nil), args)
		}
	}
	none, err := client.Logs(t.Context(), "0x0000000000000000000000000000000000000001", head-5, head, abi)
	if err != nil || len(none.Logs) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
}
