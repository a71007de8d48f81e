package pylon

import (
	"encoding/json"
	"strconv"
)

// CommitmentKind says how a commitment is to be read.
type CommitmentKind string

// The kinds.
const (
	// CommitmentHex is plain data.
	CommitmentHex CommitmentKind = "hex_data"
	// CommitmentTimelocked is text that nobody can read before its round of the randomness beacon.
	CommitmentTimelocked CommitmentKind = "timelock_encrypted"
)

// Commitment is what a hotkey has published on a subnet.
type Commitment struct {
	Kind CommitmentKind `json:"kind"`
	// BlockNumber is the block of the commitment.
	BlockNumber uint64 `json:"commitment_block_number"`
	Hotkey      Hotkey `json:"hotkey"`
	// Data is the commitment, encrypted when it is timelocked, as 0x and lower-case hexadecimal digits.
	Data string `json:"commitment"`
	// RevealRound is the drand round from which on a timelocked commitment can be decrypted. Only they have one.
	RevealRound uint64 `json:"reveal_round,omitempty"`
}

// AppendJSON appends the commitment in its JSON form.
func (c Commitment) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"kind":`...)
	dst = appendString(dst, string(c.Kind))
	dst = append(dst, ',')
	dst = c.appendMembers(dst)
	if c.Kind == CommitmentTimelocked {
		dst = append(dst, `,"reveal_round":`...)
		dst = strconv.AppendUint(dst, c.RevealRound, 10)
	}
	return append(dst, '}')
}

// appendMembers appends what both versions of the API tell of a commitment.
func (c *Commitment) appendMembers(dst []byte) []byte {
	dst = append(dst, `"commitment_block_number":`...)
	dst = strconv.AppendUint(dst, c.BlockNumber, 10)
	dst = append(dst, `,"hotkey":`...)
	dst = appendString(dst, string(c.Hotkey))
	dst = append(dst, `,"commitment":`...)
	return appendString(dst, c.Data)
}

// MarshalJSON returns what AppendJSON appends.
func (c Commitment) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// Commitments are those of a subnet's registered hotkeys at one block, one for each hotkey at most. In JSON they are an
// object keyed by hotkey, in the order of the list.
type Commitments struct {
	Block       Block
	Commitments []Commitment
}

// AppendJSON appends the commitments in their JSON form.
func (c *Commitments) AppendJSON(dst []byte) []byte {
	return appendByHotkey(dst, c.Block, "commitments", c.Commitments, hotkeyOfCommitment, Commitment.AppendJSON)
}

// AppendJSONV1 appends the commitments as version 1 of the API has them: the data by hotkey, without those that are
// timelocked.
func (c *Commitments) AppendJSONV1(dst []byte) []byte {
	plain := make([]Commitment, 0, len(c.Commitments))
	for _, commitment := range c.Commitments {
		if commitment.Kind == CommitmentHex {
			plain = append(plain, commitment)
		}
	}
	return appendByHotkey(dst, c.Block, "commitments", plain, hotkeyOfCommitment, func(c Commitment, dst []byte) []byte {
		return appendString(dst, c.Data)
	})
}

func hotkeyOfCommitment(c Commitment) Hotkey { return c.Hotkey }

// MarshalJSON returns what AppendJSON appends.
func (c Commitments) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON writes and keeps the order of the object.
func (c *Commitments) UnmarshalJSON(data []byte) (err error) {
	c.Block, c.Commitments, err = readByHotkey(data, "commitments", hotkeyOfCommitment)
	return err
}

// CommitmentAt is one hotkey's commitment and the block at which it was read.
type CommitmentAt struct {
	Commitment Commitment `json:"commitment"`
	Block      Block      `json:"block"`
}

// AppendJSON appends the commitment and its block in their JSON form.
func (c *CommitmentAt) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"commitment":`...)
	dst = c.Commitment.AppendJSON(dst)
	dst = append(dst, `,"block":`...)
	dst = c.Block.AppendJSON(dst)
	return append(dst, '}')
}

// AppendJSONV1 appends them as version 1 of the API has them: flat, and without a kind. It has no form for a
// commitment that is timelocked.
func (c *CommitmentAt) AppendJSONV1(dst []byte) []byte {
	dst = append(dst, '{')
	dst = c.Commitment.appendMembers(dst)
	dst = append(dst, `,"block":`...)
	dst = c.Block.AppendJSON(dst)
	return append(dst, '}')
}

// RevealedCommitment is the text of a timelocked commitment after its round.
type RevealedCommitment struct {
	RevealBlockNumber uint64 `json:"reveal_block_number"`
	Hotkey            Hotkey `json:"hotkey"`
	// Text is what was committed.
	Text string `json:"commitment"`
}

// AppendJSON appends the commitment in its JSON form.
func (c RevealedCommitment) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"reveal_block_number":`...)
	dst = strconv.AppendUint(dst, c.RevealBlockNumber, 10)
	dst = append(dst, `,"hotkey":`...)
	dst = appendString(dst, string(c.Hotkey))
	dst = append(dst, `,"commitment":`...)
	dst = appendString(dst, c.Text)
	return append(dst, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (c RevealedCommitment) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// HotkeyRevealedCommitments are the revealed commitments of one hotkey, as the chain keeps them: oldest first.
type HotkeyRevealedCommitments struct {
	Hotkey      Hotkey
	Commitments []RevealedCommitment
}

// RevealedCommitments are all that the chain keeps for a subnet at one block, also of hotkeys that are registered no
// more. In JSON they are an object of lists keyed by hotkey, in the order of the list.
type RevealedCommitments struct {
	Block   Block
	Hotkeys []HotkeyRevealedCommitments
}

// AppendJSON appends the commitments in their JSON form.
func (c *RevealedCommitments) AppendJSON(dst []byte) []byte {
	return appendByHotkey(dst, c.Block, "commitments", c.Hotkeys,
		func(of HotkeyRevealedCommitments) Hotkey { return of.Hotkey },
		func(of HotkeyRevealedCommitments, dst []byte) []byte { return appendList(dst, of.Commitments) })
}

// MarshalJSON returns what AppendJSON appends.
func (c RevealedCommitments) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON writes and keeps the order of the object.
func (c *RevealedCommitments) UnmarshalJSON(data []byte) error {
	read := RevealedCommitments{Hotkeys: []HotkeyRevealedCommitments{}}
	block, err := readBody(data, "commitments", func(key string, value *json.Decoder) error {
		of := HotkeyRevealedCommitments{Hotkey: Hotkey(key), Commitments: []RevealedCommitment{}}
		if err := value.Decode(&of.Commitments); err != nil {
			return err
		}
		read.Hotkeys = append(read.Hotkeys, of)
		return nil
	})
	if err != nil {
		return err
	}
	read.Block = block
	*c = read
	return nil
}

// RevealedCommitmentsAt are one hotkey's revealed commitments, oldest first, and the block at which they were read.
type RevealedCommitmentsAt struct {
	Commitments []RevealedCommitment `json:"commitments"`
	Block       Block                `json:"block"`
}

// AppendJSON appends the commitments in their JSON form.
func (c *RevealedCommitmentsAt) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"commitments":`...)
	dst = appendList(dst, c.Commitments)
	dst = append(dst, `,"block":`...)
	dst = c.Block.AppendJSON(dst)
	return append(dst, '}')
}

func appendList(dst []byte, list []RevealedCommitment) []byte {
	dst = append(dst, '[')
	for i, commitment := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = commitment.AppendJSON(dst)
	}
	return append(dst, ']')
}
