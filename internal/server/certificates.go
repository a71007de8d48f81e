package server

import (
	"net/http"

	pylon "github.com/bittensor-pylon/pylon"
)

func (x *exchange) answerCertificates() error {
	all, netuid, err := readSubnet(x, ChainReader.LatestCertificates, ChainReader.Certificates)
	if err != nil {
		return err
	}
	return x.writeList(askCertificates, netuid, all.Block, all, len(all.Certificates), func(from, to int) jsonAppender {
		return &pylon.Certificates{Block: all.Block, Certificates: all.Certificates[from:to]}
	})
}

func (x *exchange) answerCertificate() error {
	certificate, err := readHotkey(x, ChainReader.LatestCertificate)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, certificate.AppendJSON(nil))
	return nil
}
