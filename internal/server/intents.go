package server

import (
	"net/http"
	"net/url"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// mostIntents is how many intents an answer has at most, usualIntents how many without a limit.
const (
	mostIntents  = 500
	usualIntents = 100
)

// The query parameters of the list of intents.
var (
	kindParameter = parameter{
		name: "kind", about: "Only intents of this kind.",
		values: []string{
			string(pylon.IntentWeights), string(pylon.IntentCommitment), string(pylon.IntentRevealedCommitment),
			string(pylon.IntentCertificate), string(pylon.IntentAxon),
		},
	}
	stateParameter  = parameter{name: "state", about: "Only intents in this state.", values: stateNames()}
	openParameter   = parameter{name: "open", flag: true, about: "Only intents that have not ended."}
	beforeParameter = parameter{name: "before", text: true, about: "Only intents that are older than the one of this id."}
	intentLimit     = parameter{
		name: "limit", least: 1,
		about: "How many intents the answer has at most: 100 without it, and never more than 500. Where the next ones are says the Link header with rel=\"next\".",
	}
	intentFilters = []parameter{kindParameter, stateParameter, openParameter, beforeParameter, intentLimit}
)

func stateNames() []string {
	var names []string
	for _, state := range pylon.IntentStates() {
		names = append(names, string(state))
	}
	return names
}

// answerIntents lists the intents of the identity, newest first.
func (x *exchange) answerIntents() error {
	filter := pylon.IntentFilter{Identity: x.identity.Name, Limit: usualIntents}
	query := x.request.URL.Query()
	var wrong []problem.Field
	var text string
	if values := query[kindParameter.name]; len(values) > 0 {
		text, wrong = kindParameter.readWord(values[0], wrong)
		filter.Kind = pylon.IntentKind(text)
	}
	if values := query[stateParameter.name]; len(values) > 0 {
		text, wrong = stateParameter.readWord(values[0], wrong)
		filter.State = pylon.IntentState(text)
	}
	if values := query[openParameter.name]; len(values) > 0 {
		filter.Open, wrong = openParameter.readFlag(values[0], wrong)
	}
	if values := query[intentLimit.name]; len(values) > 0 {
		var limit uint64
		limit, wrong = intentLimit.read(values[0], wrong)
		filter.Limit = int(min(limit, mostIntents))
	}
	if len(wrong) > 0 {
		return x.invalid(wrong...)
	}
	filter.Before = query.Get(beforeParameter.name)
	list, following, err := x.server.config.Writes.Intents(x.ctx, filter)
	if err != nil {
		return err
	}
	if following != "" {
		next := url.Values{intentLimit.name: {strconv.Itoa(filter.Limit)}, beforeParameter.name: {following}}
		for _, kept := range []parameter{kindParameter, stateParameter, openParameter} {
			if values := query[kept.name]; len(values) > 0 {
				next[kept.name] = values[:1]
			}
		}
		path := x.pathWith(func(string, string) (string, bool) { return "", false })
		x.writer.Header()["Link"] = []string{"<" + path + "?" + next.Encode() + `>; rel="next"`}
	}
	return x.writeValue(http.StatusOK, intentsBody{Intents: orEmpty(list)})
}

// ownIntent returns the intent that the path names. Those of other identities do not exist for this one.
func (x *exchange) ownIntent() (pylon.Intent, error) {
	id := x.param("intent_id")
	intent, err := x.server.config.Writes.Intent(x.ctx, id)
	if err == nil && intent.Identity == x.identity.Name {
		return intent, nil
	}
	if err == nil || problem.KindOf(err) == problem.NotFound {
		err = problem.New(problem.NotFound, "Intent '"+id+"' not found.")
	}
	return pylon.Intent{}, err
}

func (x *exchange) answerIntent() error {
	intent, err := x.ownIntent()
	if err != nil {
		return err
	}
	x.writer.Header()["Cache-Control"] = noStore
	return x.writeValue(http.StatusOK, intent)
}

// answerCancelIntent ends an intent of which nothing can be on its way to the chain yet.
func (x *exchange) answerCancelIntent() error {
	intent, err := x.ownIntent()
	if err != nil {
		return err
	}
	if intent, err = x.server.config.Writes.CancelIntent(x.ctx, x.identity.Name, intent.ID); err != nil {
		return err
	}
	return x.writeValue(http.StatusOK, intent)
}
