package native

import (
	"encoding/binary"
	"encoding/hex"
	"math/big"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// The contract that logs something in every block: a token, as far as its logs
// tell. There is no code behind it.
var (
	tokenContract = evmAddress("5fbdb2315678afecb367f032d93f642f64180aa3")
	// transferTopic is the hash of Transfer(address,address,uint256), approvalTopic
	// that of Approval(address,address,uint256).
	transferTopic = evmWord("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
	approvalTopic = evmWord("8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925")
)

// evmOwners are the addresses that the first miners have proven to own. Ethereum
// developers know them from their own development chains.
var evmOwners = [][20]byte{
	evmAddress("f39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
	evmAddress("70997970c51812dc3a010c7d01b50e0d17dc79c8"),
	evmAddress("3c44cdddb6a900fa2b585dd299e03d12fa4293bc"),
}

func evmAddress(digits string) (a [20]byte) {
	if _, err := hex.Decode(a[:], []byte(digits)); err != nil {
		panic(err) // they are written above
	}
	return a
}

func evmWord(digits string) (w [32]byte) {
	if _, err := hex.Decode(w[:], []byte(digits)); err != nil {
		panic(err) // they are written above
	}
	return w
}

// association is an EVM address and the block at which its owner has proven to
// own a neuron too.
type association struct {
	Address [20]byte `scale:"0"`
	Block   uint64   `scale:"1"`
}

// SetEVMAssociation says that the owner of a neuron has proven at a block to own
// an EVM address. It reports whether the spec version keeps such proofs.
func (r *Runtime) SetEVMAssociation(st runtime.State, netuid, uid uint16, address [20]byte, block uint64) bool {
	item := &r.items.SubtensorModule.AssociatedEvmAddress
	item.set(st, association{address, block}, u16(netuid), u16(uid))
	return item.exists()
}

// logTransfers makes the contract log what it does in a block: a transfer, and
// in every tenth block an approval before it. In block 1 all that there can be is
// transferred, else as many tokens (with 18 decimals) as the block's number.
func (r *Runtime) logTransfers(st runtime.State, block uint64) {
	owner := func(n uint64) (w [32]byte) {
		copy(w[12:], evmOwners[n%uint64(len(evmOwners))][:])
		return w
	}
	amount := new(big.Int).Mul(new(big.Int).SetUint64(block), big.NewInt(1_000_000_000_000_000_000))
	if block == 1 {
		amount.Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	}
	for _, topic := range [][32]byte{approvalTopic, transferTopic} {
		if topic == approvalTopic && block%10 != 0 {
			continue
		}
		topics := []any{}
		for _, t := range [][32]byte{topic, owner(block), owner(block + 1)} {
			topics = append(topics, scale.Bytes(t[:]))
		}
		r.deposit(st, initialization, "EVM", "Log", map[string]any{
			"address": scale.Bytes(tokenContract[:]), "topics": topics, "data": scale.Bytes(amount.FillBytes(make([]byte, 32))),
		})
	}
}

var _ runtime.EVM = (*Runtime)(nil)

// Logs implements runtime.EVM: the logs are among the block's events, as on a
// real chain. No transaction has made them, so each has a hash that is made up
// from the block and its place in it.
func (r *Runtime) Logs(st runtime.State) ([]runtime.Log, error) {
	metadata, err := r.parsed()
	if err != nil {
		return nil, err
	}
	raw, ok := st.Get(eventsKey)
	if !ok {
		return nil, nil
	}
	records, err := metadata.DecodeEvents(raw)
	if err != nil {
		return nil, err
	}
	var logs []runtime.Log
	for _, record := range records {
		if record.Pallet != "EVM" || record.Name != "Log" {
			continue
		}
		log, ok := evmLog(record.Fields)
		if !ok {
			continue
		}
		index := uint32(len(logs))
		log.TransactionIndex = index
		log.Transaction = scale.Blake2_256(binary.LittleEndian.AppendUint32(
			binary.LittleEndian.AppendUint64([]byte("transaction of block "), r.blockNumber(st)), index))
		logs = append(logs, log)
	}
	return logs, nil
}

// evmLog reads the event EVM.Log.
func evmLog(fields any) (log runtime.Log, ok bool) {
	event, _ := fields.(scale.Object)
	inner, _ := event.Get("log")
	object, _ := inner.(scale.Object)
	get := func(name string) any { value, _ := object.Get(name); return value }
	address, _ := get("address").(scale.Bytes)
	data, isBytes := get("data").(scale.Bytes)
	topics, isList := get("topics").([]any)
	if len(address) != len(log.Address) || !isBytes || !isList {
		return log, false
	}
	log.Address, log.Data = [20]byte(address), data
	for _, topic := range topics {
		word, _ := topic.(scale.Bytes)
		if len(word) != 32 {
			return log, false
		}
		log.Topics = append(log.Topics, [32]byte(word))
	}
	return log, true
}
