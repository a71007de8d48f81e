package axon

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/netip"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Announcement is what an axon has the chain write about it: the arguments of
// the call serve_axon, or serve_axon_tls when there is a certificate, of the
// pallet SubtensorModule, which the hotkey signs.
type Announcement struct {
	// Hotkey is the address of the axon's hotkey.
	Hotkey   string
	Netuid   uint16
	Version  uint32
	IP       netip.Addr
	Port     uint16
	Protocol uint8
	// Certificate is the call's argument of that name, see CertificateKey; empty
	// for none.
	Certificate []byte
}

// Call returns the name of the call.
func (a Announcement) Call() string {
	if len(a.Certificate) > 0 {
		return "serve_axon_tls"
	}
	return "serve_axon"
}

// IPNumber returns the address as the chain has it: a number of up to 128 bits.
func (a Announcement) IPNumber() *big.Int {
	ip := a.IP.Unmap()
	return new(big.Int).SetBytes(ip.AsSlice())
}

// IPType is 4 or 6.
func (a Announcement) IPType() uint8 { return uint8(ipType(a.IP)) }

// same tells whether the chain says this already.
func (a Announcement) same(on synapse.AxonInfo) bool {
	ip, err := netip.ParseAddr(on.IP)
	return err == nil && ip.Unmap() == a.IP.Unmap() && on.Port == int(a.Port) && on.Version == int(a.Version) &&
		on.IPType == int(a.IPType()) && on.Protocol == int(a.Protocol) && on.Placeholder1 == 0 && on.Placeholder2 == 0
}

// Publisher writes announcements of one hotkey to the chain.
type Publisher interface {
	// Announced returns what the chain says of the hotkey's axon on a subnet;
	// known is false when it says nothing.
	Announced(ctx context.Context, netuid uint16, hotkey string) (info synapse.AxonInfo, known bool, err error)
	// Announce has the call carried out and returns when the chain has done so.
	Announce(ctx context.Context, call Announcement) error
}

// Announcement returns what Serve would have written.
func (a *Axon) Announcement(netuid uint16, certificate []byte) (Announcement, error) {
	info, err := a.Info()
	if err != nil {
		return Announcement{}, err
	}
	ip, err := netip.ParseAddr(info.IP)
	if err != nil {
		return Announcement{}, fmt.Errorf("axon: ExternalIP: %w", err)
	}
	return Announcement{
		Hotkey: a.hotkey, Netuid: netuid, Version: uint32(info.Version), IP: ip.Unmap(), Port: uint16(info.Port), Protocol: protocol, Certificate: certificate,
	}, nil
}

// Serve announces the axon on a subnet, so that others find it. Where the chain
// says the same already, and no certificate is given, nothing is written. A
// certificate is what CertificateKey makes of the one in Config.TLS; the
// publisher tells what it does with it. It does not start the axon.
func (a *Axon) Serve(ctx context.Context, netuid uint16, publisher Publisher, certificate []byte) error {
	if publisher == nil {
		return errors.New("axon: no Publisher")
	}
	call, err := a.Announcement(netuid, certificate)
	if err != nil {
		return err
	}
	if len(certificate) == 0 {
		on, known, err := publisher.Announced(ctx, netuid, a.hotkey)
		if err != nil {
			return fmt.Errorf("axon: reading what is announced on subnet %d: %w", netuid, err)
		}
		if known && call.same(on) {
			return nil
		}
	}
	if err := publisher.Announce(ctx, call); err != nil {
		return fmt.Errorf("axon: announcing on subnet %d: %w", netuid, err)
	}
	return nil
}
