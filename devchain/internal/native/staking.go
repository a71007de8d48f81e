package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// stakeInfo is StakeInfo.
type stakeInfo struct {
	Hotkey       account `scale:"hotkey"`
	Coldkey      account `scale:"coldkey"`
	Netuid       uint16  `scale:"netuid"`
	Stake        uint64  `scale:"stake"`
	Locked       uint64  `scale:"locked"`
	Emission     uint64  `scale:"emission"`
	TAOEmission  uint64  `scale:"tao_emission"`
	Drain        uint64  `scale:"drain"`
	IsRegistered bool    `scale:"is_registered"`
}

// coldkeyStakes are the stakes of one of several coldkeys.
type coldkeyStakes struct {
	Coldkey account     `scale:"0"`
	Stakes  []stakeInfo `scale:"1"`
}

// delegateInfo is DelegateInfo.
type delegateInfo struct {
	Delegate         account     `scale:"delegate_ss58"`
	Take             uint16      `scale:"take"`
	Nominators       []nominator `scale:"nominators"`
	Owner            account     `scale:"owner_ss58"`
	Registrations    []uint16    `scale:"registrations"`
	ValidatorPermits []uint16    `scale:"validator_permits"`
	ReturnPer1000    uint64      `scale:"return_per_1000"`
	TotalDailyReturn uint64      `scale:"total_daily_return"`
}

// nominator is who has stake behind a delegate, and how much on which subnet.
type nominator struct {
	Coldkey account       `scale:"0"`
	Stakes  []subnetStake `scale:"1"`
}

type subnetStake struct {
	Netuid uint16 `scale:"0"`
	Stake  uint64 `scale:"1"`
}

func (r *Runtime) bindStaking(b *methodBinder) {
	const stakes, delegates = "StakeInfoRuntimeApi", "DelegateInfoRuntimeApi"
	answer(b, stakes, "get_stake_info_for_coldkey", func(st runtime.State, in *scale.Reader) []stakeInfo {
		return r.stakesOfColdkey(st, readAccount(in))
	})
	answer(b, stakes, "get_stake_info_for_coldkeys", func(st runtime.State, in *scale.Reader) []coldkeyStakes {
		all := make([]coldkeyStakes, in.Len(len(account{})))
		for i := range all {
			all[i].Coldkey = readAccount(in)
			all[i].Stakes = r.stakesOfColdkey(st, all[i].Coldkey)
		}
		return all
	})
	answer(b, stakes, "get_stake_info_for_hotkey_coldkey_netuid", func(st runtime.State, in *scale.Reader) *stakeInfo {
		hotkey, coldkey, netuid := readAccount(in), readAccount(in), in.Uint16()
		info := r.stakeInfo(st, hotkey, coldkey, netuid)
		return &info
	})
	answer(b, delegates, "get_delegates", func(st runtime.State, _ *scale.Reader) (all []delegateInfo) {
		for _, end := range r.items.SubtensorModule.Delegates.lastKeys(st, len(account{})) {
			all = append(all, r.delegate(st, account(end)))
		}
		return all
	})
	answer(b, delegates, "get_delegate", func(st runtime.State, in *scale.Reader) *delegateInfo {
		hotkey := readAccount(in)
		if _, ok := r.items.SubtensorModule.Delegates.lookup(st, hotkey[:]); !ok {
			return nil
		}
		info := r.delegate(st, hotkey)
		return &info
	})
}

func readAccount(in *scale.Reader) (a account) {
	copy(a[:], in.Take(len(a)))
	return a
}

// stakesOfColdkey are all stakes that are not zero. On this chain all stake
// behind a hotkey is its owner's.
func (r *Runtime) stakesOfColdkey(st runtime.State, coldkey account) (all []stakeInfo) {
	for _, hotkey := range r.items.SubtensorModule.StakingHotkeys.get(st, coldkey[:]) {
		for _, netuid := range r.netuids(st) {
			if info := r.stakeInfo(st, hotkey, coldkey, netuid); info.Stake > 0 {
				all = append(all, info)
			}
		}
	}
	return all
}

func (r *Runtime) stakeInfo(st runtime.State, hotkey, coldkey account, netuid uint16) stakeInfo {
	s := &r.items.SubtensorModule
	info := stakeInfo{Hotkey: hotkey, Coldkey: coldkey, Netuid: netuid}
	if s.Owner.get(st, hotkey[:]) == coldkey {
		info.Stake = s.TotalHotkeyAlpha.get(st, hotkey[:], u16(netuid))
	}
	if uid, ok := s.Uids.lookup(st, u16(netuid), hotkey[:]); ok {
		info.IsRegistered = true
		info.Emission = at(s.Emission.get(st, u16(netuid)), uid)
	}
	return info
}

// blocksPerDay is for a block time of 12 seconds.
const blocksPerDay = 7200

func (r *Runtime) delegate(st runtime.State, hotkey account) delegateInfo {
	s := &r.items.SubtensorModule
	info := delegateInfo{Delegate: hotkey, Take: s.Delegates.get(st, hotkey[:]), Owner: s.Owner.get(st, hotkey[:])}
	owner := nominator{Coldkey: info.Owner}
	var staked uint64
	for _, netuid := range r.netuids(st) {
		stake := s.TotalHotkeyAlpha.get(st, hotkey[:], u16(netuid))
		if stake > 0 {
			owner.Stakes = append(owner.Stakes, subnetStake{netuid, stake})
			staked += stake
		}
		uid, ok := s.Uids.lookup(st, u16(netuid), hotkey[:])
		if !ok {
			continue
		}
		info.Registrations = append(info.Registrations, netuid)
		if at(s.ValidatorPermit.get(st, u16(netuid)), uid) {
			info.ValidatorPermits = append(info.ValidatorPermits, netuid)
		}
		if tempo := uint64(s.Tempo.get(st, u16(netuid))); tempo > 0 {
			info.TotalDailyReturn += at(s.Emission.get(st, u16(netuid)), uid) / tempo * blocksPerDay
		}
	}
	info.Nominators = []nominator{owner}
	if thousands := staked / (1000 * tao); thousands > 0 {
		info.ReturnPer1000 = info.TotalDailyReturn / 65535 * uint64(65535-info.Take) / thousands
	}
	return info
}
