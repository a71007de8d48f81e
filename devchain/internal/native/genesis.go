package native

import (
	"math/big"
	"net/netip"
	"slices"
	"strconv"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

const (
	tao = 1_000_000_000 // rao

	// endowment is what each development account has, in rao.
	endowment = 1_000_000 * tao
	// stakeThreshold is the stake that a permit needs, in rao.
	stakeThreshold = 1_000 * tao
	// delegateTake is the chain's default, 18 % of 65535.
	delegateTake = 11796
	// axonVersion is the number of the Python SDK's version 9.3.0.
	axonVersion = 9_003_000
	// certificates is how many miners have one, on each subnet.
	certificates = 8
)

// validatorAlpha and validatorTAO are the stakes of the validators on each
// subnet and on root, in whole tokens.
var (
	validatorAlpha = []uint64{50_000, 30_000, 20_000, 10_000}
	validatorTAO   = []uint64{10_000, 6_000, 3_000, 1_000}
)

// endowed are the accounts with a balance.
var endowed = []string{"//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"}

// symbols are those of the first subnets; the letters are the chain's.
var symbols = []string{"Τ", "α", "β", "γ", "δ", "ε", "ζ", "η", "θ", "ι", "κ", "λ", "μ"}

// Genesis implements runtime.Runtime. The package comment tells what block 0
// holds.
func (r *Runtime) Genesis(st runtime.State) error {
	hash69 := [32]byte{}
	for i := range hash69 {
		hash69[i] = 69 // what every Substrate chain has before it knows the hash of block 0
	}
	r.items.System.BlockHash.set(st, hash69, u32(0))
	r.items.System.ParentHash.set(st, hash69)
	r.items.System.Number.set(st, 0)
	r.items.System.LastRuntimeUpgrade.set(st, lastRuntimeUpgrade{r.version.SpecVersion, r.version.SpecName})
	if at := r.config.GenesisTime; !at.IsZero() {
		r.items.Timestamp.Now.set(st, uint64(at.UnixMilli()))
	}
	r.items.Aura.Authorities.set(st, [][32]byte{r.keys.sudo})
	r.items.Sudo.Key.set(st, r.keys.sudo)
	r.items.EVMChainId.ChainId.set(st, 42)
	if err := r.endow(st); err != nil {
		return err
	}

	s := &r.items.SubtensorModule
	s.StakeThreshold.set(st, stakeThreshold)
	s.WeightsMinStake.set(st, stakeThreshold)
	s.MaxEpochsPerBlock.set(st, 32) // as in fast-runtime builds: no epoch waits for another subnet's
	s.TotalNetworks.set(st, uint16(len(r.config.Subnets)+1))
	r.seedOwners(st)
	r.seedRoot(st)
	for _, subnet := range r.config.Subnets {
		r.seedSubnet(st, subnet)
		if err := r.seedNeurons(st, subnet); err != nil {
			return err
		}
		r.seedConsensus(st, subnet)
	}
	r.seedPublished(st)
	r.seedBeacon(st)
	if at := r.config.GenesisTime; !at.IsZero() {
		r.storePulses(st, at)
	}
	st.Delete(eventsKey) // block 0 has none
	r.items.System.EventCount.delete(st)
	return nil
}

func (r *Runtime) endow(st runtime.State) error {
	for _, name := range endowed {
		key, err := wallet.FromURI(name)
		if err != nil {
			return err
		}
		r.SetBalance(st, key.PublicKey(), endowment)
	}
	return nil
}

// seedOwners says which coldkey owns which hotkey.
func (r *Runtime) seedOwners(st runtime.State) {
	s := &r.items.SubtensorModule
	own := func(coldkey account, hotkeys []account) {
		for _, hotkey := range hotkeys {
			s.Owner.set(st, coldkey, hotkey[:])
		}
		if len(hotkeys) > 0 {
			s.OwnedHotkeys.set(st, hotkeys, coldkey[:])
			s.StakingHotkeys.set(st, hotkeys, coldkey[:])
		}
	}
	own(r.keys.owner, r.keys.validators)
	own(r.keys.minerOwner, r.keys.miners)
	for _, hotkey := range r.keys.validators {
		s.Delegates.set(st, delegateTake, hotkey[:])
	}
	if !s.TotalHotkeyAlpha.exists() {
		for i, hotkey := range r.keys.miners {
			r.addStake(st, rootNetuid, hotkey, seededAlpha(len(r.keys.validators)+i))
		}
	}
	identity := chainIdentity{
		Name: "Development owner", URL: "https://example.org",
		Description: "Owns the subnets and the validators of the development chain.",
	}
	s.Identities.set(st, identity, r.keys.owner[:])
	identity.GithubRepo = "https://example.org/repository"
	s.IdentitiesV2.set(st, identity, r.keys.owner[:])
}

// seedRoot makes the root subnet, where the validators hold TAO.
func (r *Runtime) seedRoot(st runtime.State) {
	s := &r.items.SubtensorModule
	key := u16(rootNetuid)
	s.NetworksAdded.set(st, true, key)
	s.Tempo.set(st, 100, key)
	s.MaxAllowedUids.set(st, 64, key)
	s.MaxAllowedValidators.set(st, 64, key)
	s.MinAllowedWeights.set(st, 0, key)
	s.SubnetMechanism.set(st, 0, key)
	s.TokenSymbol.set(st, symbols[0], key)
	s.NetworkRegistrationAllowed.set(st, true, key)
	staked := uint64(0)
	r.append(st, rootNetuid, r.keys.validators...)
	for i, hotkey := range r.keys.validators {
		r.addStake(st, rootNetuid, hotkey, validatorTAO[i]*tao)
		staked += validatorTAO[i] * tao
	}
	// Clients divide the one by the other.
	s.SubnetTAO.set(st, staked, key)
	s.SubnetAlphaIn.set(st, staked, key)
	s.SubnetAlphaOut.set(st, staked, key)
	s.ValidatorPermit.set(st, slices.Repeat([]bool{true}, len(r.keys.validators)), key)
}

// seedSubnet sets what makes a new subnet, and its pool.
func (r *Runtime) seedSubnet(st runtime.State, subnet Subnet) {
	s := &r.items.SubtensorModule
	key := u16(subnet.Netuid)
	s.NetworksAdded.set(st, true, key)
	s.SubnetOwner.set(st, r.keys.owner, key)
	s.SubnetOwnerHotkey.set(st, r.keys.validators[0], key)
	s.Tempo.set(st, subnet.Tempo, key)
	s.MaxAllowedUids.set(st, uint16(max(256, subnet.Neurons)), key)
	s.MaxAllowedValidators.set(st, 64, key)
	s.MinAllowedWeights.set(st, 1, key)
	s.ImmunityPeriod.set(st, 5000, key)
	s.WeightsSetRateLimit.set(st, subnet.WeightsRateLimit, key)
	s.CommitRevealWeightsEnabled.set(st, subnet.CommitReveal, key)
	s.NetworkRegistrationAllowed.set(st, true, key)
	s.NetworkPowRegistrationAllowed.set(st, false, key)
	s.SubtokenEnabled.set(st, true, key)
	s.Yuma3On.set(st, true, key)
	s.FirstEmissionBlockNumber.set(st, 1, key)
	s.Burn.set(st, tao, key)
	if subnet.Mechanisms > 1 {
		s.MechanismCountCurrent.set(st, subnet.Mechanisms, key)
	}
	if int(subnet.Netuid) < len(symbols) {
		s.TokenSymbol.set(st, symbols[subnet.Netuid], key)
	}
	name := "Devnet " + strconv.Itoa(int(subnet.Netuid))
	identity := subnetIdentity{
		SubnetName: name, GithubRepo: "https://example.org/" + strconv.Itoa(int(subnet.Netuid)),
		SubnetContact: "owner@example.org",
	}
	s.SubnetIdentities.set(st, identity, key)
	identity.SubnetURL, identity.Description = "https://example.org", name+"! 🦊"
	s.SubnetIdentitiesV2.set(st, identity, key)
	s.SubnetIdentitiesV3.set(st, identity, key)

	// A pool whose price is netuid × 0.05 TAO.
	inTAO, inAlpha := 20_000*tao*uint64(subnet.Netuid), uint64(400_000*tao)
	s.SubnetMechanism.set(st, 1, key)
	s.SubnetTAO.set(st, inTAO, key)
	s.SubnetAlphaIn.set(st, inAlpha, key)
	s.SubnetAlphaOut.set(st, 200_000*tao, key)
	s.SubnetAlphaInEmission.set(st, tao, key)
	s.SubnetAlphaOutEmission.set(st, alphaPerBlock, key)
	s.SubnetTaoInEmission.set(st, tao/10, key)
	s.SubnetVolume.set(st, scale.Uint128{Lo: inTAO}, key)
	price := new(big.Int).Lsh(new(big.Int).SetUint64(inTAO), 32)
	s.SubnetMovingPrice.set(st, fixed{price.Div(price, new(big.Int).SetUint64(inAlpha))}, key)
	r.items.Swap.PalSwapInitialized.set(st, true, key)
	r.items.Swap.SwapV3Initialized.set(st, true, key)
	root := new(big.Int).Lsh(new(big.Int).SetUint64(inTAO), 128)
	root.Div(root, new(big.Int).SetUint64(inAlpha))
	r.items.Swap.AlphaSqrtPrice.set(st, fixed{root.Sqrt(root)}, key)
}

// seedNeurons registers the neurons with their stakes, axons and certificates.
func (r *Runtime) seedNeurons(st runtime.State, subnet Subnet) error {
	hotkeys := r.keys.hotkeys(subnet.Neurons)
	r.append(st, subnet.Netuid, hotkeys...)
	for uid, hotkey := range hotkeys {
		r.seedStake(st, subnet.Netuid, hotkey, seededAlpha(uid))
		if uid < len(r.keys.validators) {
			continue
		}
		miner := uid - len(r.keys.validators)
		r.SetAxon(st, subnet.Netuid, hotkey, Axon{Endpoint: minerEndpoint(miner), Version: axonVersion, Protocol: 4})
		if miner%8 == 0 {
			at := minerEndpoint(miner)
			r.items.SubtensorModule.Prometheus.set(st, prometheusInfo{
				Version: axonVersion, IP: ipNumber(at.Addr()), Port: at.Port() - 1000, IPType: ipType(at.Addr()),
			}, u16(subnet.Netuid), hotkey[:])
		}
		if miner < certificates {
			key, err := wallet.Ed25519.FromURI("//Miner" + strconv.Itoa(miner))
			if err != nil {
				return err
			}
			pub := key.PublicKey()
			r.SetCertificate(st, subnet.Netuid, hotkey, 1, pub[:])
		}
	}
	return nil
}

// minerEndpoint is where a miner says that it listens; every fifth has IPv6.
func minerEndpoint(miner int) netip.AddrPort {
	if miner%5 == 4 {
		address := [16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(miner >> 8), 15: byte(miner)}
		return netip.AddrPortFrom(netip.AddrFrom16(address), uint16(9000+miner))
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(miner / 250), byte(1 + miner%250)}), uint16(8091+miner))
}

