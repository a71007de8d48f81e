package pylon

import "strconv"

// Block names a block. Its hash is 0x and 64 lower-case hexadecimal digits.
type Block struct {
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
}

// BlockInfo is a block and the time that its author gave it, in whole seconds since the Unix epoch.
type BlockInfo struct {
	Number    uint64 `json:"number"`
	Hash      string `json:"hash"`
	Timestamp int64  `json:"timestamp"`
}

// AppendJSON appends the block in its JSON form.
func (b Block) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"number":`...)
	dst = strconv.AppendUint(dst, b.Number, 10)
	dst = append(dst, `,"hash":`...)
	dst = appendString(dst, b.Hash)
	return append(dst, '}')
}

// AppendJSON appends the block and its time in their JSON form.
func (b BlockInfo) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"number":`...)
	dst = strconv.AppendUint(dst, b.Number, 10)
	dst = append(dst, `,"hash":`...)
	dst = appendString(dst, b.Hash)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, b.Timestamp, 10)
	return append(dst, '}')
}
