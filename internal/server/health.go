package server

import (
	"errors"
	"net/http"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// answerHealth says that the process serves, whatever the chain does.
func (x *exchange) answerHealth() error {
	x.writeJSON(http.StatusOK, []byte(`{"status":"ok"}`))
	return nil
}

// answerReady says whether reads of the chain can be answered, and if not, why.
func (x *exchange) answerReady() error {
	if x.server.draining.Load() {
		return problem.New(problem.NotReady, "The service is stopping.")
	}
	if err := x.server.config.Ready(x.ctx); err != nil {
		reason := "The chain can not be read."
		if known := (*problem.Error)(nil); errors.As(err, &known) && known.Detail != "" {
			reason = known.Detail
		}
		return problem.Wrap(problem.NotReady, reason, err)
	}
	x.writeJSON(http.StatusOK, []byte(`{"status":"ready"}`))
	return nil
}
