package chain

import (
	"context"
	"encoding/hex"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/ss58"
)

// certificateRecord is the chain's NeuronCertificate.
type certificateRecord struct {
	PublicKey []byte `scale:"public_key"`
	Algorithm uint8  `scale:"algorithm"`
}

func (r certificateRecord) public() pylon.Certificate {
	return pylon.Certificate{
		Algorithm: pylon.CertificateAlgorithm(r.Algorithm),
		PublicKey: hex.EncodeToString(r.PublicKey),
	}
}

// LatestCertificates returns the certificates of a subnet at the newest known block, in the order of storage. A subnet
// that does not exist has none.
func (c *Chain) LatestCertificates(ctx context.Context, netuid pylon.Netuid) (*pylon.Certificates, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	return c.certificatesAt(ctx, at, netuid)
}

// Certificates returns the certificates of a subnet at the block with the number.
func (c *Chain) Certificates(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Certificates, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.certificatesAt(ctx, at, netuid)
}

func (c *Chain) certificatesAt(ctx context.Context, at block, netuid pylon.Netuid) (*pylon.Certificates, error) {
	q := question{topic: aboutCertificates, netuid: netuid}
	return lookUp(ctx, c, q, getCertificates, at, netuidLabel(netuid), sizeOfCertificates,
		func(ctx context.Context, v *visit) (*pylon.Certificates, error) { return v.certificates(ctx, netuid) })
}

func sizeOfCertificates(c *pylon.Certificates) int64 { return int64(len(c.Certificates)) * 256 }

func (v *visit) certificates(ctx context.Context, netuid pylon.Netuid) (*pylon.Certificates, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := layout.certificates()
	if err != nil {
		return nil, err
	}
	pairs, err := v.pairs(ctx, reader.item, uint16(netuid))
	if err != nil {
		return nil, err
	}
	all := &pylon.Certificates{Block: v.block.public(), Certificates: make([]pylon.HotkeyCertificate, 0, len(pairs))}
	err = eachOfAccounts(v, reader, pairs, func(who accountID, record certificateRecord) {
		all.Certificates = append(all.Certificates, pylon.HotkeyCertificate{
			Hotkey:      pylon.Hotkey(ss58.Encode(who)),
			Certificate: record.public(),
		})
	})
	return all, err
}

// LatestCertificate returns the certificate of a hotkey on a subnet at the newest known block.
func (c *Chain) LatestCertificate(ctx context.Context, netuid pylon.Netuid, hotkey pylon.Hotkey) (*pylon.Certificate, error) {
	who, ok := accountOf(string(hotkey))
	if !ok {
		return nil, errNoCertificate
	}
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	q := question{topic: aboutCertificate, netuid: netuid, account: who}
	certificate, err := lookUp(ctx, c, q, getCertificate, at, netuidLabel(netuid), sizeOfOne[*pylon.Certificate],
		func(ctx context.Context, v *visit) (*pylon.Certificate, error) {
			return v.certificate(ctx, netuid, who)
		})
	if err == nil && certificate == nil {
		err = errNoCertificate
	}
	return certificate, err
}

var errNoCertificate = problem.New(problem.NotFound, "Certificate not found or error fetching.")

// certificate is nil when the hotkey has none.
func (v *visit) certificate(ctx context.Context, netuid pylon.Netuid, who accountID) (*pylon.Certificate, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	record, err := storedOptional(ctx, v, layout.certificates, uint16(netuid), who)
	if err != nil || record == nil {
		return nil, err
	}
	certificate := record.public()
	return &certificate, nil
}
