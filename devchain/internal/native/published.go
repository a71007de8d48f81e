package native

import (
	"crypto/sha256"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// farRound is a round of the beacon in the year 2432.
const farRound = 1 << 32

// seedPublished publishes something of every sort on subnet 1; the package
// comment tells what.
func (r *Runtime) seedPublished(st runtime.State) {
	const netuid = 1
	if !r.subnetExists(st, netuid) {
		return
	}
	alice, bob, charlie, dave := r.keys.validators[0], r.keys.validators[1], r.keys.validators[2], r.keys.validators[3]
	r.SetCommitment(st, netuid, charlie, []byte("commitment-charlie"))
	r.SetCommitment(st, netuid, dave, []byte("commitment-dave"))
	r.SetCommitment(st, netuid, r.keys.minerOwner, []byte("commitment-ferdie"))
	r.SetTimelockedCommitment(st, netuid, bob, seemingCiphertext("timelocked-bob"), farRound)
	for _, text := range []string{"revealed-alice-1", "revealed-alice-2"} {
		r.AddRevealedCommitment(st, netuid, alice, text, 0)
	}
	r.AddRevealedCommitment(st, netuid, r.keys.minerOwner, "revealed-ferdie", 0)

	for miner, hotkey := range r.keys.miners {
		uid, registered := r.items.SubtensorModule.Uids.lookup(st, u16(netuid), hotkey[:])
		if !registered || miner == len(evmOwners) {
			break
		}
		r.SetEVMAssociation(st, netuid, uid, evmOwners[miner], 0)
		switch miner {
		case 0:
			r.SetCommitment(st, netuid, hotkey, make([]byte, 200))
		case 1:
			r.SetHashCommitment(st, netuid, hotkey, sha256.Sum256([]byte("commitment-miner1")))
		}
	}
}

// seemingCiphertext is as long as the encrypted text would be, and as random.
func seemingCiphertext(text string) []byte {
	var out []byte
	for block := scale.Blake2_256([]byte(text)); len(out) < len(text)+1+244; block = scale.Blake2_256(block[:]) {
		out = append(out, block[:]...)
	}
	return out[:len(text)+1+244]
}
