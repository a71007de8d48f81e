package pylon

import (
	"context"
	"encoding/json"
	"fmt"
)

// subnet is what both versions of the API tell about a subnet, to open access and to identities alike. Where an answer is
// not about the newest block, the last argument is the block's number; is there no such block, it is an ErrNotFound.
type subnet struct{ place place }

// LatestNeurons returns the neurons at the newest block.
func (s subnet) LatestNeurons(ctx context.Context) (*Neurons, error) {
	if s.place.client.config.NeuronsFile != "" {
		return s.neuronsFromFile()
	}
	return get[Neurons](ctx, s.place, "/block/latest/neurons", nil)
}

// RecentNeurons returns the neurons at a block of the last minutes, without a read of the chain. A service that does not
// keep them for the subnet is an ErrUnavailable.
func (s subnet) RecentNeurons(ctx context.Context) (*Neurons, error) {
	if s.place.client.config.NeuronsFile != "" {
		return s.neuronsFromFile()
	}
	return get[Neurons](ctx, s.place, "/block/recent/neurons", nil)
}

// neuronsFromFile reads the neurons from the file. The service is not asked, but who may not ask it may not do this either.
func (s subnet) neuronsFromFile() (*Neurons, error) {
	config := &s.place.client.config
	if _, err := s.place.client.openAccess(); !s.place.own && err != nil {
		return nil, err
	}
	if s.place.own && config.IdentityName == "" {
		return nil, errNoIdentity
	}
	return readNeuronsFile(config.NeuronsFile, config.DecodeNeuronsFile)
}

// Neurons returns the neurons at a block.
func (s subnet) Neurons(ctx context.Context, block uint64) (*Neurons, error) {
	return get[Neurons](ctx, s.place, blockPath(block, "/neurons"), nil)
}

// LatestValidators returns the validators at the newest block, by total stake, highest first.
func (s subnet) LatestValidators(ctx context.Context) (*Validators, error) {
	return get(ctx, s.place, "/block/latest/validators", checkValidators)
}

// Validators returns the validators at a block, by total stake, highest first.
func (s subnet) Validators(ctx context.Context, block uint64) (*Validators, error) {
	return get(ctx, s.place, blockPath(block, "/validators"), checkValidators)
}

func checkValidators(v *Validators) error {
	if v.Validators == nil {
		return missing("validators")
	}
	return checkHash(v.Block.Hash)
}

// LatestCertificates returns the TLS keys of all hotkeys at the newest block. Their Block is not known.
func (s subnet) LatestCertificates(ctx context.Context) (*Certificates, error) {
	return get[Certificates](ctx, s.place, "/block/latest/certificates", nil)
}

// Certificates returns the TLS keys of all hotkeys at a block.
func (s subnet) Certificates(ctx context.Context, block uint64) (*Certificates, error) {
	certificates, err := get[Certificates](ctx, s.place, blockPath(block, "/certificates"), nil)
	if err != nil {
		return nil, err
	}
	certificates.Block.Number = block
	return certificates, nil
}

// LatestCertificate returns the TLS key of a hotkey at the newest block. Is there none, it is an ErrNotFound.
func (s subnet) LatestCertificate(ctx context.Context, hotkey Hotkey) (*Certificate, error) {
	part, err := pathPart("hotkey", string(hotkey))
	if err != nil {
		return nil, err
	}
	return get(ctx, s.place, "/block/latest/certificates/"+part, checkCertificate)
}

func checkCertificate(c *Certificate) error {
	if c.PublicKey == "" {
		return missing("public_key")
	}
	return nil
}

// LatestRevealedCommitments returns what the chain has revealed of the commitments of all hotkeys.
func (s subnet) LatestRevealedCommitments(ctx context.Context) (*RevealedCommitments, error) {
	return get[RevealedCommitments](ctx, s.place, "/block/latest/commitments/revealed", nil)
}

// LatestRevealedCommitmentsOf returns what the chain has revealed of a hotkey's commitments. Is there nothing, it is an
// ErrNotFound.
func (s subnet) LatestRevealedCommitmentsOf(ctx context.Context, hotkey Hotkey) (*RevealedCommitmentsAt, error) {
	part, err := pathPart("hotkey", string(hotkey))
	if err != nil {
		return nil, err
	}
	return get(ctx, s.place, "/block/latest/commitments/revealed/"+part, checkRevealed)
}

func checkRevealed(c *RevealedCommitmentsAt) error {
	if c.Commitments == nil {
		return missing("commitments")
	}
	return checkHash(c.Block.Hash)
}

// LatestEVMAssociations returns the EVM addresses of all hotkeys at the newest block.
func (s subnet) LatestEVMAssociations(ctx context.Context) (*EVMAssociations, error) {
	return get[EVMAssociations](ctx, s.place, "/block/latest/evm_associations", nil)
}