// seededAlpha is the alpha that a neuron begins with, in rao.
func seededAlpha(uid int) uint64 {
	if uid < len(validatorAlpha) {
		return validatorAlpha[uid] * tao
	}
	return uint64(uid%50) * 10 * tao
}

// seedStake gives a hotkey alpha, and its coldkey the shares of it. Before
// subnets had tokens there was one stake for all of them; see seedOwners.
func (r *Runtime) seedStake(st runtime.State, netuid uint16, hotkey account, amount uint64) {
	s := &r.items.SubtensorModule
	if amount == 0 || !s.TotalHotkeyAlpha.exists() {
		return
	}
	r.addStake(st, netuid, hotkey, amount)
	coldkey := s.Owner.get(st, hotkey[:])
	held := fixed{new(big.Int).Lsh(new(big.Int).SetUint64(amount), 64)}
	s.TotalHotkeyShares.set(st, held, hotkey[:], u16(netuid))
	s.Alpha.set(st, held, hotkey[:], coldkey[:], u16(netuid))
}

// seedConsensus lets the validators weigh the miners, and counts that once, so
// that block 0 looks like a subnet at work.
func (r *Runtime) seedConsensus(st runtime.State, subnet Subnet) {
	s := &r.items.SubtensorModule
	for mechanism := range r.mechanisms(st, subnet.Netuid) {
		index := storageIndex(subnet.Netuid, mechanism)
		for uid := range min(subnet.Neurons, len(validators)) {
			s.Weights.set(st, opinion(subnet.Neurons, uid, uint64(mechanism)), u16(index), u16(uint16(uid)))
		}
	}
	// What the epoch pays is in the stakes already.
	r.epoch(st, subnet.Netuid, 0, 0)
	emission := uint64(subnet.Tempo) * alphaPerBlock
	paid := make([]uint64, subnet.Neurons)
	incentive, dividends := s.Incentive.get(st, u16(subnet.Netuid)), s.Dividends.get(st, u16(subnet.Netuid))
	for uid, hotkey := range r.keys.hotkeys(subnet.Neurons) {
		earned := emission / 100 * partValidators / 65535 * uint64(dividends[uid])
		paid[uid] = emission/100*partMiners/65535*uint64(incentive[uid]) + earned
		s.LastHotkeyEmissionOnNetuid.set(st, paid[uid], hotkey[:], u16(subnet.Netuid))
		if earned > 0 {
			s.AlphaDividendsPerSubnet.set(st, earned, u16(subnet.Netuid), hotkey[:])
		}
	}
	s.Emission.set(st, paid, u16(subnet.Netuid))
}
