package native

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

const (
	// associatedByHotkey is the spec version since which the hotkey itself proves
	// that its owner has an EVM address, for nothing. Before, its coldkey does.
	associatedByHotkey = 323
	// associationPause is how many blocks pass between two proofs of a neuron, and
	// before the first; a chain with fast blocks waits for one.
	associationPause = 7200
)

// associationCalls are those by which somebody proves to have an EVM address.
func (r *Runtime) associationCalls() map[string]dispatcher {
	return map[string]dispatcher{
		"SubtensorModule.associate_evm_key": {
			run: r.associate, guard: r.guardAssociation, pays: r.config.Spec < associatedByHotkey,
		},
	}
}

// associated is whose neuron the proof is about.
func (r *Runtime) associated(c *dispatch) account {
	if hotkey, ok := c.account("hotkey"); ok {
		return hotkey
	}
	return c.signer
}

// associationRefusal makes the checks that need no signature: its name is the
// error's, and empty for none.
func (r *Runtime) associationRefusal(st runtime.State, c *dispatch) (uid uint16, name string) {
	s, netuid, hotkey := &r.items.SubtensorModule, c.uint16("netuid"), r.associated(c)
	owner := s.Owner.get(st, hotkey[:])
	if owner == (account{}) || hotkey != c.signer && owner != c.signer {
		return 0, "NonAssociatedColdKey"
	}
	uid, ok := s.Uids.lookup(st, u16(netuid), hotkey[:])
	if !ok {
		return 0, "HotKeyNotRegisteredInSubNet"
	}
	pause := uint64(associationPause)
	if r.config.BlockTime < defaultBlockTime/2 {
		pause = 1
	}
	const limitName = "EvmKeyAssociateRateLimitExceeded"
	last := s.AssociatedEvmAddress.get(st, u16(netuid), u16(uid)).Block
	if r.hasError("SubtensorModule", limitName) && r.blockNumber(st)-last < pause {
		return 0, limitName
	}
	return uid, ""
}

func (r *Runtime) guardAssociation(st runtime.State, c *dispatch) error {
	if r.config.Spec < associatedByHotkey {
		return nil
	}
	if _, name := r.associationRefusal(st, c); name == "HotKeyNotRegisteredInSubNet" || name == "EvmKeyAssociateRateLimitExceeded" {
		return c.fail("SubtensorModule", name)
	}
	return nil
}

func (r *Runtime) associate(st runtime.State, c *dispatch) error {
	uid, name := r.associationRefusal(st, c)
	if name != "" {
		return c.fail("SubtensorModule", name)
	}
	netuid, hotkey := c.uint16("netuid"), r.associated(c)
	address, block := [20]byte(c.bytes("evm_key")), c.uint64("block_number")
	signature := [65]byte(c.bytes("signature"))
	if signature[64] >= 27 {
		signature[64] -= 27
	}
	public, err := crypto.SigToPub(associationDigest(hotkey, block), signature[:])
	if err != nil {
		return c.fail("SubtensorModule", "InvalidIdentity")
	}
	if crypto.PubkeyToAddress(*public) != address {
		return c.fail("SubtensorModule", "InvalidRecoveredPublicKey")
	}
	now := r.blockNumber(st)
	r.SetEVMAssociation(st, netuid, uid, address, now)
	c.deposit("SubtensorModule", "EvmKeyAssociated", netuid, hotkey, scale.Bytes(address[:]), now)
	return nil
}

// associationDigest is what the EVM key signs: the hotkey and the hash of a block
// number of the signer's choice, as a personal message of Ethereum.
func associationDigest(hotkey account, block uint64) []byte {
	number := crypto.Keccak256(binary.LittleEndian.AppendUint64(nil, block))
	return crypto.Keccak256([]byte("\x19Ethereum Signed Message:\n64"), hotkey[:], number)
}
