package native

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/internal/native/description"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// The methods of this file write the state directly, for tests that need a chain
// to be in some situation. They do what the extrinsics of the same purpose leave
// behind, without their checks. A subnet or a neuron that does not exist is an
// error of the caller and reported, with nothing changed.

// Axon is where a neuron can be reached.
type Axon struct {
	Endpoint netip.AddrPort
	Version  uint32 // of the software, as a number such as 9003000
	Protocol uint8  // 4 is HTTP
	Block    uint64 // when it was served
}

// SetBalance sets the free balance of an account, in rao.
func (r *Runtime) SetBalance(st runtime.State, who [32]byte, free uint64) {
	info := r.items.System.Account.get(st, who[:])
	issuance := r.items.Balances.TotalIssuance.get(st) - info.Data.Free + free
	info.Data.Free = free
	info.Providers = max(info.Providers, 1)
	r.items.System.Account.set(st, info, who[:])
	r.items.Balances.TotalIssuance.set(st, issuance)
	r.items.SubtensorModule.TotalIssuance.set(st, issuance)
}

// Register gives a hotkey the next uid of a subnet. A hotkey without an owner
// gets the coldkey.
func (r *Runtime) Register(st runtime.State, netuid uint16, hotkey, coldkey [32]byte) (uid uint16, err error) {
	s := &r.items.SubtensorModule
	switch {
	case !r.subnetExists(st, netuid):
		return 0, fmt.Errorf("native: no subnet %d", netuid)
	case r.registered(st, netuid, hotkey):
		return 0, fmt.Errorf("native: the hotkey is registered on subnet %d already", netuid)
	case s.SubnetworkN.get(st, u16(netuid)) >= s.MaxAllowedUids.get(st, u16(netuid)):
		return 0, fmt.Errorf("native: subnet %d is full", netuid)
	}
	if s.Owner.get(st, hotkey[:]) == (account{}) {
		s.Owner.set(st, coldkey, hotkey[:])
		for _, list := range []*item[[]account]{&s.OwnedHotkeys, &s.StakingHotkeys} {
			list.set(st, append(slices.Clone(list.get(st, coldkey[:])), hotkey), coldkey[:])
		}
	}
	return r.append(st, netuid, hotkey), nil
}

// append adds neurons to a subnet, as the chain's function append_neuron does for
// one, and returns the uid of the first.
func (r *Runtime) append(st runtime.State, netuid uint16, hotkeys ...account) uint16 {
	s := &r.items.SubtensorModule
	key, block, n := u16(netuid), r.blockNumber(st), len(hotkeys)
	first := s.SubnetworkN.get(st, key)
	s.SubnetworkN.set(st, first+uint16(n), key)
	for i, hotkey := range hotkeys {
		uid := first + uint16(i)
		s.Keys.set(st, hotkey, key, u16(uid))
		s.Uids.set(st, uid, key, hotkey[:])
		s.IsNetworkMember.set(st, true, hotkey[:], key)
		s.BlockAtRegistration.set(st, block, key, u16(uid))
	}
	extend(st, &s.Active, true, first, n, key)
	extend(st, &s.ValidatorPermit, false, first, n, key)
	extend(st, &s.Emission, 0, first, n, key)
	for _, list := range []*item[[]uint16]{&s.Consensus, &s.Dividends, &s.ValidatorTrust, &s.Rank, &s.Trust, &s.PruningScores, &s.StakeWeight} {
		extend(st, list, 0, first, n, key)
	}
	for mechanism := range r.mechanisms(st, netuid) {
		index := u16(storageIndex(netuid, mechanism))
		extend(st, &s.Incentive, 0, first, n, index)
		extend(st, &s.LastUpdate, block, first, n, index)
	}
	return first
}

// extend sets the entries of n uids, of which first is the next one, in a list.
func extend[T any](st runtime.State, list *item[[]T], v T, first uint16, n int, key []byte) {
	list.set(st, append(fit(list.get(st, key), int(first)), slices.Repeat([]T{v}, n)...), key)
}

