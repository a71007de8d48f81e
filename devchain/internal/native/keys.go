package native

import (
	"strconv"

	"github.com/bittensor-pylon/pylon/wallet"
)

// The development accounts that block 0 knows by name.
const (
	sudoKey      = "//Alice"
	ownerColdkey = "//Eve"    // owns the subnets and the validators' hotkeys
	minerColdkey = "//Ferdie" // owns the miners' hotkeys
)

// validators are the hotkeys with the lowest uids of every subnet, by stake.
var validators = []string{"//Alice", "//Bob", "//Charlie", "//Dave"}

// keyring holds the public keys of the development accounts.
type keyring struct {
	validators []account
	miners     []account
	owner      account
	minerOwner account
	sudo       account
}

// newKeyring derives as many miners as the largest subnet has.
func newKeyring(subnets []Subnet) (keyring, error) {
	var k keyring
	root, err := wallet.FromURI("")
	if err != nil {
		return k, err
	}
	derive := func(path string) account {
		if err != nil {
			return account{}
		}
		key, deriveErr := root.Derive(path)
		if deriveErr != nil {
			err = deriveErr
			return account{}
		}
		return key.PublicKey()
	}
	for _, name := range validators {
		k.validators = append(k.validators, derive(name))
	}
	k.owner, k.minerOwner, k.sudo = derive(ownerColdkey), derive(minerColdkey), derive(sudoKey)
	miners := 0
	for _, s := range subnets {
		miners = max(miners, s.Neurons-len(validators))
	}
	for i := range miners {
		k.miners = append(k.miners, derive("//Miner"+strconv.Itoa(i)))
	}
	return k, err
}

// hotkeys are the hotkeys of a subnet with n neurons, by uid.
func (k *keyring) hotkeys(n int) []account {
	all := append(append([]account{}, k.validators...), k.miners...)
	return all[:n]
}
