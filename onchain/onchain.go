package onchain

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
)

// Identity is what a Publisher needs of a pylon.UnstableIdentity.
type Identity interface {
	LatestNeurons(ctx context.Context) (*pylon.Neurons, error)
	LatestOwnCertificate(ctx context.Context) (*pylon.Certificate, error)
	ServeAxon(ctx context.Context, request pylon.AxonRequest) (*pylon.Written, error)
}

// Publisher announces axons of the identity's hotkey. It is an axon.Publisher.
type Publisher struct {
	// Identity is an identity of the service. Required.
	Identity Identity
	// Netuid is the subnet that the service has for it. Required.
	Netuid pylon.Netuid
}

// ErrCertificate reports an announcement with another certificate than the one
// that the service has made and published, with GenerateCertificate of the
// identity, or with one where it has published none.
var ErrCertificate = errors.New("onchain: the certificate is not the one that GenerateCertificate of the identity has published")

// Announced implements axon.Publisher. The service does not tell the version and
// the placeholders of an axon; the version is said to be ours.
func (p Publisher) Announced(ctx context.Context, netuid uint16, hotkey string) (info synapse.AxonInfo, known bool, err error) {
	if err := p.check(netuid); err != nil {
		return info, false, err
	}
	neurons, err := p.Identity.LatestNeurons(ctx)
	if err != nil {
		return info, false, err
	}
	for i := range neurons.Neurons {
		if n := &neurons.Neurons[i]; string(n.Hotkey) == hotkey {
			return Axon(n), n.AxonInfo.IsServing(), nil
		}
	}
	return info, false, fmt.Errorf("onchain: %s is not registered on subnet %d", hotkey, netuid)
}

// Announce implements axon.Publisher. It returns when the announcement is final.
//
// The service publishes no certificates but those that it makes, and those beside
// an axon that is announced already. So a certificate has to be on the chain
// before: then it stays there beside what is announced, and where the chain says
// all of that already, nothing is written. Else the error is ErrCertificate.
func (p Publisher) Announce(ctx context.Context, call axon.Announcement) error {
	if err := p.check(call.Netuid); err != nil {
		return err
	}
	if len(call.Certificate) > 0 {
		if err := p.checkCertificate(ctx, call.Certificate); err != nil {
			return err
		}
		on, known, err := p.Announced(ctx, call.Netuid, call.Hotkey)
		if err != nil {
			return err
		}
		if known && on.IP == call.IP.Unmap().String() && on.Port == int(call.Port) && on.Protocol == int(call.Protocol) {
			return nil
		}
	}
	written, err := p.Identity.ServeAxon(ctx, pylon.AxonRequest{IP: call.IP, Port: call.Port, Protocol: pylon.AxonProtocol(call.Protocol)})
	if err != nil {
		return err
	}
	if i := written.Intent; i != nil && (uint16(i.Netuid) != call.Netuid || call.Hotkey != "" && string(i.Hotkey) != call.Hotkey) {
		return fmt.Errorf("onchain: the service announced %s on subnet %d: the identity is not that of the axon", i.Hotkey, i.Netuid)
	}
	return nil
}

// checkCertificate compares with what the chain has of the identity's hotkey.
func (p Publisher) checkCertificate(ctx context.Context, certificate []byte) error {
	published, err := p.Identity.LatestOwnCertificate(ctx)
	if errors.Is(err, pylon.ErrNotFound) {
		return ErrCertificate
	}
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(published.PublicKey)
	if err != nil || !bytes.Equal(certificate, append([]byte{byte(published.Algorithm)}, key...)) {
		return ErrCertificate
	}
	return nil
}

func (p Publisher) check(netuid uint16) error {
	if p.Identity == nil {
		return errors.New("onchain: Identity is required")
	}
	if uint16(p.Netuid) != netuid {
		return fmt.Errorf("onchain: the identity is for subnet %d, not %d", p.Netuid, netuid)
	}
	return nil
}

// Axons returns the axons of the neurons that serve one, in the order of their
// uids.
func Axons(neurons *pylon.Neurons) []synapse.AxonInfo {
	var axons []synapse.AxonInfo
	for i := range neurons.Neurons {
		if n := &neurons.Neurons[i]; n.AxonInfo.IsServing() {
			axons = append(axons, Axon(n))
		}
	}
	return axons
}

// Axon returns what a neuron announces. One that serves no axon has the address
// 0.0.0.0.
func Axon(n *pylon.Neuron) synapse.AxonInfo {
	ip := n.AxonInfo.IP.Unmap()
	ipType := 4
	if ip.Is6() {
		ipType = 6
	}
	return synapse.AxonInfo{
		Version: synapse.ProtocolVersion, IP: ip.String(), Port: int(n.AxonInfo.Port), IPType: ipType,
		Hotkey: string(n.Hotkey), Coldkey: string(n.Coldkey), Protocol: int(n.AxonInfo.Protocol),
	}
}

// PublicKeys returns a function for dendrite.Config.PublicKey: the key of an
// axon's certificate by its hotkey, as the chain has it.
func PublicKeys(certificates *pylon.Certificates) func(axon synapse.AxonInfo) (ed25519.PublicKey, bool) {
	keys := make(map[string]ed25519.PublicKey, len(certificates.Certificates))
	for i := range certificates.Certificates {
		c := &certificates.Certificates[i]
		// A damaged key is kept: whoever has one is not to be spoken to without it.
		key, _ := hex.DecodeString(c.PublicKey)
		keys[string(c.Hotkey)] = key
	}
	return func(axon synapse.AxonInfo) (ed25519.PublicKey, bool) {
		key, ok := keys[axon.Hotkey]
		return key, ok
	}
}
