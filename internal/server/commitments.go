package server

import (
	"net/http"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// commitmentsV1 are commitments as version 1 has them.
type commitmentsV1 struct{ *pylon.Commitments }

// AppendJSON appends them in their JSON form.
func (c commitmentsV1) AppendJSON(dst []byte) []byte { return c.AppendJSONV1(dst) }

func (x *exchange) answerCommitments() error {
	all, netuid, err := readSubnet(x, ChainReader.LatestCommitments, ChainReader.Commitments)
	if err != nil {
		return err
	}
	return x.writeList(askCommitments, netuid, all.Block, all, len(all.Commitments), func(from, to int) jsonAppender {
		return &pylon.Commitments{Block: all.Block, Commitments: all.Commitments[from:to]}
	})
}

// answerCommitmentsV1 leaves those out that are timelocked. They count in pages all the same, so that a page can have
// fewer entries than its limit.
func (x *exchange) answerCommitmentsV1() error {
	all, netuid, err := readSubnet(x, ChainReader.LatestCommitments, ChainReader.Commitments)
	if err != nil {
		return err
	}
	return x.writeList(askCommitmentsV1, netuid, all.Block, commitmentsV1{all}, len(all.Commitments), func(from, to int) jsonAppender {
		return commitmentsV1{&pylon.Commitments{Block: all.Block, Commitments: all.Commitments[from:to]}}
	})
}

func (x *exchange) answerCommitment() error {
	commitment, err := readHotkey(x, ChainReader.LatestCommitment)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, commitment.AppendJSON(nil))
	return nil
}

// answerCommitmentV1 has no form for a timelocked commitment.
func (x *exchange) answerCommitmentV1() error {
	commitment, err := readHotkey(x, ChainReader.LatestCommitment)
	if err != nil {
		return err
	}
	if commitment.Commitment.Kind != pylon.CommitmentHex {
		return problem.New(problem.NotFound, "Commitment not found.")
	}
	x.writeJSON(http.StatusOK, commitment.AppendJSONV1(nil))
	return nil
}

func (x *exchange) answerRevealedCommitments() error {
	netuid, err := x.netuid()
	if err != nil {
		return err
	}
	all, err := x.server.config.Chain.LatestRevealedCommitments(x.ctx, netuid)
	if err != nil {
		return err
	}
	return x.writeRendered(bodyKey{question: askRevealedCommitments, netuid: netuid, block: all.Block.Hash}, all.AppendJSON)
}

func (x *exchange) answerRevealedCommitmentsOf() error {
	commitments, err := readHotkey(x, ChainReader.LatestRevealedCommitment)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, commitments.AppendJSON(nil))
	return nil
}
