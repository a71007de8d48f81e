package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

func (x *exchange) answerPutWeightsV1() error { return x.putWeights(false) }

func (x *exchange) answerPutWeights() error { return x.putWeights(true) }

// putWeights records weights and answers at once, or when they have come as far as the request says. Version 1 of the API
// names the intent in a header only, unless the request has waited for it.
func (x *exchange) putWeights(named bool) error {
	request, options, err := x.readWeights()
	if err != nil {
		return err
	}
	writer := x.server.config.Writes
	if options.dryRun {
		plan, err := writer.DryRunWeights(x.ctx, x.identity.Name, request)
		if err != nil {
			return err
		}
		return x.writeValue(http.StatusOK, plan)
	}
	intent, err := writer.PutWeights(x.ctx, x.identity.Name, request)
	if err != nil {
		return err
	}
	x.nameIntent(intent)
	status := http.StatusOK
	if options.wait != "" {
		named = true
		if intent, status, err = x.await(intent, options.wait); err != nil {
			return err
		}
	}
	answer := pylon.WeightsScheduled{Detail: "weights update scheduled", Count: len(request.Weights)}
	if named {
		answer.Intent = &intent
	}
	return x.writeValue(status, answer)
}

func (x *exchange) readWeights() (request pylon.WeightsRequest, options writeOptions, err error) {
	body, err := x.readFields("SetWeightsBody")
	if err != nil {
		return request, options, err
	}
	query := x.readWriteOptions(&body.wrong)
	request.Weights = body.weights("weights")
	if len(body.wrong) > 0 {
		return request, options, x.invalid(body.wrong...)
	}
	if request.Mechanism, err = x.mechanism(); err != nil {
		return request, options, err
	}
	request.IdempotencyKey, err = x.idempotencyKey()
	return request, query, err
}

// weights reads the member of that name as an object of numbers.
func (f *fields) weights(key string) map[pylon.Hotkey]float64 {
	raw := f.required(key)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		f.fail(key, notDictionary)
		return nil
	}
	weights := make(map[pylon.Hotkey]float64)
	before := len(f.wrong)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token() // the bracket; all of it has parsed before
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err == nil {
			err = decoder.Decode(&value)
		}
		hotkey, ok := name.(string)
		if err != nil || !ok {
			f.fail(key, notDictionary)
			return nil
		}
		weight, message := readNumber(value)
		if message != "" {
			f.fail(key+"."+hotkey, message)
			continue
		}
		weights[pylon.Hotkey(hotkey)] = weight
	}
	if len(f.wrong) > before {
		return nil
	}
	if _, ok := weights[""]; ok {
		f.fail(key, "Value error, Invalid hotkey: '' must be a non-empty string")
	}
	if len(weights) == 0 {
		f.fail(key, "Value error, No weights provided")
	}
	return weights
}

// mechanism returns the mechanism that the path names, 0 when it names none.
func (x *exchange) mechanism() (uint8, error) {
	for _, name := range x.route.params {
		if name != mechanismParam {
			continue
		}
		n := x.integer(name)
		value, ok := n.uint(8)
		if !ok {
			return 0, problem.New(problem.NotFound, "Mechanism "+n.String()+" not found.")
		}
		return uint8(value), nil
	}
	return 0, nil
}

const mechanismParam = "mechanism_id"

func (x *exchange) answerWeightsStatus() error {
	mechanism, err := x.mechanism()
	if err != nil {
		return err
	}
	number, err := x.knownBlockNumber()
	if err != nil {
		return err
	}
	status, err := x.server.config.Writes.WeightsStatus(x.ctx, x.identity.Name, mechanism, number)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, []byte(`{"weights_submitted":`+strconv.FormatBool(status.WeightsSubmitted)+`}`))
	return nil
}

// await waits for an intent until the time of the request is nearly over. An intent that has come as far is 200; one that
// has not yet is 202, and goes on; one that has ended otherwise is a problem.
func (x *exchange) await(intent pylon.Intent, until pylon.WaitFor) (pylon.Intent, int, error) {
	x.ctx.yield() // those who wait must not keep others from writing
	if !x.server.waiters.enter() {
		return intent, http.StatusAccepted, nil
	}
	defer x.server.waiters.leave()
	writer := x.server.config.Writes
	ctx, done := x.patience()
	defer done()
	ctx, cancel := context.WithDeadline(ctx, x.ctx.at.Add(-waitReserve))
	defer cancel()
	now, err := writer.Wait(ctx, intent.ID, until)
	switch {
	case err == nil:
		return now, http.StatusOK, missed(now)
	case ctx.Err() == nil || x.request.Context().Err() != nil:
		return intent, 0, err
	}
	if now.ID == "" {
		now = intent
	}
	return now, http.StatusAccepted, nil
}