func (r *Runtime) registered(st runtime.State, netuid uint16, hotkey account) bool {
	_, ok := r.items.SubtensorModule.Uids.lookup(st, u16(netuid), hotkey[:])
	return ok
}

// uid returns the uid of a hotkey, or an error that names the subnet.
func (r *Runtime) uid(st runtime.State, netuid uint16, hotkey account) (uint16, error) {
	uid, ok := r.items.SubtensorModule.Uids.lookup(st, u16(netuid), hotkey[:])
	if !ok {
		return 0, fmt.Errorf("native: the hotkey is not registered on subnet %d", netuid)
	}
	return uid, nil
}

// SetStake sets the stake of a hotkey on a subnet in rao: of alpha, or of TAO on
// root. Specs before 233 know one stake for all subnets, and take it for any.
func (r *Runtime) SetStake(st runtime.State, netuid uint16, hotkey [32]byte, amount uint64) {
	s := &r.items.SubtensorModule
	if s.TotalHotkeyAlpha.exists() {
		s.TotalHotkeyAlpha.set(st, amount, hotkey[:], u16(netuid))
		return
	}
	coldkey := s.Owner.get(st, hotkey[:])
	total := s.TotalColdkeyStake.get(st, coldkey[:]) - s.Stake.get(st, hotkey[:], coldkey[:]) + amount
	s.TotalColdkeyStake.set(st, total, coldkey[:])
	s.TotalHotkeyStake.set(st, amount, hotkey[:])
	s.Stake.set(st, amount, hotkey[:], coldkey[:])
}

// SetPermit gives a validator permit, or takes it. The next epoch decides anew.
func (r *Runtime) SetPermit(st runtime.State, netuid uint16, hotkey [32]byte, permit bool) error {
	s := &r.items.SubtensorModule
	uid, err := r.uid(st, netuid, hotkey)
	if err != nil {
		return err
	}
	permits := fit(s.ValidatorPermit.get(st, u16(netuid)), int(s.SubnetworkN.get(st, u16(netuid))))
	permits[uid] = permit
	s.ValidatorPermit.set(st, permits, u16(netuid))
	return nil
}

// SetLastUpdate sets the block at which a neuron last set weights.
func (r *Runtime) SetLastUpdate(st runtime.State, netuid uint16, mechanism uint8, hotkey [32]byte, block uint64) error {
	s := &r.items.SubtensorModule
	uid, err := r.uid(st, netuid, hotkey)
	if err != nil {
		return err
	}
	index := u16(storageIndex(netuid, mechanism))
	updates := fit(s.LastUpdate.get(st, index), int(s.SubnetworkN.get(st, u16(netuid))))
	updates[uid] = block
	s.LastUpdate.set(st, updates, index)
	return nil
}

// SetTempo sets a subnet's tempo. Where epochs are stateful, the cycle starts
// again at this block.
func (r *Runtime) SetTempo(st runtime.State, netuid, tempo uint16) {
	r.items.SubtensorModule.Tempo.set(st, tempo, u16(netuid))
	r.items.SubtensorModule.LastEpochBlock.set(st, r.blockNumber(st), u16(netuid))
}

// SetCommitReveal switches commit-reveal of weights.
func (r *Runtime) SetCommitReveal(st runtime.State, netuid uint16, on bool) {
	r.items.SubtensorModule.CommitRevealWeightsEnabled.set(st, on, u16(netuid))
}

// SetAxon publishes where a hotkey can be reached.
func (r *Runtime) SetAxon(st runtime.State, netuid uint16, hotkey [32]byte, axon Axon) {
	address := axon.Endpoint.Addr()
	r.items.SubtensorModule.Axons.set(st, axonInfo{
		Block: axon.Block, Version: axon.Version, IP: ipNumber(address), Port: axon.Endpoint.Port(),
		IPType: ipType(address), Protocol: axon.Protocol,
	}, u16(netuid), hotkey[:])
}

