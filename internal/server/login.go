package server

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// answerLogin lets clients of versions 0.x and 1.x in: they log in to learn the identity's subnet. The token was never
// compared.
func (x *exchange) answerLogin() error {
	var body struct {
		Token json.RawMessage `json:"token"`
	}
	if err := x.readObject("LoginBody", &body); err != nil {
		return err
	}
	name := x.param("identity_name")
	known, ok := x.server.identities[name]
	if !ok {
		return errNoIdentity(name)
	}
	if body.Token == nil {
		return x.invalid(problem.Field{Key: "token", Message: "Field required"})
	}
	if body.Token[0] != '"' {
		return x.invalid(problem.Field{Key: "token", Message: "Input should be a valid string"})
	}
	answer, err := json.Marshal(struct {
		Netuid       int    `json:"netuid"`
		IdentityName string `json:"identity_name"`
	}{int(known.Netuid), name})
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, answer)
	return nil
}

// invalid is the error for a body whose fields break a rule.
func (x *exchange) invalid(fields ...problem.Field) error {
	return &problem.Error{
		Kind:   problem.Invalid,
		Detail: "Validation failed for " + x.request.Method + " " + x.requested(),
		Fields: fields,
	}
}

// malformed is the error for a body that is no JSON.
func malformed(err error, position int64) error {
	return problem.Wrap(problem.Invalid, "JSON is malformed: "+err.Error()+" (byte "+strconv.FormatInt(position, 10)+")", err)
}
