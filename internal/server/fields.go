package server

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// The bodies of writes are checked as pydantic checks them, in its words: numbers may be texts, booleans are numbers, and
// everything that is wrong is told at once.

const (
	fieldRequired     = "Field required"
	notText           = "Input should be a valid string"
	notNumber         = "Input should be a valid number"
	notFinite         = "Input should be a finite number"
	notDictionary     = "Input should be a valid dictionary"
	notInteger        = "Input should be a valid integer"
	unparsableNumber  = notNumber + ", unable to parse string as a number"
	unparsableInteger = notInteger + ", unable to parse string as an integer"
	fractionalInteger = notInteger + ", got a number with a fractional part"
)

// fields are the members of a body, and what was found wrong with them.
type fields struct {
	members map[string]json.RawMessage
	wrong   []problem.Field
}

// mostWrong bounds how many things wrong with one body are told.
const mostWrong = 1000

// readFields reads a body that must be a JSON object. Of members of the same name the last one counts.
func (x *exchange) readFields(model string) (*fields, error) {
	f := new(fields)
	return f, x.readObject(model, &f.members)
}

func (f *fields) fail(key, message string) {
	if len(f.wrong) < mostWrong {
		f.wrong = append(f.wrong, problem.Field{Key: key, Message: message})
	}
}

// required returns a member, or nil and a complaint.
func (f *fields) required(key string) json.RawMessage {
	raw := f.members[key]
	if raw == nil {
		f.fail(key, fieldRequired)
	}
	return raw
}

// text reads a member that must be a string. message is the complaint about another type.
func (f *fields) text(key, message string) string {
	raw := f.required(key)
	if raw == nil {
		return ""
	}
	var text string
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		f.fail(key, message)
	}
	return text
}

// integer reads a member that must be an integer from least to most; most is below 2⁶³.
func (f *fields) integer(key string, least, most uint64) uint64 {
	raw := f.required(key)
	if raw == nil {
		return 0
	}
	value, message := readInteger(raw)
	switch {
	case message != "":
	case value < float64(least):
		message = "Input should be greater than or equal to " + strconv.FormatUint(least, 10)
	case value > float64(most):
		message = "Input should be less than or equal to " + strconv.FormatUint(most, 10)
	default:
		return uint64(value)
	}
	f.fail(key, message)
	return 0
}

// readInteger returns an integer as a float, which is exact up to 2⁵³, or what is wrong with it.
func readInteger(raw json.RawMessage) (value float64, message string) {
	value, kind := readScalar(raw)
	switch {
	case kind == badText || kind == goodText && value != math.Trunc(value):
		return 0, unparsableInteger
	case kind == noNumber:
		return 0, notInteger
	case math.IsInf(value, 0):
		return 0, notInteger
	case value != math.Trunc(value):
		return 0, fractionalInteger
	default:
		return value, ""
	}
}

// readNumber returns a finite number, or what is wrong with it.
func readNumber(raw json.RawMessage) (value float64, message string) {
	value, kind := readScalar(raw)
	switch {
	case kind == badText:
		return 0, unparsableNumber
	case kind == noNumber:
		return 0, notNumber
	case math.IsInf(value, 0) || math.IsNaN(value):
		return 0, notFinite
	default:
		return value, ""
	}
}

type scalarKind uint8

const (
	number   scalarKind = iota
	goodText            // a number in a string
	badText             // a string without one
	noNumber            // of another type
)

// readScalar reads what Python takes for a number.
func readScalar(raw json.RawMessage) (float64, scalarKind) {
	switch raw[0] {
	case 't':
		return 1, number
	case 'f':
		return 0, number
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return 0, badText
		}
		if value, ok := parsePythonFloat(text); ok {
			return value, goodText
		}
		switch strings.TrimLeft(strings.ToLower(strings.TrimSpace(text)), "+-") {
		case "nan", "inf", "infinity":
			return math.NaN(), goodText
		}
		return 0, badText
	case '{', '[', 'n':
		return 0, noNumber
	default:
		value, err := strconv.ParseFloat(string(raw), 64)
		if err != nil && !math.IsInf(value, 0) {
			return 0, noNumber
		}
		return value, number
	}
}
