package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// parameter is a query parameter.
type parameter struct {
	name     string
	about    string
	required bool
	text     bool     // no number
	values   []string // the words that it may be, of one that is a word
	flag     bool     // true or false
	least    uint64   // of a number
}

var (
	fromBlock = parameter{name: "from_block", about: "Number of the first block.", required: true}
	toBlock   = parameter{name: "to_block", about: "Number of the last block.", required: true}
)

// read reads a number and adds what is wrong with it to wrong, in the words of the Python service's framework.
func (p parameter) read(text string, wrong []problem.Field) (uint64, []problem.Field) {
	field := problem.Field{Key: p.name, Source: "query"}
	digits := strings.TrimPrefix(text, "-")
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			digits = ""
			break
		}
	}
	if digits == "" {
		field.Message = "Expected `int`, got `str`"
		return 0, append(wrong, field)
	}
	value, err := strconv.ParseUint(digits, 10, 64)
	switch negative := digits != text && strings.Trim(digits, "0") != ""; {
	case negative || err == nil && value < p.least:
		field.Message = "Expected `int` >= " + strconv.FormatUint(p.least, 10)
	case err != nil:
		field.Message = "Expected `int` <= 18446744073709551615"
	default:
		return value, wrong
	}
	return 0, append(wrong, field)
}

// document describes the parameter.
func (p parameter) document() *huma.Param {
	schema := &huma.Schema{Type: huma.TypeString}
	switch {
	case p.flag:
		schema.Type = huma.TypeBoolean
	case p.values != nil:
		for _, value := range p.values {
			schema.Enum = append(schema.Enum, value)
		}
	case !p.text:
		least := float64(p.least)
		schema = &huma.Schema{Type: huma.TypeInteger, Minimum: &least}
	}
	return &huma.Param{Name: p.name, In: "query", Description: p.about, Required: p.required, Schema: schema}
}

// requested is what the request asked for, as errors name it.
func (x *exchange) requested() string {
	if query := x.request.URL.RawQuery; query != "" {
		return x.request.URL.Path + "?" + query
	}
	return x.request.URL.Path
}

// readWord reads one of the parameter's words and adds what is wrong with it to wrong.
func (p parameter) readWord(text string, wrong []problem.Field) (string, []problem.Field) {
	if slices.Contains(p.values, text) {
		return text, wrong
	}
	return "", append(wrong, problem.Field{
		Key: p.name, Source: "query", Message: "Invalid enum value " + strconv.Quote(clip(text, longestText)),
	})
}

// readFlag reads true or false and adds what is wrong with it to wrong.
func (p parameter) readFlag(text string, wrong []problem.Field) (bool, []problem.Field) {
	switch strings.ToLower(text) {
	case "true", "1":
		return true, wrong
	case "false", "0":
		return false, wrong
	default:
		return false, append(wrong, problem.Field{Key: p.name, Source: "query", Message: "Expected `bool`, got `str`"})
	}
}
