package pylon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
)

// mostNeuronsFile is how many bytes a file of neurons may have.
const mostNeuronsFile = 64 << 20

// readNeuronsFile reads neurons from a file that a person has written: of each neuron only the address is required.
func readNeuronsFile(path string, decode func([]byte) ([]byte, error)) (*Neurons, error) {
	wrong := func(err error) (*Neurons, error) {
		return nil, &ConfigError{Field: "NeuronsFile", Detail: "neurons_file '" + path + "': " + err.Error(), Err: err}
	}
	file, err := os.Open(path)
	if err != nil {
		return wrong(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostNeuronsFile+1))
	switch {
	case err != nil:
		return wrong(err)
	case len(data) > mostNeuronsFile:
		return wrong(errors.New("it is too large"))
	}
	if decode != nil {
		if data, err = decode(data); err != nil {
			return wrong(err)
		}
	}
	neurons, err := parseNeuronsFile(data)
	if err != nil {
		return wrong(err)
	}
	return neurons, nil
}

func parseNeuronsFile(data []byte) (*Neurons, error) {
	read := &Neurons{Block: Block{Hash: "0x" + strings.Repeat("0", 64)}, Neurons: []Neuron{}}
	body := struct {
		Block   *Block          `json:"block"`
		Neurons json.RawMessage `json:"neurons"`
	}{Block: &read.Block}
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, err
	}
	seen := make(map[string]struct{})
	err := eachMember(body.Neurons, func(key string, value *json.Decoder) error {
		neuron, err := decodeFileNeuron(key, value)
		if err != nil {
			return err
		}
		if _, twice := seen[key]; twice {
			return errors.New("it is there twice")
		}
		seen[key] = struct{}{}
		read.Neurons = append(read.Neurons, neuron)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("neurons: %w", err)
	}
	return read, nil
}

// decodeFileNeuron reads one neuron. What is not there has a default.
func decodeFileNeuron(key string, value *json.Decoder) (Neuron, error) {
	neuron := Neuron{Hotkey: Hotkey(key), Coldkey: Coldkey(key), Active: true}
	var address struct {
		IP       *netip.Addr   `json:"ip"`
		Port     *uint16       `json:"port"`
		Protocol *AxonProtocol `json:"protocol"`
	}
	// The outer field hides the neuron's.
	fields := struct {
		*Neuron
		AxonInfo any `json:"axon_info"`
	}{Neuron: &neuron, AxonInfo: &address}
	if err := value.Decode(&fields); err != nil {
		return neuron, err
	}
	if string(neuron.Hotkey) != key {
		return neuron, fmt.Errorf(
			"file-backed neuron at key '%s' has a conflicting 'hotkey' field '%s'; remove 'hotkey' from the body or make it match the dict key",
			key, neuron.Hotkey)
	}
	if address.IP == nil || address.Port == nil {
		return neuron, errors.New("axon_info needs ip and port")
	}
	neuron.AxonInfo = AxonInfo{IP: *address.IP, Port: *address.Port, Protocol: ProtocolHTTP}
	if address.Protocol != nil {
		neuron.AxonInfo.Protocol = *address.Protocol
	}
	return neuron, nil
}
