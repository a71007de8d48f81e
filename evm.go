package pylon

import (
	"encoding/json"
	"strconv"
)

// ABIEntry is one entry of a contract's ABI, as compilers write it.
type ABIEntry map[string]json.RawMessage

// EVMLogs are the logs of a contract between two blocks, both included.
type EVMLogs struct {
	Logs      []EVMLog `json:"logs"`
	FromBlock uint64   `json:"from_block"`
	ToBlock   uint64   `json:"to_block"`
}

// EVMLog is one event that a contract emitted.
type EVMLog struct {
	// Event is the name of the event in the ABI.
	Event string `json:"event"`
	// Args is a JSON object of the event's arguments by name: integers of any size as numbers, bytes as 0x text,
	// addresses with their checksum, lists and tuples as arrays and objects.
	Args json.RawMessage `json:"args"`
	// Address is the contract's, with its checksum (EIP-55).
	Address          string `json:"address"`
	BlockNumber      uint64 `json:"block_number"`
	TransactionHash  string `json:"transaction_hash"`
	TransactionIndex uint64 `json:"transaction_index"`
	LogIndex         uint64 `json:"log_index"`
}

// AppendJSON appends the logs in their JSON form.
func (l *EVMLogs) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"logs":[`...)
	for i := range l.Logs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = l.Logs[i].AppendJSON(dst)
	}
	dst = append(dst, `],"from_block":`...)
	dst = strconv.AppendUint(dst, l.FromBlock, 10)
	dst = append(dst, `,"to_block":`...)
	dst = strconv.AppendUint(dst, l.ToBlock, 10)
	return append(dst, '}')
}

// AppendJSON appends the log in its JSON form.
func (l *EVMLog) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"event":`...)
	dst = appendString(dst, l.Event)
	dst = append(dst, `,"args":`...)
	dst = appendRaw(dst, l.Args)
	dst = append(dst, `,"address":`...)
	dst = appendString(dst, l.Address)
	dst = append(dst, `,"block_number":`...)
	dst = strconv.AppendUint(dst, l.BlockNumber, 10)
	dst = append(dst, `,"transaction_hash":`...)
	dst = appendString(dst, l.TransactionHash)
	dst = append(dst, `,"transaction_index":`...)
	dst = strconv.AppendUint(dst, l.TransactionIndex, 10)
	dst = append(dst, `,"log_index":`...)
	dst = strconv.AppendUint(dst, l.LogIndex, 10)
	return append(dst, '}')
}

// EVMAssociation is the EVM address whose owner has proven to be a hotkey's owner too.
type EVMAssociation struct {
	Hotkey Hotkey `json:"hotkey"`
	// EVMAddress is 0x and 40 lower-case hexadecimal digits.
	EVMAddress string `json:"evm_address"`
	// LastProven is the number of the block of the newest proof.
	LastProven uint64 `json:"last_block_where_ownership_was_proven"`
}

// AppendJSON appends the association in its JSON form.
func (a EVMAssociation) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"hotkey":`...)
	dst = appendString(dst, string(a.Hotkey))
	dst = append(dst, `,"evm_address":`...)
	dst = appendString(dst, a.EVMAddress)
	dst = append(dst, `,"last_block_where_ownership_was_proven":`...)
	dst = strconv.AppendUint(dst, a.LastProven, 10)
	return append(dst, '}')
}

// EVMAssociations are those of a subnet's registered hotkeys at one block, in uid order. In JSON they are an object
// keyed by hotkey, in the same order.
type EVMAssociations struct {
	Block        Block
	Associations []EVMAssociation
}

// AppendJSON appends the associations in their JSON form.
func (a *EVMAssociations) AppendJSON(dst []byte) []byte {
	return appendByHotkey(dst, a.Block, "evm_associations", a.Associations,
		hotkeyOfAssociation, EVMAssociation.AppendJSON)
}

func hotkeyOfAssociation(a EVMAssociation) Hotkey { return a.Hotkey }

// MarshalJSON returns what AppendJSON appends.
func (a EVMAssociations) MarshalJSON() ([]byte, error) { return a.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON writes and keeps the order of the object.
func (a *EVMAssociations) UnmarshalJSON(data []byte) (err error) {
	a.Block, a.Associations, err = readByHotkey(data, "evm_associations", hotkeyOfAssociation)
	return err
}