// EVMAssociations returns the EVM addresses of all hotkeys at a block.
func (s subnet) EVMAssociations(ctx context.Context, block uint64) (*EVMAssociations, error) {
	return get[EVMAssociations](ctx, s.place, blockPath(block, "/evm_associations"), nil)
}

// subnetUnstable is what the unstable version alone tells about a subnet.
type subnetUnstable struct{ place place }

// LatestCommitments returns the commitments of the registered hotkeys at the newest block.
func (s subnetUnstable) LatestCommitments(ctx context.Context) (*Commitments, error) {
	return get[Commitments](ctx, s.place, "/block/latest/commitments", nil)
}

// Commitments returns the commitments of the registered hotkeys at a block.
func (s subnetUnstable) Commitments(ctx context.Context, block uint64) (*Commitments, error) {
	return get[Commitments](ctx, s.place, blockPath(block, "/commitments"), nil)
}

// LatestCommitment returns the commitment of a hotkey at the newest block. Is there none, it is an ErrNotFound.
func (s subnetUnstable) LatestCommitment(ctx context.Context, hotkey Hotkey) (*CommitmentAt, error) {
	part, err := pathPart("hotkey", string(hotkey))
	if err != nil {
		return nil, err
	}
	return get(ctx, s.place, "/block/latest/commitments/"+part, checkCommitment)
}

func checkCommitment(c *CommitmentAt) error {
	if c.Commitment.Hotkey == "" {
		return missing("commitment")
	}
	return checkHash(c.Block.Hash)
}

// LatestPrice returns what the subnet's alpha costs at the newest block.
func (s subnetUnstable) LatestPrice(ctx context.Context) (*Price, error) {
	return get[Price](ctx, s.place, "/block/latest/price", nil)
}

// Price returns what the subnet's alpha costs at a block. Blocks before the chain knew prices are a ResponseError with
// status 501.
func (s subnetUnstable) Price(ctx context.Context, block uint64) (*Price, error) {
	return get[Price](ctx, s.place, blockPath(block, "/price"), nil)
}

// subnetV1 is what version 1 tells otherwise than the unstable one: its commitments have no kind, and none is timelocked.
type subnetV1 struct{ place place }

// CommitmentsV1 are the commitments of a subnet as version 1 of the API has them.
type CommitmentsV1 struct {
	Block Block
	// Commitments are plain data in the order of the answer.
	Commitments []HotkeyData
}

// HotkeyData is what a hotkey has committed, as 0x and lower-case hexadecimal digits.
type HotkeyData struct {
	Hotkey Hotkey
	Data   string
}

// UnmarshalJSON reads an object of a block and of data by hotkey, in order.
func (c *CommitmentsV1) UnmarshalJSON(data []byte) error {
	read := CommitmentsV1{Commitments: []HotkeyData{}}
	block, err := readBody(data, "commitments", func(key string, value *json.Decoder) error {
		of := HotkeyData{Hotkey: Hotkey(key)}
		if err := value.Decode(&of.Data); err != nil {
			return err
		}
		read.Commitments = append(read.Commitments, of)
		return nil
	})
	if err != nil {
		return err
	}
	read.Block = block
	*c = read
	return nil
}

// CommitmentV1 is one hotkey's commitment as version 1 of the API has it.
type CommitmentV1 struct {
	// BlockNumber is the block of the commitment, Block the one at which it was read.
	BlockNumber uint64 `json:"commitment_block_number"`
	Hotkey      Hotkey `json:"hotkey"`
	// Data is 0x and lower-case hexadecimal digits.
	Data  string `json:"commitment"`
	Block Block  `json:"block"`
}

// LatestCommitments returns the plain commitments of the registered hotkeys at the newest block.
func (s subnetV1) LatestCommitments(ctx context.Context) (*CommitmentsV1, error) {
	return get[CommitmentsV1](ctx, s.place, "/block/latest/commitments", nil)
}

// Commitments returns the plain commitments of the registered hotkeys at a block.
func (s subnetV1) Commitments(ctx context.Context, block uint64) (*CommitmentsV1, error) {
	return get[CommitmentsV1](ctx, s.place, blockPath(block, "/commitments"), nil)
}

// LatestCommitment returns the plain commitment of a hotkey at the newest block. Is there none, or a timelocked one, it
// is an ErrNotFound.
func (s subnetV1) LatestCommitment(ctx context.Context, hotkey Hotkey) (*CommitmentV1, error) {
	part, err := pathPart("hotkey", string(hotkey))
	if err != nil {
		return nil, err
	}
	return get(ctx, s.place, "/block/latest/commitments/"+part, checkCommitmentV1)
}

func checkCommitmentV1(c *CommitmentV1) error {
	if c.Hotkey == "" || c.Data == "" {
		return missing("commitment")
	}
	if err := checkHash(c.Block.Hash); err != nil {
		return fmt.Errorf("commitment of %s: %w", c.Hotkey, err)
	}
	return nil
}
