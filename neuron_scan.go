package pylon

import (
	"errors"
	"fmt"
	"net/netip"
)

// UnmarshalJSON reads neurons and keeps the order of the object. Both members are required. A neuron without a hotkey
// takes the one it stands under; one that names another, and a hotkey that is there twice, is an error.
func (n *Neurons) UnmarshalJSON(data []byte) error {
	s := scanner{data: data}
	read, err := s.neurons()
	if err == nil && s.next() != 0 {
		err = fmt.Errorf("%q after the end", s.data[s.at])
	}
	if err != nil {
		return fmt.Errorf("pylon: neurons: %w", err)
	}
	*n = read
	return nil
}

// leastNeuron is about what a neuron takes in an answer: the list is made as long as it can become.
const leastNeuron = 400

func (s *scanner) neurons() (read Neurons, err error) {
	var haveBlock, haveNeurons bool
	seen := make(map[Hotkey]struct{}, len(s.data)/leastNeuron)
	err = s.object(func(name []byte) error {
		switch string(name) {
		case "block":
			haveBlock = s.next() != 'n'
			return s.block(&read.Block)
		case "neurons":
			haveNeurons = s.next() == '{'
			read.Neurons = make([]Neuron, 0, len(s.data)/leastNeuron)
			return s.object(func(key []byte) error {
				read.Neurons = append(read.Neurons, Neuron{})
				neuron := &read.Neurons[len(read.Neurons)-1]
				hotkey := Hotkey(key)
				if err := s.neuron(neuron, hotkey); err != nil {
					return err
				}
				if neuron.Hotkey == "" {
					neuron.Hotkey = hotkey
				}
				if neuron.Hotkey != hotkey {
					return fmt.Errorf("it names another hotkey, %q", neuron.Hotkey)
				}
				if _, twice := seen[hotkey]; twice {
					return errors.New("it is there twice")
				}
				seen[hotkey] = struct{}{}
				return nil
			})
		default:
			return s.skip()
		}
	})
	switch {
	case err != nil:
	case !haveBlock:
		err = missing("block")
	case !haveNeurons:
		err = missing("neurons")
	}
	return read, err
}

func (s *scanner) block(into *Block) error {
	return s.object(func(name []byte) error {
		switch string(name) {
		case "number":
			return readUint(s, &into.Number)
		case "hash":
			return readText(s, &into.Hash)
		default:
			return s.skip()
		}
	})
}

// neuron takes a neuron. Its hotkey is usually the one that is known, and then the same string.
func (s *scanner) neuron(into *Neuron, known Hotkey) error {
	return s.object(func(name []byte) error {
		switch string(name) {
		case "uid":
			return readUint(s, &into.UID)
		case "coldkey":
			return readText(s, &into.Coldkey)
		case "hotkey":
			if s.null() {
				return nil
			}
			text, err := s.text()
			if into.Hotkey = known; string(text) != string(known) {
				into.Hotkey = Hotkey(text)
			}
			return err
		case "active":
			return s.boolean(&into.Active)
		case "axon_info":
			return s.axonInfo(&into.AxonInfo)
		case "stake":
			return s.float(&into.Stake)
		case "rank":
			return s.float(&into.Rank)
		case "emission":
			return s.float(&into.Emission)
		case "incentive":
			return s.float(&into.Incentive)
		case "consensus":
			return s.float(&into.Consensus)
		case "trust":
			return s.float(&into.Trust)
		case "validator_trust":
			return s.float(&into.ValidatorTrust)
		case "dividends":
			return s.float(&into.Dividends)
		case "last_update":
			return readUint(s, &into.LastUpdate)
		case "validator_permit":
			return s.boolean(&into.ValidatorPermit)
		case "pruning_score":
			return readUint(s, &into.PruningScore)
		case "stakes":
			return s.stakes(&into.Stakes)
		default:
			return s.skip()
		}
	})
}

func (s *scanner) axonInfo(into *AxonInfo) error {
	return s.object(func(name []byte) error {
		switch string(name) {
		case "ip":
			if s.null() {
				return nil
			}
			text, err := s.text()
			if err != nil || len(text) == 0 {
				into.IP = netip.Addr{}
				return err
			}
			into.IP, err = netip.ParseAddr(string(text))
			return err
		case "port":
			return readUint(s, &into.Port)
		case "protocol":
			return readUint(s, (*uint8)(&into.Protocol))
		default:
			return s.skip()
		}
	})
}

func (s *scanner) stakes(into *Stakes) error {
	return s.object(func(name []byte) error {
		switch string(name) {
		case "alpha":
			return s.float(&into.Alpha)
		case "tao":
			return s.float(&into.TAO)
		case "total":
			return s.float(&into.Total)
		default:
			return s.skip()
		}
	})
}

// readText takes a string.
func readText[T ~string](s *scanner, into *T) error {
	if s.null() {
		return nil
	}
	text, err := s.text()
	if err == nil {
		*into = T(text)
	}
	return err
}
