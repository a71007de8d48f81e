package devchain

import (
	"encoding/binary"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Logs has two logs a block, which tell its number; an even block's first is that
// of another contract.
func (t *tiny) Logs(st runtime.State) ([]runtime.Log, error) {
	value, _ := st.Get(numberKey)
	number := byte(binary.LittleEndian.Uint64(value))
	first := runtime.Log{Address: [20]byte{19: number % 2}, Topics: [][32]byte{{0xaa}, {31: number}}, Data: []byte{number}, Transaction: [32]byte{number}}
	second := runtime.Log{Transaction: [32]byte{number, 1}, TransactionIndex: 1}
	return []runtime.Log{first, second}, nil
}