// ipType is 4 or 6.
func ipType(address netip.Addr) uint8 {
	if address.Is4() {
		return 4
	}
	return 6
}

// ipNumber is an address as the chain writes it: the number that its bytes are,
// the first byte being the highest.
func ipNumber(address netip.Addr) scale.Uint128 {
	if !address.IsValid() {
		return scale.Uint128{}
	}
	if address.Is4() {
		b := address.As4()
		return scale.Uint128{Lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := address.As16()
	return scale.Uint128{Lo: binary.BigEndian.Uint64(b[8:]), Hi: binary.BigEndian.Uint64(b[:8])}
}

// SetCertificate publishes a certificate of a hotkey; no public key removes it.
// Keys of more than 64 bytes are no certificates to the chain, and are left out.
func (r *Runtime) SetCertificate(st runtime.State, netuid uint16, hotkey [32]byte, algorithm uint8, public []byte) {
	s := &r.items.SubtensorModule
	switch {
	case len(public) == 0:
		s.NeuronCertificates.delete(st, u16(netuid), hotkey[:])
	case len(public) <= 64:
		s.NeuronCertificates.set(st, certificate{public, algorithm}, u16(netuid), hotkey[:])
	}
}

// SetCommitment publishes plain bytes of a hotkey: up to 128 as Raw, where the
// spec version knows it up to 512 as BigRaw. It reports whether they fit.
func (r *Runtime) SetCommitment(st runtime.State, netuid uint16, hotkey [32]byte, data []byte) bool {
	field := scale.Enum{Name: fmt.Sprintf("Raw%d", len(data)), Value: scale.Bytes(data)}
	if len(data) > 128 {
		field.Name = "BigRaw"
		if len(data) > 512 || r.config.Spec < 273 {
			return false
		}
	}
	r.commit(st, netuid, hotkey, []scale.Enum{field})
	return true
}

// SetStorage sets any storage item, by the names of pallet and item, such as
// SubtensorModule and ServingRateLimit. The value is what scale encodes as the
// item's type; so are the map keys, of which there must be all.
func (r *Runtime) SetStorage(st runtime.State, pallet, name string, value any, keys ...any) error {
	item, key, err := r.storageKey(pallet, name, keys)
	if err != nil {
		return err
	}
	raw, err := r.description.Types.AppendValue(nil, item.Value, value)
	if err != nil {
		return fmt.Errorf("native: %s.%s: %w", pallet, name, err)
	}
	st.Set(key, raw)
	return nil
}

// ClearStorage removes a value, so that the item has its default there.
func (r *Runtime) ClearStorage(st runtime.State, pallet, name string, keys ...any) error {
	_, key, err := r.storageKey(pallet, name, keys)
	if err == nil {
		st.Delete(key)
	}
	return err
}

// storageKey finds an item and the key of one of its values.
func (r *Runtime) storageKey(pallet, name string, keys []any) (*description.Storage, []byte, error) {
	item, ok := r.description.Item(pallet, name)
	if !ok {
		return nil, nil, fmt.Errorf("native: spec %d has no storage item %s.%s", r.config.Spec, pallet, name)
	}
	if len(keys) != len(item.Keys) {
		return nil, nil, fmt.Errorf("native: %s.%s has %d keys, not %d", pallet, name, len(item.Keys), len(keys))
	}
	key := scale.StoragePrefix(pallet, name)
	for i, part := range keys {
		encoded, err := r.description.Types.AppendValue(nil, item.Keys[i], part)
		if err != nil {
			return nil, nil, fmt.Errorf("native: key %d of %s.%s: %w", i, pallet, name, err)
		}
		key = item.Hashers[i].Append(key, encoded)
	}
	return item, key, nil
}
