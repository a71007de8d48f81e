package server

import (
	"net/http"
	"strconv"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// answerExtrinsic reads one extrinsic. The Python service counts negative indexes from the end of the block, by
// accident; here no extrinsic has one.
func (x *exchange) answerExtrinsic() error {
	number, err := x.knownBlockNumber()
	if err != nil {
		return err
	}
	n := x.integer("extrinsic_index")
	index, ok := n.uint(32)
	if !ok {
		return problem.New(problem.NotFound, "Extrinsic "+strconv.FormatUint(number, 10)+"-"+n.String()+" not found.")
	}
	extrinsic, err := x.server.config.Chain.Extrinsic(x.ctx, number, uint32(index))
	if err != nil {
		return err
	}
	return x.writeFresh(extrinsic.AppendJSON)
}

func (x *exchange) answerLastStoredRound() error {
	round, err := x.server.config.Chain.LastStoredRound(x.ctx)
	if err != nil {
		return err
	}
	body := strconv.AppendUint([]byte(`{"last_stored_round":`), round, 10)
	x.writeJSON(http.StatusOK, append(body, '}'))
	return nil
}
